package kafka

import (
	"net"
	"sync/atomic"
	"time"
)

// promptDialer connects for sarama. A broker that is paused, or behind a
// network that drops packets, is connected to and says nothing; sarama would
// ask it three questions and wait for each as long as for any answer. Here the
// first answer must come within the time that connecting may take.
type promptDialer struct{ net.Dialer }

func (d promptDialer) Dial(network, address string) (net.Conn, error) {
	limit := time.Now().Add(d.Timeout)
	conn, err := d.Dialer.Dial(network, address)
	if err != nil {
		return nil, err
	}
	return &promptConn{Conn: conn, limit: limit}, nil
}

// promptConn fails to read after the limit, unless it has read before.
type promptConn struct {
	net.Conn
	limit time.Time
	heard atomic.Bool
}

func (c *promptConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.heard.Store(true)
	}
	return n, err
}

func (c *promptConn) SetReadDeadline(t time.Time) error {
	if !c.heard.Load() && (t.IsZero() || t.After(c.limit)) {
		t = c.limit
	}
	return c.Conn.SetReadDeadline(t)
}
