package security

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"purchases/analytics/internal/testkit/process"
)

// programs are all three, and the names of those who run one of them.
var programs = []string{"producer", "processor", "analytics"}

// person runs programs in a folder of their own.
type person struct {
	*suite
	t   *testing.T
	dir string
	// suffix makes the names of topics and groups this person's own.
	suffix string
	// environment are the variables that are this person's own.
	environment []string
}

func newPerson(t *testing.T, suffix string) *person {
	return &person{suite: secured(t), t: t, dir: t.TempDir(), suffix: suffix}
}

// configure writes the person's client.properties; without content there is none.
func (p *person) configure(content string) {
	p.t.Helper()
	if content != "" {
		p.environment = append(p.environment, "KAFKA_CONFIG="+p.file("client.properties", []byte(content)))
	}
}

// properties is the path of the person's client.properties.
func (p *person) properties() string { return filepath.Join(p.dir, "client.properties") }

// outcome is how a program ended, and what it said.
type outcome struct {
	code           int
	stdout, stderr string
}

// names are the flags for the person's topics and groups.
func (p *person) names(program, command string) []string {
	switch {
	case p.suffix == "":
		return nil
	case program == "producer":
		return []string{"--topic", "purchases" + p.suffix}
	case program == "processor":
		return []string{"--topic", "purchases" + p.suffix, "--to", "analytics" + p.suffix, "--dead-letters", "purchases.dlq" +
			p.suffix, "--group", "processor" + p.suffix}
	case command == "run" || command == "check":
		return []string{"--topic", "analytics" + p.suffix, "--dead-letters", "purchases.dlq" + p.suffix, "--group",
			"analytics" + p.suffix}
	}
	return nil
}

func (p *person) file(name string, content []byte) string {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

func (p *person) command(ctx context.Context, program, command string, args ...string) *exec.Cmd {
	args = append(append([]string{command}, p.names(program, command)...), args...)
	c := exec.CommandContext(ctx, filepath.Join(p.binaries, program), args...)
	c.Dir = p.dir
	c.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "KAFKA_") || strings.HasPrefix(variable, "ANALYTICS_")
	})
	c.Env = append(append(c.Env, "TMPDIR="+p.dir, "ANALYTICS_HTTP="), p.environment...)
	return c
}

// run runs one of the programs to its end.
func (p *person) run(program, command string, args ...string) outcome {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	return p.wait(p.command(ctx, program, command, args...))
}

// wait runs a command. What it says must not hold a secret, and its errors are one line.
func (p *person) wait(c *exec.Cmd) outcome {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatalf("%v: %v", c.Args, err)
	}
	o := outcome{c.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	for _, said := range append(c.Args, o.stdout, o.stderr) {
		p.discreet(said)
	}
	return o
}

// discreet fails the test when a text holds a secret or a token.
func (p *person) discreet(text string) {
	p.t.Helper()
	for _, secret := range []string{secretMark, "eyJ", "PRIVATE KEY"} {
		if strings.Contains(text, secret) {
			p.t.Errorf("it shows a secret (%s...): %s", secret, text)
		}
	}
}

// must runs a program that has to succeed, and returns what it wrote to stdout.
func (p *person) must(program, command string, args ...string) string {
	p.t.Helper()
	o := p.run(program, command, args...)
	if o.code != 0 {
		p.t.Fatalf("%s %s %v: exit %d\n%s%s", program, command, args, o.code, o.stdout, o.stderr)
	}
	return o.stdout
}

// start runs a program until the test ends; then it has to end well.
func (p *person) start(program, command string, args ...string) *process.Process {
	p.t.Helper()
	c := p.command(context.Background(), program, command, args...)
	running, err := process.Start(program, c, filepath.Join(p.dir, program+".log"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := running.Terminate(); err != nil {
			p.t.Error(err)
		}
		log, err := os.ReadFile(running.LogFile)
		if err != nil {
			p.t.Error(err)
		}
		p.discreet(string(log))
	})
	return running
}

