package mapping_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"purchases/producer/internal/mapping"
	"purchases/producer/internal/rows"
	"purchases/producer/purchase"
)

// convert returns for each row "key value", or "!" and what is wrong with it.
// The id of a row that has none of its own is shown as ID.
func convert(m mapping.Mapping, file, text string) (out []string, err error) {
	reader, err := rows.Options{}.Open(file, strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	plan, err := m.Plan(reader.Header())
	if err != nil {
		return nil, err
	}
	encoder := plan.NewEncoder()
	for {
		var row rows.Row
		if err := reader.Next(&row); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return out, err
		}
		b, value, err := encoder.Append([]byte("x"), &row)
		if err != nil {
			out = append(out, "!"+err.Error())
			continue
		}
		message := fmt.Sprintf("%s %s", b[1:value], b[value:])
		out = append(out, strings.Replace(message, row.ID.String(), "ID", 1))
	}
}

func TestRowsOfTables(t *testing.T) {
	type set = map[string]string
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		mapping mapping.Mapping
		text    string
		want    string
	}{
		"names of the fields": {
			text: "event_id,user,item,item_name,quantity,unit_price,currency,order_id,timestamp,attributes.country,other\n" +
				"e1,u1,i1,Mug,-2,2.50,EUR,o1,2026-01-31T12:00:00.5+02:00,AT,x\n",
			want: `u1 {"event_id":"e1","user":"u1","item":"i1","item_name":"Mug","quantity":-2,"unit_price":"2.50","currency":"EUR",` +
				`"order_id":"o1","timestamp":"2026-01-31T10:00:00.5Z","attributes":{"country":"AT"}}`,
		},
		"empty cells are absent": {
			text: "user,item,timestamp,quantity,unit_price,attributes.country\n, ,  ,,,\n",
			want: ` {"event_id":"ID","user":"","item":"","quantity":1}`,
		},
		"columns, constants, defaults": {
			mapping: mapping.Mapping{
				Columns:   set{"user": "who", "item": "what", "attributes.shop": "where"},
				Constants: set{"currency": "GBP", "timestamp": "2026-01-01T00:00:00Z", "attributes.source": "till"},
				Defaults:  set{"user": "anonymous", "quantity": "3", "attributes.shop": "main"},
			},
			text: "who, what ,where,quantity,currency\n ,i1,,,EUR\n",
			want: `anonymous {"event_id":"ID","user":"anonymous","item":"i1","quantity":3,"currency":"GBP",` +
				`"timestamp":"2026-01-01T00:00:00Z","attributes":{"shop":"main","source":"till"}}`,
		},
		"one column for two fields": {
			mapping: mapping.Mapping{Columns: set{"item": "what", "item_name": "what"}},
			text:    "user,what,timestamp\nu1,Mug,2026-01-01T00:00:00Z\n",
			want:    `u1 {"event_id":"ID","user":"u1","item":"Mug","item_name":"Mug","quantity":1,"timestamp":"2026-01-01T00:00:00Z"}`,
		},
		"layout and zone": {
			mapping: mapping.Mapping{TimeLayout: "2.1.2006 15:04", Zone: london},
			text:    "user,item,timestamp\nu1,i1,1.7.2026 12:30\n",
			want:    `u1 {"event_id":"ID","user":"u1","item":"i1","quantity":1,"timestamp":"2026-07-01T11:30:00Z"}`,
		},
		"unix": {
			mapping: mapping.Mapping{TimeLayout: mapping.UnixSecond},
			text:    "user,item,timestamp\nu1,i1,1767225600\n",
			want:    `u1 {"event_id":"ID","user":"u1","item":"i1","quantity":1,"timestamp":"2026-01-01T00:00:00Z"}`,
		},
		"unix-ms": {
			mapping: mapping.Mapping{TimeLayout: mapping.UnixMilli},
			text:    "user,item,timestamp\nu1,i1,1767225600123\n",
			want:    `u1 {"event_id":"ID","user":"u1","item":"i1","quantity":1,"timestamp":"2026-01-01T00:00:00.123Z"}`,
		},
		"text is not touched": {
			text: "user,item,timestamp\n u1 ,\"i\"\"1\nx\",2026-01-01T00:00:00Z\n",
			want: ` u1  {"event_id":"ID","user":" u1 ","item":"i\"1\nx","quantity":1,"timestamp":"2026-01-01T00:00:00Z"}`,
		},
		"what is only invalid is sent": {
			text: "user,item,timestamp,quantity,unit_price,currency\nu1,i1,1969-01-01T00:00:00Z,0,-1,XXXX\n",
			want: `u1 {"event_id":"ID","user":"u1","item":"i1","quantity":0,"unit_price":"-1.00","currency":"XXXX","timestamp":"1969-01-01T00:00:00Z"}`,
		},
		"quantity that is none":   {text: "user,item,timestamp,quantity\nu,i,,abc\n", want: `!quantity "abc" is not an integer`},
		"quantity with decimals":  {text: "user,item,timestamp,quantity\nu,i,,1.5\n", want: `!quantity "1.5" is not an integer`},
		"quantity beyond 64 bits": {text: "user,item,timestamp,quantity\nu,i,,9223372036854775808\n", want: `!quantity "9223372036854775808" is not an integer`},
		"price that is none":      {text: "user,item,timestamp,unit_price\nu,i,,1.234.5\n", want: `!unit_price "1.234.5": not a decimal number`},
		"price that is too fine":  {text: "user,item,timestamp,unit_price\nu,i,,0.0000001\n", want: `!unit_price "0.0000001": more than 6 decimals`},
		"timestamp without zone": {text: "user,item,timestamp\nu,i,2026-01-01 00:00:00\n",
			want: `!timestamp "2026-01-01 00:00:00" does not fit the layout "2006-01-02T15:04:05Z07:00"; name its own with --time-layout`},
		"day that is none": {text: "user,item,timestamp\nu,i,2026-02-30T00:00:00Z\n",
			want: `!timestamp "2026-02-30T00:00:00Z" does not fit the layout "2006-01-02T15:04:05Z07:00"; name its own with --time-layout`},
		"unix that is none": {mapping: mapping.Mapping{TimeLayout: mapping.UnixSecond},
			text: "user,item,timestamp\nu,i,9223372036854775807\n",
			want: `!timestamp "9223372036854775807" is not a whole number of Unix time`},
		"event over Kafka's limit": {text: "user,item,timestamp\nu," + strings.Repeat("i", purchase.MaxValue) + ",\n",
			want: fmt.Sprintf("!its message would have %d bytes, Kafka takes at most %d", purchase.MaxValue+150, purchase.MaxValue)},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := convert(test.mapping, "x.csv", test.text)
			if err != nil || len(got) != 1 || got[0] != test.want {
				t.Errorf("got  %.2000q %v\nwant %q", got, err, test.want)
			}
		})
	}
}

