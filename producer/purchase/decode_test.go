package purchase_test

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

	"purchases/producer/purchase"
)

var now = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func micros(n int64) *purchase.Micros { return (*purchase.Micros)(&n) }

// golden are the events of testdata.
var golden = map[string]purchase.Event{
	"full.json": {
		EventID: "0b4f2f4e-6a0c-4e0e-9a51-1f2f3a4b5c6d", User: "17850", Item: "85123A",
		ItemName: "WHITE HANGING HEART T-LIGHT HOLDER", Quantity: -6, UnitPrice: micros(2_550_000), Currency: "GBP",
		OrderID: "536365", Timestamp: time.Date(2010, 12, 1, 8, 26, 0, 0, time.UTC),
		Attributes: map[string]string{"country": "United Kingdom", "channel": "web"},
	},
	"least.json": {User: "u", Item: "i", Quantity: 1, Timestamp: now.Add(123 * time.Millisecond)},
	"imported.json": {
		EventID: "e", User: "u", Item: "i", Quantity: -3, Amount: micros(-29_970_000), Timestamp: now,
		ImportedAt: now.Add(time.Millisecond),
	},
	"retraction.json": {
		Op: purchase.Retract, EventID: "e", User: "u", Quantity: 1, Timestamp: now, RetractedAt: now.Add(time.Millisecond),
	},
}

func TestGolden(t *testing.T) {
	for name, event := range golden {
		t.Run(name, func(t *testing.T) {
			file, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			want := bytes.TrimSpace(file)
			if got, err := event.Encode(); err != nil || !bytes.Equal(got, want) {
				t.Errorf("Encode = %s, %v\nwant %s", got, err, want)
			}
			if got, err := purchase.Decode(want); err != nil || !reflect.DeepEqual(got, event) {
				t.Errorf("Decode = %+v, %v\nwant %+v", got, err, event)
			}
		})
	}
}

// example is JSON that is accepted, and its event.
type example struct {
	name, json string
	want       purchase.Event
}

