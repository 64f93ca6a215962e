package importing_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"
	"pgregory.net/rapid"

	"purchases/producer/internal/importing"
	"purchases/producer/internal/mapping"
	"purchases/producer/internal/rows"
	"purchases/producer/purchase"
)

var began = time.Date(2026, 1, 31, 12, 0, 0, 123_456_789, time.UTC)

// identities are event_id and timestamp of each message, with how often.
func identities(t rapid.TB, values []string, op purchase.Op) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, value := range values {
		e, err := purchase.Decode([]byte(value))
		if err != nil || e.Op != op {
			t.Fatalf("%s: %v, want op %q", value, err, op)
		}
		all[e.EventID+" "+e.Timestamp.Format(time.RFC3339Nano)]++
	}
	return all
}

func idsOf(t testing.TB, values []string) map[string]int {
	t.Helper()
	return identities(t, values, purchase.Add)
}

// imported runs an import of these files.
func imported(t rapid.TB, job importing.Import, files ...string) []string {
	t.Helper()
	sink := &collector{}
	for i, content := range files {
		name := fmt.Sprintf("%d.csv", i)
		if strings.HasPrefix(content, "{") || content == "" {
			name = fmt.Sprintf("%d.jsonl", i)
		}
		job.Sources = append(job.Sources, text(name, content))
	}
	job.Sink, job.Began, job.Complete = sink, began, true
	if err := job.Check(); err != nil {
		t.Fatal(err)
	}
	if tally, err := job.Run(context.Background()); err != nil || tally.Malformed > 0 {
		t.Fatalf("%+v, %v", tally, err)
	}
	return sink.values
}

// order is one row, with the columns that an export may have.
type order struct{ user, item, at, quantity, note string }

func drawOrders(t *rapid.T, name string) []order {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) order {
		return order{
			user:     rapid.SampledFrom([]string{"u1", "u2", ""}).Draw(t, "user"),
			item:     rapid.SampledFrom([]string{"A", "Bé", "C, \"D\""}).Draw(t, "item"),
			at:       fmt.Sprintf("2026-01-0%dT00:00:00Z", rapid.IntRange(1, 3).Draw(t, "day")),
			quantity: rapid.SampledFrom([]string{"1", "2"}).Draw(t, "quantity"), note: rapid.StringMatching("[a-z]{0,3}").
					Draw(t, "note"),
		}
	}), 0, 30).Draw(t, name)
}

func quote(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// drawFile writes orders with their columns in any order and dialect.
func drawFile(t *rapid.T, orders []order) string {
	columns := rapid.Permutation([]string{"user", "item", "timestamp", "quantity", "note"}).Draw(t, "columns")
	if rapid.Bool().Draw(t, "without note") {
		columns = slices.DeleteFunc(slices.Clone(columns), func(c string) bool { return c == "note" })
	}
	delimiter := rapid.SampledFrom([]string{",", ";", "|"}).Draw(t, "delimiter")
	end := rapid.SampledFrom([]string{"\n", "\r\n", "\r"}).Draw(t, "line end")
	if rapid.Bool().Draw(t, "JSON") {
		return asJSON(orders)
	}
	text := strings.ToUpper(strings.Join(columns, delimiter)) + end
	for _, o := range orders {
		cells := map[string]string{"user": o.user, "item": quote(o.item), "timestamp": o.at, "quantity": o.quantity,
			"note": o.note}
		var row []string
		for _, column := range columns {
			row = append(row, cells[column])
		}
		text += strings.Join(row, delimiter) + end
	}
	return text
}

func asJSON(orders []order) (text string) {
	for _, o := range orders {
		text += fmt.Sprintf("{\"user\":%q,\"item\":%q,\"timestamp\":%q,\"quantity\":%s}\n", o.user, o.item, o.at, o.quantity)
	}
	return text
}

// Whatever the order of the rows and columns, the dialect and the files that they
// are split into: the same orders are the same events, and more orders only add.
func TestSameOrdersAreTheSameEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		orders := drawOrders(t, "orders")
		want := identities(t, imported(t, importing.Import{}, drawFile(t, orders)), purchase.Add)
		if len(want) != len(orders) {
			t.Fatalf("%d identities of %d orders", len(want), len(orders))
		}
		again := append(slices.Clone(orders), drawOrders(t, "more")...)
		shuffled := rapid.Permutation(again).Draw(t, "shuffled")
		cut := rapid.IntRange(0, len(shuffled)).Draw(t, "cut")
		got := identities(t, imported(t, importing.Import{}, drawFile(t, shuffled[:cut]), drawFile(t, shuffled[cut:])),
			purchase.Add)
		if len(got) != len(again) {
			t.Fatalf("%d identities of %d orders", len(got), len(again))
		}
		for id := range want {
			if got[id] != 1 {
				t.Fatalf("%s is there %d times after the file has grown", id, got[id])
			}
		}
	})
}

