package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"purchases/producer/cmdline"
)

func serveApp() *cli.App {
	return &cli.App{Name: "analytics", Commands: []*cli.Command{serveCommand()}}
}

func TestServeRefusesWhatIsNotSafe(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	short := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(short, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	db := newDatabase(t)
	for _, test := range []struct {
		args string
		code int
		want string
	}{
		{"--http 0.0.0.0:0", 2, "other machines can reach --http 0.0.0.0:0: set --auth-token-file FILE, or --insecure to " +
			"serve without a token"},
		{"--http :0", 2, "other machines can reach --http :0"},
		{"--http [::]:0", 2, "other machines can reach --http [::]:0"},
		{"--http 0.0.0.0:0 --auth-token-file " + short, 1, "has 6 characters, want 16 or more"},
		{"--http 127.0.0.1:0 --auth-token-file nowhere", 1, "read the token: open nowhere"},
		{"--http 127.0.0.1:0 --tls-cert x", 2, "--tls-cert and --tls-key must be set together"},
		{"--http 127.0.0.1:0 --db nowhere.db", 1, "no database at nowhere.db"},
		{"--http 127.0.0.1:0 --queries nowhere", 1, "read the queries in nowhere"},
		{"--http " + taken.Addr().String(), 1, "the address is in use; choose another with --http"},
		{"--http 127.0.0.1:0 --cors-origin https://a.example/x", 2, `--cors-origin "https://a.example/x": want an origin`},
		{"--http=", 2, "--http is empty"},
		{"--http 127.0.0.1:0 x", 2, `takes no arguments, got "x"`},
	} {
		var stdout, stderr bytes.Buffer
		args := append([]string{"analytics", "serve", "--db", db}, strings.Fields(test.args)...)
		code := cmdline.Run(t.Context(), serveApp(), args, &stdout, &stderr)
		if code != test.code || !strings.Contains(stderr.String(), test.want) || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%s: exit %d, stderr %q", test.args, code, stderr.String())
		}
	}
}

// startServe runs `analytics serve` until the test ends, which it must do well, and
// returns the address that it logs.
func startServe(t *testing.T, args ...string) (url string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	log, stderr := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- cmdline.Run(ctx, serveApp(), append([]string{"analytics", "serve", "--db", someItems(t)}, args...),
			io.Discard, stderr)
		_ = stderr.Close()
	}()
	t.Cleanup(func() {
		cancel()
		if code := <-ended; code != 0 {
			t.Errorf("serve ended with %d", code)
		}
	})
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if found := regexp.MustCompile(`url=(\S+)/ `).FindStringSubmatch(lines.Text()); found != nil {
			go func() { _, _ = io.Copy(io.Discard, log) }()
			return found[1]
		}
	}
	t.Fatalf("serve ended without saying where it serves: %v", lines.Err())
	return ""
}

func statusOf(t *testing.T, client *http.Client, url, token string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/v1/queries/top-items", nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func TestServeWithTokenAndTLS(t *testing.T) {
	const token = "0123456789abcdef"
	folder := t.TempDir()
	certificate, key, file := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem"), filepath.Join(folder,
		"token")
	roots := writeCertificate(t, certificate, key)
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := startServe(t, "--http", "0.0.0.0:0", "--auth-token-file", file, "--tls-cert", certificate, "--tls-key", key)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(url, "https://"))
	url = "https://127.0.0.1:" + port
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	for given, want := range map[string]int{"": 401, "0123456789abcdee": 401, token: 200} {
		if got := statusOf(t, client, url, given); got != want {
			t.Errorf("with the token %q: %d, want %d", given, got, want)
		}
	}
}

func TestServeInsecurely(t *testing.T) {
	url := startServe(t, "--http", "0.0.0.0:0", "--insecure")
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	if got := statusOf(t, http.DefaultClient, "http://127.0.0.1:"+port, ""); got != 200 {
		t.Errorf("status %d", got)
	}
}

// A query that is dropped into the folder of a server is there at once.
func TestServeTakesNewQueries(t *testing.T) {
	folder := t.TempDir()
	url := startServe(t, "--http", "127.0.0.1:0", "--queries", folder)
	get := func(path string) string {
		response, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	if list := get("/api/v1/queries"); strings.Contains(list, `"mine"`) {
		t.Fatalf("list %s", list)
	}
	for name, text := range map[string]string{"mine.sql": "-- title: Mine\n-- column n: integer\nSELECT 42 AS n",
		"broken.sql": "-- titel: x"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(time.Minute); !strings.Contains(get("/api/v1/queries/mine"),
		`"rows":[{"n":42}]`); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the query did not come")
		}
	}
	if document := get("/api/openapi.json"); !strings.Contains(document, `"/api/v1/queries/mine"`) {
		t.Error("the query is not in the OpenAPI document")
	}
}

// writeCertificate makes a certificate for 127.0.0.1 and its key.
func writeCertificate(t *testing.T, certificateFile, keyFile string) (roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certificateFile: {Type: "CERTIFICATE", Bytes: certificate},
		keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))
	return roots
}
