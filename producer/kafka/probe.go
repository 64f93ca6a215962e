package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Times of the preflight. Together they stay below five seconds.
const (
	preflightTimeout = 4800 * time.Millisecond
	reachTimeout     = 2 * time.Second         // to connect, and again for TLS
	answerTimeout    = 3 * time.Second         // for all of a first conversation
	suspicionTimeout = 1200 * time.Millisecond // to find out why it failed
	stopGrace        = 500 * time.Millisecond  // when the program is told to stop
	maxAnswer        = 1 << 20                 // bytes
)

// probe connects to one broker, logs in and asks for metadata. Its error says
// why that failed.
func (s Settings) probe(ctx context.Context, address string) error {
	talk, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	d := &dialer{ctx: talk, tls: s.TLS}
	broker, err := s.open(d, address)
	if err != nil {
		return err
	}
	_, err = broker.GetMetadata(sarama.NewMetadataRequest(s.Config().Version, nil))
	_ = broker.Close() // fails where it did not open
	switch {
	case err == nil:
		return nil
	case d.stage == connected && errors.Is(talk.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("no answer: %w", talk.Err()) // and not that its connection was closed
	}
	return s.explain(ctx, address, d.stage, err)
}

// open begins to connect and to log in. A dialer of our own keeps what goes
// wrong below Kafka apart from the rest, and ends with the context.
func (s Settings) open(d *dialer, address string) (*sarama.Broker, error) {
	c := s.Config()
	c.Net.ReadTimeout, c.Net.WriteTimeout = answerTimeout, answerTimeout
	c.Net.TLS.Enable = false
	c.Net.Proxy.Dialer = d
	broker := sarama.NewBroker(address)
	return broker, broker.Open(c)
}

// RawRequest logs in to one broker and sends it a request that sarama does not have.
// It takes three seconds at most.
func (s Settings) RawRequest(ctx context.Context, address string, request kmsg.Request) (kmsg.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	d := &dialer{ctx: ctx, tls: s.TLS}
	broker, err := s.open(d, address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = broker.Close() }()
	if _, err := broker.Connected(); err != nil {
		return nil, err
	}
	return exchange(d.conn, request) // sarama reads nothing when it has not asked
}

// stage is how far a connection got.
type stage int

const (
	dialling stage = iota
	encrypting
	connected
)

// dialer connects, with TLS where that is set. Its connections close when the
// context ends.
type dialer struct {
	ctx   context.Context
	tls   *tls.Config
	stage stage
	conn  net.Conn // when it is connected
}

func (d *dialer) Dial(network, address string) (net.Conn, error) {
	d.stage = dialling
	conn, err := (&net.Dialer{Timeout: reachTimeout}).DialContext(d.ctx, network, address)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(d.ctx, func() { _ = conn.Close() })
	if d.tls == nil {
		d.stage, d.conn = connected, conn
		return conn, nil
	}
	d.stage = encrypting
	secure, err := handshake(d.ctx, conn, d.tls, address, reachTimeout)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	d.stage, d.conn = connected, secure
	return secure, nil
}

func handshake(ctx context.Context, conn net.Conn, config *tls.Config, address string,
	timeout time.Duration) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName, _, _ = net.SplitHostPort(address)
	}
	secure := tls.Client(conn, config)
	return secure, secure.HandshakeContext(ctx)
}

// speaksTLS says whether the broker answers a TLS handshake, be it to refuse it.
func speaksTLS(ctx context.Context, address string) bool {
	conn, err := (&net.Dialer{Timeout: suspicionTimeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_, err = handshake(ctx, conn, &tls.Config{InsecureSkipVerify: true}, address, suspicionTimeout)
	return err == nil || refusedByPeer(err)
}

// speaksPlain says whether the broker answers without TLS.
func speaksPlain(ctx context.Context, address string) bool {
	_, err := ask(ctx, nil, address, kmsg.NewPtrApiVersionsRequest())
	return err == nil
}

// offered asks with which mechanisms the broker lets clients log in, and
// whether the given one is among them.
func (s Settings) offered(ctx context.Context, address string,
	mechanism sarama.SASLMechanism) (mechanisms []string, taken bool, err error) {
	request := kmsg.NewPtrSASLHandshakeRequest()
	request.Version, request.Mechanism = 1, string(mechanism)
	answer, err := ask(ctx, s.TLS, address, request)
	if err != nil {
		return nil, false, err
	}
	response := answer.(*kmsg.SASLHandshakeResponse)
	switch code := sarama.KError(response.ErrorCode); code {
	case sarama.ErrNoError:
		return response.SupportedMechanisms, true, nil
	case sarama.ErrUnsupportedSASLMechanism:
		return response.SupportedMechanisms, false, nil
	default:
		return nil, false, code
	}
}

// ask sends one request on a connection of its own. Sarama has no public way
// to ask what precedes a login.
func ask(ctx context.Context, config *tls.Config, address string, request kmsg.Request) (kmsg.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, suspicionTimeout)
	defer cancel()
	conn, err := (&dialer{ctx: ctx, tls: config}).Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	return exchange(conn, request)
}

func exchange(conn net.Conn, request kmsg.Request) (kmsg.Response, error) {
	if _, err := conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, request, 0)); err != nil {
		return nil, err
	}
	head := make([]byte, 8) // length and correlation id
	if _, err := io.ReadFull(conn, head); err != nil {
		return nil, err
	}
	length := int(head[0])<<24 | int(head[1])<<16 | int(head[2])<<8 | int(head[3])
	if length < 5 || length > maxAnswer {
		return nil, fmt.Errorf("an answer of %d bytes is not Kafka's", length)
	}
	body := make([]byte, length-4)
	if _, err := io.ReadFull(conn, body); err != nil {
		return nil, err
	}
	if request.IsFlexible() { // the header ends with an empty list of tags
		body = body[1:]
	}
	response := request.ResponseKind()
	return response, response.ReadFrom(body)
}

// refusedByPeer says whether the other side ended TLS with an alert.
func refusedByPeer(err error) bool {
	var remote *net.OpError
	return errors.As(err, &remote) && remote.Op == "remote error"
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
}
