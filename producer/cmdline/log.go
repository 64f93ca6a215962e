package cmdline

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/urfave/cli/v2"
)

const (
	logLevelFlag  = "log-level"
	logFormatFlag = "log-format"
)

func addLogFlags(app *cli.App) {
	app.Flags = append(app.Flags,
		&cli.StringFlag{Name: logLevelFlag, Usage: "log at `LEVEL` and above: debug, info, warn or error", Value: "info"},
		&cli.StringFlag{Name: logFormatFlag, Usage: "log in `FORMAT`: text or json", Value: "text"},
	)
}

func checkLogFlags(c *cli.Context) error {
	if err := new(slog.Level).UnmarshalText([]byte(c.String(logLevelFlag))); err != nil {
		return Usagef("--%s is %.40q, want debug, info, warn or error", logLevelFlag, c.String(logLevelFlag))
	}
	if format := c.String(logFormatFlag); format != "text" && format != "json" {
		return Usagef("--%s is %.40q, want text or json", logFormatFlag, format)
	}
	return nil
}

// Log returns the command's logger, as its flags --log-level and --log-format
// choose. Every line has the attribute component. A warning or an error that
// repeats is written once a minute, with the number of lines left out.
func Log(c *cli.Context, component string) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.String(logLevelFlag))) // empty in a test's context: info
	handler := textHandler(c.App.ErrWriter, c.App.Name, level)
	if c.String(logFormatFlag) == "json" {
		handler = slog.NewJSONHandler(c.App.ErrWriter, &slog.HandlerOptions{Level: level, ReplaceAttr: utc}).
			WithAttrs([]slog.Attr{slog.String("program", c.App.Name)})
	}
	return slog.New(limitRepeats(handler)).With("component", component)
}

// textHandler writes one line a record to w:
//
//	name: 2026-01-31T12:00:00Z WARN message key=value
func textHandler(w io.Writer, name string, level slog.Level) slog.Handler {
	out := &lineWriter{w: w, name: name}
	return &handler{out: out, Handler: slog.NewTextHandler(&out.line,
		&slog.HandlerOptions{Level: level, ReplaceAttr: dropBuiltIns})}
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
	return explainCause(a)
}

func utc(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		a.Value = slog.TimeValue(a.Value.Time().UTC())
	}
	return explainCause(a)
}
