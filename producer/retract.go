package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/urfave/cli/v2"

	"purchases/producer/cmdline"
	"purchases/producer/cmdline/progress"
	"purchases/producer/internal/retract"
	"purchases/producer/kafka"
	"purchases/producer/kafka/preflight"
	"purchases/producer/purchase"
)

func retractCommand() *cli.Command {
	return &cli.Command{
		Name:      "retract",
		Usage:     "take back events: one, those in a file, or all of a user",
		ArgsUsage: "[FILE]",
		Description: `Publishes a retraction for each event. A retraction takes the event out of the
database and of every statistic. Retracting an event twice changes nothing.

Name the events in one of three ways:
   --event-id and --timestamp   one event
   FILE, or - for stdin         JSON lines with event_id and timestamp
   --user                       every event of the user. The command reads the
                                topic from its beginning, shows how many events
                                it found, and asks before it publishes.

For an event without an id of its own, give the event_id that the database
shows. To undo an import, use ` + "`producer import --undo`" + `.

Retractions do not delete messages. The original events, the processed events
and the dead letters stay in Kafka until the retention of their topics removes
them. Set retention.ms on the topics accordingly if you must erase data.

Examples:
   producer retract --event-id pay_1f3a --timestamp 2026-01-31T12:00:00Z
   producer retract --user u-17850 --dry-run
   producer retract --user u-17850 --yes`,
		Flags: append(append(kafka.Flags(), valueFormatFlags()...),
			&cli.StringFlag{Name: "topic", Usage: "read from and publish to the topic `NAME`", Value: purchase.Topic},
			&cli.StringFlag{Name: "event-id", Usage: "retract the event with this `ID`"},
			&cli.StringFlag{Name: "timestamp", Usage: "timestamp of that event: `TIME`, such as 2026-01-31T12:00:00Z"},
			&cli.StringFlag{Name: "user", Usage: "retract all events of the user `NAME`"},
			&cli.BoolFlag{Name: "dry-run", Usage: "print the retractions as JSON lines instead of publishing them"},
			&cli.BoolFlag{Name: "yes", Usage: "do not ask before retracting the events of a user"},
		),
		Action: runRetract,
	}
}

func runRetract(c *cli.Context) error {
	if err := checkRetractFlags(c); err != nil {
		return err
	}
	list, err := retractions(c)
	if err != nil {
		return err
	}
	return publishRetractions(c, list)
}

func checkRetractFlags(c *cli.Context) error {
	byID := c.IsSet("event-id") || c.IsSet("timestamp")
	ways := 0
	for _, used := range []bool{byID, c.IsSet("user"), c.Args().Present()} {
		if used {
			ways++
		}
	}
	switch {
	case ways != 1:
		return cmdline.Usagef("name the events by --event-id and --timestamp, by a file, or by --user; see `producer " +
			"retract --help`")
	case byID && (c.String("event-id") == "" || c.String("timestamp") == ""):
		return cmdline.Usagef("--event-id and --timestamp belong together: an event is identified by both")
	case c.IsSet("user") && strings.TrimSpace(c.String("user")) == "":
		return cmdline.Usagef("--user is empty; name a user")
	case c.NArg() > 1:
		return cmdline.Usagef("retract takes one file, got %q too", c.Args().Get(1))
	}
	return nil
}

// retractions returns those that the flags or the file ask for.
func retractions(c *cli.Context) ([]purchase.Event, error) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	switch {
	case c.IsSet("user"):
		return retractionsOfUser(c, now)
	case c.Args().Present():
		return retractionsInFile(c, now)
	}
	return retractionOfFlags(c, now)
}

// retractionOfFlags takes the spellings that the topic takes.
func retractionOfFlags(c *cli.Context, now time.Time) ([]purchase.Event, error) {
	line, err := json.Marshal(map[string]string{"event_id": c.String("event-id"), "timestamp": c.String("timestamp")})
	if err != nil {
		return nil, cmdline.Usagef("--event-id, --timestamp: %v", err)
	}
	list, err := retract.ReadList(bytes.NewReader(line), now)
	if err != nil {
		return nil, cmdline.Usagef("--event-id, --timestamp: %v", strings.TrimPrefix(err.Error(), "line 1: "))
	}
	return list, nil
}

func retractionsInFile(c *cli.Context, now time.Time) ([]purchase.Event, error) {
	name := c.Args().First()
	file := c.App.Reader
	if name != "-" {
		opened, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = opened.Close() }()
		file = opened
	}
	list, err := retract.ReadList(file, now)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; nothing was published", name, err)
	}
	return list, nil
}

func retractionsOfUser(c *cli.Context, now time.Time) ([]purchase.Event, error) {
	settings, err := kafka.FromFlags(c)
	if err != nil {
		return nil, err
	}
	topic, user := c.String("topic"), purchase.Event{User: c.String("user")}
	user.Normalize()
	read := preflight.Need{Kind: preflight.Topic, Name: topic, Operation: sarama.AclOperationRead,
		Why: "find the user's events"}
	if err := preflight.Start(c.Context, settings, []preflight.Need{read}); err != nil {
		return nil, err
	}
	bar := progress.New(c.App.ErrWriter, c.App.Name+": read "+topic, 0, "records")
	found, err := retract.Search{Kafka: settings, Topic: topic, User: user.User, At: now, Read: bar.Add}.Find(c.Context)
	bar.Finish()
	if err != nil {
		return nil, err
	}
	showFound(c, found)
	if len(found.Retractions) == 0 || c.Bool("dry-run") {
		return found.Retractions, nil
	}
	return found.Retractions, cmdline.Confirm(c,
		fmt.Sprintf("Retract %d events of user %.80q?", len(found.Retractions), user.User))
}

func showFound(c *cli.Context, found retract.Found) {
	fmt.Fprintf(c.App.ErrWriter, "%s: %d events of the user to retract, %d retracted already\n",
		c.App.Name, len(found.Retractions), found.Retracted)
	if found.Unreadable > 0 {
		fmt.Fprintf(c.App.ErrWriter, "%s: %d records are not JSON events; if the user's data are among them, they stay\n",
			c.App.Name, found.Unreadable)
	}
}

func publishRetractions(c *cli.Context, list []purchase.Event) (err error) {
	if len(list) == 0 {
		return nil
	}
	to, err := openSink(c, prometheus.NewRegistry()) // which nobody asks
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := to.Close(); err == nil {
			err = closeErr
		}
		if err == nil && !c.Bool("dry-run") {
			fmt.Fprintf(c.App.ErrWriter, "%s: %d retractions published\n", c.App.Name, len(list))
		}
	}()
	for i := range list {
		value, err := list[i].Encode()
		if err != nil {
			return err
		}
		if err := to.Send(c.Context, list[i].Key(), value); err != nil {
			return err
		}
	}
	return nil
}
