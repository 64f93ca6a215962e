package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kfake"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/purchase"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"processor": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Setup: startBroker})
}

// startBroker gives each script a broker with the three topics.
func startBroker(env *testscript.Env) error {
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, purchase.Topic, enriched.Topic, deadletter.Topic))
	if err != nil {
		return err
	}
	env.Defer(broker.Close)
	env.Setenv("KAFKA_BOOTSTRAP_SERVERS", broker.ListenAddrs()[0])
	return nil
}

func TestInstancesOfOneMachineDiffer(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	first, releaseFirst, err := claimInstance("a/group")
	if err != nil {
		t.Fatal(err)
	}
	second, releaseSecond, err := claimInstance("a/group")
	if err != nil {
		t.Fatal(err)
	}
	defer releaseSecond()
	if first == second {
		t.Errorf("both are %s", first)
	}
	releaseFirst()
	third, releaseThird, err := claimInstance("a/group")
	if err != nil {
		t.Fatal(err)
	}
	defer releaseThird()
	if third != first {
		t.Errorf("the identity is %s after a restart, was %s", third, first)
	}
}