// Undo takes back the events of the import, each once, and nothing else.
func TestUndoIsOfTheImport(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		orders := drawOrders(t, "orders")
		job := importing.Import{
			Origin:  rapid.SampledFrom([]string{"", "till"}).Draw(t, "source"),
			Mapping: mapping.Mapping{Where: rapid.SampledFrom([]string{"", `item != "A"`}).Draw(t, "where")},
		}
		if len(orders) == 0 {
			return
		}
		file := drawFile(t, orders)
		want := identities(t, imported(t, job, file), purchase.Add)
		job.Undo = true
		got := identities(t, imported(t, job, drawFile(t, rapid.Permutation(orders).Draw(t, "shuffled"))), purchase.Retract)
		if !maps.Equal(got, want) {
			t.Fatalf("took back %v\nof %v", got, want)
		}
	})
}

func TestWhatMakesOtherEvents(t *testing.T) {
	const file = "user,item,timestamp,price,line\nu,A,2026-01-01T00:00:00Z,1,l1\nu,A,2026-01-01T00:00:00Z,1,l2\n"
	seen := map[string]string{}
	for name, job := range map[string]importing.Import{
		"nothing":    {},
		"--source":   {Origin: "till"},
		"--map":      {Mapping: mapping.Mapping{Columns: map[string]string{"amount": "price"}}},
		"--set":      {Mapping: mapping.Mapping{Constants: map[string]string{"attributes.store": "Lyon"}}},
		"--id":       {Mapping: mapping.Mapping{ID: []string{"line"}}},
		"other --id": {Mapping: mapping.Mapping{ID: []string{"line", "user"}}},
	} {
		ids := idsOf(t, imported(t, job, file))
		if len(ids) != 2 {
			t.Errorf("%s: %d identities of two rows", name, len(ids))
		}
		for id := range ids {
			if other, twice := seen[id]; twice {
				t.Errorf("%s and %s share %s", name, other, id)
			}
			seen[id] = name
		}
	}
}

func TestIDColumnsStayWhenTheContentChanges(t *testing.T) {
	job := importing.Import{Mapping: mapping.Mapping{ID: []string{"order", "line"}}}
	before := idsOf(t, imported(t, job,
		"user,item,timestamp,unit_price,order,line\nu,A,2026-01-01T00:00:00Z,1,o,1\nu,A,2026-01-01T00:00:00Z,1,o,2\n"))
	after := idsOf(t, imported(t, job,
		"order,line,user,item,timestamp,unit_price\no,2,u,A,2026-01-01T00:00:00Z,5\no,1,u,B,2026-01-01T00:00:00Z,1\n"))
	if !maps.Equal(before, after) {
		t.Errorf("got  %v\nwant %v", after, before)
	}
}

func TestImportedAt(t *testing.T) {
	for _, file := range []string{"user,item,timestamp\nu,A,2026-01-01T00:00:00Z\n",
		`{"user":"u","item":"A","timestamp":"2026-01-01T00:00:00Z","imported_at":"2020-01-01T00:00:00Z"}`,
		`{"event_id":"e","user":"u","item":"A","timestamp":"2026-01-01T00:00:00Z"}`} {
		for _, undo := range []bool{false, true} {
			value := imported(t, importing.Import{Undo: undo}, file)[0]
			e, err := purchase.Decode([]byte(value))
			at := e.ImportedAt
			if undo {
				at = e.RetractedAt
			}
			if err != nil || !at.Equal(began.Truncate(time.Millisecond)) {
				t.Errorf("%s, %v", value, err)
			}
		}
	}
}

// What an import writes is what the contract writes.
func TestMessagesAreOfTheContract(t *testing.T) {
	for _, value := range imported(t,
		importing.Import{Mapping: mapping.Mapping{Constants: map[string]string{"attributes.a": "\"é"}}},
		"user,item,item_name,timestamp,unit_price,amount,currency,order_id,quantity\nu,A,n,2026-01-01T00:00:00.25Z,1,2,EUR,o,3\n,,,,,,,,\n") {
		e, err := purchase.Decode([]byte(value))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := e.Encode(); err != nil || string(again) != value {
			t.Errorf("got  %s\nwant %s, %v", value, again, err)
		}
	}
}

