package enriched_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"purchases/processor/enriched"
	"purchases/producer/purchase"
)

// before is an event with all members.
const before = `{"schema":1,"event_id":"before","kind":"return","user":"b","item":"b","item_name":"b","quantity":-1,"amount_micros":-1,"currency":"GBP",` +
	`"order_id":"b","timestamp":"2010-12-01T08:26:00Z","attributes":{"b":"b"},"processed_at":"2026-01-31T12:00:00.123Z","source":{"topic":"b","partition":1,"offset":1}}`

// wantAsDecoded fails where Scan accepts something that Decode refuses or
// reads as another event, whatever it read before, and says whether Scan accepts
// the value.
func wantAsDecoded(t rapid.TB, value []byte) (scanned bool) {
	var f, used enriched.Flat
	if !used.Scan([]byte(before), now) {
		t.Fatalf("Scan does not read %s", before)
	}
	scanned = f.Scan(value, now)
	for range 2 {
		if again := used.Scan(value, now); again != scanned || (again && members(&used) != members(&f)) {
			t.Fatalf("Scan reads %s as\n%s, %t\nafter others as\n%s, %t", value, members(&f), scanned, members(&used), again)
		}
	}
	if !scanned {
		return false
	}
	e, err := enriched.Decode(value, now)
	if err != nil {
		t.Fatalf("Scan accepts %s as %+v, Decode says %v", value, f, err)
	}
	var attributes []byte
	if len(e.Attributes) > 0 {
		if attributes, err = json.Marshal(e.Attributes, json.Deterministic(true)); err != nil {
			t.Fatal(err)
		}
	}
	var amount int64
	if e.Amount != nil {
		amount = int64(*e.Amount)
	}
	want := fmt.Sprintf("%x %s %q %q %q %q %q %q %d %d %t %d %d %d %d %s", e.ID(), e.Kind, e.User, e.Item, e.ItemName,
		e.OrderID, e.Currency, attributes,
		e.Quantity, amount, e.Amount != nil, e.Timestamp.UnixMilli(), milli(e.ImportedAt), milli(e.RetractedAt),
		e.ProcessedAt.UnixMilli(), e.Source)
	if got := members(&f); got != want {
		t.Fatalf("Scan reads %s as\n%s\nDecode as\n%s", value, got, want)
	}
	return true
}

func members(f *enriched.Flat) string {
	return fmt.Sprintf("%x %s %q %q %q %q %q %q %d %d %t %d %d %d %d %s/%d/%d", f.ID, f.Kind, f.User, f.Item, f.ItemName,
		f.OrderID, f.Currency, f.Attributes,
		f.Quantity, f.Amount, f.HasAmount, f.Timestamp, f.ImportedAt, f.RetractedAt, f.ProcessedAt, f.SourceTopic,
		f.SourcePartition, f.SourceOffset)
}

func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func TestScanReadsWhatEncodeWrites(t *testing.T) {
	for name, e := range golden() {
		value, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if !wantAsDecoded(t, value) {
			t.Errorf("%s: Scan does not read %s", name, value)
		}
	}
	text := rapid.StringMatching(`[a-zA-Z0-9 é漢🍰/<&'+-]{1,9}`)
	rapid.Check(t, func(t *rapid.T) {
		p := purchase.Event{
			User: text.Draw(t, "user"), Item: text.Draw(t, "item"), ItemName: rapid.OneOf(text, rapid.Just("")).Draw(t, "name"),
			Quantity:  rapid.SampledFrom([]int64{-purchase.MaxQuantity, -1, 1, 7}).Draw(t, "quantity"),
			Timestamp: now.Add(-time.Duration(rapid.Int64Range(0, 1e18).Draw(t, "before"))),
			EventID:   rapid.SampledFrom([]string{"", "id", "0b4f2f4e-6a0c-4e0e-9a51-1f2f3a4b5c6d"}).Draw(t, "event_id"),
			OrderID:   rapid.OneOf(text, rapid.Just("")).Draw(t, "order"), Currency: rapid.SampledFrom([]string{"", "EUR"}).
					Draw(t, "currency"),
			Attributes: rapid.MapOfN(text, text, 0, 4).Draw(t, "attributes"),
		}
		if rapid.Bool().Draw(t, "priced") {
			price := purchase.Micros(rapid.Int64Range(0, 1e6).Draw(t, "price"))
			p.UnitPrice = &price
		}
		if rapid.Bool().Draw(t, "imported") {
			p.ImportedAt = now
		}
		if p.EventID != "" && rapid.Bool().Draw(t, "retract") {
			p.Op, p.RetractedAt = purchase.Retract, p.ImportedAt
		}
		e, err := enriched.Enrich(p, source, recordID, now)
		if err != nil {
			t.Skip(err)
		}
		value, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if !wantAsDecoded(t, value) {
			t.Fatalf("Scan does not read %s", value)
		}
	})
}

