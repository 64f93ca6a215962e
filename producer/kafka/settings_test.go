package kafka_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/IBM/sarama"

	"purchases/producer/kafka"
)

// The file as Confluent Cloud hands it out, in the spelling of librdkafka.
const confluentFile = `# Required connection configs for Kafka producer, consumer, and admin
bootstrap.servers=pkc-12345.eu-west-1.aws.confluent.cloud:9092
security.protocol=SASL_SSL
sasl.mechanisms=PLAIN
sasl.username=KEY
sasl.password=S${ECRET}/+=

# Best practice for higher availability in librdkafka clients prior to 1.7
session.timeout.ms=45000

client.id=ccloud-go-client-1
`

// The same in Java's.
const javaFile = `bootstrap.servers=pkc-12345.eu-west-1.aws.confluent.cloud:9092
security.protocol=SASL_SSL
sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username='KEY' password='S${ECRET}/+=';
sasl.mechanism=PLAIN
client.dns.lookup=use_all_dns_ips
acks=all
`

func TestFilesOfConfluentCloud(t *testing.T) {
	for name, tt := range map[string]struct{ lines, client, warning string }{
		"librdkafka": {confluentFile, "ccloud-go-client-1", "session.timeout.ms has no effect"},
		"Java":       {javaFile, "test", "client.dns.lookup has no effect"},
	} {
		t.Run(name, func(t *testing.T) {
			s, stderr, err := read(t, tt.lines)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(s.Bootstrap, []string{"pkc-12345.eu-west-1.aws.confluent.cloud:9092"}) || s.ClientID != tt.client ||
				s.TLS == nil || s.TLS.InsecureSkipVerify || s.SASL.Mechanism != sarama.SASLTypePlaintext ||
				s.SASL.Username != "KEY" || string(s.SASL.Password) != "S${ECRET}/+=" {
				t.Errorf("settings %+v", s)
			}
			if err := s.Config().Validate(); err != nil {
				t.Error(err)
			}
			if strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, tt.warning) {
				t.Errorf("stderr %q, want one warning: %s", stderr, tt.warning)
			}
		})
	}
}

func TestPrecedence(t *testing.T) {
	const lines = "bootstrap.servers=file:1"
	check := func(want string, flags ...string) {
		t.Helper()
		s, stderr, err := read(t, lines, flags...)
		if err != nil || stderr != "" || strings.Join(s.Bootstrap, ",") != want {
			t.Errorf("%v %v: bootstrap %v, want %s; %v, %s", flags, os.Environ(), s.Bootstrap, want, err, stderr)
		}
	}
	t.Setenv("KAFKA_BOOTSTRAP_SERVERS", "")
	check("file:1")
	t.Setenv("KAFKA_BOOTSTRAP_SERVERS", "env:1,env:2")
	check("env:1,env:2")
	check("pair:1,pair:2", "-X", "bootstrap.servers=pair:1, pair:2")
	check("flag:1,flag:2", "-X", "bootstrap.servers=pair:1", "--bootstrap-servers", "SASL_SSL://flag:1,flag:2")
}

func TestDefaults(t *testing.T) {
	t.Setenv("KAFKA_BOOTSTRAP_SERVERS", "")
	s, stderr, err := read(t, "")
	if err != nil || stderr != "" || s.Bootstrap != nil || s.TLS != nil || s.SASL.Mechanism != "" || s.ClientID != "test" {
		t.Errorf("settings %+v, %v, %s", s, err, stderr)
	}
}

