package main

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/urfave/cli/v2"

	"purchases/producer/cmdline"
	"purchases/producer/kafka"
	"purchases/producer/registry"
	"purchases/producer/serialize"
)

// valueFormatFlags choose how values are written to the topic.
func valueFormatFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "value-format",
			Usage: "write values as `FORMAT`: json, avro, protobuf or json-schema; all but json need schema.registry.url",
			Value: "json"},
		&cli.StringFlag{Name: "subject", Usage: "subject `NAME` of the schema in the registry", DefaultText: "TOPIC-value"},
		&cli.BoolFlag{Name: "register-schema",
			Usage: "register the schema if the subject does not have it; without this flag it must exist"},
	}
}

// valueFormat is the schema's type that the flags ask for, false for plain JSON.
func valueFormat(c *cli.Context) (format sr.SchemaType, framed bool, err error) {
	text := c.String("value-format")
	if text == "json" || text == "" {
		return 0, false, nil
	}
	format, framed = serialize.Formats[text]
	if !framed {
		err = cmdline.Usagef("--value-format %.60q: want json, avro, protobuf or json-schema", text)
	}
	return format, framed, err
}

// serializing writes the JSON of events to another sink in another format.
type serializing struct {
	sink
	serializer *serialize.Serializer
}

func (s serializing) Send(ctx context.Context, key, value []byte) error {
	value, err := s.serializer.Value(value)
	if err != nil {
		return fmt.Errorf("serialize an event of key %.80q: %w", key, err)
	}
	return s.sink.Send(ctx, key, value)
}

// openSerializer finds the schema that the flags ask for, before anything is sent.
// It returns nil for plain JSON.
func openSerializer(c *cli.Context, settings kafka.Settings) (*serialize.Serializer, error) {
	format, framed, err := valueFormat(c)
	if err != nil || !framed {
		return nil, err
	}
	client, err := openRegistry(settings)
	if err != nil {
		return nil, err
	}
	return serialize.Open(c.Context, client, format, subject(c, c.String("topic")), c.Bool("register-schema"))
}

func openRegistry(settings kafka.Settings) (*registry.Client, error) {
	if len(settings.Registry.URLs) == 0 {
		return nil, cmdline.Usagef("--value-format needs a schema registry; set schema.registry.url in the file of " +
			"--kafka-config, or KAFKA_SCHEMA_REGISTRY_URL")
	}
	return registry.Open(settings.Registry)
}

func subject(c *cli.Context, topic string) string {
	if name := c.String("subject"); name != "" {
		return name
	}
	return registry.Subject(topic)
}
