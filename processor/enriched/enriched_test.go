package enriched_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"purchases/processor/enriched"
	"purchases/producer/purchase"
)

var (
	now      = time.Date(2026, 1, 31, 12, 0, 0, 123_456_789, time.UTC)
	source   = enriched.Source{Topic: "purchases", Partition: 3, Offset: 42}
	recordID = purchase.DerivedID("topic", 3, 42)
)

// golden are the events of testdata.
func golden() map[string]enriched.Event {
	amount, refund := purchase.Micros(15_300_000), purchase.Micros(-1)
	return map[string]enriched.Event{
		"purchase.json": {
			Event: purchase.Event{
				EventID: "0b4f2f4e-6a0c-4e0e-9a51-1f2f3a4b5c6d", User: "17850", Item: "85123A", ItemName: "T-LIGHT HOLDER",
				Quantity: 6, Amount: &amount, Currency: "GBP", OrderID: "536365",
				Timestamp:  time.Date(2010, 12, 1, 8, 26, 0, 0, time.UTC),
				Attributes: map[string]string{"country": "United Kingdom"},
			},
			Kind: enriched.Purchase, ProcessedAt: now.Truncate(time.Millisecond), Source: source,
		},
		"return.json": {
			Event: purchase.Event{
				EventID: "583f634c-1642-5bc5-8057-ca55429a440b", User: "u", Item: "i", Quantity: -1,
				Timestamp: now.Truncate(time.Second),
			},
			Kind: enriched.Return, ProcessedAt: now.Truncate(time.Millisecond), Source: enriched.Source{Topic: "purchases"},
		},
		"imported.json": {
			Event: purchase.Event{
				EventID: "id", User: "u", Item: "i", Quantity: -1, Amount: &refund,
				Timestamp: now.Truncate(time.Second), ImportedAt: now.Truncate(time.Millisecond),
			},
			Kind: enriched.Return, ProcessedAt: now.Truncate(time.Millisecond), Source: source,
		},
		"retraction.json": {
			Event: purchase.Event{
				Op: purchase.Retract, EventID: "id", Timestamp: now.Truncate(time.Second),
				RetractedAt: now.Truncate(time.Millisecond),
			},
			Kind: enriched.Retraction, ProcessedAt: now.Truncate(time.Millisecond), Source: source,
		},
	}
}

func TestGolden(t *testing.T) {
	for name, event := range golden() {
		t.Run(name, func(t *testing.T) {
			want := bytes.TrimSpace(file(t, name))
			if got, err := event.Encode(); err != nil || !bytes.Equal(got, want) {
				t.Errorf("Encode = %s, %v\nwant %s", got, err, want)
			}
			if got, err := enriched.Decode(want, now); err != nil || !reflect.DeepEqual(got, event) {
				t.Errorf("Decode = %+v, %v\nwant %+v", got, err, event)
			}
		})
	}
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestEnrich(t *testing.T) {
	p := purchase.Event{User: " u ", Item: "i", Quantity: -2, Timestamp: now}
	got, err := enriched.Enrich(p, source, recordID, now)
	if err != nil {
		t.Fatal(err)
	}
	want := enriched.Event{
		Event: purchase.Event{EventID: recordID.String(), User: "u", Item: "i", Quantity: -2,
			Timestamp: now.Truncate(time.Millisecond)},
		Kind: enriched.Return, ProcessedAt: now.Truncate(time.Millisecond), Source: source,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	p.EventID, p.Quantity = " given ", 2
	if got, err := enriched.Enrich(p, source, recordID, now); err != nil || got.EventID != "given" ||
		got.Kind != enriched.Purchase {
		t.Errorf("got %+v, %v", got, err)
	}
	p.EventID = recordID.String()
	if got, err := enriched.Enrich(p, source, recordID, now); err != nil ||
		got.ID() != purchase.TextID(recordID.String()) {
		t.Errorf("a given id is counted as the id of a position: %+v, %v", got, err)
	}
	p.Op = purchase.Retract
	if got, err := enriched.Enrich(p, source, recordID, now); err != nil || got.ID() != recordID ||
		got.Kind != enriched.Retraction || got.User != "" {
		t.Errorf("the retraction of an event without an id of its own: %+v, %v", got, err)
	}
	p.Op, p.User = purchase.Add, ""
	var invalid *purchase.Invalid
	if _, err := enriched.Enrich(p, source, recordID, now); !errors.As(err, &invalid) ||
		invalid.Reason != purchase.MissingUser {
		t.Errorf("error %v, want missing_user", err)
	}
}

// An event judged right at the edge of the clock skew must be readable again,
// though processed_at is only whole milliseconds.
func TestDecodeReadsWhatEnrichAndEncodeWrite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := now.Add(time.Duration(rapid.Int64Range(0, 2e9).Draw(t, "clock")))
		p := purchase.Event{
			User: rapid.StringMatching(`[a-zé]{1,20}`).Draw(t, "user"), Item: rapid.StringMatching(`[A-Z0-9]{1,20}`).
				Draw(t, "item"),
			Quantity:  rapid.SampledFrom([]int64{-purchase.MaxQuantity, -1, 1, 7}).Draw(t, "quantity"),
			Timestamp: clock.Add(purchase.MaxClockSkew - time.Duration(rapid.Int64Range(0, 3e6).Draw(t, "before"))),
			EventID:   rapid.SampledFrom([]string{"", "id", "0b4f2f4e-6a0c-4e0e-9a51-1f2f3a4b5c6d"}).Draw(t, "event_id"),
		}
		e, err := enriched.Enrich(p, source, recordID, clock)
		if err != nil {
			t.Fatal(err)
		}
		value, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := enriched.Decode(value, now); err != nil || !reflect.DeepEqual(got, e) {
			t.Fatalf("Decode = %+v, %v\nwant %+v", got, err, e)
		}
	})
}

