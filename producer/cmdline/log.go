package cmdline

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Logger returns a logger that writes one line a record to w:
//
//	name: 2026-01-31T12:00:00Z WARN message key=value
//
// It writes Info and above.
func Logger(w io.Writer, name string) *slog.Logger {
	out := &lineWriter{w: w, name: name}
	attributes := slog.NewTextHandler(&out.line, &slog.HandlerOptions{ReplaceAttr: dropBuiltIns})
	return slog.New(&handler{Handler: attributes, out: out})
}

// handler writes the head of the line and leaves the attributes to slog.
type handler struct {
	slog.Handler
	out *lineWriter
}

type lineWriter struct {
	mu   sync.Mutex
	line bytes.Buffer
	w    io.Writer
	name string
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	line := &h.out.line
	line.Reset()
	fmt.Fprintf(line, "%s: %s %s %s ", h.out.name, r.Time.UTC().Format(time.RFC3339), r.Level, r.Message)
	if err := h.Handler.Handle(ctx, r); err != nil {
		return err
	}
	_, err := h.out.w.Write(append(bytes.TrimRight(line.Bytes(), " \n"), '\n'))
	return err
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{Handler: h.Handler.WithAttrs(attrs), out: h.out}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{Handler: h.Handler.WithGroup(name), out: h.out}
}

func dropBuiltIns(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
		return slog.Attr{}
	}
	return a
}
