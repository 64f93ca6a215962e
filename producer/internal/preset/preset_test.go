package preset_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"purchases/producer/internal/importing"
	"purchases/producer/internal/preset"
	"purchases/producer/purchase"
)

// figures are what an import of a preset's test file gives.
type figures struct {
	events, leftOut, deadLetters int64
	units                        int64
	totals                       map[string]string // by currency
	first                        purchase.Event
	last                         string // the timestamp of the last event
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestPresets(t *testing.T) {
	for name, test := range map[string]struct {
		file, zone string
		want       figures
	}{
		"online-retail": {file: "online-retail.csv", want: figures{
			events: 4, deadLetters: 1, units: 8, totals: map[string]string{"GBP": "21.50"}, last: "2011-12-31T23:59:00Z",
			first: purchase.Event{User: "20001", Item: "10001", ItemName: "RED TRAY", Quantity: 6, OrderID: "600001",
				Currency: "GBP", Timestamp: at("2011-03-01T08:26:00Z")},
		}},
		"shopify": {file: "shopify.csv", want: figures{
			events: 4, leftOut: 4, deadLetters: 1, units: 8, totals: map[string]string{"EUR": "55.00", "USD": "20.00"},
			last: "2025-07-06T07:00:00Z",
			first: purchase.Event{User: "mia@example.com", Item: "TP-1", ItemName: "Teapot", Quantity: 1, OrderID: "#2001",
				Currency: "EUR", Timestamp: at("2025-03-01T07:59:10Z")},
		}},
		"woocommerce": {file: "woocommerce.json", want: figures{
			events: 3, leftOut: 1, units: 4, totals: map[string]string{"EUR": "22.00", "USD": "6.50"},
			last: "2025-03-03T08:00:00Z",
			first: purchase.Event{User: "7", Item: "TP-1", ItemName: "Teapot", Quantity: 1, OrderID: "91", Currency: "EUR",
				Timestamp: at("2025-03-01T08:00:00Z")},
		}},
		"stripe": {file: "stripe.csv", want: figures{
			events: 3, leftOut: 2, deadLetters: 1, units: 3, totals: map[string]string{"EUR": "2512.50", "JPY": "1200.00"},
			last: "2025-03-03T12:00:00Z",
			first: purchase.Event{User: "cus_a", Item: "Monthly", Quantity: 1, OrderID: "ch_11", Currency: "EUR",
				Timestamp: at("2025-03-01T10:00:00Z")},
		}},
		"square": {file: "square.csv", zone: "America/New_York", want: figures{
			events: 4, deadLetters: 1, units: 4, totals: map[string]string{"": "1059.25"}, last: "2025-03-02T13:00:00Z",
			first: purchase.Event{User: "cu1", Item: "BGL", ItemName: "Bagel", Quantity: 3, OrderID: "tx1",
				Timestamp: at("2025-03-01T14:15:00Z")},
		}},
		"amazon": {file: "amazon.txt", want: figures{
			events: 3, leftOut: 1, units: 5, totals: map[string]string{"GBP": "74.46"}, last: "2025-03-04T06:00:00Z",
			first: purchase.Event{User: "b1@example.com", Item: "MUG-4", ItemName: `Mug 4" tall`, Quantity: 2, OrderID: "501-1",
				Currency: "GBP", Timestamp: at("2025-03-01T10:00:00Z")},
		}},
		"paypal": {file: "paypal.csv", zone: "America/Los_Angeles", want: figures{
			events: 2, leftOut: 3, units: 3, totals: map[string]string{"USD": "1035.00"}, last: "2025-07-01T17:00:00Z",
			first: purchase.Event{User: "mia@example.com", Item: "TP-1", ItemName: "Teapot", Quantity: 1, OrderID: "T1",
				Currency: "USD", Timestamp: at("2025-03-01T18:00:00Z")},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := imported(t, name, test.file, test.zone); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
	if len(preset.Names()) != 7 {
		t.Errorf("the presets are %v: each needs a file and its figures here", preset.Names())
	}
}

// sink adds up events. Of the first one it keeps what is no money.
type sink struct {
	figures
	t      *testing.T
	totals map[string]purchase.Micros
}

func (s *sink) Send(_ context.Context, _, value []byte) error {
	e, err := purchase.Decode(value)
	if err != nil {
		s.t.Fatal(err)
	}
	s.units += e.Quantity
	if total := e.Total(); total != nil {
		s.totals[e.Currency] += *total
	}
	s.last = e.Timestamp.Format(time.RFC3339)
	if s.events++; s.events == 1 {
		e.EventID, e.UnitPrice, e.Amount, e.Attributes, e.ImportedAt = "", nil, nil, nil, time.Time{}
		s.first = e
	}
	return nil
}

func imported(t *testing.T, name, file, zone string) figures {
	t.Helper()
	o, err := preset.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	if zone != "" {
		if err := o.Set("time-zone", zone); err != nil {
			t.Fatal(err)
		}
	}
	s := &sink{t: t, totals: map[string]purchase.Micros{}}
	job := importing.Import{
		Sources: []importing.Source{{Name: file,
			Open: func() (io.ReadCloser, error) { return os.Open(filepath.Join("testdata", file)) }}},
		Mapping: o.Mapping, Rows: o.Rows, Judge: true, Began: at("2026-01-01T00:00:00Z"), Sink: s,
		Report: func(err error) { t.Log(err) },
	}
	tally, err := job.Run(t.Context())
	if err != nil || tally.Malformed+tally.Unfinished+tally.SameID > 0 {
		t.Fatalf("%+v, %v", tally, err)
	}
	s.figures.leftOut, s.figures.deadLetters, s.figures.totals = tally.LeftOut, tally.DeadLetters, map[string]string{}
	for currency, total := range s.totals {
		s.figures.totals[currency] = total.String()
	}
	return s.figures
}

func TestPresetFromFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mine.txt")
	if err := os.WriteFile(file, []byte("# mine\r\nmap user=who \n\ntime-zone Europe/Paris\nfill "+
		"user\ndecimal-comma\nskip-lines 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := preset.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if o.Mapping.Columns["user"] != "who" || o.Mapping.Zone.String() != "Europe/Paris" || !o.Mapping.Style.DecimalComma ||
		o.Rows.SkipLines != 2 {
		t.Errorf("%+v", o)
	}
}

func TestOptionsThatAreNone(t *testing.T) {
	for option, text := range map[string]string{
		"map": "user", "set": "x=1", "time-zone": "Local", "time-layout": "YYYY", "format": "xml", "delimiter": "ab",
		"encoding": "klingon", "skip-lines": "-1", "colour": "red",
	} {
		var o preset.Options
		if err := o.Set(option, text); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s %s: %v", option, text, err)
		}
	}
}
