package server

import (
	"context"
	"errors"
	"testing"
)

func as(client string) context.Context {
	return context.WithValue(context.Background(), clientKey{}, client)
}

// A turn goes to the client that has the fewest running, not to the one that
// asked first.
func TestTurnsAreShared(t *testing.T) {
	l := newLimiter(2, 8)
	var releases []func()
	for range 2 {
		release, err := l.take(as("greedy"))
		if err != nil {
			t.Fatal(err)
		}
		releases = append(releases, release)
	}
	order := make(chan string, 3)
	for i, client := range []string{"greedy", "greedy", "modest"} {
		go func() {
			release, err := l.take(as(client))
			if err != nil {
				t.Error(err)
			}
			order <- client
			release()
		}()
		for waiting := 0; waiting <= i; {
			l.mu.Lock()
			waiting = len(l.queue)
			l.mu.Unlock()
		}
	}
	releases[0]()
	if first := <-order; first != "modest" {
		t.Errorf("the first turn goes to %s", first)
	}
	releases[1]()
}

func TestQueueIsNotOneClients(t *testing.T) {
	l := newLimiter(1, 2)
	release, err := l.take(as("a"))
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	go func() { _, _ = l.take(as("a")) }()
	for waiting := 0; waiting == 0; {
		l.mu.Lock()
		waiting = len(l.queue)
		l.mu.Unlock()
	}
	if _, err := l.take(as("a")); !errors.Is(err, errBusy) {
		t.Errorf("a second that waits: %v", err)
	}
}

func TestQuotaIsNotOneClients(t *testing.T) {
	q := newQuota(4)
	for i, want := range []error{nil, nil, errBusy} {
		if _, err := q.take(as("a"), 1); !errors.Is(err, want) {
			t.Errorf("number %d: %v", i, err)
		}
	}
	release, err := q.take(as("b"), 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.take(as("c"), 1); !errors.Is(err, errBusy) {
		t.Errorf("beyond all: %v", err)
	}
	release()
	release()
	if _, err := q.take(as("c"), 2); err != nil || q.used != 4 {
		t.Errorf("after a release: %v, %d used", err, q.used)
	}
}

func TestClientAddresses(t *testing.T) {
	for remote, want := range map[string]string{
		"10.0.0.1:1": "10.0.0.1", "[::ffff:10.0.0.1]:1": "10.0.0.1", "[2001:db8:1:2:3:4:5:6]:7": "2001:db8:1:2::/64",
		"pipe": "pipe",
	} {
		if got := clientAddress(remote); got != want {
			t.Errorf("%s: %s, want %s", remote, got, want)
		}
	}
}
