package endtoend_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"purchases/producer/sample"
)

// apiOptions are the flags of TestAPI.
type apiOptions struct {
	tester string // folder of the programs openapi-spec-validator and schemathesis
	seed   string
}

// TestAPI has a validator read the OpenAPI document, and a property-based tester
// send requests, right ones and wrong ones, that it makes from the document. The
// database holds the first 20,000 rows of the sample. Streams of events are left
// out, as they do not end.
func TestAPI(t *testing.T) {
	if current.api.tester == "" {
		t.Skip("NOT TESTED: the OpenAPI document and what follows from it, `make test-api` does")
	}
	m := newMachine(t)
	m.run("producer", "import", "--preset", "online-retail", m.startOfSample(20_000))
	m.run("processor", "run", "--drain")
	m.run("analytics", "run", "--drain")

	const token = "a-token-for-this-test"
	if err := os.WriteFile(filepath.Join(m.dir, "token"), []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	address := m.serve("serve", "--auth-token-file", "token")
	document := filepath.Join(m.dir, "openapi.json")
	if err := download("http://"+address+"/api/openapi.json", token, document); err != nil {
		t.Fatal(err)
	}

	m.test("openapi-spec-validator", document)
	m.test("schemathesis", "run", document, "--url", "http://"+address, "--header", "Authorization: Bearer "+token,
		"--exclude-path-regex", "/events$", "--checks", "all", "--phases", "examples,coverage,fuzzing",
		"--max-examples", "50", "--seed", current.api.seed)
}

// startOfSample writes the sample's header and first rows to a file.
func (m *machine) startOfSample(rows int) (path string) {
	m.t.Helper()
	in, err := sample.Open()
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	path = filepath.Join(m.dir, "start.csv")
	out, err := os.Create(path)
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	lines := bufio.NewScanner(in)
	for n := 0; n <= rows && lines.Scan(); n++ {
		if _, err := out.WriteString(lines.Text() + "\n"); err != nil {
			m.t.Fatal(err)
		}
	}
	return path
}

func download(url, token, path string) error {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(path, body, 0o644)
}

// test runs one of the testers, and shows what it says.
func (m *machine) test(program string, args ...string) {
	m.t.Helper()
	hooks, err := filepath.Abs("../../../.ci/api")
	if err != nil {
		m.t.Fatal(err)
	}
	c := exec.Command(filepath.Join(current.api.tester, program), args...)
	c.Dir = m.dir
	c.Env = append(os.Environ(), "SCHEMATHESIS_HOOKS=hooks", "PYTHONPATH="+hooks, "PYTHONDONTWRITEBYTECODE=1")
	out, err := c.CombinedOutput()
	m.t.Logf("%s\n%s", program, out)
	if err != nil {
		m.t.Errorf("%s: %v", program, err)
	}
}
