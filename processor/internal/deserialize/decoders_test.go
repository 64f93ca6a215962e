package deserialize_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"purchases/processor/internal/deserialize"
	"purchases/producer/kafka"
	"purchases/producer/purchase"
	"purchases/producer/registry"
)

const subject = "purchases-value"

// fixture is a registry and the decoders that ask it.
type fixture struct {
	*srfake.Registry
	settings kafka.Registry
	decoders *deserialize.Decoders
	log      strings.Builder
	requests atomic.Int32
	status   atomic.Int32 // of each answer, if not 0
}

func newFixture(t testing.TB) *fixture {
	f := &fixture{Registry: srfake.New()}
	t.Cleanup(f.Close)
	f.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		f.requests.Add(1)
		status := int(f.status.Load())
		if status != 0 {
			w.WriteHeader(status)
		}
		return status != 0
	})
	f.settings.URLs = []string{f.URL()}
	client, err := registry.Open(f.settings)
	if err != nil {
		t.Fatal(err)
	}
	f.decoders = &deserialize.Decoders{Registry: client, Log: slog.New(slog.NewTextHandler(&f.log, nil))}
	return f
}

func (f *fixture) register(t testing.TB, schema sr.Schema) int32 {
	t.Helper()
	id, _, err := f.RegisterSchema(subject, schema)
	if err != nil {
		t.Fatal(err)
	}
	return int32(id)
}

// json decodes a value, asking the registry if need be.
func (f *fixture) json(t testing.TB, m *sarama.ConsumerMessage) (string, error) {
	t.Helper()
	for {
		value, known, err := f.decoders.JSON(nil, m)
		if known {
			return string(value), err
		}
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		defer stop()
		if err := f.decoders.Fetch(ctx, []*sarama.ConsumerMessage{m}); err != nil {
			t.Fatal(err)
		}
	}
}

func framed(number int32, payload []byte) *sarama.ConsumerMessage {
	return &sarama.ConsumerMessage{Value: append(registry.Append(nil, number), payload...)}
}

func wantReason(t *testing.T, err error, want purchase.Reason) {
	t.Helper()
	var invalid *purchase.Invalid
	if !errors.As(err, &invalid) || invalid.Reason != want || strings.Contains(invalid.Detail, "\n") {
		t.Errorf("error %v, want %s", err, want)
	}
}

func avroValue(t *testing.T, schema string, value any) []byte {
	t.Helper()
	b, err := avro.MustParse(schema).Encode(value)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReasons(t *testing.T) {
	f := newFixture(t)
	long := f.register(t, sr.Schema{Schema: `"long"`, Type: sr.TypeAvro})
	record := f.register(t, sr.Schema{Schema: `{"type":"record","name":"P","fields":[{"name":"user","type":"string"}]}`,
		Type: sr.TypeAvro})
	proto := f.register(t, sr.Schema{Schema: "syntax = \"proto3\";\nmessage P { string user = 1; }",
		Type: sr.TypeProtobuf})
	broken := f.register(t, sr.Schema{Schema: "syntax = \"proto3\";\nmessage P { Absent user = 1; }",
		Type: sr.TypeProtobuf})
	for name, c := range map[string]struct {
		message *sarama.ConsumerMessage
		want    purchase.Reason
	}{
		"no such id":          {framed(4711, []byte{0}), deserialize.UnknownSchema},
		"not a record":        {framed(long, []byte{0}), deserialize.UnsupportedSchema},
		"does not compile":    {framed(broken, []byte{0, 0}), deserialize.UnsupportedSchema},
		"cut off":             {framed(record, []byte{8, 'a'}), deserialize.NotOfItsSchema},
		"more behind":         {framed(record, []byte{2, 'a', 'b'}), deserialize.NotOfItsSchema},
		"no indexes":          {framed(proto, nil), deserialize.NotOfItsSchema},
		"no such message":     {framed(proto, []byte{2, 2}), deserialize.NotOfItsSchema},
		"many indexes":        {framed(proto, []byte{0xfe, 0xff, 0xff, 0xff, 0xf}), deserialize.NotOfItsSchema},
		"protobuf cut off":    {framed(proto, []byte{0, 10, 5, 'a'}), deserialize.NotOfItsSchema},
		"protobuf, not UTF-8": {framed(proto, []byte{0, 10, 1, 0xff}), deserialize.NotOfItsSchema},
		"negative id":         {&sarama.ConsumerMessage{Value: []byte("\x00\xff\xff\xff\xff{}")}, deserialize.NotOfItsSchema},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.json(t, c.message)
			wantReason(t, err, c.want)
		})
	}
	_, known, err := (*deserialize.Decoders)(nil).JSON(nil, framed(1, []byte("{}")))
	if !known {
		t.Error("without a registry, it wants to ask one")
	}
	wantReason(t, err, deserialize.RegistryNotConfigured)
}

