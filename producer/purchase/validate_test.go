package purchase_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"purchases/producer/purchase"
)

type brokenEvent struct {
	reason purchase.Reason
	value  []byte
}

// broken has at least one message for each rule.
var broken = []brokenEvent{
	{purchase.EmptyValue, nil},
	{purchase.EmptyValue, []byte(" \r\n")},
	{purchase.TooLarge, []byte(`{"note":"` + strings.Repeat("x", purchase.MaxValue) + `"}`)},
	{purchase.InvalidUTF8, []byte("{\"user\":\"\xff\"}")},
	{purchase.InvalidUTF8, []byte("{\"user\":\"\xed\xa0\x80\"}")},
	{purchase.InvalidJSON, []byte(`{"user":`)},
	{purchase.JSONArray, []byte(`[]`)},
	{purchase.InvalidJSON, []byte(`null`)},
	{purchase.InvalidJSON, []byte(`{} {}`)},
	{purchase.ByteOrderMark, []byte("\xef\xbb\xbf{}")},
	{purchase.ByteOrderMark, []byte("\xff\xfe{\x00}\x00")},
	{purchase.SchemaRegistryFrame, []byte("\x00\x00\x00\x00\x01{}")},
	{purchase.JSONInString, []byte(`"{\"user\":\"u\"}"`)},
	{purchase.InvalidUTF8, []byte("\x1f\x8b\x08")},
	{purchase.InvalidUTF8, []byte("\x00{\x00}")},
	{purchase.InvalidUTF8, []byte("{\x00}\x00")},
	{purchase.InvalidUTF8, []byte("\xac\xed\x00\x05sr")},
	{purchase.InvalidJSON, []byte("<event/>")},
	{purchase.InvalidJSON, []byte("eyJ1c2VyIjoidSJ9")},
	{purchase.InvalidJSON, []byte("u,i,2026-01-01T00:00:00Z")},
	{purchase.Envelope, []byte(`{"events":[ {"user":"u"}]}`)},
	{purchase.InvalidJSON, []byte(`{'user':'u'}`)},
	{purchase.InvalidJSON, with(`"unit_price":NaN`)},
	{purchase.Envelope, []byte(`{"schema":{"type":"struct"},"payload":{"user":"u"}}`)},
	{purchase.Envelope, []byte(`{"before":null,"after":{"user":"u"},"op":"c"}`)},
	{purchase.Envelope, []byte(`{"Type":"Notification","Message":"{\"user\":\"u\"}"}`)},
	{purchase.InvalidJSON, []byte(`{"user":"\ud800"}`)},
	{purchase.DuplicateName, []byte(`{"user":"a","user":"b"}`)},
	{purchase.DuplicateName, with(`"attributes":{"a":"1","a":"2"}`)},
	{purchase.DuplicateName, with(`"timestamp":"2026-01-01T00:00:00Z"`)},
	{purchase.InvalidType, []byte(`{"user":1.5}`)},
	{purchase.InvalidType, []byte(`{"user":true}`)},
	{purchase.InvalidType, []byte(`{"user":["u"]}`)},
	{purchase.InvalidType, with(`"event_id":1e3`)},
	{purchase.InvalidType, with(`"order_id":-0`)},
	{purchase.InvalidType, with(`"order_id":1234567890123456.0`)},
	{purchase.InvalidType, with(`"item_name":42`)},
	{purchase.InvalidType, with(`"item_name":["x"]`)},
	{purchase.MissingUser, []byte(`{"item":"i","timestamp":"2026-01-01T00:00:00Z"}`)},
	{purchase.MissingUser, []byte(`{"user":null,"item":"i","timestamp":"2026-01-01T00:00:00Z"}`)},
	{purchase.MissingUser, []byte(`{"user":" \u00a0","item":"i","timestamp":"2026-01-01T00:00:00Z"}`)},
	{purchase.MissingUser, []byte(`{"User":"u","Item":"i","Timestamp":"2026-01-01T00:00:00Z"}`)},
	{purchase.MissingItem, []byte(`{"user":"u","timestamp":"2026-01-01T00:00:00Z"}`)},
	{purchase.MissingTimestamp, []byte(`{"user":"u","item":"i"}`)},
	{purchase.MissingTimestamp, []byte(`{"user":"u","item":"i","timestamp":null}`)},
	{purchase.InvalidTimestamp, at(`"yesterday"`)},
	{purchase.InvalidTimestamp, at(`"2026-01-01T00:00:00"`)},
	{purchase.InvalidTimestamp, at(`"2026-02-30T00:00:00Z"`)},
	{purchase.InvalidTimestamp, at(`"1969-12-31T23:59:59Z"`)},
	{purchase.InvalidTimestamp, at(`"0001-01-01T00:00:00Z"`)},
	{purchase.InvalidTimestamp, at(`1767225600`)},
	{purchase.InvalidTimestamp, at(`"1767225600"`)},
	{purchase.InvalidTimestamp, at(`1767225600.123456`)},
	{purchase.InvalidTimestamp, at(`"1767225600.123456"`)},
	{purchase.InvalidTimestamp, at(`"01.02.2026 03:04"`)},
	{purchase.InvalidTimestamp, at(`1767225600000000`)},
	{purchase.InvalidTimestamp, at(`1767225600000000000`)},
	{purchase.InvalidTimestamp, at(`[2026,1,1,0,0]`)},
	{purchase.InvalidTimestamp, at(`{"$date":1767225600000}`)},
	{purchase.InvalidTimestamp, at(`"2026-01-01"`)},
	{purchase.InvalidTimestamp, at(`"2026-01-01 00:00:00"`)},
	{purchase.InvalidTimestamp, at(`"2026-01-01T00:00:00.123456"`)},
	{purchase.InvalidTimestamp, at(`"2026-01-01T00:00:00 PST"`)},
	{purchase.InvalidTimestamp, at(`"2026-01-01T00:00:00[Europe/Paris]"`)},
	{purchase.InvalidTimestamp, at(`"2026-01-01T00:00:00+24:00"`)},
	{purchase.InvalidTimestamp, at(`"2026-01-01T00:00:00+2400"`)},
	{purchase.InvalidTimestamp, at(`"2026-01-01T24:00:00Z"`)},
	{purchase.InvalidTimestamp, at(`"2016-12-31T23:59:60Z"`)},
	{purchase.InvalidTimestamp, at(`""`)},
	{purchase.TimestampInFuture, at(`"2026-02-01T12:00:00.001Z"`)},
	{purchase.InvalidQuantity, with(`"quantity":0`)},
	{purchase.InvalidQuantity, with(`"quantity":1.5`)},
	{purchase.InvalidQuantity, with(`"quantity":"1.5"`)},
	{purchase.InvalidQuantity, with(`"quantity":"two"`)},
	{purchase.InvalidQuantity, with(`"quantity":""`)},
	{purchase.InvalidQuantity, with(`"quantity":true`)},
	{purchase.InvalidQuantity, with(`"quantity":9007199254740993`)},
	{purchase.InvalidQuantity, with(`"quantity":1e-1`)},
	{purchase.InvalidQuantity, with(`"quantity":1000000001`)},
	{purchase.InvalidQuantity, with(`"quantity":-9223372036854775808`)},
	{purchase.InvalidQuantity, with(`"quantity":9223372036854775808`)},
	{purchase.InvalidPrice, with(`"unit_price":-0.01`)},
	{purchase.InvalidPrice, with(`"unit_price":"1,50"`)},
	{purchase.InvalidPrice, with(`"unit_price":"0.0000001"`)},
	{purchase.InvalidPrice, with(`"unit_price":0.00000001`)},
	{purchase.InvalidPrice, with(`"unit_price":1.2345678`)},
	{purchase.InvalidPrice, with(`"unit_price":1.2345678901234567e-9`)},
	{purchase.InvalidPrice, with(`"unit_price":true`)},
	{purchase.InvalidPrice, with(`"unit_price":"NaN"`)},
	{purchase.InvalidAmount, with(`"amount":-0.01`)},
	{purchase.InvalidAmount, with(`"amount":"1,50"`)},
	{purchase.InvalidAmount, with(`"amount":{}`)},
	{purchase.AmountTooLarge, with(`"unit_price":9223372036854.775808`)},
	{purchase.AmountTooLarge, with(`"unit_price":"1e20"`)},
	{purchase.AmountTooLarge, with(`"unit_price":9223372036854.775807,"quantity":-2`)},
	{purchase.AmountTooLarge, with(`"amount":9223372036854.775808`)},
	{purchase.AmountTooLarge, with(`"amount":"-1e20","quantity":-1`)},
	{purchase.InvalidOp, with(`"op":"delete"`)},
	{purchase.InvalidOp, with(`"op":1`)},
	{purchase.MissingEventID, with(`"op":"retract"`)},
	{purchase.MissingTimestamp, []byte(`{"op":"retract","event_id":"e"}`)},
	{purchase.TimestampInFuture, []byte(`{"op":"retract","event_id":"e","timestamp":"2027-01-01T00:00:00Z"}`)},
	{purchase.FieldTooLong, with(`"op":"retract","event_id":"` + strings.Repeat("x", purchase.MaxID+1) + `"`)},
	{purchase.InvalidRetractedAt, with(`"op":"retract","event_id":"e","retracted_at":"2027-01-01T00:00:00Z"`)},
	{purchase.InvalidRetractedAt, with(`"op":"retract","event_id":"e","retracted_at":"now"`)},
	{purchase.InvalidImportedAt, with(`"imported_at":"9999-01-01T00:00:00Z"`)},
	{purchase.InvalidImportedAt, with(`"imported_at":"1970-01-01T00:00:00Z"`)},
	{purchase.InvalidImportedAt, with(`"imported_at":true`)},
	{purchase.InvalidCurrency, with(`"currency":"POUND"`)},
	{purchase.InvalidCurrency, with(`"currency":"QQQ"`)},
	{purchase.InvalidAttributes, with(`"attributes":{"a":1.5}`)},
	{purchase.InvalidAttributes, with(`"attributes":["a"]`)},
	{purchase.InvalidAttributes, with(`"attributes":{"a":{"b":"c"}}`)},
	{purchase.InvalidAttributes, with(`"attributes":"a"`)},
	{purchase.InvalidAttributes, with(`"attributes":{" ":"x"}`)},
	{purchase.InvalidAttributes, with(`"attributes":{` + members(purchase.MaxAttributes+1) + `}`)},
	{purchase.FieldTooLong, with(`"event_id":"` + strings.Repeat("x", purchase.MaxID+1) + `"`)},
	{purchase.FieldTooLong, with(`"item_name":"` + strings.Repeat("é", purchase.MaxName/2+1) + `"`)},
	{purchase.FieldTooLong, with(`"attributes":{"` + strings.Repeat("x", purchase.MaxAttributeName+1) + `":"x"}`)},
	{purchase.ControlCharacter, with(`"event_id":"bell\u0007"`)},
	{purchase.ControlCharacter, with(`"order_id":"a\tb"`)},
	{purchase.ControlCharacter, with(`"attributes":{"a\nb":"1"}`)},
}

