package endtoend_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Each script is what a person types, and what comes of it. A script has the
// three programs and a broker of its own at $KAFKA_BOOTSTRAP_SERVERS.
func TestScripts(t *testing.T) {
	if current.shared != nil {
		t.Skip("NOT TESTED on a shared cluster: the scripts use the programs' default topics")
	}
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exitcode": exitCode},
		Setup: func(env *testscript.Env) error {
			broker := newMachine(t)
			env.Setenv("PATH", current.binaries+string(filepath.ListSeparator)+os.Getenv("PATH"))
			env.Setenv("KAFKA_BOOTSTRAP_SERVERS", broker.cluster.Bootstrap())
			env.Setenv("ANALYTICS_HTTP", "")
			return nil
		},
	})
}

// exitCode is the script command "exitcode N program [args...]".
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode N program [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}