func TestEnvironment(t *testing.T) {
	for name, tt := range map[string]struct {
		variables map[string]string
		mechanism sarama.SASLMechanism
		user      string
	}{
		"API key": {map[string]string{"KAFKA_API_KEY": "K", "KAFKA_API_SECRET": "S"}, "PLAIN", "K"},
		"properties": {map[string]string{"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
			"KAFKA_SASL_USERNAME": "U", "KAFKA_SASL_PASSWORD": "P"}, "SCRAM-SHA-512", "U"},
		"an alias": {map[string]string{"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISMS": "SCRAM-SHA-256",
			"KAFKA_API_KEY": "K", "KAFKA_API_SECRET": "S"}, "SCRAM-SHA-256", "K"},
		"JAAS": {map[string]string{"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "PLAIN",
			"KAFKA_SASL_JAAS_CONFIG": `x.Y required username="a\"b" password="p;q";`}, "PLAIN", `a"b`},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, text := range tt.variables {
				t.Setenv(variable, text)
			}
			s, stderr, err := read(t, "")
			if err != nil || stderr != "" || s.TLS == nil || s.SASL.Mechanism != tt.mechanism || s.SASL.Username != tt.user {
				t.Errorf("settings %+v, %v, %s", s, err, stderr)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	const login = "security.protocol=SASL_SSL\nsasl.username=u\nsasl.password=hidden-1\n"
	t.Setenv("KAFKA_API_SECRET", "")
	for _, tt := range []struct {
		lines string
		flags []string
		want  string
	}{
		{"acks=1", nil, "acks=1 is refused: fewer acknowledgements could lose acknowledged records; remove it, or set all"},
		{"request.required.acks=0", nil, "acks=0 is refused"},
		{"enable.idempotence=false", nil, "enable.idempotence=false is refused"},
		{"isolation.level=read_uncommitted", nil, "isolation.level=read_uncommitted is refused: otherwise aborted"},
		{"enable.auto.commit=true", nil, "enable.auto.commit=true is refused"},
		{"auto.offset.reset=latest", nil, "auto.offset.reset=latest is refused"},
		{"transactional.id=mine", nil, "transactional.id cannot be set"},
		{"", []string{"-X", "acks=1"}, "-X: acks=1 is refused"},
		{"", []string{"-X", "sasl.password=hidden-1"},
			"-X sasl.password: other users can see a secret on the command line; put it into a file for --kafka-config, or " +
				"into KAFKA_SASL_PASSWORD"},
		{"", []string{"-X", "my.own.secret=hidden-1"}, "-X my.own.secret: other users can see a secret"},
		{"", []string{"-X", "acks"}, "-X acks: want key=value"},
		{"bootstrap.servers=host", nil, `broker "host": want host:port`},
		{"security.protocol=TLS", nil, "security.protocol=TLS: want PLAINTEXT, SSL"},
		{"sasl.username=u\nsasl.password=hidden-1", nil,
			"sasl.username is not used with security.protocol=PLAINTEXT; set SASL_SSL"},
		{login, nil, "set sasl.mechanism to PLAIN"},
		{login + "sasl.mechanism=GSSAPI", nil, "sasl.mechanism=GSSAPI is not supported"},
		{login + "sasl.mechanism=PLAIN\nsasl.mechanisms=SCRAM-SHA-256", nil, "sasl.mechanism is set twice"},
		{"security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.username=u", nil, "needs sasl.username and sasl.password"},
		{"security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.jaas.config=username=u password=hidden-1", nil,
			"want a login module"},
		{"security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.jaas.config=x.Y required username='u' password='hidden-1",
			nil, `after 1 options: want key="value"`},
		{"security.protocol=SASL_SSL\nsasl.mechanism=OAUTHBEARER", nil, "needs sasl.oauthbearer.token.endpoint.url"},
		{"security.protocol=SASL_SSL\nsasl.mechanism=OAUTHBEARER\nsasl.oauthbearer.client.id=a\nsasl.oauthbearer.client.secret=hidden-1\nsasl.oauthbearer.token.endpoint.url=http://login.example/token", nil, "want https"},
		{"security.protocol=SSL\nssl.keystore.type=JKS", nil,
			"ssl.keystore.type=JKS is refused: no JKS or PKCS12; remove it, or set PEM"},
		{"security.protocol=SSL\nssl.ca.pem=none", nil, "no certificate in PEM"},
		{"security.protocol=SSL\nssl.certificate.pem=x", nil, "set ssl.key.location"},
		{"security.protocol=SSL\nssl.ca.location=/nowhere/ca.pem", nil, "/nowhere/ca.pem: no such file"},
		{"security.protocol=SSL\nenable.ssl.certificate.verification=no", nil, "want true or false"},
		{"", []string{"--kafka-config", "/nowhere/client.properties"},
			"read the Kafka settings: open /nowhere/client.properties"},
	} {
		t.Run(tt.want, func(t *testing.T) {
			_, stderr, err := read(t, tt.lines, tt.flags...)
			wantText(t, err, tt.want)
			if strings.Contains(stderr, "hidden-1") || strings.Count(stderr, "\n") != 1 {
				t.Errorf("stderr %q", stderr)
			}
		})
	}
}

func TestHalfAnAPIKey(t *testing.T) {
	t.Setenv("KAFKA_API_KEY", "K")
	_, _, err := read(t, "")
	wantText(t, err, "KAFKA_API_KEY is set, but KAFKA_API_SECRET is not")
}

func TestWarnings(t *testing.T) {
	const login = "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username=u\nsasl.password=hidden-1\n"
	for lines, want := range map[string]string{
		"linger.ms=5":              "linger.ms has no effect here: set `--linger`",
		"whatever.this.is=hidden1": "whatever.this.is is unknown and has no effect",
		"security.protocol=SSL\nenable.ssl.certificate.verification=false": "any server can pass for the broker",
		"security.protocol=SSL\nssl.endpoint.identification.algorithm=":    "ssl.endpoint.identification.algorithm is empty",
		login + "bootstrap.servers=kafka.example:9092":                     "clear text",
		"schema.registry.url=http://registry:8081\nbasic.auth.user.info=user:hidden-1\n": "credentials of the schema " +
			"registry cross the network in clear text",
	} {
		s, stderr, err := read(t, lines)
		if err != nil || !strings.Contains(stderr, want) || strings.Contains(stderr, "hidden") {
			t.Errorf("%s: stderr %q, %v; want %q", lines, stderr, err, want)
		}
		if err := s.Config().Validate(); err != nil {
			t.Error(err)
		}
	}
	if _, stderr, err := read(t, login+"bootstrap.servers=localhost:9092,[::1]:9092"); err != nil || stderr != "" {
		t.Errorf("on this machine: %v, %s", err, stderr)
	}
}

func TestExposedSecretsAreWarnedOf(t *testing.T) {
	const lines = "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.username=u\nsasl.password=p\n"
	path := filepath.Join(t.TempDir(), "client.properties")
	for content, wants := range map[string]map[os.FileMode]bool{
		lines:               {0o600: false, 0o640: true, 0o604: true, 0o400: false},
		"client.id=nothing": {0o644: false},
	} {
		for mode, want := range wants {
			_ = os.Remove(path)
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			_, stderr, err := read(t, "", "--kafka-config", path)
			if got := strings.Contains(stderr, "chmod 600 "+path); err != nil || got != want {
				t.Errorf("%s: warned %t, want %t; %v", mode, got, want, err)
			}
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	s := kafka.Settings{SASL: kafka.SASL{Username: "u", Password: "hidden-1"}}
	text, err := json.Marshal(s.SASL)
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %q", s, s, s, s.SASL.Password), string(text)} {
		if strings.Contains(printed, "hidden-1") {
			t.Errorf("it shows the secret: %s", printed)
		}
	}
}