func TestLinesOfJSON(t *testing.T) {
	type set = map[string]string
	mapped := mapping.Mapping{Columns: set{"user": "customer", "attributes.shop": "where"}, Defaults: set{"item": "unknown"}}
	for name, test := range map[string]struct {
		mapping mapping.Mapping
		text    string
		want    string
	}{
		"as it is": {
			text: `{"user":"u1", "item":7,"attributes": {"a" : [1, 2.50]},"x":null}`,
			want: `u1 {"event_id":"ID","user":"u1","item":7,"attributes":{"a" : [1, 2.50]},"x":null}`,
		},
		"with an id":           {text: `{"user":"\u00fc","event_id":"e1"}`, want: `ü {"user":"\u00fc","event_id":"e1"}`},
		"with an empty id":     {text: `{"user":"u1","event_id":""}`, want: `u1 {"event_id":"ID","user":"u1"}`},
		"with no id":           {text: `{"event_id":null,"user":7}`, want: ` {"event_id":"ID","user":7}`},
		"with an id of ours":   {text: `{"event_id":12}`, want: ` {"event_id":12}`},
		"empty":                {text: `{}`, want: ` {"event_id":"ID"}`},
		"names that repeat":    {text: `{"user":"a","user":"b"}`, want: `b {"event_id":"ID","user":"a","user":"b"}`},
		"no object":            {text: `[1]`, want: "!the line is not a JSON object"},
		"no JSON":              {text: `hello`, want: "!invalid character 'h' at start of value"},
		"cut off":              {text: `{"user":"a"`, want: "!the JSON object does not end"},
		"two objects":          {text: `{}{}`, want: "!the line goes on after its JSON object"},
		"mapped":               {mapped, `{"customer":17850,"item":"i1","timestamp":"2026-01-01T00:00:00Z","quantity":-2,"unit_price":2.50,"where":true,"attributes":{"country":"AT","n":1}}`, `17850 {"event_id":"ID","user":"17850","item":"i1","quantity":-2,"unit_price":"2.50","timestamp":"2026-01-01T00:00:00Z","attributes":{"country":"AT","n":"1","shop":"true"}}`},
		"mapped and absent":    {mapped, `{"item":null,"user":"not asked for"}`, ` {"event_id":"ID","user":"","item":"unknown","quantity":1}`},
		"mapped of wrong type": {mapped, `{"customer":{"id":1}}`, "!customer is a JSON object, want a string or a number"},
		"mapped twice":         {mapped, `{"customer":"a","customer":"b"}`, `!duplicate object member name "customer"`},
		"attributes nested":    {mapped, `{"attributes":{"a":[]}}`, "!attributes.a is a JSON array, want a string or a number"},
		"attributes no object": {mapped, `{"attributes":"red"}`, "!attributes is a JSON string, want an object"},
		"quantity is none":     {mapped, `{"quantity":1.5}`, `!quantity "1.5" is not an integer`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := convert(test.mapping, "x.jsonl", test.text)
			if err != nil || len(got) != 1 || got[0] != test.want {
				t.Errorf("got  %q %v\nwant %q", got, err, test.want)
			}
		})
	}
}