func TestUnfinishedRows(t *testing.T) {
	const first, grown = "user,item,timestamp,unit_price\nu1,A,2026-01-01T00:00:00Z,10.00\nu2,B,2026-01-01T00:00:00Z,19", ".99\n"
	run := func(content string, change func(*importing.Import)) (importing.Tally, []string) {
		sink := &collector{}
		job := &importing.Import{Sources: []importing.Source{text("a.csv", content)}, Sink: sink, Began: began}
		change(job)
		tally, err := job.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return tally, sink.values
	}
	unchanged := func(*importing.Import) {}
	if tally, values := run(first, unchanged); tally.Unfinished != 1 || len(values) != 1 {
		t.Errorf("%+v, %s; want the unfinished row left out", tally, values)
	}
	if tally, values := run(first+grown, unchanged); tally.Unfinished != 0 || len(values) != 2 {
		t.Errorf("%+v, %s; want both rows", tally, values)
	}
	for name, change := range map[string]func(*importing.Import){
		"--complete": func(i *importing.Import) { i.Complete = true },
		"a pipe":     func(i *importing.Import) { i.Sources[0].Stream = true },
	} {
		if tally, values := run(first, change); tally.Unfinished != 0 || len(values) != 2 {
			t.Errorf("%s: %+v, %s; want both rows", name, tally, values)
		}
	}
}

func TestJudge(t *testing.T) {
	var reports []string
	job := &importing.Import{
		Sources: []importing.Source{text("a.csv",
			"user,item,timestamp,quantity\n,A,2026-01-01T00:00:00Z,1\nu,A,2026-01-01T00:00:00Z,0\nu,A,2026-01-01T00:00:00Z,1\nu,A,2027-01-01T00:00:00Z,1\n"),
			text("b.jsonl", `{"user":"u","item":"i","quantity":"many"}`)},
		Sink: &collector{}, Began: began, Judge: true, Report: func(err error) { reports = append(reports, err.Error()) },
	}
	tally, err := job.Run(t.Context())
	if err != nil || tally.DeadLetters != 4 || tally.Sent != 5 {
		t.Errorf("%+v, %v", tally, err)
	}
	for i, want := range []string{"a.csv:2: would be a dead letter: missing_user",
		"a.csv:3: would be a dead letter: invalid_quantity",
		"a.csv:5: would be a dead letter: timestamp_in_future", "b.jsonl:1: would be a dead letter: invalid_quantity"} {
		if i >= len(reports) || !strings.HasPrefix(reports[i], want) {
			t.Errorf("report %d of %q: want %s", i, reports, want)
		}
	}
}

// The names that a mapping needs may stand far back in a file, and in a pipe.
func TestMembersOfTheWholeFile(t *testing.T) {
	line := `{"user":"u","item":"i","timestamp":"2026-01-01T00:00:00Z","note":"` + strings.Repeat("x", 1000) + `"}` + "\n"
	long := strings.Repeat(line, 6000) + `{"user":"u","item":"i","timestamp":"2026-01-01T00:00:00Z","coupon":"c"}` + "\n"
	m := mapping.Mapping{Columns: map[string]string{"attributes.coupon": "coupon"}}
	for _, stream := range []bool{false, true} {
		source := text("x.jsonl", long)
		source.Stream = stream
		sink := &collector{}
		job := &importing.Import{Sources: []importing.Source{source}, Mapping: m, Sink: sink, Began: began}
		if err := job.Check(); err != nil {
			t.Fatal(err)
		}
		if tally, err := job.Run(t.Context()); err != nil || tally.Sent != 6001 ||
			!strings.Contains(sink.values[6000], `"coupon":"c"`) {
			t.Errorf("stream %v: %+v, %v", stream, tally, err)
		}
	}
	job := &importing.Import{Sources: []importing.Source{text("x.jsonl", strings.Repeat(line, 6000))}, Mapping: m,
		Sink: &collector{}}
	if err := job.Check(); err == nil || !strings.Contains(err.Error(), `no line has a member "coupon"`) {
		t.Errorf("got %v", err)
	}
}

func TestEncodingsAreTheSameEvents(t *testing.T) {
	const plain = "user,item,timestamp\nu,Bé,2026-01-01T00:00:00Z\n"
	want := idsOf(t, imported(t, importing.Import{}, plain))
	for name, file := range map[string]string{"mark": "\uFEFF" + plain, "latin1": strings.ReplaceAll(plain, "é", "\xe9"),
		"UTF-16": utf16(plain)} {
		job := importing.Import{}
		if name == "latin1" {
			job.Rows = rows.Options{Encoding: charmap.ISO8859_1}
		}
		if got := idsOf(t, imported(t, job, file)); !maps.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

func utf16(text string) string {
	b := []byte("\xff\xfe")
	for _, r := range text {
		b = append(b, byte(r), byte(r>>8))
	}
	return string(b)
}
