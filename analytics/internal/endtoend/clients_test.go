package endtoend_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestClients runs the recipes of docs/clients.md as they stand there.
func TestClients(t *testing.T) {
	if current.clients == "" {
		t.Skip("NOT TESTED: the recipes for other programs, `make test-clients` does")
	}
	m := newMachine(t)
	m.run("producer", "import", "--preset", "online-retail", m.startOfSample(20_000))
	m.run("processor", "run", "--drain")
	m.run("analytics", "run", "--drain")
	address := m.serve("serve")
	script, err := filepath.Abs("../../../.ci/clients/test.py")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(filepath.Join(current.clients, "python"), script, "http://"+address, m.database())
	c.Dir = m.dir
	c.Env = append(os.Environ(), "PATH="+current.clients+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := c.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}
