package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/urfave/cli/v2"

	"purchases/processor/enriched"
	"purchases/producer/cmdline"
	"purchases/producer/kafka"
	"purchases/producer/registry"
)

// valueFormatFlags choose how events are written.
func valueFormatFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "value-format",
			Usage: "write events as `FORMAT`: json, or json-schema, which needs schema.registry.url", Value: "json"},
		&cli.StringFlag{Name: "subject", Usage: "subject `NAME` of the schema in the registry",
			DefaultText: "the topic of --to, then -value"},
		&cli.BoolFlag{Name: "register-schema",
			Usage: "register the schema if the subject does not have it; without this flag it must exist"},
	}
}

// eventFrame is the frame of each event, nil for plain JSON.
func eventFrame(c *cli.Context, settings kafka.Settings) ([]byte, error) {
	switch format := c.String("value-format"); {
	case format == "json":
		return nil, nil
	case format != "json-schema":
		return nil, cmdline.Usagef("--value-format %.60q: want json or json-schema", format)
	case len(settings.Registry.URLs) == 0:
		return nil, cmdline.Usagef("--value-format json-schema needs a schema registry; set schema.registry.url in the " +
			"file of --kafka-config, or KAFKA_SCHEMA_REGISTRY_URL")
	}
	client, err := registry.Open(settings.Registry)
	if err != nil {
		return nil, err
	}
	id, err := findSchema(c.Context, client, subject(c), c.Bool("register-schema"))
	if errors.Is(err, registry.ErrNotFound) {
		err = fmt.Errorf("%w; register it with --register-schema", err)
	}
	return registry.Append(nil, id), err
}

func subject(c *cli.Context) string {
	if name := c.String("subject"); name != "" {
		return name
	}
	return registry.Subject(c.String("to"))
}

func findSchema(ctx context.Context, client *registry.Client, subject string, register bool) (int32, error) {
	schema := sr.Schema{Schema: enriched.JSONSchema, Type: sr.TypeJSON}
	if register {
		return client.Register(ctx, subject, schema)
	}
	return client.Lookup(ctx, subject, schema)
}
