// Package kafka holds what the three programs need to reach a Kafka cluster:
// the connection's settings, their flags, a connection whose failure names its
// cause, and the questions about a log that every reader asks.
//
// Settings that carry a guarantee (acks, idempotence, transactions, isolation)
// are not here: they stand beside the code that relies on them.
package kafka

import (
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/urfave/cli/v2"
)

// Defaults of the connection.
const (
	DefaultBootstrap = "127.0.0.1:9092"

	dialTimeout       = 5 * time.Second
	requestTimeout    = 30 * time.Second
	metadataRefresh   = 10 * time.Second
	maxDecompressed   = 64 << 20 // bytes of one record batch, against compression bombs
	maxFetchPerBroker = 16 << 20 // bytes of one fetch response
)

// Settings say where a cluster is.
type Settings struct {
	// Bootstrap lists brokers as host:port. The zero value means DefaultBootstrap.
	Bootstrap []string
	// ClientID names the program in the brokers' logs and quotas.
	ClientID string
}

// Flags are the command-line flags of the connection, for [FromFlags].
func Flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{
			Name:    "bootstrap-servers",
			Usage:   "Kafka brokers as `HOST:PORT,...`",
			EnvVars: []string{"KAFKA_BOOTSTRAP_SERVERS"},
			Value:   cli.NewStringSlice(DefaultBootstrap),
		},
	}
}

// FromFlags reads the settings from the flags of [Flags]. The client id is the
// name of the program.
func FromFlags(c *cli.Context) Settings {
	return Settings{Bootstrap: c.StringSlice("bootstrap-servers"), ClientID: c.App.Name}
}

// Config returns a sarama configuration for these settings, without any that
// carries a guarantee. Topics are never created by mistake, and sizes and
// times are bounded.
func (s Settings) Config() *sarama.Config {
	limitDecompression()
	c := sarama.NewConfig()
	c.ClientID = s.ClientID
	c.Net.DialTimeout = dialTimeout
	c.Net.ReadTimeout = requestTimeout
	c.Net.WriteTimeout = requestTimeout
	c.Metadata.AllowAutoTopicCreation = false
	c.Metadata.RefreshFrequency = metadataRefresh
	c.Consumer.Fetch.MaxBytes = maxFetchPerBroker
	return c
}

// limitDecompression sets sarama's only setting that is global.
var limitDecompression = sync.OnceFunc(func() { sarama.MaxDecompressedBatchSize = maxDecompressed })

func (s Settings) bootstrap() []string {
	if len(s.Bootstrap) == 0 {
		return []string{DefaultBootstrap}
	}
	return s.Bootstrap
}
