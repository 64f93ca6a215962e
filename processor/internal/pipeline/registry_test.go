package pipeline

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/processor/internal/deserialize"
	"purchases/producer/purchase"
	"purchases/producer/registry"
)

const avroSchema = `{"type":"record","name":"P","fields":[{"name":"user","type":"string"},{"name":"item","type":"string"},
	{"name":"timestamp","type":{"type":"long","logicalType":"timestamp-millis"}}]}`

// newRegistry is a registry that answers 503 while it is away.
func newRegistry(t testing.TB) (*srfake.Registry, *atomic.Bool) {
	away := new(atomic.Bool)
	fake := srfake.New()
	t.Cleanup(fake.Close)
	fake.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		if away.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return away.Load()
	})
	return fake, away
}

func register(t *testing.T, fake *srfake.Registry, subject string) int32 {
	id, _, err := fake.RegisterSchema(subject, sr.Schema{Schema: avroSchema, Type: sr.TypeAvro})
	if err != nil {
		t.Fatal(err)
	}
	return int32(id)
}

func avroMessage(t *testing.T, id int32, user string) *sarama.ProducerMessage {
	value, err := avro.MustParse(avroSchema).
		Encode(map[string]any{"user": user, "item": "tea", "timestamp": time.UnixMilli(1769860800123)})
	if err != nil {
		t.Fatal(err)
	}
	return message(user, string(append(registry.Append(nil, id), value...)))
}

func TestMixedTopicWithoutARegistry(t *testing.T) {
	c := newCluster(t)
	c.produce(10)
	c.send(avroMessage(t, 1, "u"))
	if totals, want := c.mustDrain(), (Totals{Events: 10, DeadLetters: 1}); totals != want {
		t.Errorf("totals %+v, want %+v", totals, want)
	}
	c.wantLetter(deserialize.RegistryNotConfigured)
}

// wantLetter checks the only dead letter: its value is that of the input.
func (c *cluster) wantLetter(reason purchase.Reason) {
	c.t.Helper()
	letters := c.read(deadletter.Topic)
	if len(letters) != 1 {
		c.t.Fatalf("%d dead letters", len(letters))
	}
	l, err := deadletter.Parse(letters[0])
	if err != nil || l.Reason != reason || l.Value[0] != 0 {
		c.t.Errorf("letter %s %q, %v; want %s", l.Reason, l.Value, err, reason)
	}
}

func TestMixedTopicWithARegistry(t *testing.T) {
	c := newCluster(t)
	fake, _ := newRegistry(t)
	c.settings.Registry.URLs = []string{fake.URL()}
	id := register(t, fake, "purchases-value")
	var frames []*sarama.ProducerMessage
	for i := range 100 {
		frames = append(frames, avroMessage(t, id, fmt.Sprint("user-", i%17)))
	}
	c.produce(100)
	c.send(frames...)
	c.produce(100)
	broken := avroMessage(t, id, "u")
	broken.Value = sarama.StringEncoder(string(broken.Value.(sarama.StringEncoder))[:8])
	c.send(broken)
	if totals, want := c.mustDrain(), (Totals{Events: 300, DeadLetters: 1}); totals != want {
		t.Errorf("totals %+v, want %+v", totals, want)
	}
	c.wantLetter(deserialize.NotOfItsSchema)
	if totals := c.mustDrain(); totals != (Totals{}) {
		t.Errorf("a second run did %+v", totals)
	}
}

// A registry that goes away holds up what it is needed for, and nothing else.
func TestRegistryAwayInMidRun(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	fake, away := newRegistry(t)
	c.settings.Registry.URLs = []string{fake.URL()}
	known, fresh := register(t, fake, "purchases-value"), int32(0)
	lines := new(logLines)
	s := c.run()
	s.Log = lines.logger()
	stop := start(t, s)
	c.send(avroMessage(t, known, "u"))
	c.waitFor(1)
	fake.SeedSchema("other", 1, 4711, sr.Schema{Schema: strings.Replace(avroSchema, `"P"`, `"Q"`, 1), Type: sr.TypeAvro})
	fresh = 4711
	away.Store(true)
	c.send(avroMessage(t, known, "u"), message("u", `{"user":"u","item":"i","timestamp":"2026-01-02T03:04:05Z"}`),
		avroMessage(t, fresh, "u"))
	c.waitFor(3)
	c.eventually("it says so", func() bool { return lines.count("schema registry is unreachable") > 0 })
	away.Store(false)
	c.waitFor(4)
	if err := stop(); err != nil || lines.count("schema registry is unreachable") != 1 {
		t.Errorf("%v, it was said %d times", err, lines.count("schema registry is unreachable"))
	}
	if letters := c.read(deadletter.Topic); len(letters) > 0 {
		t.Errorf("%d dead letters", len(letters))
	}
}

func TestEventsInTheFrameOfASchema(t *testing.T) {
	c := newCluster(t)
	c.produce(10)
	s := c.drain()
	s.Frame = registry.Append(nil, 258)
	if _, err := Run(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	for _, m := range c.read(enriched.Topic) {
		if e, err := enriched.Decode(m.Value, time.Now()); err != nil ||
			!strings.HasPrefix(string(m.Value), "\x00\x00\x00\x01\x02{") || string(m.Key) != e.User {
			t.Errorf("%q: %+v, %v", m.Value, e, err)
		}
	}
}
