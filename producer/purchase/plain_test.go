package purchase

import (
	"reflect"
	"strings"
	"testing"
)

// FuzzPlain compares the quick way to read an event with the decoder.
func FuzzPlain(f *testing.F) {
	const head = `{"event_id":"e","user":"u","item":"i","timestamp":"2026-01-31T12:00:00.123Z"`
	for _, text := range []string{
		head + `}`, " \r\n\t" + head + "} \n", head + `}x`, head + `,}`, `{}`, `{`, `{"user":"u"`,
		head + `,"quantity":-12,"unit_price":"2.50","currency":"GBP","attributes":{"a":"1","b":"2"}}`,
		head + `,"quantity":0}`, head + `,"quantity":-0}`, head + `,"quantity":01}`, head + `,"quantity":1.0}`, head + `,"quantity":1e3}`,
		head + `,"quantity":1234567890123456789}`, head + `,"quantity":null}`, head + `,"quantity":--1}`, head + `,"quantity":""}`,
		head + `,"unit_price":2.5}`, head + `,"unit_price":02}`, head + `,"unit_price":-0.5}`, head + `,"unit_price":.5}`, head + `,"unit_price":5.}`,
		head + `,"unit_price":1e-05}`, head + `,"unit_price":" 2 "}`, head + `,"unit_price":"x"}`, head + `,"unit_price":0.0000001}`,
		head + `,"amount":"-2.50","imported_at":"2026-01-31T12:00:00Z","op":"retract","retracted_at":"2026-01-31T12:00:00Z"}`,
		head + `,"op":1}`, head + `,"amount":2.5,"amount":2}`, head + `,"user":"again"}`, head + `,"attributes":{"a":"1","a":"2"}}`, head + `,"attributes":{}}`, head + `,"attributes":null}`,
		head + `,"attributes":{"a":1}}`, head + `,"item_name":"caf\u00e9"}`, head + `,"item_name":"é"}`, head + `,"colour":1}`, head + `,"Quantity":2}`,
		head + ",\"item_name\":\"a\tb\"}", strings.Replace(head, "Z", "+01:00", 1) + `}`, strings.Replace(head, "Z", "-23:59", 1) + `}`,
		strings.Replace(head, "Z", "+24:00", 1) + `}`, strings.Replace(head, "Z", "+01:60", 1) + `}`, strings.Replace(head, ".123Z", "+1:00", 1) + `}`,
		strings.Replace(head, ".123", ",123", 1) + `}`,
		strings.Replace(head, "T12", "T1", 1) + `}`, strings.Replace(head, "01-31", "02-31", 1) + `}`, strings.Replace(head, ".123", "", 1) + `}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if checkValue([]byte(text)) != nil {
			return
		}
		quick, ok := decodePlain(text)
		if !ok {
			return
		}
		if want, err := decode([]byte(text)); err != nil || !reflect.DeepEqual(quick, want) {
			t.Errorf("%s is read as %+v, the decoder has %+v, %v", text, quick, want, err)
		}
	})
}

// The quick way must be the one that ordinary events take.
func TestPlainReadsWhatIsEncoded(t *testing.T) {
	price := Micros(2_550_000)
	e := Event{EventID: "e", User: "Zoë", Item: "i", ItemName: "n", Quantity: -6, UnitPrice: &price, Currency: "GBP", OrderID: "o",
		Attributes: map[string]string{"country": "United Kingdom"}}
	e.Timestamp = e.Timestamp.AddDate(2025, 1, 1)
	b, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := decodePlain(string(b)); !ok || !reflect.DeepEqual(got, e) {
		t.Errorf("%+v, %v, want %+v", got, ok, e)
	}
}
