package purchase

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"
)

// wire is the JSON form of an event.
type wire struct {
	Op         string            `json:"op,omitzero"`
	EventID    string            `json:"event_id,omitzero"`
	User       string            `json:"user"`
	Item       string            `json:"item"`
	ItemName   string            `json:"item_name,omitzero"`
	Quantity   int64             `json:"quantity"`
	UnitPrice  string            `json:"unit_price,omitzero"`
	Amount     string            `json:"amount,omitzero"`
	Currency   string            `json:"currency,omitzero"`
	OrderID    string            `json:"order_id,omitzero"`
	Timestamp  time.Time         `json:"timestamp,omitzero"`
	Attributes map[string]string `json:"attributes,omitempty"`
	ImportedAt time.Time         `json:"imported_at,omitzero"`
}

func decimalOf(m *Micros) string {
	if m == nil {
		return ""
	}
	return m.String()
}

// The encoder is written by hand; the JSON package is the judge of its output.
func TestEncodeIsWhatTheJSONPackageWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEvent(t)
		w := wire{
			EventID: e.EventID, User: e.User, Item: e.Item, ItemName: e.ItemName, Quantity: e.Quantity, Op: string(e.Op),
			UnitPrice: decimalOf(e.UnitPrice), Amount: decimalOf(e.Amount), Currency: e.Currency,
			OrderID: e.OrderID, Timestamp: e.Timestamp, Attributes: e.Attributes, ImportedAt: e.ImportedAt,
		}
		want, wantErr := json.Marshal(&w, json.Deterministic(true))
		got, err := e.AppendJSON([]byte("before"))
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("error %v, want %v", err, wantErr)
		}
		if err != nil {
			want = nil
		}
		if string(got) != "before"+string(want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}

func drawEvent(t *rapid.T) Event {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "\xff", "</script>\u2028\"\\\n\x00", "é😀"}))
	e := Event{
		User: text.Draw(t, "user"), Item: text.Draw(t, "item"), EventID: text.Draw(t, "event_id"),
		OrderID: text.Draw(t, "order_id"), ItemName: text.Draw(t, "item_name"), Currency: text.Draw(t, "currency"),
		Quantity:   rapid.Int64().Draw(t, "quantity"),
		Attributes: rapid.MapOfN(text, text, 0, 7).Draw(t, "attributes"),
	}
	if rapid.Bool().Draw(t, "priced") {
		price := Micros(rapid.Int64().Draw(t, "price"))
		e.UnitPrice, e.Amount = &price, &price
	}
	e.Op = rapid.SampledFrom([]Op{Add, "purchase"}).Draw(t, "op")
	if rapid.Bool().Draw(t, "dated") {
		seconds := rapid.Int64Range(-63_000_000_000, 260_000_000_000).Draw(t, "seconds")
		zone := time.FixedZone("", rapid.IntRange(-86_400, 86_400).Draw(t, "zone"))
		e.Timestamp = time.Unix(seconds, rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).In(zone)
		e.ImportedAt = e.Timestamp
	}
	return e
}