// Small changes to a message, most of which break a rule.
func TestScanAcceptsNothingThatDecodeRefuses(t *testing.T) {
	purchase := string(bytes.TrimSpace(file(t, "purchase.json")))
	for _, old := range []string{`"schema":1`, `"event_id":"0b`, `"kind":"purchase"`, `"user":"17850"`, `85123A`,
		`"quantity":6`, `15300000`,
		`GBP`, `536365`, `2010-12-01T08:26:00Z`, `country`, `United Kingdom`, `,"attributes":{"country":"United Kingdom"}`,
		`"partition":3`, `"offset":42`, `}}`} {
		for _, changed := range []string{"", "0", "-1", "-0", "01", "1e3", "1.5", `\u0041`, `"`, "\x7f", "\u0085", "\xff",
			"é", "e\u0301", " x", "x ", "\u00a0", "a\u2028b", "null", "{}", "9223372036854775807", "gbp", "QQQ",
			strings.Repeat("x", 257), strings.Repeat("x", 1025), `"quantity":-6`, `"kind":"retraction"`, `"schema":2`,
			`"kind":"return"`, `"user":""`, `"event_id":"`, "2027-01-01T00:00:00Z", "1969-12-31T23:59:59Z",
			"2010-12-01T08:26:00.1+01:00", "2010-12-01T8:26:00Z", "2010-12-01T08:26:00,5Z",
			"2010-02-29T08:26:00Z", "2012-02-29T08:26:00Z", "2010-00-01T08:26:00Z", "2010-13-01T08:26:00Z",
			"2010-12-00T08:26:00Z", "2010-12-01T24:00:00Z", "2010-12-01T08:60:00Z", "2010-12-01T08:26:60Z",
			"2010-12-01T08:26:00.Z", "2010-12-01T08:26:00.120Z", "2010-12-01T08:26:00.1234Z", "2010-12-01T08:26:00.999Z",
			"201/-12-01T08:26:00Z", "2010-12-01T08:26:00", "2010-12-01t08:26:00z", "0000-01-01T00:00:00Z",
			`,"attributes":{}`, `,"attributes":{"b":"","a":""}`, `,"attributes":{"a":"1","a":"2"}`, `,"attributes":{"":"x"}`,
			`"partition":2147483648`, `}} `, `},"x":1}`, old + old} {
			wantAsDecoded(t, []byte(strings.Replace(purchase, old, changed, 1)))
		}
	}
}

func TestScanTakesPrintableTextAlone(t *testing.T) {
	value := string(bytes.TrimSpace(file(t, "purchase.json")))
	at := strings.Index(value, "T-LIGHT HOLDER")
	for i := range len("T-LIGHT HOLDER") {
		for c := range 256 {
			changed := []byte(value)
			changed[at+i] = byte(c)
			atEdge := i == 0 || i == len("T-LIGHT HOLDER")-1
			want := c >= ' ' && c <= '~' && (c != ' ' || !atEdge) && c != '"' && c != '\\'
			if got := wantAsDecoded(t, changed); got != want {
				t.Fatalf("Scan of %s = %t, want %t", changed, got, want)
			}
		}
	}
}

func FuzzScan(f *testing.F) {
	for name := range golden() {
		f.Add(bytes.TrimSpace(file(f, name)))
	}
	f.Fuzz(func(t *testing.T, value []byte) { wantAsDecoded(t, value) })
}

func BenchmarkScan(b *testing.B) {
	value := bytes.TrimSpace(file(b, "purchase.json"))
	b.ReportAllocs()
	b.SetBytes(int64(len(value)))
	var f enriched.Flat
	for b.Loop() {
		if !f.Scan(value, now) {
			b.Fatal("not scanned")
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	value := bytes.TrimSpace(file(b, "purchase.json"))
	b.ReportAllocs()
	b.SetBytes(int64(len(value)))
	for b.Loop() {
		if _, err := enriched.Decode(value, now); err != nil {
			b.Fatal(err)
		}
	}
}
