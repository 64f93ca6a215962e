package preflight_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"purchases/producer/kafka"
	"purchases/producer/kafka/preflight"
	"purchases/producer/registry"
)

func TestTheRegistryIsAsked(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "in", "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	fake := srfake.New(srfake.WithAuth("Basic YW5uYTpzZWNyZXQ="), srfake.WithGlobalCompat(sr.CompatBackward))
	defer fake.Close()
	settings := kafka.Settings{Bootstrap: cluster.ListenAddrs(),
		Registry: kafka.Registry{URLs: []string{fake.URL()}, User: "anna"}}
	inspect := func(problems int, want string) {
		t.Helper()
		report, err := preflight.Inspect(t.Context(), settings, needs()[:1])
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		if err := report.Write(&text); err != nil || len(report.Problems) != problems ||
			!strings.Contains(text.String(), want) {
			t.Errorf("%v, %d problems; want %d and %q in\n%s", err, len(report.Problems), problems, want, &text)
		}
	}
	inspect(1, "answered 403")
	settings.Registry.Password = "secret"
	inspect(0, "in-value is not registered")
	if _, _, err := fake.RegisterSchema("in-value", registry.Ours(sr.TypeAvro)); err != nil {
		t.Fatal(err)
	}
	inspect(0, "in-value version 1, AVRO, compatibility BACKWARD")
	inspect(0, "OK")
	fake.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		fails := strings.HasPrefix(r.URL.Path, "/compatibility/")
		if fails {
			http.Error(w, `{"error_code":500,"message":"Syntax error"}`, http.StatusInternalServerError)
		}
		return fails
	})
	inspect(0, "note: subject in-value: whether our schema can follow version 1 is not known: ")
	fake.Close()
	inspect(1, "ask the schema registry for subject")
}
