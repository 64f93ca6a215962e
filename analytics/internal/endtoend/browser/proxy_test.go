package browser_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

func withoutScripts(ctx context.Context) error {
	return emulation.SetScriptExecutionDisabled(true).Do(ctx)
}

func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

var _ chromedp.EvaluateOption = awaited

// proxy stands before a site, and can go away.
type proxy struct {
	*testing.T
	address, to string

	mu       sync.Mutex
	listener net.Listener
	open     []net.Conn
}

// proxy changes the site's address to one that can go away.
func (s *site) proxy(t *testing.T) *proxy {
	t.Helper()
	p := &proxy{T: t, address: "127.0.0.1:0", to: strings.TrimPrefix(s.url, "http://")}
	p.start()
	t.Cleanup(p.stop)
	s.url = "http://" + p.address
	return p
}

func (p *proxy) start() {
	p.Helper()
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		p.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener, p.address = listener, listener.Addr().String()
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			p.connect(from)
		}
	}()
}

func (p *proxy) connect(from net.Conn) {
	to, err := net.Dial("tcp", p.to)
	if err != nil {
		_ = from.Close()
		return
	}
	p.mu.Lock()
	p.open = append(p.open, from, to)
	p.mu.Unlock()
	go func() { _, _ = io.Copy(to, from) }()
	go func() { _, _ = io.Copy(from, to) }()
}

func (p *proxy) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.listener.Close()
	for _, c := range p.open {
		_ = c.Close()
	}
	p.open = nil
}