func TestDecodeRefuses(t *testing.T) {
	for name, change := range map[string][2]string{
		"newer schema":          {`"schema":1`, `"schema":2`},
		"no schema":             {`"schema":1,`, ``},
		"no event_id":           {`"event_id":"0b4f2f4e-6a0c-4e0e-9a51-1f2f3a4b5c6d",`, ``},
		"unknown kind":          {`"kind":"purchase"`, `"kind":"gift"`},
		"kind against quantity": {`"quantity":6`, `"quantity":-6`},
		"no quantity":           {`"quantity":6,`, ``},
		"no user":               {`"user":"17850"`, `"user":""`},
		"fraction of a micro":   {`15300000`, `15300000.5`},
		"negative amount":       {`15300000`, `-1`},
		"retraction":            {`"kind":"purchase"`, `"kind":"retraction"`},
		"future timestamp":      {`2010-12-01`, `2030-12-01`},
		"year 9999":             {`"timestamp":"2010-12-01T08:26:00Z"`, `"timestamp":"9999-12-01T08:26:00Z"`},
		"processed in 9999":     {`"processed_at":"2026`, `"processed_at":"9999`},
		"processed before 1970": {`"processed_at":"2026`, `"processed_at":"1926`},
		"no processed_at":       {`"processed_at":"2026-01-31T12:00:00.123Z",`, ``},
		"small letters":         {`"GBP"`, `"gbp"`},
		"no currency":           {`"GBP"`, `"QQQ"`},
		"space at the edge":     {`"17850"`, `"17850 "`},
		"not in NFC":            {`"17850"`, `"e\u0301"`},
		"line break in a name":  {`T-LIGHT HOLDER`, `T-LIGHT\nHOLDER`},
		"empty attribute":       {`United Kingdom`, ``},
		"other zone":            {`08:26:00Z`, `08:26:00+01:00`},
		"microseconds":          {`08:26:00Z`, `08:26:00.000001Z`},
		"imported in 9999":      {`,"processed_at"`, `,"imported_at":"9999-01-01T00:00:00Z","processed_at"`},
		"retracted purchase":    {`,"processed_at"`, `,"retracted_at":"2026-01-01T00:00:00Z","processed_at"`},
		"no source":             {`,"source":{"topic":"purchases","partition":3,"offset":42}`, ``},
		"negative offset":       {`"offset":42`, `"offset":-1`},
		"huge amount":           {`15300000`, `9223372036854775808`},
		"long user":             {`"17850"`, `"` + strings.Repeat("x", purchase.MaxID+1) + `"`},
		"not JSON":              {`{"schema"`, `"schema"`},
		"name twice":            {`"user":"17850"`, `"user":"17850","user":"17850"`},
	} {
		t.Run(name, func(t *testing.T) {
			value := strings.Replace(string(file(t, "purchase.json")), change[0], change[1], 1)
			if e, err := enriched.Decode([]byte(value), now); err == nil {
				t.Errorf("Decode accepted %s as %+v", value, e)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for name := range golden() {
		f.Add(file(f, name))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		e, err := enriched.Decode(value, now)
		if err != nil {
			return
		}
		again, err := e.Encode()
		if err != nil {
			t.Fatalf("%+v does not encode: %v", e, err)
		}
		got, err := enriched.Decode(again, now)
		if err != nil {
			t.Fatalf("%s does not decode: %v", again, err)
		}
		if twice, err := got.Encode(); err != nil || !bytes.Equal(twice, again) {
			t.Fatalf("%s becomes %s, %v", again, twice, err)
		}
	})
}
