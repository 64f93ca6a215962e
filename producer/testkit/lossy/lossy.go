// Package lossy is for tests of what a client does when a broker has done as
// it was asked, and the answer gets lost: the worst of network errors, for the
// client cannot know.
//
// It stands between clients and a broker, in the broker's process or before one
// elsewhere, without knowing more of Kafka's protocol than the heads of requests
// and responses. Requests are never lost here; closing a connection in the
// broker does that.
package lossy

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"sync"
)

// Listener accepts the connections of a broker.
type Listener struct {
	net.Listener

	mu       sync.Mutex
	clientID string
	key      int16
	left     int
	lost     int
}

// Listen announces on the address, as [net.Listen] does.
func Listen(network, address string) (*Listener, error) {
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	return &Listener{Listener: l}, nil
}

// Lose lets the answers to the client's next n requests with the API key get
// lost: the broker handles the request and the connection ends. It takes the
// place of an earlier call.
func (l *Listener) Lose(clientID string, key int16, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clientID, l.key, l.left = clientID, key, n
}

// Lost is how many answers got lost so far.
func (l *Listener) Lost() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// Accept waits for the next connection.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, listener: l, lose: map[int32]bool{}}, nil
}

// Relay passes each connection on to the broker at the address, until the
// listener is closed.
func (l *Listener) Relay(address string) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		go relay(client, address)
	}
}

func relay(client net.Conn, address string) {
	defer func() { _ = client.Close() }()
	broker, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(broker, client)
		_ = broker.Close()
	}()
	for {
		response, err := readResponse(broker)
		if err != nil {
			return
		}
		if _, err := client.Write(response); err != nil {
			return
		}
	}
}

// readResponse reads one response with its size in front.
func readResponse(from io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(from, size[:]); err != nil {
		return nil, err
	}
	response := append(size[:], make([]byte, binary.BigEndian.Uint32(size[:]))...)
	_, err := io.ReadFull(from, response[len(size):])
	return response, err
}

// request says whether the answer to the request must get lost.
func (l *Listener) request(h head) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left == 0 || h.key != l.key || h.clientID != l.clientID {
		return false
	}
	l.left--
	return true
}

// conn follows the requests that the broker reads. The broker writes each
// response with one call of Write.
type conn struct {
	net.Conn
	listener *Listener
	seen     []byte // the start of the request that is being read
	rest     int    // bytes of it that are still to come, after its head

	mu   sync.Mutex
	lose map[int32]bool // correlation ids
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.follow(b[:n])
	return n, err
}

func (c *conn) follow(b []byte) {
	for len(b) > 0 {
		if c.rest > 0 {
			skip := min(c.rest, len(b))
			c.rest -= skip
			b = b[skip:]
			continue
		}
		c.seen = append(c.seen, b[0])
		b = b[1:]
		if h, ok := parse(c.seen); ok {
			c.rest = h.size - len(c.seen)
			c.seen = c.seen[:0]
			c.note(h)
		}
	}
}

func (c *conn) note(h head) {
	if !c.listener.request(h) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lose[h.correlation] = true
}

func (c *conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	lost := len(b) >= 8 && c.lose[int32(binary.BigEndian.Uint32(b[4:]))]
	c.mu.Unlock()
	if !lost {
		return c.Conn.Write(b)
	}
	c.listener.mu.Lock()
	c.listener.lost++
	c.listener.mu.Unlock()
	_ = c.Close()
	return 0, os.ErrClosed
}

// head is the head of a request (https://kafka.apache.org/protocol): size, API
// key, version, correlation id, client id.
type head struct {
	size        int // of the whole request
	key         int16
	correlation int32
	clientID    string
}

func parse(b []byte) (h head, ok bool) {
	const fixed = 14
	if len(b) < fixed {
		return h, false
	}
	id := max(0, int(int16(binary.BigEndian.Uint16(b[12:])))) // -1 is none
	if len(b) < fixed+id {
		return h, false
	}
	return head{
		size: 4 + int(binary.BigEndian.Uint32(b)), key: int16(binary.BigEndian.Uint16(b[4:])),
		correlation: int32(binary.BigEndian.Uint32(b[8:])), clientID: string(b[fixed : fixed+id]),
	}, true
}
