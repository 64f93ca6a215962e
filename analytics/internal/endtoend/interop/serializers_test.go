package interop

import (
	"maps"
	"reflect"
	"strconv"
	"testing"
	"time"

	"purchases/processor/enriched"
	"purchases/producer/purchase"
)

// bought is what the tests compare of an event.
type bought struct {
	Item, ItemName string
	Quantity       int64
	// Amount is in micros, -1 for none.
	Amount     int64
	Currency   string
	Timestamp  time.Time
	Attributes map[string]string
}

const none = -1

// wanted are the events of testdata/write.py by user.
var wanted = map[string]bought{
	"avro-all": {
		Item: "tea", Quantity: -2, Amount: -39_980_000, Currency: "EUR", Attributes: map[string]string{"country": "DE"},
	},
	"avro-double":        {Item: "tea", Quantity: 1, Amount: 100_000},
	"avro-text":          {Item: "tea", Quantity: 1, Amount: 39_980_000},
	"avro-int":           {Item: "tea", Quantity: 1, Amount: 7_000_000},
	"json":               {Item: "tea", Quantity: 1, Amount: 2_500_000, Attributes: map[string]string{"a": "b"}},
	"protobuf":           {Item: "85123", Quantity: 2, Amount: 39_980_000, Attributes: map[string]string{"country": "DE"}},
	"avro-in-header":     {Item: "tea", Quantity: 1, Amount: none},
	"json-in-header":     {Item: "tea", Quantity: 1, Amount: none},
	"protobuf-in-header": {Item: "85123", Quantity: 1, Amount: none},
	"protobuf-free":      {Item: "85123", Quantity: 1, Amount: 0},
	"plain":              {Item: "tea", Quantity: 1, Amount: none},
}

// moment is the timestamp of all purchases of the scripts.
var moment = time.UnixMilli(1769860800123).UTC()

func TestConfluentSerializers(t *testing.T) {
	onEach(t, func(s *shop) {
		s.python("write.py")
		s.must("processor", "run", "--drain")
		s.compare(wanted, map[string]purchase.Reason{
			"cut-off": "not_of_its_schema", "unknown": "unknown_schema", "guid": "unknown_schema", // Apicurio has none
		})
		if got := s.stored(); got != strconv.Itoa(len(wanted)) {
			s.t.Errorf("analytics holds %s events, want %d", got, len(wanted))
		}
	})
}

// compare compares all that came out.
func (s *shop) compare(events map[string]bought, reasons map[string]purchase.Reason) {
	s.t.Helper()
	got := map[string]bought{}
	for user, e := range s.processed() {
		got[user] = summary(e)
	}
	for user, want := range events {
		want.Timestamp = moment
		if !reflect.DeepEqual(got[user], want) {
			s.t.Errorf("%s bought %+v\nwant %+v", user, got[user], want)
		}
	}
	if len(got) != len(events) {
		s.t.Errorf("%d events, want %d: %v", len(got), len(events), got)
	}
	if letters := s.refused(); !maps.Equal(letters, reasons) {
		s.t.Errorf("dead letters %v, want %v", letters, reasons)
	}
}

func summary(e enriched.Event) bought {
	b := bought{e.Item, e.ItemName, e.Quantity, none, e.Currency, e.Timestamp, e.Attributes}
	if e.Amount != nil {
		b.Amount = int64(*e.Amount)
	}
	return b
}
