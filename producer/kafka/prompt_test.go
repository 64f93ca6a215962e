package kafka

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

func TestSilentBrokerIsGivenUp(t *testing.T) {
	client, _ := promptly(t, time.Millisecond)
	for range 2 { // sarama asks again
		if err := client.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want a timeout", err)
		}
	}
}

func TestBrokerThatHasAnsweredHasItsTime(t *testing.T) {
	client, broker := promptly(t, 5*time.Second)
	buffer := make([]byte, 1)
	for range 2 {
		if _, err := broker.Write(buffer); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Read(buffer); err != nil {
			t.Fatal(err)
		}
		client.(*promptConn).limit = time.Now()
		if err := client.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
}

// promptly connects to a broker that accepts, and returns both ends.
func promptly(t *testing.T, limit time.Duration) (client, broker net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	client, err = promptDialer{net.Dialer{}}.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	client.(*promptConn).limit = time.Now().Add(limit)
	if broker, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close() })
	return client, broker
}
