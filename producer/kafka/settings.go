// Package kafka holds what the three programs need to reach a Kafka cluster:
// the connection's settings, their flags, a connection whose failure names its
// cause, and the questions about a log that every reader asks.
//
// Settings that carry a guarantee (acks, idempotence, transactions, isolation)
// are not here: they stand beside the code that relies on them, and a file that
// says otherwise is refused.
package kafka

import (
	"crypto/tls"
	"net"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// Defaults of the connection.
const (
	DefaultBootstrap = "127.0.0.1:9092"

	dialTimeout       = 5 * time.Second // to connect and hear a first answer
	requestTimeout    = 30 * time.Second
	metadataRefresh   = 10 * time.Second
	maxDecompressed   = 64 << 20 // bytes of one record batch, against compression bombs
	maxFetchPerBroker = 16 << 20 // bytes of one fetch response
)

// Settings say where a cluster is and how to get in.
type Settings struct {
	// Bootstrap lists brokers as host:port. The zero value means DefaultBootstrap.
	Bootstrap []string
	// ClientID names the program in the brokers' logs and quotas.
	ClientID string
	// Rack, if not empty, is where to prefer replicas for reading.
	Rack string
	// TLS is how to encrypt; nil does not.
	TLS *tls.Config
	// SASL is how to log in; its zero value does not.
	SASL SASL
	// Registry is where the schemas of messages are; its zero value is nowhere.
	Registry Registry
}

// SASL holds credentials.
type SASL struct {
	// Mechanism is PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER. The
	// zero value is no authentication.
	Mechanism sarama.SASLMechanism
	// Username and Password are for all mechanisms but OAUTHBEARER.
	Username string
	Password Secret
	// Tokens is for OAUTHBEARER.
	Tokens sarama.AccessTokenProvider
}

// User is the name under which a broker knows the program, as far as that can
// be told: brokers may map the subject of a certificate to another name, and
// what a token says is theirs to read.
func (s Settings) User() string {
	if s.SASL.Mechanism == "" && s.TLS != nil && len(s.TLS.Certificates) > 0 {
		return s.TLS.Certificates[0].Leaf.Subject.String()
	}
	return s.SASL.Username
}

// Secret is a text that never shows when it is printed.
type Secret string

// String hides the secret.
func (Secret) String() string { return "[secret]" }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return "[secret]" }

// MarshalText hides the secret from JSON and logs.
func (Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// Config returns a sarama configuration for these settings, without any that
// carries a guarantee. Topics are never created by mistake, and sizes and
// times are bounded.
func (s Settings) Config() *sarama.Config {
	limitDecompression()
	c := sarama.NewConfig()
	c.ClientID = s.ClientID
	c.RackID = s.Rack
	c.Net.Proxy.Enable = true
	c.Net.Proxy.Dialer = promptDialer{net.Dialer{Timeout: dialTimeout}}
	c.Net.ReadTimeout = requestTimeout
	c.Net.WriteTimeout = requestTimeout
	c.Net.TLS.Enable = s.TLS != nil
	c.Net.TLS.Config = s.TLS
	s.SASL.configure(c)
	c.Metadata.AllowAutoTopicCreation = false
	c.Metadata.RefreshFrequency = metadataRefresh
	c.Consumer.Fetch.MaxBytes = maxFetchPerBroker
	return c
}

func (s SASL) configure(c *sarama.Config) {
	if s.Mechanism == "" {
		return
	}
	sasl := &c.Net.SASL
	sasl.Enable = true
	sasl.Version = sarama.SASLHandshakeV1
	sasl.Mechanism = s.Mechanism
	sasl.User = s.Username
	sasl.Password = string(s.Password)
	sasl.TokenProvider = s.Tokens
	switch s.Mechanism {
	case sarama.SASLTypeSCRAMSHA256, sarama.SASLTypeSCRAMSHA512:
		sasl.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &conversation{mechanism: s.Mechanism} }
	}
}

// limitDecompression sets sarama's only setting that is global.
var limitDecompression = sync.OnceFunc(func() { sarama.MaxDecompressedBatchSize = maxDecompressed })

func (s Settings) bootstrap() []string {
	if len(s.Bootstrap) == 0 {
		return []string{DefaultBootstrap}
	}
	return s.Bootstrap
}
