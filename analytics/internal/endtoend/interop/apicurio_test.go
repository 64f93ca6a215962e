package interop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"purchases/analytics/internal/testkit/cluster"
	"purchases/analytics/internal/testkit/process"
)

// The registry that tests run, from Maven Central.
const (
	version  = "2.6.13.Final"
	artifact = "io.apicurio:apicurio-registry-app:" + version + ":tar.gz:all"
	archive  = "apicurio-registry-app-" + version + "-all.tar.gz"
	sum      = "3cda1b34aa020fb4ac4dd6a66018d757e81e437f97e20a1f92d366b70091c6ba"
	copyGoal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
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
	maven := exec.CommandContext(ctx, "mvn", "-q", "-B", "-ntp", copyGoal,
		"-Dartifact="+artifact, "-DoutputDirectory="+dir)
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
	tar := exec.CommandContext(ctx, "tar", "-C", dir, "-xzf", filepath.Join(dir, archive))
	if output, err := tar.CombinedOutput(); err != nil {
		return "", fmt.Errorf("unpack %s: %w: %s", archive, err, output)
	}
	return jar, os.Remove(filepath.Join(dir, archive))
}

// apicurio is a registry that runs, in memory.
type apicurio struct {
	*process.Process
	// origin is http://host:port, url that of its Confluent API.
	origin, url string
}

const confluentAPI = "/apis/ccompat/v7"

// startApicurio starts the registry and waits until it answers.
func startApicurio(ctx context.Context, dir string) (*apicurio, error) {
	jar, err := bring(ctx)
	if err != nil {
		return nil, err
	}
	port, err := cluster.FreePort()
	if err != nil {
		return nil, err
	}
	a := &apicurio{origin: fmt.Sprintf("http://127.0.0.1:%d", port)}
	a.url = a.origin + confluentAPI
	java := exec.Command("java", "-Xmx400m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Dquarkus.http.host=127.0.0.1", fmt.Sprintf("-Dquarkus.http.port=%d", port), "-jar", jar)
	if a.Process, err = process.Start("apicurio", java, filepath.Join(dir, "apicurio.log")); err != nil {
		return nil, err
	}
	return a, a.await(ctx)
}

// await waits until the registry answers.
func (a *apicurio) await(ctx context.Context) error {
	for {
		if answer, err := http.Get(a.url + "/subjects"); err == nil && answer.StatusCode == http.StatusOK {
			return answer.Body.Close()
		}
		select {
		case <-a.Done():
			return fmt.Errorf("start the registry: %w", a.Err())
		case <-ctx.Done():
			return fmt.Errorf("start the registry, see %s: %w", a.LogFile, ctx.Err())
		case <-time.After(poll):
		}
	}
}

// ask sends a request to the registry's Confluent API, which has to succeed, and
// reads the answer.
func (a *apicurio) ask(t *testing.T, method, path, body string, into any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || json.Unmarshal(text, into) != nil {
		t.Fatalf("%s %s: %s %s, %v", method, path, answer.Status, text, err)
	}
}

// register registers a schema and returns its id.
func (a *apicurio) register(t *testing.T, subject, kind, schema string) int32 {
	t.Helper()
	body, err := json.Marshal(map[string]string{"schemaType": kind, "schema": schema})
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ ID int32 }
	a.ask(t, http.MethodPost, "/subjects/"+subject+"/versions", string(body), &answer)
	return answer.ID
}

// keepTo sets the compatibility of a subject.
func (a *apicurio) keepTo(t *testing.T, subject, level string) {
	t.Helper()
	a.ask(t, http.MethodPut, "/config/"+subject, fmt.Sprintf(`{"compatibility":%q}`, level), new(struct{}))
}
