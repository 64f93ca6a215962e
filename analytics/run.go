package main

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/health"
	"purchases/analytics/internal/ingest"
	"purchases/analytics/internal/zone"
	"purchases/producer/cmdline"
	"purchases/producer/cmdline/notify"
	"purchases/producer/kafka"
	"purchases/producer/kafka/preflight"
)

// reportEvery is how often a run that has something to say says it.
const reportEvery = 10 * time.Second

// defaultDrainTimeout is that of the processor: Kafka aborts a dead producer's
// transaction after its transaction.timeout.ms, a minute by default, and looks
// every ten seconds.
const defaultDrainTimeout = 90 * time.Second

// What --on-gap may say.
const (
	refuseGaps = "refuse"
	acceptGaps = "accept"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:  "run",
		Usage: "store events from Kafka in the database, until stopped",
		Description: "Reads every partition of both topics from the offsets in the database. Stores events, statistics and\n" +
			"offsets in one SQLite transaction. Only one process may write a database, while any number may query it.\n" +
			"Also answers queries over HTTP; with --drain, only if you set --http.\n\n" +
			"Example:\n   analytics run --drain   # store what is in the topics now, then exit",
		Flags: append(append(kafka.Flags(), httpFlags()...),
			databaseFlag(),
			&cli.BoolFlag{Name: "drain", Usage: "store what is in the topics now, then exit"},
			&cli.DurationFlag{
				Name: "drain-timeout", Value: defaultDrainTimeout,
				Usage: "how long --drain waits for an open transaction of a producer before it fails",
			},
			&cli.StringFlag{Name: "on-gap", Value: refuseGaps,
				Usage: "if offsets expired before they were read, do `WHAT`: refuse, or accept and record the gap"},
			&cli.StringFlag{
				Name: "zone", EnvVars: []string{"ANALYTICS_ZONE"}, DefaultText: "the database's; UTC for a new one",
				Usage: "count days, weeks, months and orders in the time zone `ZONE`, such as Europe/Paris",
			},
			keepFlag(),
			eventsFlag(), lettersFlag(),
			processorGroupFlag(),
			&cli.StringFlag{Name: "group", Value: "analytics", Usage: "also commit offsets to `GROUP`, for lag monitoring only"},
		),
		Action: run,
	}
}

func run(c *cli.Context) (err error) {
	if err := checkRunFlags(c); err != nil {
		return err
	}
	age, err := keptAge(c)
	if err != nil {
		return err
	}
	settings, err := kafka.FromFlags(c)
	if err != nil {
		return err
	}
	topics := wantedTopics(c)
	if err := preflight.Start(c.Context, settings, needs(topics, c.String("group"))); err != nil {
		return err
	}
	web, err := listenBeside(c)
	if err != nil {
		return err
	}
	db, err := database.Open(c.Context, c.String("db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := zone.Adopt(c.Context, db.DB, c.String("zone")); err != nil {
		return err
	}
	log := cmdline.Log(c, "ingest")
	log.Info("storing events", "db", c.String("db"), "topic", topics.Events, "dead_letters", topics.DeadLetters)
	state := &health.Health{Room: func() error { return ingest.CheckRoom(db) }}
	stopHTTP, err := startHTTP(c, web, settings, state, log)
	if err != nil {
		return err
	}
	defer stopHTTP()
	stopPruning, err := startPruning(c, age)
	if err != nil {
		return err
	}
	defer stopPruning()
	if err := notify.Ready(c.Context, state.Alive); err != nil {
		log.Warn("cannot notify systemd that the service is ready", "cause", err)
	}
	progress := startProgress(log)
	defer progress.stop()
	config := ingest.Config{
		Kafka: settings, Topics: topics, Group: c.String("group"),
		AcceptGaps: c.String("on-gap") == acceptGaps, Drain: c.Bool("drain"), DrainTimeout: c.Duration("drain-timeout"),
		Log: log, Stored: progress.add, Health: state,
	}
	if web != nil {
		config.Committed, db.Checkpointed = web.timings.Committed, web.timings.Checkpointed
	}
	return ingestAndFollow(c.Context, db, config)
}

// checkRunFlags refuses what cannot be done before anything is begun.
func checkRunFlags(c *cli.Context) error {
	if c.Args().Present() {
		return cmdline.Usagef("`analytics run` takes no arguments, got %q", c.Args().First())
	}
	onGap := c.String("on-gap")
	if onGap != refuseGaps && onGap != acceptGaps {
		return cmdline.Usagef("--on-gap %q: it is %s or %s", onGap, refuseGaps, acceptGaps)
	}
	if timeout := c.Duration("drain-timeout"); timeout < 0 {
		return cmdline.Usagef("--drain-timeout is %s, want 0s or more", timeout)
	}
	return nil
}

// ingestAndFollow ingests, and continues with the database that a replay has put
// in the place of the one at hand, from that one's offsets.
func ingestAndFollow(ctx context.Context, db *database.Database, config ingest.Config) error {
	for {
		err := ingest.Run(ctx, db, config)
		if !errors.Is(err, database.ErrReplaced) {
			return err
		}
		if err = db.Reopen(ctx); err == nil {
			config.Topics, err = ingest.StoredTopics(ctx, db)
		}
		if ctx.Err() != nil {
			return nil // told to stop, as at any other moment
		}
		if err != nil {
			return err
		}
		config.Log.Info("database replaced by a replay; continuing with the new file",
			"db", db.Path, "topic", config.Events, "dead_letters", config.DeadLetters)
	}
}

// progress logs how many records have been stored, while there are any.
type progress struct {
	log     *slog.Logger
	started time.Time
	records atomic.Int64
	done    chan struct{}
}

func startProgress(log *slog.Logger) *progress {
	p := &progress{log: log, started: time.Now(), done: make(chan struct{})}
	go p.run()
	return p
}

func (p *progress) add(chunks []batch.Chunk) { p.records.Add(int64(batch.Records(chunks))) }

func (p *progress) run() {
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	var reported int64
	for {
		select {
		case <-p.done:
			return
		case <-ticker.C:
		}
		if n := p.records.Load(); n > reported {
			p.log.Info("stored", "records", n, "per_second", (n-reported)/int64(reportEvery/time.Second))
			reported = n
		}
	}
}

func (p *progress) stop() {
	close(p.done)
	p.log.Info("stopped", "records", p.records.Load(), "after", time.Since(p.started).Round(time.Millisecond))
}