func accepted() []example {
	least := func(change func(*purchase.Event)) purchase.Event {
		e := golden["least.json"]
		change(&e)
		return e
	}
	const head = `{"user":"u","item":"i","timestamp":"2026-01-31T12:00:00.123Z"`
	return []example{
		{"quantity absent means 1", head + `}`, golden["least.json"]},
		{"quantity null means 1", head + `,"quantity":null}`, golden["least.json"]},
		{"unknown members", head + `,"colour":{"a":[1,null]},"Quantity":7}`, golden["least.json"]},
		{"white space around", " \r\n\t" + head + "} \n", golden["least.json"]},
		{"zone", strings.Replace(head, "12:00:00.123Z", "13:00:00.123+01:00", 1) + `}`, golden["least.json"]},
		{"price as a number", head + `,"unit_price":1e-05}`, least(func(e *purchase.Event) { e.UnitPrice = micros(10) })},
		{"price as text", head + `,"unit_price":" 0.001 "}`, least(func(e *purchase.Event) { e.UnitPrice = micros(1000) })},
		{"price null", head + `,"unit_price":null}`, golden["least.json"]},
		{"unknown member twice", head + `,"a":1,"a":{"b":1,"b":2}}`, golden["least.json"]},
		{"escaped name", strings.Replace(head, "user", `\u0075ser`, 1) + `}`, golden["least.json"]},
		{"space for T", strings.Replace(head, "T12", " 12", 1) + `}`, golden["least.json"]},
		{"small letters", strings.NewReplacer("T12", "t12", `Z"`, `z"`).Replace(head) + `}`, golden["least.json"]},
		{"offset without colon", strings.Replace(head, `Z"`, `+0000"`, 1) + `}`, golden["least.json"]},
		{"offset of hours", strings.Replace(head, `Z"`, `+00"`, 1) + `}`, golden["least.json"]},
		{"UTC", strings.Replace(head, `Z"`, ` UTC"`, 1) + `}`, golden["least.json"]},
		{"comma", strings.Replace(head, `.123`, `,123`, 1) + `}`, golden["least.json"]},
		{"microseconds", strings.Replace(head, `.123`, `.123456`, 1) + `}`, golden["least.json"]},
		{"region", strings.Replace(head, `12:00:00.123Z`, `13:00:00.123+01:00[Europe/Paris]`, 1) + `}`, golden["least.json"]},
		{"no seconds", strings.Replace(head, `:00.123Z`, `Z`, 1) + `}`, least(func(e *purchase.Event) { e.Timestamp = now })},
		{"milliseconds", strings.Replace(head, `"2026-01-31T12:00:00.123Z"`, `1769860800123`, 1) + `}`, golden["least.json"]},
		{"milliseconds as a float", strings.Replace(head, `"2026-01-31T12:00:00.123Z"`, `1.769860800123E12`, 1) + `}`,
			golden["least.json"]},
		{"milliseconds as text", strings.Replace(head, `"2026-01-31T12:00:00.123Z"`, `"1769860800123"`, 1) + `}`,
			golden["least.json"]},
		{"numeric ids", `{"user":12345,"item":85123.0,"order_id":-7,"event_id":9007199254740993` +
			head[len(`{"user":"u","item":"i"`):] + `}`,
			least(func(e *purchase.Event) {
				e.User, e.Item, e.OrderID, e.EventID = "12345", "85123", "-7", "9007199254740993"
			})},
		{"quantity as a float", head + `,"quantity":2.0}`, least(func(e *purchase.Event) { e.Quantity = 2 })},
		{"quantity with an exponent", head + `,"quantity":1e1}`, least(func(e *purchase.Event) { e.Quantity = 10 })},
		{"quantity as text", head + `,"quantity":" -1.00 "}`, least(func(e *purchase.Event) { e.Quantity = -1 })},
		{"float price below", head + `,"unit_price":19.989999999999998}`,
			least(func(e *purchase.Event) { e.UnitPrice = micros(19_990_000) })},
		{"float price above", head + `,"unit_price":0.30000000000000004}`,
			least(func(e *purchase.Event) { e.UnitPrice = micros(300_000) })},
		{"float price as text", head + `,"amount":"100.00000000000001"}`,
			least(func(e *purchase.Event) { e.Amount = micros(100_000_000) })},
		{"a third", head + `,"unit_price":33.333333333333336}`,
			least(func(e *purchase.Event) { e.UnitPrice = micros(33_333_333) })},
		{"small number in attributes", head + `,"attributes":{"age":42,"gift":true,"none":null}}`,
			least(func(e *purchase.Event) { e.Attributes = map[string]string{"age": "42", "gift": "true"} })},
		{"breaks in names", head + `,"item_name":"Lamp\r\n blue\u0000","attributes":{"a":"\tx\u2028y"}}`,
			least(func(e *purchase.Event) { e.ItemName, e.Attributes = "Lamp blue", map[string]string{"a": "x y"} })},
		{"escapes", head + `,"item_name":"caf\u00e9 \ud83c\udf70"}`,
			least(func(e *purchase.Event) { e.ItemName = "café 🍰" })},
	}
}

func TestDecodeAccepts(t *testing.T) {
	for _, tt := range accepted() {
		t.Run(tt.name, func(t *testing.T) {
			got, err := purchase.Decode([]byte(tt.json))
			if err != nil {
				t.Fatal(err)
			}
			got.Normalize()
			if err := got.Validate(now); err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, tt.want)
			}
		})
	}
}

func TestDecodeKeepsWhatItCouldRead(t *testing.T) {
	for _, value := range []string{
		`{"event_id":"id-1","user":"u","quantity":"many"}`, `{"quantity":"many","user":"u","event_id":"id-1"}`,
		`{"user":"u","user":"v","event_id":"id-1"}`, `{"event_id":"id-1","user":"u",`,
		`{"attributes":{"a":1.5},"event_id":"id-1","user":"u"}`,
		"{\"event_id\":\"id-1\",\"user\":\"u\",\"item\":\"\xff\"}",
	} {
		e, err := purchase.Decode([]byte(value))
		if err == nil || e.EventID != "id-1" || e.User != "u" {
			t.Errorf("Decode of %s = %+v, %v; the dead letter needs the event_id", value, e, err)
		}
	}
}

