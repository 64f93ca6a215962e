package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kfake"
)

// startEmptyCluster gives a script a cluster without topics.
func startEmptyCluster(env *testscript.Env) error {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		return err
	}
	env.Defer(cluster.Close)
	env.Setenv("KAFKA_BOOTSTRAP_SERVERS", cluster.ListenAddrs()[0])
	return nil
}

func TestTopicsScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Files: []string{"testdata/topics.txtar"},
		Setup: startEmptyCluster,
		Cmds:  map[string]func(*testscript.TestScript, bool, []string){"exitcode": exitCode},
	})
}
