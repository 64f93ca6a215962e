package importing_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"purchases/producer/internal/importing"
	"purchases/producer/internal/mapping"
	"purchases/producer/internal/preset"
	"purchases/producer/purchase"
	"purchases/producer/sample"
)

// collector is a sink that keeps what it is given, and calls after for each.
type collector struct {
	keys, values []string
	after        func()
}

func (c *collector) Send(ctx context.Context, key, value []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.keys, c.values = append(c.keys, string(key)), append(c.values, string(value))
	if c.after != nil {
		c.after()
	}
	return nil
}

func onlineRetail(t testing.TB) mapping.Mapping {
	t.Helper()
	o, err := preset.Load("online-retail")
	if err != nil {
		t.Fatal(err)
	}
	return o.Mapping
}

func text(name, content string) importing.Source {
	return importing.Source{
		Name: name,
		Size: int64(len(content)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil },
	}
}

// numbered is a file with this many rows, of which each seventh is malformed.
func numbered(count int) string {
	var b strings.Builder
	b.WriteString("user,item,quantity,timestamp\n")
	for n := range count {
		quantity := "1"
		if n%7 == 6 {
			quantity = "x"
		}
		fmt.Fprintf(&b, "u%d,i%d,%s,2026-01-01T00:00:00Z\n", n%3, n, quantity)
	}
	return b.String()
}

func TestFilesAreSentInOrder(t *testing.T) {
	const count = 5000
	sink := &collector{}
	var malformed []string
	var progress []int64
	content := numbered(count)
	job := &importing.Import{
		Sources:  []importing.Source{text("a.csv", content), text("b.csv", content)},
		Sink:     sink,
		Report:   func(err error) { malformed = append(malformed, err.Error()) },
		Progress: func(bytes int64) { progress = append(progress, bytes) },
	}
	tally, err := job.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bad := count / 7
	want := importing.Tally{Rows: 2 * count, Malformed: int64(2 * bad), Sent: int64(2 * (count - bad)), File: "b.csv",
		Line: count + 1}
	if tally != want {
		t.Errorf("tally %+v, want %+v", tally, want)
	}
	checkOrder(t, sink, count)
	if len(malformed) != 2*bad || malformed[1] != `a.csv:15: quantity "x" is not a number` {
		t.Errorf("%d malformed, second %q", len(malformed), malformed[1])
	}
	if last := progress[len(progress)-1]; last != int64(2*len(content)) {
		t.Errorf("progress ends at %d of %d bytes", last, 2*len(content))
	}
}

// checkOrder expects two files of numbered(count), all of whose events have ids
// of their own.
func checkOrder(t *testing.T, sink *collector, count int) {
	t.Helper()
	at := 0
	for n := range 2 * count {
		if n %= count; n%7 == 6 {
			continue
		}
		event, err := purchase.Decode([]byte(sink.values[at]))
		if err != nil {
			t.Fatal(err)
		}
		if event.Item != fmt.Sprintf("i%d", n) || sink.keys[at] != event.User || event.User != fmt.Sprintf("u%d", n%3) {
			t.Fatalf("message %d is %s with key %s", at, sink.values[at], sink.keys[at])
		}
		at++
	}
	if ids := idsOf(t, sink.values); len(ids) != at {
		t.Errorf("%d ids of %d events", len(ids), at)
	}
}

func TestStrictStopsAtTheFirst(t *testing.T) {
	sink := &collector{}
	job := &importing.Import{Sources: []importing.Source{text("a.csv", numbered(100))}, Sink: sink, Strict: true}
	tally, err := job.Run(t.Context())
	if err == nil || err.Error() != `a.csv:8: quantity "x" is not a number` {
		t.Errorf("got %v", err)
	}
	if tally.Sent != 6 || len(sink.values) != 6 || tally.Malformed != 1 {
		t.Errorf("tally %+v, %d messages; want the 6 before", tally, len(sink.values))
	}
}

func TestStopsWhenTold(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	sink := &collector{}
	sink.after = func() {
		if len(sink.values) == 1234 {
			cancel()
		}
	}
	job := &importing.Import{Sources: []importing.Source{text("a.csv", numbered(100_000))}, Sink: sink}
	tally, err := job.Run(ctx)
	if !errors.Is(err, context.Canceled) || tally.Sent != 1234 || len(sink.values) != 1234 {
		t.Errorf("%+v and %v after %d messages", tally, err, len(sink.values))
	}
}

