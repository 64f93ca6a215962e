package cluster

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"
)

// Pair is a certificate with its key, in PEM.
type Pair struct{ Certificate, Key []byte }

// Security is what a secured broker knows, and of whom.
type Security struct {
	// Authority signs the clients' certificates, in PEM.
	Authority []byte
	// Certificate is what the broker shows on all listeners but one, and
	// ExpiredCertificate on that.
	Certificate, ExpiredCertificate Pair
	// Passwords are those of the users, for PLAIN and for SCRAM-SHA-512.
	Passwords map[string]string
	// Tokens is a JSON web key set, Audience the aud of a token that is for
	// this cluster. The token's sub is the user.
	Tokens, Audience string
	// Super are the principals that may do everything.
	Super []string
	// LoginLifetime is how long a login lasts at most, then the broker drops
	// clients that do not log in again.
	LoginLifetime time.Duration
}

// Secured is an Apache Kafka of one broker that lets in whom it knows, and lets
// these do what ACLs say. One listener has no login, that of
// [Cluster.Addresses], and there everybody may do everything.
type Secured struct {
	*Cluster
	// Mutual requires a client certificate; the user is its subject.
	Mutual string
	// Login takes PLAIN, SCRAM-SHA-512 and OAUTHBEARER, over TLS.
	Login string
	// Expired speaks TLS with the certificate that has expired.
	Expired string

	run jvm
}

// ApacheSecured starts one with its data in dir.
func ApacheSecured(ctx context.Context, dir string, security Security) (*Secured, error) {
	run, err := newJVM(ctx)
	if err != nil {
		return nil, err
	}
	layout, err := newLayout(dir, security)
	if err != nil {
		return nil, err
	}
	properties, err := layout.write()
	if err != nil {
		return nil, err
	}
	if err := run.format(ctx, properties, security.scram()...); err != nil {
		return nil, err
	}
	broker := run
	broker.options = []string{"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=" + layout.KeySet}
	s := &Secured{run: run, Mutual: layout.Mutual, Login: layout.Login, Expired: layout.Expired}
	s.Cluster = &Cluster{Addresses: []string{layout.Open}, Replicas: 1, Brokers: []*Broker{{
		Address: layout.Open, name: "kafka", logFile: filepath.Join(dir, "server.log"),
		command: func() *exec.Cmd { return broker.command("kafka.Kafka", properties) },
	}}}
	return s, s.start(ctx)
}

// layout is where everything of a secured broker is.
type layout struct {
	Security
	Dir, KeySet                              string
	Open, Mutual, Login, Expired, Controller string
}

func newLayout(dir string, security Security) (*layout, error) {
	ports, err := freePorts(5)
	if err != nil {
		return nil, err
	}
	return &layout{
		Security: security, Dir: dir, KeySet: "file://" + filepath.Join(dir, "keys.json"),
		Open: loopback(ports[0]), Mutual: loopback(ports[1]), Login: loopback(ports[2]), Expired: loopback(ports[3]),
		Controller: loopback(ports[4]),
	}, nil
}

//go:embed secured.properties
var securedProperties string

// write makes the files of the broker and returns the path of its configuration.
func (l *layout) write() (string, error) {
	for name, content := range map[string]string{
		"authority.pem": string(l.Authority),
		"broker.pem":    string(l.Certificate.Key) + string(l.Certificate.Certificate),
		"expired.pem":   string(l.ExpiredCertificate.Key) + string(l.ExpiredCertificate.Certificate),
		"keys.json":     l.Tokens,
	} {
		if _, err := write(l.Dir, name, content); err != nil {
			return "", err
		}
	}
	var config strings.Builder
	if err := template.Must(template.New("").Parse(securedProperties)).Execute(&config, l); err != nil {
		return "", fmt.Errorf("configure the broker: %w", err)
	}
	return write(l.Dir, "server.properties", config.String())
}

// scram are the arguments by which a new cluster learns its users.
func (s Security) scram() (args []string) {
	for _, user := range slices.Sorted(maps.Keys(s.Passwords)) {
		args = append(args, "--add-scram", fmt.Sprintf("SCRAM-SHA-512=[name=%s,password=%s]", user, s.Passwords[user]))
	}
	return args
}

// Tool runs the class of one of Kafka's console tools, as who may do
// everything, and returns what it wrote.
func (s *Secured) Tool(ctx context.Context, class string, args ...string) (string, error) {
	command := s.run.command(class, append([]string{"--bootstrap-server", s.Bootstrap()}, args...)...)
	output, err := command.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", class, strings.Join(args, " "), err, output)
	}
	return string(output), ctx.Err()
}
