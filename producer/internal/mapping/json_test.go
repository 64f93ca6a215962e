package mapping_test

import (
	"slices"
	"strings"
	"testing"

	"purchases/producer/internal/mapping"
	"purchases/producer/internal/number"
)

func TestJSON(t *testing.T) {
	type set = map[string]string
	mapped := mapping.Mapping{Columns: set{"user": "customer", "attributes.shop": "where"},
		Defaults: set{"item": "unknown", "timestamp": "2026-01-01T00:00:00Z"}}
	const known = `{"customer":"","where":""}` + "\n"
	for name, test := range map[string]struct {
		mapping mapping.Mapping
		text    string
		want    string
	}{
		"by the contract": {
			text: `{"user":" u1","item":"i","attributes": {"a" : "1\n2"},"x":null,"timestamp":"2026-01-01T01:00:00+01:00"}`,
			want: `{"user":"u1","item":"i","quantity":1,"timestamp":"2026-01-01T00:00:00Z","attributes":{"a":"1 2"}}`,
		},
		"with an id": {text: `{"user":"\u00fc","event_id":"e1"}`,
			want: `{"event_id":"e1","user":"ü","item":"","quantity":1}`},
		"a retraction": {text: `{"op":"retract","event_id":"e1","timestamp":"2026-01-01T00:00:00Z"}`,
			want: `{"op":"retract","event_id":"e1","timestamp":"2026-01-01T00:00:00Z"}`},
		"against the contract": {text: `{"user":"a","user":"b"}`, want: `raw {"user":"a","user":"b"}`},
		"as a table would be":  {text: `{"user":7,"item":"i","quantity":"2.0","unit_price":"$1,234.50","timestamp":"2026-01-01T00:00:00"}`, want: `{"user":"7","item":"i","quantity":2,"unit_price":"1234.50","timestamp":"2026-01-01T00:00:00Z"}`},
		"no JSON":              {text: `{hello}`, want: "!"},
		"mapped": {mapped, `{"customer":17850,"item":"i1","timestamp":"2026-01-01T00:00:00Z","quantity":-2,"unit_price":2.50,"where":true,"attributes":{"country":"AT","n":1}}`,
			`{"user":"17850","item":"i1","quantity":-2,"unit_price":"2.50","timestamp":"2026-01-01T00:00:00Z","attributes":{"country":"AT","n":"1","shop":"true"}}`},
		"mapped and absent": {mapped, `{"item":null,"user":"not asked for"}`,
			`{"user":"","item":"unknown","quantity":1,"timestamp":"2026-01-01T00:00:00Z"}`},
		"mapped of wrong type": {mapped, `{"customer":{"id":1}}`, "!user: is a JSON object, want a string or a number"},
		"mapped twice":         {mapped, `{"customer":"a","customer":"b"}`, `!duplicate object member name "customer"`},
		"attributes nested": {mapped, `{"attributes":{"a":[]}}`,
			"!attributes.a is a JSON array, want a string or a number"},
		"attributes no object": {mapped, `{"attributes":"red"}`, `!attributes is "\"red\"", want an object`},
		"quantity is none":     {mapped, `{"quantity":1.5}`, `!quantity "1.5" is not an integer: a piece has no fractions`},
		"nested": {
			mapping.Mapping{Columns: set{"user": "customer.id", "item": "line.sku.code", "timestamp": "a.b",
				"attributes.n": "len(list) + 0", "order_id": "list[1].id"}},
			`{"customer":{"id":"c1","x":1},"line":{"sku":{"code":7}},"a":{"b":"2026-01-01T00:00:00Z"},"list":[{"id":1},{"id":2}]}`,
			`{"user":"c1","item":"7","quantity":1,"order_id":"2","timestamp":"2026-01-01T00:00:00Z","attributes":{"n":"2"}}`,
		},
		"member with a dot": {
			mapping.Mapping{Columns: set{"user": `row["customer.id"]`, "item": "item.sku"}},
			`{"customer.id":"c","item.sku":"s","timestamp":"2026-01-01T00:00:00Z"}`,
			`{"user":"c","item":"s","quantity":1,"timestamp":"2026-01-01T00:00:00Z"}`,
		},
		"numbers have a point": {
			mapping.Mapping{Style: number.Style{DecimalComma: true}},
			`{"user":"u","item":"i","timestamp":"2026-01-01T00:00:00Z","unit_price":1.299,"amount":"1.299,5","quantity":2.0}`,
			`{"user":"u","item":"i","quantity":2,"unit_price":"1.299","amount":"1299.50","timestamp":"2026-01-01T00:00:00Z"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if len(test.mapping.Defaults) > 0 {
				test.text = known + test.text
			}
			got, err := convert(test.mapping, "x.jsonl", test.text)
			if err != nil || len(got) == 0 || got[len(got)-1] != test.want && (test.want != "!" || got[0][0] != '!') {
				t.Errorf("got  %q %v\nwant %q", got, err, test.want)
			}
		})
	}
}

func TestEach(t *testing.T) {
	type set = map[string]string
	orders := mapping.Mapping{Each: "lines",
		Columns: set{"user": "who.id", "item": "sku", "order_id": "parent.id", "timestamp": "at", "amount": "price * n",
			"quantity": "n", "attributes.line": "lines.id"}}
	text := `{"id":1,"who":{"id":"u"},"at":"2026-01-01T00:00:00Z","lines":[{"id":11,"sku":"A","n":1,"price":10},{"id":12,"sku":"B","n":2,"price":"2.50","at":"2026-01-02T00:00:00Z"}]}` +
		`{"id":2,"lines":[]}{"id":3}{"id":4,"lines":[{"sku":"C"},5]}{"id":5,"lines":{"sku":"D","n":1,"price":1}}`
	got, err := convert(orders, "x.json", text)
	want := []string{
		`{"user":"u","item":"A","quantity":1,"amount":"10.00","order_id":"1","timestamp":"2026-01-01T00:00:00Z","attributes":{"line":"11"}}`,
		`{"user":"u","item":"B","quantity":2,"amount":"5.00","order_id":"1","timestamp":"2026-01-02T00:00:00Z","attributes":{"line":"12"}}`,
		"!left out",
		`!"lines", which --each names, is not an array in this object`,
		`!an element of "lines" is not a JSON object`,
		`{"user":"","item":"D","quantity":1,"amount":"1.00","order_id":"5"}`,
	}
	got = slices.DeleteFunc(got, func(s string) bool { return strings.Contains(s, "amount: ") })
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v\ngot  %s\nwant %s", err, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
	deep := mapping.Mapping{Each: "orders.lines",
		Columns: set{"user": "shop", "item": "sku", "order_id": "orders.id", "timestamp": "at", "attributes.id": "id"}}
	got, err = convert(deep, "x.json",
		`{"shop":"s","at":"2026-01-01T00:00:00Z","orders":[{"id":1,"lines":[{"sku":"A","id":7}]},{"id":2,"lines":[{"sku":"B","id":8}]}]}`)
	want = []string{
		`{"user":"s","item":"A","quantity":1,"order_id":"1","timestamp":"2026-01-01T00:00:00Z","attributes":{"id":"7"}}`,
		`{"user":"s","item":"B","quantity":1,"order_id":"2","timestamp":"2026-01-01T00:00:00Z","attributes":{"id":"8"}}`,
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v\ngot  %s\nwant %s", err, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func TestFill(t *testing.T) {
	m := mapping.Mapping{Columns: map[string]string{"order_id": "Name", "user": "Email"},
		Fill: []string{"currency", "Email", "Status"}, Where: `Status == "paid"`}
	got, err := convert(m, "x.csv", "Name,Email,item,timestamp,currency,Status\n"+
		"1,a,i,2026-01-01T00:00:00Z,EUR,paid\n1,,j,2026-01-01T00:00:00Z,,\n2,,k,2026-01-01T00:00:00Z,,paid\n,,l,2026-01-01T00:00:00Z,USD,\n3,b,m,2026-01-01T00:00:00Z,GBP,open\n3,,n,2026-01-01T00:00:00Z,,\n")
	want := []string{
		`{"user":"a","item":"i","quantity":1,"currency":"EUR","order_id":"1","timestamp":"2026-01-01T00:00:00Z"}`,
		`{"user":"a","item":"j","quantity":1,"currency":"EUR","order_id":"1","timestamp":"2026-01-01T00:00:00Z"}`,
		`{"user":"","item":"k","quantity":1,"order_id":"2","timestamp":"2026-01-01T00:00:00Z"}`,
		`{"user":"","item":"l","quantity":1,"currency":"USD","timestamp":"2026-01-01T00:00:00Z"}`,
		"!left out", "!left out",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v\ngot  %s\nwant %s", err, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}