// A pipe that gives nothing more must neither hold back what it has given nor
// keep the import from ending.
func TestSlowPipe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	defer func() { _ = w.Close() }()
	sink := &collector{after: cancel}
	go func() { _, _ = io.WriteString(w, "user,item,timestamp\nu1,i1,2026-01-01T00:00:00Z\n") }()
	pipe := importing.Source{Name: "x.csv", Stream: true, Open: func() (io.ReadCloser, error) { return r, nil }}
	job := &importing.Import{Sources: []importing.Source{pipe}, Sink: sink}
	if _, err := job.Run(ctx); !errors.Is(err, context.Canceled) || len(sink.values) != 1 {
		t.Errorf("%d messages and %v, want 1 and a cancelled import", len(sink.values), err)
	}
}

func TestInputErrorComesAfterWhatWasRead(t *testing.T) {
	cause := errors.New("disk on fire")
	broken := importing.Source{Name: "x.jsonl", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("{}\n{}\n{"), failing{cause})), nil
	}}
	sink := &collector{}
	tally, err := (&importing.Import{Sources: []importing.Source{broken}, Sink: sink}).Run(t.Context())
	if !errors.Is(err, cause) || err.Error() != "x.jsonl: read the row after line 2: disk on fire" || tally.Sent != 2 {
		t.Errorf("got %v and %+v", err, tally)
	}
}

type failing struct{ error }

func (f failing) Read([]byte) (int, error) { return 0, f.error }

func TestCheckFindsMistakesInAnyFile(t *testing.T) {
	good, headless := text("good.csv", numbered(1)), text("bad.csv", "a,b\n")
	stream := importing.Source{Name: "stdin", Stream: true,
		Open: func() (io.ReadCloser, error) { return nil, errors.New("read too early") }}
	if err := (&importing.Import{Sources: []importing.Source{good, stream}}).Check(); err != nil {
		t.Error(err)
	}
	err := (&importing.Import{Sources: []importing.Source{good, headless}}).Check()
	if err == nil || !strings.HasPrefix(err.Error(), "bad.csv: no column for user, item, timestamp") {
		t.Errorf("got %v", err)
	}
}

// The figures of the sample, as its README has them.
func TestSampleFigures(t *testing.T) {
	count, ids := map[string]int{}, make(map[string]bool, sample.Rows)
	sink := sinkFunc(func(_ context.Context, key, value []byte) error {
		ids[string(value[len(`{"event_id":"`):][:36])] = true
		_, rest, _ := strings.Cut(string(value), `"quantity":`)
		digits, _, _ := strings.Cut(rest, ",")
		quantity, err := strconv.Atoi(digits)
		switch {
		case key == nil:
			count["missing user"]++
		case quantity < 0:
			count["returns"]++
			count["units returned"] -= quantity
		default:
			count["purchases"]++
			count["units sold"] += quantity
		}
		return err
	})
	job := &importing.Import{
		Sources: []importing.Source{{Name: sample.Name, Open: func() (io.ReadCloser, error) { return sample.Open() }}},
		Mapping: onlineRetail(t),
		Sink:    sink,
	}
	tally, err := job.Run(t.Context())
	if err != nil || tally.Rows != sample.Rows || tally.Malformed != 0 {
		t.Fatalf("%+v and %v", tally, err)
	}
	if len(ids) != sample.Rows {
		t.Errorf("%d identities of %d rows, of which 5,268 repeat another", len(ids), sample.Rows)
	}
	want := map[string]int{
		"missing user": 135_080, "purchases": 397_924, "returns": 8_905, "units sold": 5_181_696, "units returned": 274_808,
	}
	if !reflect.DeepEqual(count, want) {
		t.Errorf("got  %v\nwant %v", count, want)
	}
}

type sinkFunc func(ctx context.Context, key, value []byte) error

func (f sinkFunc) Send(ctx context.Context, key, value []byte) error { return f(ctx, key, value) }