func TestPlanFails(t *testing.T) {
	type set = map[string]string
	for name, test := range map[string]struct {
		mapping      mapping.Mapping
		header, want string
	}{
		"fields that every event needs": {mapping.Mapping{}, "a,item,b",
			"no column for user, timestamp; add --map user=COLUMN with one of a, item, b"},
		"column that is not there": {mapping.Mapping{Columns: set{"user": "who"}}, "user,item,timestamp",
			`no column "who" for user; the columns are user, item, timestamp`},
		"column that is there twice": {mapping.Mapping{}, "user,item,timestamp,user",
			`two columns "user", for user; rename one`},
		"constant that is no number": {mapping.Mapping{Constants: set{"quantity": "two"}}, "user,item,timestamp",
			`constant or default: quantity "two" is not an integer`},
		"default in another layout": {mapping.Mapping{Defaults: set{"timestamp": "today"}}, "user,item",
			`constant or default: timestamp "today" does not fit the layout "2006-01-02T15:04:05Z07:00"; name its own with --time-layout`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := test.mapping.Plan(strings.Split(test.header, ","))
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestWithOverridesPreset(t *testing.T) {
	type set = map[string]string
	preset := mapping.OnlineRetail()
	m, err := preset.With(mapping.Mapping{
		Columns:    set{"currency": "Currency"},
		Constants:  set{"attributes.country": "UK"},
		Defaults:   set{"user": "anonymous"},
		TimeLayout: mapping.RFC3339,
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := convert(m, "x.csv", "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Currency\n"+
		"536365,85123A,HOLDER,6,2010-12-01T08:26:00Z,2.55,,EUR\n")
	want := `anonymous {"event_id":"ID","user":"anonymous","item":"85123A","item_name":"HOLDER","quantity":6,"unit_price":"2.55",` +
		`"currency":"EUR","order_id":"536365","timestamp":"2010-12-01T08:26:00Z","attributes":{"country":"UK"}}`
	if err != nil || got[0] != want {
		t.Errorf("got  %q %v\nwant %q", got, err, want)
	}
	if !maps.Equal(preset.Columns, mapping.OnlineRetail().Columns) {
		t.Error("With has changed its receiver")
	}
	if _, err := preset.With(mapping.Mapping{Columns: set{"item": "a"}, Constants: set{"item": "b"}}); err == nil {
		t.Error("a field with both a column and a constant is accepted")
	}
}

func TestCheckField(t *testing.T) {
	for name, want := range map[string]bool{"user": true, "attributes.x": true, "attributes.": false, "attributes": false, "User": false, "": false} {
		if err := mapping.CheckField(name); (err == nil) != want {
			t.Errorf("CheckField(%q) = %v", name, err)
		}
	}
}
