package main

import (
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/processor/internal/pipeline"
	"purchases/producer/cmdline"
	"purchases/producer/cmdline/metrics"
	"purchases/producer/cmdline/notify"
	"purchases/producer/kafka"
	"purchases/producer/kafka/preflight"
	"purchases/producer/purchase"
)

const (
	defaultGroup     = "processor"
	defaultLinger    = 100 * time.Millisecond
	defaultBatchSize = 5000
	maxBatchSize     = 100_000 // bounds the memory and the time of one transaction
	maxLinger        = time.Minute
	// Kafka aborts a dead producer's transaction after its transaction.timeout.ms,
	// a minute by default, and looks every ten seconds.
	defaultDrainTimeout = 90 * time.Second
)

// What --on-gap may say.
const (
	refuseGaps = "refuse"
	acceptGaps = "accept"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:  "run",
		Usage: "process purchases until stopped",
		Description: `Processes purchases as a member of a consumer group. Results and offsets are
committed together in Kafka transactions, so each purchase takes effect exactly
once, whatever crashes. Start more processors to share the work.

If the brokers are unreachable, the processor waits for them. Ctrl-C stops cleanly.

If retention deleted purchases before they were processed, run exits with an error.
--on-gap accept continues without them. It records their offsets in a dead letter with
the reason expired, so that analytics knows about the gap.

Examples:

    processor run
    processor run --drain    # process what is in the topic now, then exit`,
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "drain", Usage: "process what is in the topic now, then exit"},
			&cli.DurationFlag{
				Name: "drain-timeout", Value: defaultDrainTimeout,
				Usage: "fail --drain after waiting this long for an open transaction of another producer",
			},
			&cli.BoolFlag{Name: "from-beginning",
				Usage: "process the whole input topic again, into the empty topics --to and --dead-letters"},
			groupFlag(),
			&cli.StringFlag{Name: "topic", Value: purchase.Topic, Usage: "topic to read purchases from"},
			&cli.StringFlag{Name: "to", Value: enriched.Topic, Usage: "topic to write enriched events to"},
			&cli.StringFlag{Name: "dead-letters", Value: deadletter.Topic, Usage: "topic to write dead letters to"},
			&cli.DurationFlag{Name: "linger", Value: defaultLinger,
				Usage: "maximum time that a transaction waits for more messages"},
			&cli.IntFlag{Name: "batch-size", Value: defaultBatchSize, Usage: "maximum number of messages in a transaction"},
			&cli.StringFlag{
				Name: "on-gap", Value: refuseGaps,
				Usage: "if offsets expired before they were processed, do `WHAT`: refuse, or accept and record the gap",
			},
			metrics.Flag(),
		}, valueFormatFlags(), kafka.Flags()),
		Action: run,
	}
}

func groupFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "group", Value: defaultGroup, Usage: "consumer group that stores the offsets",
		DefaultText: defaultGroup + ", with --from-beginning " + defaultGroup + ".TOPIC of the events",
	}
}

// group is that of the work at hand: what is done from the beginning is
// another progress than that of the processors at work.
func group(c *cli.Context) string {
	if c.Bool("from-beginning") && !c.IsSet("group") {
		return defaultGroup + "." + c.String("to")
	}
	return c.String("group")
}

func run(c *cli.Context) error {
	settings, err := settings(c)
	if err != nil {
		return err
	}
	if err := preflight.Start(c.Context, settings.Kafka, needs(c)); err != nil {
		return err
	}
	if settings.Frame, err = eventFrame(c, settings.Kafka); err != nil {
		return err
	}
	log := cmdline.Log(c, "pipeline")
	registry := metrics.NewRegistry(c.App.Name)
	settings.Metrics, settings.Health = pipeline.NewMetrics(registry), new(pipeline.Health)
	stopMetrics, err := metrics.Serve(c, metrics.Handler(registry, settings.Health.Reasons), log)
	if err != nil {
		return err
	}
	defer stopMetrics()
	instance, release, err := claimInstance(settings.Group)
	if err != nil {
		log.Warn("no instance id that survives a restart: after a kill, other members wait for the session timeout", "cause",
			err)
	}
	defer release()
	settings.Instance, settings.Log = instance, log
	if err := notify.Ready(c.Context, nil); err != nil {
		log.Warn("cannot notify systemd that the service is ready", "cause", err)
	}
	totals, err := pipeline.Run(c.Context, settings)
	if totals != (pipeline.Totals{}) || err == nil {
		log.Info("stopped", "events", totals.Events, "dead_letters", totals.DeadLetters)
	}
	return err
}

func settings(c *cli.Context) (pipeline.Settings, error) {
	connection, err := kafka.FromFlags(c)
	if err != nil {
		return pipeline.Settings{}, err
	}
	s := pipeline.Settings{
		Kafka: connection,
		Group: group(c), Input: c.String("topic"), Output: c.String("to"), DeadLetters: c.String("dead-letters"),
		Linger: c.Duration("linger"), BatchSize: c.Int("batch-size"), Drain: c.Bool("drain"),
		DrainTimeout: c.Duration("drain-timeout"), Fresh: c.Bool("from-beginning"),
	}
	onGap := c.String("on-gap")
	s.AcceptGaps = onGap == acceptGaps
	switch {
	case c.NArg() > 0:
		return s, cmdline.Usagef("unexpected argument %q; see `processor run --help`", c.Args().First())
	case s.Group == "":
		return s, cmdline.Usagef("--group is empty; name a consumer group")
	case s.BatchSize < 1 || s.BatchSize > maxBatchSize:
		return s, cmdline.Usagef("--batch-size is %d, want 1 to %d", s.BatchSize, maxBatchSize)
	case s.Linger < 0 || s.Linger > maxLinger:
		return s, cmdline.Usagef("--linger is %s, want 0s to %s", s.Linger, maxLinger)
	case s.DrainTimeout < 0:
		return s, cmdline.Usagef("--drain-timeout is %s, want 0s or more", s.DrainTimeout)
	case onGap != refuseGaps && onGap != acceptGaps:
		return s, cmdline.Usagef("--on-gap %q: it is %s or %s", onGap, refuseGaps, acceptGaps)
	case s.Input == "" || s.Output == "" || s.DeadLetters == "":
		return s, cmdline.Usagef("--topic, --to and --dead-letters each need a name")
	case s.Input == s.Output || s.Input == s.DeadLetters || s.Output == s.DeadLetters:
		return s, cmdline.Usagef("--topic %s, --to %s and --dead-letters %s must be three different topics", s.Input,
			s.Output, s.DeadLetters)
	case s.Fresh && (s.Output == enriched.Topic || s.DeadLetters == deadletter.Topic || s.Group == defaultGroup):
		return s, cmdline.Usagef("--from-beginning needs --to and --dead-letters with other topics than %s and %s, and "+
			"another --group than %s", enriched.Topic, deadletter.Topic, defaultGroup)
	}
	return s, nil
}