// createTopics makes the person's topics as who may do everything.
func (p *person) createTopics() {
	p.t.Helper()
	if err := p.kafka.Create(p.t.Context(), partitions, "purchases"+p.suffix, "analytics"+p.suffix, "purchases.dlq"+
		p.suffix); err != nil {
		p.t.Fatal(err)
	}
}

// events is how many the person's database holds.
func (p *person) events() string {
	p.t.Helper()
	return strings.TrimSpace(strings.TrimPrefix(p.must("analytics", "sql", "--output", "csv",
		"SELECT count(*) AS n FROM events"), "n\n"))
}

// The ways to get in, as lines of a client.properties.

func (p *person) trust() string {
	return "ssl.ca.location=" + p.file("ca.pem", p.authority.PEM) + "\n"
}

func (p *person) byPassword(mechanism, user string) string {
	return fmt.Sprintf("bootstrap.servers=%s\nsecurity.protocol=SASL_SSL\nsasl.mechanisms=%s\nsasl.username=%s\nsasl.password=%s\n",
		p.kafka.Login, mechanism, user, password(user)) + p.trust()
}

func (p *person) byCertificate(user string) string {
	certificate, key := p.authority.Sign(named(user))
	return fmt.Sprintf("bootstrap.servers=%s\nsecurity.protocol=SSL\nssl.certificate.location=%s\nssl.key.location=%s\n",
		p.kafka.Mutual, p.file("user.crt", certificate), p.file("user.key", key)) + p.trust()
}

func (p *person) byToken(user, audience string) string {
	return fmt.Sprintf("bootstrap.servers=%s\nsecurity.protocol=SASL_SSL\nsasl.mechanisms=OAUTHBEARER\nsasl.oauthbearer.method=oidc\n"+
		"sasl.oauthbearer.token.endpoint.url=%s/token\nsasl.oauthbearer.client.id=%s\nsasl.oauthbearer.client.secret=%s\nsasl.oauthbearer.scope=%s\n",
		p.kafka.Login, p.issuer.URL, user, password(user), audience) + p.trust()
}

// javaConfig is a client.properties as Confluent Cloud hands it out for Java.
func javaConfig(p *person) string {
	return fmt.Sprintf(`# Required connection configs for Kafka producer, consumer, and admin
bootstrap.servers=%s
security.protocol=SASL_SSL
sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username='%s' password='%s';
sasl.mechanism=PLAIN
# Required for correctness in Apache Kafka clients prior to 2.6
client.dns.lookup=use_all_dns_ips

# Best practice for higher availability in Apache Kafka clients prior to 3.0
session.timeout.ms=45000

# Best practice for Kafka producer to prevent data loss
acks=all

# Required connection configs for Confluent Cloud Schema Registry
schema.registry.url=%s
basic.auth.credentials.source=USER_INFO
basic.auth.user.info=KEY:%s

ssl.truststore.type=PEM
ssl.truststore.location=%s
`, p.kafka.Login, admin, password(admin), p.emptyRegistry(), password("registry"), p.file("ca.pem", p.authority.PEM))
}

// emptyRegistry is a schema registry without subjects that wants KEY's password.
func (p *person) emptyRegistry() string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, given, _ := r.BasicAuth(); given != password("registry") {
			http.Error(w, `{"error_code":401,"message":"Unauthorized"}`, http.StatusUnauthorized)
			return
		}
		http.Error(w, `{"error_code":40401,"message":"Subject not found"}`, http.StatusNotFound)
	}))
	p.t.Cleanup(server.Close)
	return server.URL
}

// apiKey has everything in variables, and no file.
func apiKey(p *person) string {
	p.environment = []string{"KAFKA_BOOTSTRAP_SERVERS=" + p.kafka.Login, "KAFKA_API_KEY=" + admin, "KAFKA_API_SECRET=" +
		password(admin),
		"KAFKA_SSL_CA_LOCATION=" + p.file("ca.pem", p.authority.PEM)}
	return ""
}
