package kafka

import (
	"log/slog"
	"os"
	"strings"

	"github.com/IBM/sarama"
	"github.com/urfave/cli/v2"

	"purchases/producer/cmdline"
)

// Flags are the command-line flags of the connection, for [FromFlags].
func Flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name:        "bootstrap-servers",
			Aliases:     []string{"b"},
			Usage:       "connect to the Kafka brokers `HOST:PORT,...` [$KAFKA_BOOTSTRAP_SERVERS]",
			DefaultText: DefaultBootstrap,
		},
		&cli.StringFlag{
			Name:    "kafka-config",
			Usage:   "read client properties from `FILE`; see docs/kafka.md",
			EnvVars: []string{"KAFKA_CONFIG"},
		},
		&cli.GenericFlag{
			Name:  "X",
			Usage: "set a client property `KEY=VALUE` (overrides the file); may be repeated; secrets are refused",
			Value: &pairs{},
		},
	}
}

// pairs collects a flag that may be repeated. Its values may hold commas.
type pairs []string

func (p *pairs) Set(text string) error { *p = append(*p, text); return nil }

func (p *pairs) String() string { return strings.Join(*p, " ") }

// FromFlags reads the settings: those of the flags of [Flags] before those of
// the environment, those before the file's. Its warnings go to the program's
// standard error. The client id is the program's name unless it is set.
func FromFlags(c *cli.Context) (Settings, error) {
	v, warnings, err := layers(c)
	if err != nil {
		return Settings{}, err
	}
	more, err := v.check()
	if err != nil {
		return Settings{}, err
	}
	settings, last, err := v.settings()
	if err != nil {
		return Settings{}, err
	}
	log := cmdline.Log(c, "kafka")
	if log.Enabled(c.Context, slog.LevelDebug) {
		sarama.Logger = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	}
	for _, warning := range append(append(warnings, more...), last...) {
		log.Warn(warning)
	}
	if settings.ClientID == "" {
		settings.ClientID = c.App.Name
	}
	return settings, nil
}

// layers merges what was set in all places.
func layers(c *cli.Context) (values, []string, error) {
	file, warnings, err := fromFile(c.String("kafka-config"))
	if err != nil {
		return nil, nil, err
	}
	environment, err := fromEnvironment(os.Getenv)
	if err != nil {
		return nil, nil, err
	}
	var given []string
	if p, ok := c.Generic("X").(*pairs); ok {
		given = *p
	}
	flags, err := fromPairs(given)
	if err != nil {
		return nil, nil, err
	}
	if servers := c.String("bootstrap-servers"); servers != "" {
		flags["bootstrap.servers"] = value{text: servers, source: "--bootstrap-servers"}
	}
	return flags.over(environment).over(file), warnings, nil
}
