// Package interop tests the processor with a real schema registry and Confluent's
// own serializers.
package interop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The registry that tests run, from Maven Central.
const (
	version  = "2.6.13.Final"
	artifact = "io.apicurio:apicurio-registry-app:" + version + ":tar.gz:all"
	archive  = "apicurio-registry-app-" + version + "-all.tar.gz"
	sum      = "3cda1b34aa020fb4ac4dd6a66018d757e81e437f97e20a1f92d366b70091c6ba"
	copyGoal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
	patience = time.Minute
)

// bring returns the folder that holds the registry, in the user's cache.
func bring(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "purchases", "apicurio-"+version)
	jar := filepath.Join(dir, "apicurio-registry-app-"+version+"-runner.jar")
	if _, err := os.Stat(jar); err == nil {
		return jar, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	maven := exec.CommandContext(ctx, "mvn", "-q", "-B", "-ntp", copyGoal, "-Dartifact="+artifact, "-DoutputDirectory="+dir)
	if output, err := maven.CombinedOutput(); err != nil {
		return "", fmt.Errorf("bring Apicurio %s by Maven: %w: %s", version, err, output)
	}
	content, err := os.ReadFile(filepath.Join(dir, archive))
	if err != nil {
		return "", err
	}
	if found := sha256.Sum256(content); hex.EncodeToString(found[:]) != sum {
		return "", fmt.Errorf("%s has the SHA-256 %x, want %s", archive, found, sum)
	}
	if output, err := exec.CommandContext(ctx, "tar", "-C", dir, "-xzf", filepath.Join(dir, archive)).CombinedOutput(); err != nil {
		return "", fmt.Errorf("unpack %s: %w: %s", archive, err, output)
	}
	return jar, os.Remove(filepath.Join(dir, archive))
}

// start runs the registry, in memory, until the test ends, and returns the URL of its
// Confluent API.
func start(t *testing.T) (string, error) {
	ctx := t.Context()
	jar, err := bring(ctx)
	if err != nil {
		return "", err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	if err := free.Close(); err != nil {
		return "", err
	}
	java := exec.CommandContext(ctx, "java", "-Xmx400m", "-Dquarkus.http.host=127.0.0.1", "-Dquarkus.http.port="+port, "-jar", jar)
	output := new(strings.Builder)
	java.Stdout, java.Stderr = output, output
	if err := java.Start(); err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- java.Wait() }()
	t.Cleanup(func() {
		_ = java.Process.Kill()
		if err := <-ended; err != nil {
			t.Logf("the registry ended: %v", err)
		}
	})
	url := "http://127.0.0.1:" + port + "/apis/ccompat/v7"
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		select {
		case err := <-ended:
			ended <- err
			return "", fmt.Errorf("the registry ended: %w: %s", err, output)
		case <-time.After(200 * time.Millisecond):
		}
		if answer, err := http.Get(url + "/subjects"); err == nil {
			return url, answer.Body.Close()
		}
	}
	return "", fmt.Errorf("the registry does not answer within %s", patience)
}
