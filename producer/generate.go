package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/urfave/cli/v2"

	"purchases/producer/cmdline"
	"purchases/producer/cmdline/metrics"
	"purchases/producer/cmdline/progress"
	"purchases/producer/internal/generate"
	"purchases/producer/internal/publish"
	"purchases/producer/kafka"
	"purchases/producer/kafka/preflight"
	"purchases/producer/purchase"
)

const (
	defaultUsers = 1000
	defaultItems = 500
	defaultSpan  = 30 * 24 * time.Hour
)

func generateCommand() *cli.Command {
	return &cli.Command{
		Name:  "generate",
		Usage: "publish synthetic purchases",
		Description: `Generates purchases with popular and rare items, orders of several lines, some
returns, and more business in the afternoon and the evening.

With --rate, or without --count, the command publishes a live stream: each event
happens now. Otherwise it spreads the events over --span, which begins at --start
or ends now. The same --seed, --start and --count give the same bytes every time.
Invalid events break each rule in turn. A duplicate repeats the bytes of an
earlier event.

On Ctrl-C the command waits until the cluster has acknowledged every message
sent, and then stops. The exit status is 1 if any message was not acknowledged.

Examples:
   producer generate --rate 10
   producer generate --count 1000000 --invalid-ratio 0.01 --duplicate-ratio 0.01
   producer generate --count 3 --seed 7 --start 2026-01-01T00:00:00Z --dry-run`,
		Flags: append(append(kafka.Flags(), valueFormatFlags()...),
			&cli.StringFlag{Name: "topic", Usage: "publish to the topic `NAME`", Value: purchase.Topic},
			&cli.Int64Flag{Name: "count", Usage: "stop after `N` events; 0 never stops"},
			&cli.Float64Flag{Name: "rate", Usage: "events per second; 0 is as fast as possible"},
			&cli.Uint64Flag{Name: "seed", Usage: "repeat the run that had this seed", DefaultText: "random"},
			&cli.TimestampFlag{Name: "start", Usage: "`TIME` of the first event, such as 2026-01-31T12:00:00Z",
				Layout: time.RFC3339, DefaultText: "--span before now"},
			&cli.DurationFlag{Name: "span", Usage: "spread the events over `DURATION`", Value: defaultSpan},
			&cli.IntFlag{Name: "users", Usage: "number of users", Value: defaultUsers},
			&cli.IntFlag{Name: "items", Usage: "number of items", Value: defaultItems},
			&cli.Float64Flag{Name: "invalid-ratio", Usage: "fraction of events that break a rule, 0 to 1"},
			&cli.Float64Flag{Name: "duplicate-ratio", Usage: "fraction of events that repeat an earlier one, 0 to 1"},
			&cli.BoolFlag{Name: "dry-run", Usage: "print the events as JSON lines instead of publishing them"},
			metrics.Flag(),
		),
		Action: runGenerate,
	}
}

// sink takes the generated messages.
type sink interface {
	Send(ctx context.Context, key, value []byte) error
	Close() error
}

func runGenerate(c *cli.Context) error {
	config, err := generateConfig(c)
	if err != nil {
		return err
	}
	generator, err := generate.New(config)
	if err != nil {
		return cmdline.Usagef("%v", err)
	}
	if !c.IsSet("seed") {
		fmt.Fprintf(c.App.ErrWriter, "%s: seed %d\n", c.App.Name, config.Seed)
	}
	registry := metrics.NewRegistry(c.App.Name)
	to, err := openSink(c, registry)
	if err != nil {
		return err
	}
	counters := newGenerated(registry)
	stopMetrics, err := serveMetrics(c, registry)
	if err != nil {
		return errors.Join(err, to.Close())
	}
	defer stopMetrics()
	began := time.Now()
	tally, err := generateInto(c, generator, to, counters)
	if lost := to.Close(); lost != nil {
		err = lost
	}
	fmt.Fprintf(c.App.ErrWriter, "%s: %s in %s\n", c.App.Name, tally, time.Since(began).Round(time.Millisecond))
	if c.Int64("count") == 0 && errors.Is(err, context.Canceled) {
		return nil // an endless stream is complete when it is stopped
	}
	return err
}