func TestEncodeRefusesInvalidUTF8(t *testing.T) {
	e := purchase.Event{User: "\xff", Item: "i", Timestamp: now}
	if value, err := e.Encode(); err == nil {
		t.Errorf("Encode = %s", value)
	}
}

// text makes text in its normal form, of at most limit bytes.
func text(limit int) *rapid.Generator[string] {
	all := rapid.StringOfN(rapid.RuneFrom([]rune(`abcXYZ019 "\/<>&é漢🍰`)), 0, -1, limit-1)
	return rapid.Map(all, strings.TrimSpace)
}

func required(limit int) *rapid.Generator[string] {
	return rapid.Map(text(limit), func(s string) string { return "x" + s })
}

// validEvent makes events that are normal and valid.
func validEvent() *rapid.Generator[purchase.Event] {
	return rapid.Custom(func(t *rapid.T) purchase.Event {
		e := purchase.Event{
			User:      required(purchase.MaxID).Draw(t, "user"),
			Item:      required(purchase.MaxID).Draw(t, "item"),
			Timestamp: time.UnixMilli(rapid.Int64Range(0, now.UnixMilli()).Draw(t, "timestamp")).UTC(),
			EventID:   text(purchase.MaxID).Draw(t, "event_id"),
			OrderID:   text(purchase.MaxID).Draw(t, "order_id"),
			ItemName:  text(purchase.MaxName).Draw(t, "item_name"),
			Quantity: rapid.Int64Range(1, purchase.MaxQuantity).Draw(t, "quantity") * rapid.SampledFrom([]int64{1, -1}).
				Draw(t, "sign"),
			Currency: rapid.SampledFrom([]string{"", "GBP", "EUR", "JPY"}).Draw(t, "currency"),
		}
		if rapid.Bool().Draw(t, "priced") {
			most := int64(purchase.MaxMicros) / max(e.Quantity, -e.Quantity)
			e.UnitPrice = micros(rapid.Int64Range(0, most).Draw(t, "unit_price"))
		}
		if rapid.Bool().Draw(t, "with amount") {
			e.Amount = micros(rapid.Int64Range(0, int64(purchase.MaxMicros)).Draw(t, "amount"))
		}
		if rapid.Bool().Draw(t, "imported") {
			e.ImportedAt = now
		}
		attributes := rapid.MapOfN(required(purchase.MaxAttributeName), required(purchase.MaxID), 0, purchase.MaxAttributes).
			Draw(t, "attributes")
		if len(attributes) > 0 {
			e.Attributes = attributes
		}
		return e
	})
}

func TestDecodeReadsWhatEncodeWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := validEvent().Draw(t, "event")
		value, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := purchase.Decode(value)
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Fatalf("Decode = %+v, %v\nwant %+v", got, err, e)
		}
		got.Normalize()
		if err := got.Validate(now); err != nil || !reflect.DeepEqual(got, e) {
			t.Fatalf("Normalize and Validate: %+v, %v\nwant %+v", got, err, e)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for name := range golden {
		value, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
	}
	for _, tt := range broken {
		if tt.reason != purchase.TooLarge { // too slow to mutate
			f.Add(tt.value)
		}
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		e, err := purchase.Decode(value)
		if err != nil {
			wantInvalid(t, err)
			return
		}
		e.Normalize()
		if err := e.Validate(now); err != nil {
			wantInvalid(t, err)
			return
		}
		again, err := e.Encode()
		if err != nil {
			t.Fatalf("a valid event does not encode: %v", err)
		}
		got, err := purchase.Decode(again)
		got.Normalize()
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Fatalf("%s decodes as %+v, %v\nwant %+v", again, got, err, e)
		}
	})
}

func wantInvalid(t *testing.T, err error) {
	var invalid *purchase.Invalid
	if !errors.As(err, &invalid) || invalid.Reason == "" || invalid.Detail == "" {
		t.Fatalf("error %v does not name the broken rule", err)
	}
}