// with is a valid event with one more member.
func with(member string) []byte {
	return []byte(`{"user":"u","item":"i","timestamp":"2026-01-01T00:00:00Z",` + member + `}`)
}

func at(timestamp string) []byte {
	return []byte(`{"user":"u","item":"i","timestamp":` + timestamp + `}`)
}

func members(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`"a%d":"x"`, i)
	}
	return strings.Join(all, ",")
}

func TestEachRule(t *testing.T) {
	for _, tt := range broken {
		t.Run(fmt.Sprintf("%s/%.60s", tt.reason, tt.value), func(t *testing.T) {
			e, err := purchase.Decode(tt.value)
			if err == nil {
				e.Normalize()
				err = e.Validate(now)
			}
			var invalid *purchase.Invalid
			if !errors.As(err, &invalid) || invalid.Reason != tt.reason {
				t.Fatalf("error %v, want %s", err, tt.reason)
			}
			if strings.ContainsAny(invalid.Detail, "\r\n") || invalid.Detail == "" {
				t.Errorf("detail %q is not one line", invalid.Detail)
			}
		})
	}
}

func TestLimitsAreInclusive(t *testing.T) {
	for name, value := range map[string][]byte{
		"event_id":   with(`"event_id":"` + strings.Repeat("x", purchase.MaxID) + `"`),
		"item_name":  with(`"item_name":"` + strings.Repeat("é", purchase.MaxName/2) + `"`),
		"attributes": with(`"attributes":{` + members(purchase.MaxAttributes) + `}`),
		"quantity":   with(`"quantity":-1000000000`),
		"price":      with(`"unit_price":"9223372036854.775807"`),
		"product":    with(`"unit_price":"9223.372036","quantity":-1000000000`),
		"amount":     with(`"amount":"-9223372036854.775807","quantity":-1`),
		"unused":     with(`"amount":"1","unit_price":"9223372036854","quantity":1000`),
		"oldest":     at(`"1970-01-01T00:00:00Z"`),
		"newest":     at(`"2026-02-01T12:00:00Z"`),
	} {
		t.Run(name, func(t *testing.T) {
			e, err := purchase.Decode(value)
			e.Normalize()
			if err := errors.Join(err, e.Validate(now)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNormalize(t *testing.T) {
	e := purchase.Event{
		User: " u\t", Item: "cafe\u0301", EventID: "\n id ", Currency: " gbp ",
		Timestamp:  time.Date(2026, 1, 1, 1, 0, 0, 1_999_999, time.FixedZone("", 3600)),
		Attributes: map[string]string{" a": "1", "a": "2 ", "empty": "  ", "e\u0301": "x"},
	}
	want := purchase.Event{
		User: "u", Item: "café", EventID: "id", Currency: "GBP",
		Timestamp:  time.Date(2026, 1, 1, 0, 0, 0, 1_000_000, time.UTC),
		Attributes: map[string]string{"a": "2", "é": "x"},
	}
	e.Normalize()
	if !reflect.DeepEqual(e, want) {
		t.Errorf("got %+v\nwant %+v", e, want)
	}
}

func TestNormalizeLeavesNoEmptyMap(t *testing.T) {
	e := purchase.Event{Attributes: map[string]string{"a": " "}}
	if e.Normalize(); e.Attributes != nil {
		t.Errorf("attributes %v, want nil as without any", e.Attributes)
	}
}

func TestKey(t *testing.T) {
	for user, want := range map[string][]byte{"u": []byte("u"), "": nil} {
		e := purchase.Event{User: user}
		if got := e.Key(); !reflect.DeepEqual(got, want) {
			t.Errorf("key %q of user %q, want %q", got, user, want)
		}
	}
}

func TestTotal(t *testing.T) {
	for _, tt := range []struct {
		quantity           int64
		price, amount, sum *purchase.Micros
	}{
		{2, nil, nil, nil},
		{-3, micros(1_500_000), nil, micros(-4_500_000)},
		{3, micros(1_500_000), micros(4_000_000), micros(4_000_000)},
		{-3, nil, micros(4_000_000), micros(-4_000_000)},
		{-3, nil, micros(-4_000_000), micros(-4_000_000)},
		{-3, nil, micros(0), micros(0)},
	} {
		e := purchase.Event{User: "u", Item: "i", Timestamp: now, Quantity: tt.quantity, UnitPrice: tt.price,
			Amount: tt.amount}
		if err := e.Validate(now); err != nil {
			t.Errorf("%+v: %v", tt, err)
		}
		if got := e.Total(); !reflect.DeepEqual(got, tt.sum) {
			t.Errorf("total of %+v is %v, want %v", tt, got, tt.sum)
		}
	}
}

// A retraction needs its event_id and timestamp, whatever else stands in it.
func TestRetractionNeedsLittle(t *testing.T) {
	const ids = `{"op":"retract","event_id":" e ","timestamp":"2026-01-01T00:00:00Z"`
	for _, value := range []string{ids + `}`, ids +
		`,"quantity":0,"unit_price":-1,"currency":"?","imported_at":"2030-01-01T00:00:00Z","user":"u"}`} {
		e, err := purchase.Decode([]byte(value))
		e.Normalize()
		if err := errors.Join(err, e.Validate(now)); err != nil || e.EventID != "e" || e.Currency != "" ||
			!e.ImportedAt.IsZero() {
			t.Errorf("%s: %v, %+v", value, err, e)
		}
	}
}
