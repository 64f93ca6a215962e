package server

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// connections bounds how many are open. One too many closes another one that
// waits for a request, or for the rest of one: the oldest of the client that has
// the most. So clients that only hold connections shut nobody out.
type connections struct {
	limit int

	mu  sync.Mutex
	all map[net.Conn]*connection
	of  map[string]int // client
}

type connection struct {
	client   string
	since    time.Time // of its latest change between idle and active
	requests int       // that are being answered
}

func newConnections(limit int) *connections {
	return &connections{limit: limit, all: map[net.Conn]*connection{}, of: map[string]int{}}
}

// changed is the ConnState of an [http.Server].
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch known := c.all[conn]; {
	case state == http.StateNew:
		client := clientAddress(conn.RemoteAddr().String())
		c.all[conn] = &connection{client: client, since: time.Now()}
		c.of[client]++
		if len(c.all) > c.limit {
			c.closeOne(conn)
		}
	case known == nil: // closed by closeOne
	case state == http.StateClosed || state == http.StateHijacked:
		c.forget(conn)
	default:
		known.since = time.Now()
	}
}

// closeOne closes the newcomer itself only where all others are busy.
func (c *connections) closeOne(newcomer net.Conn) {
	victim := newcomer
	for conn, k := range c.all {
		v := c.all[victim]
		heavier := c.of[k.client] > c.of[v.client] || k.client == v.client && k.since.Before(v.since)
		if k.requests == 0 && (victim == newcomer || heavier) && conn != newcomer {
			victim = conn
		}
	}
	c.forget(victim)
	_ = victim.Close() // it has nothing under way
}

func (c *connections) forget(conn net.Conn) {
	k := c.all[conn]
	delete(c.all, conn)
	if c.of[k.client]--; c.of[k.client] == 0 {
		delete(c.of, k.client)
	}
}

type connKey struct{}

// context is the ConnContext of an [http.Server].
func (c *connections) context(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// busy marks the connection of each request while h answers it.
func (c *connections) busy(h http.Handler) http.Handler {
	count := func(r *http.Request, n int) {
		c.mu.Lock()
		defer c.mu.Unlock()
		conn, _ := r.Context().Value(connKey{}).(net.Conn)
		if known := c.all[conn]; known != nil {
			known.requests += n
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count(r, 1)
		defer count(r, -1)
		h.ServeHTTP(w, r)
	})
}

type clientKey struct{}

// withClient lets clientOf find who sent the request.
func withClient(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), clientKey{}, clientAddress(r.RemoteAddr)))
}

func clientOf(ctx context.Context) string {
	client, _ := ctx.Value(clientKey{}).(string)
	return client
}

// clientAddress is the part of an address that limits go by: one machine may
// have a whole IPv6 network of 64 bits.
func clientAddress(remote string) string {
	const network = 64
	address, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	ip := address.Addr().Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.Prefix(network)
	if err != nil {
		return remote
	}
	return prefix.String()
}