func generateConfig(c *cli.Context) (generate.Config, error) {
	config := generate.Config{
		Seed:           c.Uint64("seed"),
		Users:          c.Int("users"),
		Items:          c.Int("items"),
		InvalidRatio:   c.Float64("invalid-ratio"),
		DuplicateRatio: c.Float64("duplicate-ratio"),
	}
	if !c.IsSet("seed") {
		config.Seed = uint64(rand.Uint32())
	}
	var err error
	config.Times, err = generateTimes(c)
	return config, err
}

func generateTimes(c *cli.Context) (generate.Times, error) {
	count, rate, span, start := c.Int64("count"), c.Float64("rate"), c.Duration("span"), c.Timestamp("start")
	switch {
	case c.Args().Present():
		return nil, cmdline.Usagef("generate takes no arguments, got %q", c.Args().First())
	case count < 0:
		return nil, cmdline.Usagef("--count %d: want 0 or more", count)
	case !(rate >= 0):
		return nil, cmdline.Usagef("--rate %v: want 0 or more", rate)
	case span <= 0:
		return nil, cmdline.Usagef("--span %s: want more than 0", span)
	case count == 0 && start != nil:
		return nil, cmdline.Usagef("--start needs --count: an endless stream happens now")
	case count == 0 || (rate > 0 && start == nil):
		return generate.Live(), nil
	case start != nil:
		return generate.Spread(*start, start.Add(span), count), nil
	}
	now := time.Now()
	return generate.Spread(now.Add(-span), now, count), nil
}

// openSink registers what the sink counts with r.
func openSink(c *cli.Context, r prometheus.Registerer) (sink, error) {
	if _, _, err := valueFormat(c); err != nil {
		return nil, err
	}
	if c.Bool("dry-run") {
		return &printer{w: bufio.NewWriter(c.App.Writer), eachLine: c.Float64("rate") > 0}, nil
	}
	settings, err := kafka.FromFlags(c)
	if err != nil {
		return nil, err
	}
	if err := preflight.Start(c.Context, settings, needs(c)); err != nil {
		return nil, err
	}
	serializer, err := openSerializer(c, settings)
	if err != nil {
		return nil, err
	}
	to, err := publish.Open(c.Context, settings, c.String("topic"))
	if err != nil {
		return nil, err
	}
	to.Register(r)
	if serializer == nil {
		return to, nil
	}
	return serializing{to, serializer}, nil
}

// tally counts the messages handed to the sink.
type tally map[generate.Kind]int64

func (t tally) total() int64 {
	return t[generate.Valid] + t[generate.Invalid] + t[generate.Duplicate]
}

func (t tally) String() string {
	return fmt.Sprintf("%d events generated, of them %d invalid and %d duplicates",
		t.total(), t[generate.Invalid], t[generate.Duplicate])
}

func generateInto(c *cli.Context, g *generate.Generator, to sink, counters generated) (tally, error) {
	count, pace := c.Int64("count"), pacer{rate: c.Float64("rate"), began: time.Now()}
	bar := progress.New(c.App.ErrWriter, c.App.Name+": generate", count, "events")
	defer bar.Finish()
	done := tally{}
	for n := int64(0); count == 0 || n < count; n++ {
		if err := pace.wait(c.Context, n); err != nil {
			return done, err
		}
		m, err := g.Next()
		if err != nil {
			return done, err
		}
		if err := to.Send(c.Context, m.Key, m.Value); err != nil {
			return done, err
		}
		done[m.Kind]++
		counters[m.Kind].Inc()
		bar.Add(1)
	}
	return done, nil
}

// pacer spaces events evenly. Rate 0 does not hold anything up.
type pacer struct {
	rate  float64
	began time.Time
}

// wait blocks until event n is due, give or take a millisecond, or ctx ends.
func (p pacer) wait(ctx context.Context, n int64) error {
	if p.rate == 0 {
		return ctx.Err()
	}
	early := time.Until(p.began.Add(time.Duration(float64(n) / p.rate * float64(time.Second))))
	if early < time.Millisecond { // a timer for each event could not keep up a high rate
		return ctx.Err()
	}
	timer := time.NewTimer(early)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// printer writes the values as lines for a dry run.
type printer struct {
	w        *bufio.Writer
	eachLine bool
}

func (p *printer) Send(_ context.Context, _, value []byte) error {
	_, _ = p.w.Write(value)
	if err := p.w.WriteByte('\n'); err != nil || !p.eachLine {
		return err
	}
	return p.w.Flush()
}

func (p *printer) Close() error { return p.w.Flush() }
