package kafka_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/urfave/cli/v2"
	"github.com/youmark/pkcs8"

	"purchases/producer/cmdline"
	"purchases/producer/kafka"
	"purchases/producer/testkit/testca"
)

// mutual requires a client certificate.
func mutual(a *testca.Authority) *tls.Config {
	c := a.Server(nil)
	c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	c.ClientCAs.AppendCertsFromPEM(a.PEM)
	return c
}

// locked encrypts a key.
func locked(t *testing.T, key []byte, password string) []byte {
	t.Helper()
	block, _ := pem.Decode(key)
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	der, err := pkcs8.MarshalPrivateKey(private, []byte(password), nil)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der})
}

// file writes content for the test's user alone and returns its path.
func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// secured runs a broker with users; a nil config is without TLS.
func secured(t *testing.T, config *tls.Config, more ...kfake.Opt) string {
	t.Helper()
	opts := append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(2, topic)}, more...)
	if config != nil {
		opts = append(opts, kfake.TLS(config))
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster.ListenAddrs()[0]
}

func users() []kfake.Opt {
	return []kfake.Opt{kfake.EnableSASL(), kfake.Superuser("PLAIN", "anna", "plain"),
		kfake.Superuser("SCRAM-SHA-256", "ben", "scram256"), kfake.Superuser("SCRAM-SHA-512", "cleo", "scram512")}
}

// read resolves the settings as a program does, from a file's lines and flags,
// and returns what it wrote to its standard error.
func read(t *testing.T, lines string, flags ...string) (kafka.Settings, string, error) {
	t.Helper()
	var settings kafka.Settings
	var failure error
	app := &cli.App{Name: "test", Commands: []*cli.Command{{Name: "run", Flags: kafka.Flags(),
		Action: func(c *cli.Context) error {
			settings, failure = kafka.FromFlags(c)
			return failure
		}}}}
	args := []string{"test", "run"}
	if lines != "" {
		args = append(args, "--kafka-config", file(t, "client.properties", []byte(lines)))
	}
	var stdout, stderr bytes.Buffer
	if code := cmdline.Run(t.Context(), app, append(args, flags...), &stdout, &stderr); code != 0 && failure == nil {
		t.Fatalf("exit %d: %s", code, &stderr)
	}
	return settings, stderr.String(), failure
}

// connectWith connects with the file's lines and tells how long it took.
func connectWith(t *testing.T, lines string) (time.Duration, error) {
	t.Helper()
	settings, _, err := read(t, lines)
	if err != nil {
		t.Fatal(err)
	}
	return connectTo(t, settings)
}

func connectTo(t *testing.T, settings kafka.Settings) (time.Duration, error) {
	t.Helper()
	began := time.Now()
	client, err := settings.Connect(t.Context(), settings.Config())
	took := time.Since(began)
	if err != nil {
		return took, err
	}
	defer func() { _ = client.Close() }()
	if partitions, err := kafka.Partitions(client, topic); err != nil || len(partitions) != 2 {
		t.Errorf("Partitions = %v, %v", partitions, err)
	}
	return took, nil
}

