package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"purchases/analytics/internal/replay"
	"purchases/producer/cmdline"
	"purchases/producer/kafka"
)

func replayCommand() *cli.Command {
	return &cli.Command{
		Name:  "replay",
		Usage: "rebuild the database from the log in Kafka",
		Description: "Reads the log from its beginning into a new database, compares it with the current one, and swaps it in\n" +
			"atomically. Until then the current database keeps serving queries and ingesting; a running `analytics\n" +
			"run` switches over automatically. An interrupted replay changes nothing, and the next one resumes it.\n\n" +
			"With --topic the database moves to another topic, such as one that `processor run --from-beginning`\n" +
			"has written with changed rules.\n\n" +
			"Examples:\n   analytics replay                  # shows its plan and asks\n" +
			"   analytics replay --check-only     # only compares; exit status 1 if there is a difference",
		Flags: append(kafka.Flags(), append(rebuildFlags(),
			&cli.BoolFlag{Name: "keep-missing", Usage: "copy from the current database the records that the log has lost"},
			eventsFlag(), lettersFlag(),
		)...),
		Action: replayDatabase,
	}
}

// rebuildFlags are those of every command that builds a new database.
func rebuildFlags() []cli.Flag {
	return []cli.Flag{
		databaseFlag(),
		&cli.BoolFlag{Name: "yes", Usage: "do not ask"},
		&cli.BoolFlag{Name: "check-only",
			Usage: "build, compare and throw away; the exit status is 1 where something differs"},
		&cli.StringFlag{Name: "keep-old", Usage: "keep a copy of the old database as `FILE`"},
	}
}

func replayDatabase(c *cli.Context) (err error) {
	request, err := replayRequest(c)
	if err != nil {
		return err
	}
	plan, err := replay.Prepare(c.Context, request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plan.Close()) }()
	if err := showPlan(c, plan); err != nil {
		return err
	}
	if err := plan.Refusal(); err != nil {
		return err
	}
	if err := confirm(c, "Continue?"); err != nil {
		return err
	}
	began := time.Now()
	report, err := replay.Run(c.Context, plan, rebuildOptions(c, plan.Logs))
	if err != nil {
		return interrupted(c, err)
	}
	return concludeRebuild(c, report, time.Since(began))
}

func replayRequest(c *cli.Context) (replay.Request, error) {
	r := replay.Request{
		Path: c.String("db"), Topics: namedTopics(c), KeepMissing: c.Bool("keep-missing"), Log: cmdline.Log(c, "replay"),
	}
	if c.Args().Present() {
		return r, cmdline.Usagef("`analytics replay` takes no arguments, got %q", c.Args().First())
	}
	if err := checkRebuildFlags(c); err != nil {
		return r, err
	}
	var err error
	r.Kafka, err = kafka.FromFlags(c)
	return r, err
}

// checkRebuildFlags refuses what cannot be done before anything is begun.
func checkRebuildFlags(c *cli.Context) error {
	if old := c.String("keep-old"); old != "" {
		if c.Bool("check-only") {
			return cmdline.Usagef("--keep-old and --check-only exclude each other: a check replaces nothing")
		}
		if _, err := os.Stat(old); err == nil {
			return cmdline.Usagef("--keep-old %s: the file exists already; name another", old)
		}
	}
	return nil
}

// confirm asks unless --yes is given.
func confirm(c *cli.Context, question string) error {
	if c.Bool("yes") {
		return nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return cmdline.Usagef("%s stdin is not a terminal; pass --yes to skip the prompt", question)
	}
	fmt.Fprintf(c.App.ErrWriter, "%s [y/N] ", question)
	answers := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		answers <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-c.Context.Done():
		return c.Context.Err()
	case answer := <-answers:
		if answer != "y" && answer != "yes" {
			return replay.ErrDeclined
		}
		return nil
	}
}

// rebuildOptions asks again where old and new differ.
func rebuildOptions(c *cli.Context, logs []replay.Log) replay.Options {
	return replay.Options{
		CheckOnly: c.Bool("check-only"), KeepOld: c.String("keep-old"), Observer: observer(c, logs),
		Accept: func(r *replay.Report) error {
			if err := showReport(c, r); err != nil || r.Differences() == 0 {
				return err
			}
			return confirm(c, "Swap in the new database?")
		},
	}
}

// interrupted says what a replay has left that did not come to its end.
func interrupted(c *cli.Context, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, replay.ErrDeclined) {
		fmt.Fprintf(c.App.ErrWriter, "%s: the present data are as they were; the next `analytics replay` continues from "+
			"what has been built\n", c.App.Name)
	}
	return err
}
