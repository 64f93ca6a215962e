// Package security runs the three programs, as people run them, against a
// real Apache Kafka that lets in only whom it knows, and beside other clients.
package security

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"purchases/analytics/internal/testkit/cluster"
	"purchases/producer/testkit/testca"
)

const (
	partitions = 4 // of each topic
	startTime  = 2 * time.Minute
	patience   = time.Minute // for one program that should end by itself

	admin   = "admin"   // may do everything, however it logs in
	creator = "creator" // makes the topics
	// secretMark is in every secret of these tests. No program may show it.
	secretMark = "hidden"
)

// suite is what the tests share.
type suite struct {
	dir, binaries string
	kafka         *cluster.Secured
	authority     *testca.Authority
	issuer        *issuer
}

var (
	kind = flag.String("cluster", "", "run these tests when it is `kafka`")
	// shared belongs to TestMain, which no test can be handed anything by.
	shared = sync.OnceValues(newSuite)
	opened *suite
)

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	opened.close(code == 0)
	os.Exit(code)
}

// secured is the cluster and the programs, started for the first test.
func secured(t *testing.T) *suite {
	t.Helper()
	if *kind != "kafka" {
		t.Skip("NOT TESTED here: needs a secured Apache Kafka of the test's own, run it with make test-kafka")
	}
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newSuite() (*suite, error) {
	dir, err := os.MkdirTemp("", "purchases-secured")
	if err != nil {
		return nil, err
	}
	opened = &suite{dir: dir, binaries: filepath.Join(dir, "bin"), authority: testca.New(), issuer: newIssuer()}
	build := exec.Command("go", "build", "-o", opened.binaries+"/", "purchases/producer", "purchases/processor",
		"purchases/analytics")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	opened.kafka, err = cluster.ApacheSecured(ctx, filepath.Join(dir, "kafka"), opened.security())
	return opened, err
}

func (s *suite) security() cluster.Security {
	pair := func(edit func(*x509.Certificate)) (p cluster.Pair) {
		p.Certificate, p.Key = s.authority.Sign(edit)
		return p
	}
	passwords := map[string]string{}
	for _, user := range append([]string{admin, creator}, programs...) {
		passwords[user] = password(user)
	}
	return cluster.Security{
		Authority:          s.authority.PEM,
		Certificate:        pair(nil),
		ExpiredCertificate: pair(expired),
		Passwords:          passwords,
		Tokens:             s.issuer.keySet(), Audience: audience,
		Super:         []string{"User:" + admin, "User:CN=" + admin},
		LoginLifetime: loginLifetime,
	}
}

func (s *suite) close(passed bool) {
	if s == nil {
		return
	}
	s.issuer.close()
	if s.kafka != nil {
		_ = s.kafka.Close()
	}
	if !passed {
		fmt.Fprintf(os.Stderr, "the broker's log is kept in %s\n", s.dir)
		return
	}
	_ = os.RemoveAll(s.dir)
}

func password(user string) string { return secretMark + "-" + user }

func expired(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }

// named makes it a certificate of the user.
func named(user string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: user} }
}
