package cmdline

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	repeatInterval = time.Minute
	maxRemembered  = 1000 // different lines; more are forgotten all at once
)

// repeats is a handler that holds back a warning or an error like one that was
// written less than a minute ago: with the same level, message, attributes of
// [slog.Logger.With], topic, partition and outage. Others, such as a cause, may
// differ. Who says once that something is away, and no more until it is back, counts
// the outages, because nothing else would tell the next one.
type repeats struct {
	slog.Handler
	with string
	*memory
}

type memory struct {
	mu   sync.Mutex
	seen map[string]*seenLine
}

type seenLine struct {
	written time.Time
	dropped int
}

func limitRepeats(h slog.Handler) slog.Handler {
	return &repeats{Handler: h, memory: &memory{seen: map[string]*seenLine{}}}
}

func (h *repeats) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn {
		return h.Handler.Handle(ctx, r)
	}
	write, dropped := h.admit(h.key(r), r.Time)
	if !write {
		return nil
	}
	if dropped > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("repeats_left_out", dropped))
	}
	return h.Handler.Handle(ctx, r)
}

func (h *repeats) key(r slog.Record) string {
	key := h.with + "\x00" + r.Level.String() + "\x00" + r.Message
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "topic", "partition", "outage":
			key += "\x00" + a.String()
		}
		return true
	})
	return key
}

// admit says whether to write the line, and how many like it were left out.
func (m *memory) admit(key string, now time.Time) (write bool, dropped int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	line := m.seen[key]
	switch {
	case line == nil:
		if len(m.seen) >= maxRemembered {
			clear(m.seen)
		}
		m.seen[key] = &seenLine{written: now}
		return true, 0
	case now.Sub(line.written) < repeatInterval:
		line.dropped++
		return false, 0
	}
	dropped, line.dropped, line.written = line.dropped, 0, now
	return true, dropped
}

func (h *repeats) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := h.with
	for _, a := range attrs {
		with += "\x00" + a.String()
	}
	return &repeats{Handler: h.Handler.WithAttrs(attrs), with: with, memory: h.memory}
}

func (h *repeats) WithGroup(name string) slog.Handler {
	return &repeats{Handler: h.Handler.WithGroup(name), with: h.with + "\x00" + name, memory: h.memory}
}
