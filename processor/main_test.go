package main

import (
	"testing"

	"github.com/IBM/sarama"
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

// Each of these scripts has a broker with three invalid purchases.
func TestDeadLetterScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/dlq", Setup: func(env *testscript.Env) error {
		if err := startBroker(env); err != nil {
			return err
		}
		return publish(env.Getenv("KAFKA_BOOTSTRAP_SERVERS"),
			`{"item":"A","timestamp":"2026-01-31T12:00:00Z"}`, `{"item":"B","timestamp":"2026-01-31T12:00:00Z"}`,
			`{"user":"u","timestamp":"2026-01-31T12:00:00Z"}`)
	}})
}

func publish(address string, purchases ...string) error {
	config := sarama.NewConfig()
	config.Producer.Return.Successes = true
	producer, err := sarama.NewSyncProducer([]string{address}, config)
	if err != nil {
		return err
	}
	defer producer.Close()
	for _, text := range purchases {
		if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: purchase.Topic,
			Value: sarama.StringEncoder(text)}); err != nil {
			return err
		}
	}
	return nil
}

// startBroker gives each script a broker with the three topics.
func startBroker(env *testscript.Env) error {
	broker, err := kfake.NewCluster(kfake.NumBrokers(1),
		kfake.SeedTopics(2, purchase.Topic, enriched.Topic, deadletter.Topic))
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

// The input has lost three purchases before the processor came.
func TestGapScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/gap", Setup: func(env *testscript.Env) error {
		broker, err := kfake.NewCluster(kfake.NumBrokers(1),
			kfake.SeedTopics(1, purchase.Topic, enriched.Topic, deadletter.Topic))
		if err != nil {
			return err
		}
		env.Defer(broker.Close)
		env.Setenv("KAFKA_BOOTSTRAP_SERVERS", broker.ListenAddrs()[0])
		const valid = `{"user":"u","item":"tea","timestamp":"2026-01-31T12:00:00Z"}`
		if err := publish(broker.ListenAddrs()[0], valid, valid, valid, valid); err != nil {
			return err
		}
		return broker.DeleteRecords(purchase.Topic, 0, 3)
	}})
}