func TestAnIdMayComeLate(t *testing.T) {
	f := newFixture(t)
	f.decoders.UnknownAfter = time.Minute
	const schema = `{"type":"record","name":"P","fields":[{"name":"user","type":"string"}]}`
	registered := false
	f.Intercept(func(http.ResponseWriter, *http.Request) bool {
		if f.requests.Load() > 1 && !registered {
			registered = true
			f.SeedSchema(subject, 1, 77, sr.Schema{Schema: schema, Type: sr.TypeAvro})
		}
		return false
	})
	if got, err := f.json(t, framed(77, []byte{2, 'a'})); err != nil || got != `{"user":"a"}` {
		t.Errorf("%s, %v", got, err)
	}
}

func TestAnAwayRegistryIsWaitedForAndSaidOnce(t *testing.T) {
	for _, status := range []int32{401, 403, 404, 429, 500, 503} {
		f := newFixture(t)
		id := f.register(t, sr.Schema{Schema: `{"type":"record","name":"P","fields":[{"name":"user","type":"string"}]}`,
			Type: sr.TypeAvro})
		f.status.Store(status)
		message := framed(id, []byte{2, 'a'})
		ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if err := f.decoders.Fetch(ctx, []*sarama.ConsumerMessage{message}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%d: %v", status, err)
		}
		stop()
		f.status.Store(0)
		if got, err := f.json(t, message); err != nil || got != `{"user":"a"}` {
			t.Errorf("%d: %s, %v", status, got, err)
		}
		if text := f.log.String(); strings.Count(text, "is unreachable") != 1 ||
			strings.Count(text, "is reachable again") != 1 {
			t.Errorf("%d: it logged %s", status, text)
		}
		f.status.Store(status)
		if got, err := f.json(t, message); err != nil || got != `{"user":"a"}` {
			t.Errorf("%d: a known id: %s, %v", status, got, err)
		}
	}
}

// Registries of before there were GUIDs answer 404 as a wrong address does.
func TestARegistryWithoutGUIDs(t *testing.T) {
	message := &sarama.ConsumerMessage{Value: []byte("x"), Headers: []*sarama.RecordHeader{
		{Key: []byte(registry.Header), Value: append([]byte{1}, "0123456789abcdef"...)},
	}}
	for body, isRegistry := range map[string]bool{
		`{"error_code":0,"message":"Could not find resource"}`:    true,
		`{"error_code":404,"message":"HTTP 404 Not Found"}`:       true,
		`{"error_code":404,"message":"There is no such page"}`:    false,
		`{"error_code":40403,"message":"Schema not found"}`:       true,
		`<html>The server has no such page, and no other.</html>`: false,
	} {
		f := newFixture(t)
		f.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if isRegistry && r.URL.Path == "/schemas/types" {
				_, _ = w.Write([]byte(`["JSON","PROTOBUF","AVRO"]`))
			} else {
				http.Error(w, body, http.StatusNotFound)
			}
			return true
		})
		if isRegistry {
			_, err := f.json(t, message)
			wantReason(t, err, deserialize.UnknownSchema)
			continue
		}
		ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if err := f.decoders.Fetch(ctx, []*sarama.ConsumerMessage{message}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, want to wait", body, err)
		}
		stop()
	}
}

func TestEachIdIsAskedForOnce(t *testing.T) {
	f := newFixture(t)
	id := f.register(t, sr.Schema{Schema: `{"type":"record","name":"P","fields":[{"name":"user","type":"string"}]}`,
		Type: sr.TypeAvro})
	batch := []*sarama.ConsumerMessage{framed(id, []byte{2, 'a'}), framed(id, []byte{2, 'b'})}
	for range 3 {
		if err := f.decoders.Fetch(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.requests.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestARegistryThatCannotBeReachedIsWaitedFor(t *testing.T) {
	f := newFixture(t)
	f.Close()
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	message := framed(1, []byte{2, 'a'})
	if err := f.decoders.Fetch(ctx, []*sarama.ConsumerMessage{message}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if _, known, err := f.decoders.JSON(nil, message); known || err != nil {
		t.Errorf("known %t, %v; want to wait", known, err)
	}
	if !strings.Contains(f.log.String(), "is unreachable") {
		t.Errorf("it logged %s", f.log.String())
	}
}

// A schema that refers to more than is sane, or to itself.
func TestHostileReferences(t *testing.T) {
	f := newFixture(t)
	f.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = w.Write([]byte(`{"subject":"s","version":1,"id":1,"schemaType":"AVRO","schema":"\"long\"","references":[` +
			`{"name":"s","subject":"s","version":1},{"name":"t","subject":"` + r.URL.Path[1:] + `t","version":2}]}`))
		return true
	})
	_, err := f.json(t, framed(1, []byte{0}))
	wantReason(t, err, deserialize.UnsupportedSchema)
	if n := f.requests.Load(); n > 60 {
		t.Errorf("%d requests", n)
	}
	deep := strings.Repeat(`{"type":"array","items":`, 200) + `"long"` + strings.Repeat("}", 200)
	id := newFixture(t)
	number := id.register(t, sr.Schema{Schema: `{"type":"record","name":"P","fields":[{"name":"user","type":` + deep +
		`}]}`, Type: sr.TypeAvro})
	_, err = id.json(t, framed(number, []byte{0}))
	wantReason(t, err, deserialize.UnsupportedSchema)
}
