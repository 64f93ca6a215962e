package main

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/retention"
	"purchases/producer/cmdline"
)

func keepFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "keep", EnvVars: []string{"ANALYTICS_KEEP"},
		Usage:       "at the start and once a day, delete raw events older than `AGE`, such as 90d; see `analytics prune`",
		DefaultText: "all",
	}
}

// keptAge reads --keep; 0 keeps all events.
func keptAge(c *cli.Context) (retention.Age, error) {
	if c.String("keep") == "" {
		return 0, nil
	}
	age, err := retention.ParseAge(c.String("keep"))
	if err != nil {
		return 0, cmdline.Usagef("--keep %v", err)
	}
	return age, nil
}

// startPruning prunes beside the storing of events, or where that is to end by
// itself once before it. What it returns ends it.
func startPruning(c *cli.Context, age retention.Age) (stop func(), err error) {
	if age == 0 {
		return func() {}, nil
	}
	path, log := c.String("db"), cmdline.Log(c, "retention")
	if c.Bool("drain") {
		return func() {}, retention.Once(c.Context, path, age, log)
	}
	ctx, cancel := context.WithCancel(c.Context)
	ticker, ended := time.NewTicker(retention.Every), make(chan struct{})
	go func() {
		defer close(ended)
		retention.Schedule(ctx, path, age, ticker.C, log)
	}()
	return func() {
		cancel()
		ticker.Stop()
		<-ended
	}, nil
}