func TestLogins(t *testing.T) {
	a := testca.New()
	ca := file(t, "ca.PEM", a.PEM)
	clear, encrypted := secured(t, nil, users()...), secured(t, a.Server(nil), users()...)
	for _, tt := range []struct{ name, address, lines string }{
		{"PLAIN, librdkafka's spelling", clear,
			"security.protocol=sasl_plaintext\nsasl.mechanisms=PLAIN\nsasl.username=anna\nsasl.password=plain"},
		{"PLAIN, Java's spelling", clear,
			"security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username=\"anna\" password=\"plain\";"},
		{"SCRAM-SHA-256", clear, "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\nsasl.username=ben\nsasl.password=scram256"},
		{"SCRAM-SHA-512 over TLS", encrypted, "security.protocol=SASL_SSL\nssl.ca.location=" + ca +
			"\nsasl.mechanism=SCRAM-SHA-512\nsasl.username=cleo\nsasl.password=scram512"},
		{"SCRAM-SHA-512 in Java's spelling", encrypted,
			"security.protocol=SASL_SSL\nssl.truststore.type=PEM\nssl.truststore.location=" + ca +
				"\nsasl.mechanism=SCRAM-SHA-512\nsasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule " +
				"required \\\n  username='cleo' \\\n  password='scram512' ;"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := connectWith(t, "bootstrap.servers="+tt.address+"\n"+tt.lines); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestMutualTLS(t *testing.T) {
	a := testca.New()
	address := secured(t, mutual(a))
	certificate, plainKey := a.Sign(nil)
	lockedKey := locked(t, plainKey, "open sesame")
	inline := func(text []byte) string { return strings.ReplaceAll(string(text), "\n", "\\n") }
	for name, lines := range map[string]string{
		"files": fmt.Sprintf("ssl.ca.location=%s\nssl.certificate.location=%s\nssl.key.location=%s",
			file(t, "ca.PEM", a.PEM), file(t, "cert.pem", certificate), file(t, "key.pem", plainKey)),
		"Java's keystore": fmt.Sprintf("ssl.truststore.location=%s\nssl.keystore.type=PEM\nssl.keystore.location=%s",
			file(t, "ca.PEM", a.PEM), file(t, "keystore.pem", append(plainKey, certificate...))),
		"encrypted key": fmt.Sprintf("ssl.ca.location=%s\nssl.certificate.location=%s\nssl.key.location=%s\nssl.key.password=open sesame",
			file(t, "ca.PEM", a.PEM), file(t, "cert.pem", certificate), file(t, "key.pem", lockedKey)),
		"inline": fmt.Sprintf("ssl.truststore.certificates=%s\nssl.keystore.certificate.chain=%s\nssl.keystore.key=%s",
			inline(a.PEM), strings.ReplaceAll(string(certificate), "\n", " "), inline(plainKey)),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := connectWith(t, "bootstrap.servers="+address+"\nsecurity.protocol=SSL\n"+lines); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestChecksThatCanBeGivenUp(t *testing.T) {
	a := testca.New()
	address := secured(t, a.Server(func(c *x509.Certificate) {
		c.IPAddresses, c.DNSNames = nil,
			[]string{"broker.example"}
	}))
	base := "bootstrap.servers=" + address + "\nsecurity.protocol=SSL\n"
	ca := "ssl.ca.location=" + file(t, "ca.PEM", a.PEM) + "\n"
	for name, tt := range map[string]struct{ lines, fails string }{
		"all on":                         {ca, "another host name"},
		"no name":                        {ca + "ssl.endpoint.identification.algorithm=", ""},
		"no name, in words":              {ca + "ssl.endpoint.identification.algorithm=none", ""},
		"no name, but another authority": {"ssl.endpoint.identification.algorithm=", "ssl.ca.location"},
		"nothing":                        {"enable.ssl.certificate.verification=false", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := connectWith(t, base+tt.lines)
			if tt.fails != "" {
				wantText(t, err, tt.fails)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// Each failure is named within five seconds, and says what to set.
func TestFailuresAreNamed(t *testing.T) {
	a := testca.New()
	ca := "ssl.ca.location=" + file(t, "ca.PEM", a.PEM) + "\n"
	expired := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	elsewhere := func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"broker.example"} }
	login := "sasl.mechanism=PLAIN\nsasl.username=anna\nsasl.password=plain\n"
	wrong := "sasl.username=anna\nsasl.password=WRONG-PASSWORD\nsasl.mechanism="
	for _, tt := range []struct {
		name, address, lines string
		want                 []string
	}{
		{"nobody listens", closedPort(t), "", []string{"connection refused", "`producer broker`"}},
		{"no such name", "broker.invalid:9092", "", []string{"broker.invalid", "--bootstrap-servers"}},
		{"wrong password", secured(t, nil, users()...), "security.protocol=SASL_PLAINTEXT\n" + wrong + "PLAIN",
			[]string{`"anna"`, "PLAIN", "wrong user name or password"}},
		{"wrong password by SCRAM", secured(t, nil, users()...), "security.protocol=SASL_PLAINTEXT\n" + wrong +
			"SCRAM-SHA-512", []string{`"anna"`, "SCRAM-SHA-512", "wrong user name or password"}},
		{"wrong mechanism", secured(t, nil, users()...), "security.protocol=SASL_PLAINTEXT\n" + oauthLines(t),
			[]string{"sasl.mechanism=OAUTHBEARER", "it offers PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"}},
		{"no login", secured(t, nil, users()...), "",
			[]string{"requires a login", "PLAIN", "security.protocol=SASL_PLAINTEXT"}},
		{"no login over TLS", secured(t, a.Server(nil), users()...), "security.protocol=SSL\n" + ca,
			[]string{"requires a login", "security.protocol=SASL_SSL"}},
		{"TLS to a plaintext port", secured(t, nil), "security.protocol=SSL\n" + ca,
			[]string{"does not use TLS", "security.protocol=PLAINTEXT"}},
		{"login over TLS to a plaintext port", secured(t, nil, users()...), "security.protocol=SASL_SSL\n" + login + ca,
			[]string{"does not use TLS", "security.protocol=SASL_PLAINTEXT"}},
		{"plaintext to a TLS port", secured(t, a.Server(nil)), "",
			[]string{"uses TLS on this port", "security.protocol=SSL"}},
		{"login in plaintext to a TLS port", secured(t, a.Server(nil), users()...), "security.protocol=SASL_PLAINTEXT\n" +
			login, []string{"uses TLS on this port", "security.protocol=SASL_SSL"}},
		{"unknown authority", secured(t, testca.New().Server(nil)), "security.protocol=SSL\n" + ca,
			[]string{"unknown authority", "ssl.ca.location"}},
		{"wrong host name", secured(t, a.Server(elsewhere)), "security.protocol=SSL\n" + ca,
			[]string{"another host name", "127.0.0.1"}},
		{"expired certificate", secured(t, a.Server(expired)), "security.protocol=SSL\n" + ca, []string{"expired", "clock"}},
		{"no client certificate", secured(t, mutual(a)), "security.protocol=SSL\n" + ca,
			[]string{"requires a client certificate", "ssl.certificate.location"}},
		{"client certificate of another authority", secured(t, mutual(a)), "security.protocol=SSL\n" +
			ca + clientLines(t, testca.New(), nil), []string{"rejected this client's certificate"}},
		{"expired client certificate", secured(t, mutual(a)), "security.protocol=SSL\n" + ca + clientLines(t, a, expired),
			[]string{"this client's certificate expired on "}},
		{"silence", silence(t), "", []string{"answer", " within "}},
		{"silence and TLS", silence(t), "security.protocol=SSL\n" + ca, []string{"TLS handshake", "TLS port?"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			settings, _, err := read(t, "bootstrap.servers="+tt.address+"\n"+tt.lines)
			if err != nil {
				t.Fatal(err)
			}
			t.Parallel()
			took, err := connectTo(t, settings)
			wantText(t, err, append(tt.want, tt.address)...)
			if err != nil && (strings.Contains(err.Error(), "WRONG-PASSWORD") || strings.Contains(err.Error(), "\n")) {
				t.Errorf("the error is not fit to print: %q", err)
			}
			if took > 15*time.Second { // three times as long as when the machine has time
				t.Errorf("it took %s", took)
			}
			t.Logf("%.1fs %v", took.Seconds(), err)
		})
	}
}

// One broker that answers is enough.
func TestConnectPastDeadBrokers(t *testing.T) {
	settings := newBroker(t)
	settings.Bootstrap = []string{closedPort(t), settings.Bootstrap[0], closedPort(t)}
	connect(t, settings)
}

func TestFailureOfSeveralBrokersNamesEach(t *testing.T) {
	a := testca.New()
	closed, encrypted := closedPort(t), secured(t, a.Server(nil))
	_, err := connectWith(t, "bootstrap.servers="+closed+","+encrypted)
	wantText(t, err, closed+": ", "connection refused", encrypted+": the broker uses TLS on this port")
}

// silence accepts connections and never says a word.
func silence(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String() // the kernel accepts
}

func clientLines(t *testing.T, a *testca.Authority, edit func(*x509.Certificate)) string {
	certificate, key := a.Sign(edit)
	return fmt.Sprintf("ssl.certificate.location=%s\nssl.key.location=%s\n", file(t, "cert.pem", certificate),
		file(t, "key.pem", key))
}

// oauthLines names a token endpoint that knows one client.
func oauthLines(t *testing.T) string {
	t.Helper()
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if id != "shop" || secret != "s3cret" || r.FormValue("grant_type") != "client_credentials" ||
			r.FormValue("scope") != "kafka" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":"invalid_client","error_description":"who are you?"}`)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "the-token", "token_type": "Bearer", "expires_in": 3600})
	}))
	t.Cleanup(endpoint.Close)
	return "sasl.mechanism=OAUTHBEARER\nsasl.oauthbearer.token.endpoint.url=" + endpoint.URL +
		"/token\nsasl.oauthbearer.client.id=shop\nsasl.oauthbearer.client.secret=s3cret\nsasl.oauthbearer.scope=kafka\nsasl.oauthbearer.extensions=logicalCluster=lkc-1,identityPoolId=pool-2\n"
}

func TestOAuthFetchesTokens(t *testing.T) {
	settings, _, err := read(t, "security.protocol=SASL_PLAINTEXT\n"+oauthLines(t))
	if err != nil {
		t.Fatal(err)
	}
	token, err := settings.SASL.Tokens.Token()
	if err != nil || token.Token != "the-token" || token.Extensions["logicalCluster"] != "lkc-1" ||
		token.Extensions["identityPoolId"] != "pool-2" {
		t.Errorf("token %v, %v", token, err)
	}
}

func TestOAuthInJavasSpelling(t *testing.T) {
	lines := strings.Split(oauthLines(t), "\n")
	settings, _, err := read(t, "security.protocol=SASL_PLAINTEXT\n"+lines[0]+"\n"+lines[1]+
		"\nsasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId='shop' "+
		"clientSecret='s3cret' scope='kafka' extension_logicalCluster='lkc-1';")
	if err != nil {
		t.Fatal(err)
	}
	token, err := settings.SASL.Tokens.Token()
	if err != nil || token.Extensions["logicalCluster"] != "lkc-1" {
		t.Errorf("token %v, %v", token, err)
	}
}

func TestOAuthNamesTheEndpointsRefusal(t *testing.T) {
	lines := strings.Replace(oauthLines(t), "secret=s3cret", "secret=WRONG-PASSWORD", 1)
	settings, _, err := read(t, "security.protocol=SASL_PLAINTEXT\n"+lines)
	if err != nil {
		t.Fatal(err)
	}
	_, err = settings.SASL.Tokens.Token()
	wantText(t, err, "get a token from http://127.0.0.1", "401", "invalid_client", "sasl.oauthbearer.client.id")
	if strings.Contains(err.Error(), "WRONG-PASSWORD") {
		t.Errorf("the error shows the secret: %v", err)
	}
}
