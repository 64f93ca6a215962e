package mapping_test

import (
	"errors"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"purchases/producer/internal/instant"
	"purchases/producer/internal/mapping"
	"purchases/producer/internal/number"
	"purchases/producer/internal/preset"
	"purchases/producer/internal/rows"
)

// convert returns the JSON form of each event, or "!" and what is wrong with a row.
func convert(m mapping.Mapping, file, text string) (out []string, err error) {
	all, err := read(m, file, text)
	if err != nil {
		return nil, err
	}
	shape := mapping.Shape{Header: all.header}
	if all.header == nil {
		shape.Members = m.NewMembers()
		for _, row := range all.rows {
			shape.Members.Add(row.Cells[0])
		}
	}
	plan, err := m.Plan(shape)
	if err != nil {
		return nil, err
	}
	encoder, err := plan.NewEncoder()
	if err != nil {
		return nil, err
	}
	filler := plan.NewFiller()
	for i := range all.rows {
		row := &all.rows[i]
		if filler != nil {
			filler.Fill(row)
		}
		encoder.Read(row, func(err error) { out = append(out, outcome(encoder, err)) })
	}
	return out, nil
}

func outcome(e *mapping.Encoder, err error) string {
	switch {
	case err != nil:
		return "!" + err.Error()
	case e.Raw != nil:
		return "raw " + string(e.Raw)
	}
	value, err := e.Event.Encode()
	if err != nil {
		return "!" + err.Error()
	}
	return string(value)
}

type table struct {
	header []string
	rows   []rows.Row
}

func read(m mapping.Mapping, file, text string) (all table, err error) {
	reader, err := rows.Options{}.Open(file, strings.NewReader(text))
	if err != nil {
		return all, err
	}
	defer reader.Close()
	all.header = reader.Header()
	for {
		var row rows.Row
		if err := reader.Next(&row); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return all, err
		}
		if row.Malformed != nil {
			return all, row.Malformed
		}
		row.Cells = append([]string(nil), row.Cells...)
		all.rows = append(all.rows, row)
	}
}

func onlineRetail(t testing.TB) mapping.Mapping {
	t.Helper()
	o, err := preset.Load("online-retail")
	if err != nil {
		t.Fatal(err)
	}
	return o.Mapping
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
			want: `{"event_id":"e1","user":"u1","item":"i1","item_name":"Mug","quantity":-2,"unit_price":"2.50","currency":"EUR",` +
				`"order_id":"o1","timestamp":"2026-01-31T10:00:00.5Z","attributes":{"country":"AT"}}`,
		},
		"empty cells are absent": {
			text: "user,item,timestamp,quantity,unit_price,attributes.country\n, ,  ,,,\n",
			want: `{"user":"","item":"","quantity":1}`,
		},
		"columns, constants, defaults": {
			mapping: mapping.Mapping{
				Columns:   set{"user": "who", "item": "what", "attributes.shop": "where"},
				Constants: set{"currency": "GBP", "timestamp": "2026-01-01T00:00:00Z", "attributes.source": "till"},
				Defaults:  set{"user": "anonymous", "quantity": "3", "attributes.shop": "main"},
			},
			text: "who, what ,where,quantity,currency\n ,i1,,,EUR\n",
			want: `{"user":"anonymous","item":"i1","quantity":3,"currency":"GBP",` +
				`"timestamp":"2026-01-01T00:00:00Z","attributes":{"shop":"main","source":"till"}}`,
		},
		"one column for two fields": {
			mapping: mapping.Mapping{Columns: set{"item": "what", "item_name": "what"}},
			text:    "user,what,timestamp\nu1,Mug,2026-01-01T00:00:00Z\n",
			want:    `{"user":"u1","item":"Mug","item_name":"Mug","quantity":1,"timestamp":"2026-01-01T00:00:00Z"}`,
		},
		"layout and zone": {
			mapping: mapping.Mapping{TimeLayouts: []string{"2.1.2006 15:04"}, Zone: london},
			text:    "user,item,timestamp\nu1,i1,1.7.2026 12:30\n",
			want:    `{"user":"u1","item":"i1","quantity":1,"timestamp":"2026-07-01T11:30:00Z"}`,
		},
		"unix": {
			mapping: mapping.Mapping{TimeLayouts: []string{instant.Unix}},
			text:    "user,item,timestamp\nu1,i1,1767225600\n",
			want:    `{"user":"u1","item":"i1","quantity":1,"timestamp":"2026-01-01T00:00:00Z"}`,
		},
		"unix-ms": {
			mapping: mapping.Mapping{TimeLayouts: []string{instant.UnixMilli}},
			text:    "user,item,timestamp\nu1,i1,1767225600123\n",
			want:    `{"user":"u1","item":"i1","quantity":1,"timestamp":"2026-01-01T00:00:00.123Z"}`,
		},
		"text is in its normal form": {
			text: "user,item,timestamp,item_name,attributes.a\n u1 ,\"i\"\"1\nx\",2026-01-01T00:00:00Z,\"Lamp\r\n\tblue\",\"1\n2\"\n",
			want: `{"user":"u1","item":"i\"1\nx","item_name":"Lamp  blue","quantity":1,"timestamp":"2026-01-01T00:00:00Z","attributes":{"a":"1 2"}}`,
		},
		"what is only invalid is sent": {
			text: "user,item,timestamp,quantity,unit_price,currency\nu1,i1,1969-01-01T00:00:00Z,0,1,XXXX\n",
			want: `{"user":"u1","item":"i1","quantity":0,"unit_price":"1.00","currency":"XXXX","timestamp":"1969-01-01T00:00:00Z"}`,
		},
		"header in another spelling": {
			text:    "User,ITEM,Time-Stamp,Unit Price,orderId,Item name\nu,i,2026-01-01T00:00:00Z,2,o,n\n",
			mapping: mapping.Mapping{Columns: set{"timestamp": "timestamp"}},
			want:    `{"user":"u","item":"i","item_name":"n","quantity":1,"unit_price":"2.00","order_id":"o","timestamp":"2026-01-01T00:00:00Z"}`,
		},
		"the exact name comes first": {
			text:    "user,item,timestamp,QTY,qty\nu,i,2026-01-01T00:00:00Z,2,3\n",
			mapping: mapping.Mapping{Columns: set{"quantity": "qty"}},
			want:    `{"user":"u","item":"i","quantity":3,"timestamp":"2026-01-01T00:00:00Z"}`,
		},
		"expressions": {
			text: "Customer,Guest,SKU,Name,Date,Time,Price,Qty,Net Sales\n,g1,,Mug,2026-01-01,10:00:00,2.10,3,9\n",
			mapping: mapping.Mapping{
				Columns: set{"user": "Customer ?? Guest", "item": "SKU ?? Name", "timestamp": `Date + " " + Time`,
					"quantity":   "Qty",
					"unit_price": `row["Net Sales"] / Qty`, "amount": "Price * Qty + Price"},
				TimeLayouts: []string{"%Y-%m-%d %H:%M:%S"},
			},
			want: `{"user":"g1","item":"Mug","quantity":3,"unit_price":"3.00","amount":"8.40","timestamp":"2026-01-01T10:00:00Z"}`,
		},
		"sum of two columns": {
			text:    "user,item,timestamp,net,tax\nu,i,2026-01-01T00:00:00Z,10.00,1.90\n",
			mapping: mapping.Mapping{Columns: set{"amount": "net + tax"}},
			want:    `{"user":"u","item":"i","quantity":1,"amount":"11.90","timestamp":"2026-01-01T00:00:00Z"}`,
		},
		"decimal comma": {
			text:    "user;item;timestamp;unit_price;amount;quantity\nu;i;2026-01-01T00:00:00Z;1.299,00;;1,0\n",
			mapping: mapping.Mapping{Style: number.Style{DecimalComma: true}, Columns: set{"amount": "unit_price * 1.5"}},
			want:    `{"user":"u","item":"i","quantity":1,"unit_price":"1299.00","amount":"1948.50","timestamp":"2026-01-01T00:00:00Z"}`,
		},
		"negative price": {
			text: "user,item,timestamp,unit_price,quantity\nu,i,2026-01-01T00:00:00Z,(5),2\n",
			want: `{"user":"u","item":"i","quantity":-2,"unit_price":"5.00","timestamp":"2026-01-01T00:00:00Z"}`,
		},
		"negative amount": {
			text: "user,item,timestamp,amount,quantity\nu,i,2026-01-01T00:00:00Z,-5 EUR,-2\n",
			want: `{"user":"u","item":"i","quantity":-2,"amount":"5.00","currency":"EUR","timestamp":"2026-01-01T00:00:00Z"}`,
		},
		"a dash is no price": {
			text: "user,item,timestamp,unit_price\nu,i,2026-01-01T00:00:00Z,-\n",
			want: `{"user":"u","item":"i","quantity":1,"timestamp":"2026-01-01T00:00:00Z"}`,
		},
		"nulls": {
			text:    "user,item,timestamp,item_name,unit_price,order_id,attributes.a\nu,i,2026-01-01T00:00:00Z,\\N,NULL,n/a,null\n",
			mapping: mapping.Mapping{Nulls: []string{"n/a"}},
			want:    `{"user":"u","item":"i","quantity":1,"timestamp":"2026-01-01T00:00:00Z","attributes":{"a":"null"}}`,
		},
		"left out": {
			text:    "user,item,timestamp,Status\nu,i,2026-01-01T00:00:00Z,cancelled\n",
			mapping: mapping.Mapping{Where: `status not in ["cancelled", "pending"]`},
			want:    "!left out",
		},
		"condition that is none": {
			text:    "user,item,timestamp,Status\nu,i,2026-01-01T00:00:00Z,cancelled\n",
			mapping: mapping.Mapping{Where: `status`},
			want:    `!--where: "cancelled" is neither true nor false`,
		},
		"calculation with a text": {
			text:    "user,item,timestamp,price\nu,i,2026-01-01T00:00:00Z,free\n",
			mapping: mapping.Mapping{Columns: set{"unit_price": "price * 2"}},
			want:    `!unit_price: "free" is not a number`,
		},
		"contradicting currency": {
			text: "user,item,timestamp,unit_price,currency\nu,i,,19.99 EUR,USD\n",
			want: `!unit_price 19.99 is in EUR, but the currency is "USD"`,
		},
		"too short for the item": {
			text: "user,timestamp,item\nu,2026-01-01T00:00:00Z\n",
			want: "!2 cells, the header has 3, and user, item or timestamp is among those that are missing",
		},
		"quantity that is none": {text: "user,item,timestamp,quantity\nu,i,,abc\n",
			want: `!quantity "abc" is not a number`},
		"quantity with decimals": {text: "user,item,timestamp,quantity\nu,i,,1.5\n",
			want: `!quantity "1.5" is not an integer: a piece has no fractions`},
		"quantity beyond 64 bits": {text: "user,item,timestamp,quantity\nu,i,,9223372036854775808\n",
			want: `!quantity "9223372036854775808" is too large`},
		"price that is none": {text: "user,item,timestamp,unit_price\nu,i,,1.234.5\n",
			want: `!unit_price "1.234.5" is not a number`},
		"price that is too fine": {text: "user,item,timestamp,unit_price\nu,i,,0.0000001\n",
			want: `!unit_price "0.0000001": more than 6 decimals`},
		"timestamp without zone": {text: "user,item,timestamp\nu,i,2026-01-01 00:00:00\n",
			want: `!timestamp "2026-01-01 00:00:00" does not fit the layout "rfc3339"; --time-layout "%Y-%m-%d %H:%M:%S" fits it`},
		"day that is none": {text: "user,item,timestamp\nu,i,2026-02-30T00:00:00Z\n",
			want: `!timestamp "2026-02-30T00:00:00Z" does not fit the layout "rfc3339"; name its own with --time-layout`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := convert(test.mapping, "x.csv", test.text)
			if err != nil || len(got) != 1 || got[0] != test.want {
				t.Errorf("got  %.2000q %v\nwant %q", got, err, test.want)
			}
		})
	}
}

func TestPlanFails(t *testing.T) {
	type set = map[string]string
	long := strings.Repeat("x", 5000)
	for name, test := range map[string]struct {
		mapping    mapping.Mapping
		text, want string
	}{
		"fields that every event needs": {mapping.Mapping{}, "a,item,b",
			`no column for user, timestamp; add --map user=COLUMN with one of "a", "item", "b"`},
		"column that is not there": {mapping.Mapping{Columns: set{"user": "who"}}, "user,item,timestamp",
			`no column "who" for user; the columns are "user", "item", "timestamp"`},
		"column that is there twice": {mapping.Mapping{}, "user,item,timestamp,user",
			`two columns "user"; rename one, for user`},
		"column that is there twice in other spellings": {mapping.Mapping{Columns: set{"quantity": "q t y"}},
			"user,item,timestamp,Qty,QTY",
			`two columns "Qty"; rename one, for quantity`},
		"name in an expression": {mapping.Mapping{Columns: set{"timestamp": `Date + " " + Tim`}}, "user,item,Date,Time",
			`no column "Tim" for timestamp; the columns are "user", "item", "Date", "Time"`},
		"neither of two": {mapping.Mapping{Columns: set{"user": `a ?? b`}}, "user,item,timestamp",
			`no column "a", "b" for user; the columns are "user", "item", "timestamp"`},
		"name in --where": {mapping.Mapping{Where: `Statu == "x"`}, "user,item,timestamp,Status",
			`no column "Statu" for --where; the columns are "user", "item", "timestamp", "Status"`},
		"name in --id": {mapping.Mapping{ID: []string{"line"}}, "user,item,timestamp",
			`no column "line" for --id; the columns are "user", "item", "timestamp"`},
		"name in --fill": {mapping.Mapping{Fill: []string{"x"}}, "user,item,timestamp",
			`--fill "x" is neither a field with a column nor a column; the columns are "user", "item", "timestamp"`},
		"no expression": {mapping.Mapping{Columns: set{"user": `a + `}}, "user,item,timestamp",
			`user: "a +" is neither a column nor an expression (unexpected token EOF); the columns are "user", "item", "timestamp"; in an expression, `},
		"no such function": {mapping.Mapping{Columns: set{"user": `shout(user)`}}, "user,item,timestamp",
			`user: "shout(user)" is neither a column nor an expression (there is no function shout()); `},
		"--each of a table":  {mapping.Mapping{Each: "lines"}, "user,item,timestamp", "--each is for JSON"},
		"a whole file of it": {mapping.Mapping{Columns: set{"user": long}}, long + "1,item", "no column "},
		"constant that is no number": {mapping.Mapping{Constants: set{"quantity": "two"}}, "user,item,timestamp",
			`constant or default: quantity "two" is not a number`},
		"default in another layout": {mapping.Mapping{Defaults: set{"timestamp": "today"}}, "user,item",
			`constant or default: timestamp "today" does not fit the layout "rfc3339"; name its own with --time-layout`},
		"member that no line has": {mapping.Mapping{Columns: set{"quantity": "Qty"}},
			`{"user":"u","item":"i","timestamp":"t","qty":1}`,
			`no line has a member "Qty", for quantity; the members are "item", "qty", "timestamp", "user"`},
		"nested member that no line has": {mapping.Mapping{Columns: set{"user": "a.c"}},
			`{"a":{"b":1},"item":"i","timestamp":"t"}`,
			`no line has a member "a.c", for user; the members are "a", "item", "timestamp"`},
		"member that every event needs": {mapping.Mapping{Columns: set{"user": "a"}}, `{"a":1,"item":"i"}`,
			`no line has a member for timestamp; add --map timestamp=MEMBER with one of "a", "item"`},
		"--each that no line has": {mapping.Mapping{Each: "rows"}, `{"lines":[],"user":1,"item":"i","timestamp":"t"}`,
			`no line has a member "rows", for --each; the members are "item", "lines", "timestamp", "user"`},
		"--fill of JSON": {mapping.Mapping{Fill: []string{"user"}}, `{"user":1,"item":"i","timestamp":"t"}`,
			"--fill is for tables; for the lines of an order in JSON, use --each"},
	} {
		t.Run(name, func(t *testing.T) {
			file := "x.csv"
			if strings.HasPrefix(test.text, "{") {
				file = "x.jsonl"
			}
			_, err := convert(test.mapping, file, test.text+"\n")
			if err == nil || !strings.HasPrefix(err.Error(), test.want) || len(err.Error()) > 500 ||
				strings.Contains(err.Error(), "\n") {
				t.Errorf("got  %.600v\nwant %s", err, test.want)
			}
		})
	}
}

func TestReport(t *testing.T) {
	all, err := read(mapping.Mapping{}, "x.csv", "User,sku,Price,note,at\n")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := mapping.Mapping{
		Columns:   map[string]string{"item": "SKU", "timestamp": "at", "unit_price": "price * 2"},
		Constants: map[string]string{"currency": "EUR"},
	}.Plan(mapping.Shape{Header: all.header})
	if err != nil {
		t.Fatal(err)
	}
	want := `currency is "EUR", item from "sku", timestamp from "at", unit_price from price * 2, user from "User"; unused: "note"`
	if got := plan.Report(); got != want || !plan.Priced() {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWithOverridesPreset(t *testing.T) {
	type set = map[string]string
	base := onlineRetail(t)
	m, err := base.With(mapping.Mapping{
		Columns:     set{"currency": "Currency"},
		Constants:   set{"attributes.country": "UK"},
		Defaults:    set{"user": "anonymous"},
		TimeLayouts: []string{instant.RFC3339},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := convert(m, "x.csv", "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Currency\n"+
		"536365,85123A,HOLDER,6,2010-12-01T08:26:00Z,2.55,,EUR\n")
	want := `{"user":"anonymous","item":"85123A","item_name":"HOLDER","quantity":6,"unit_price":"2.55",` +
		`"currency":"EUR","order_id":"536365","timestamp":"2010-12-01T08:26:00Z","attributes":{"country":"UK"}}`
	if err != nil || got[0] != want {
		t.Errorf("got  %q %v\nwant %q", got, err, want)
	}
	if !maps.Equal(base.Columns, onlineRetail(t).Columns) {
		t.Error("With has changed its receiver")
	}
	if _, err := base.With(mapping.Mapping{Columns: set{"item": "a"}, Constants: set{"item": "b"}}); err == nil {
		t.Error("a field with both a column and a constant is accepted")
	}
}

func TestCheckField(t *testing.T) {
	for name, want := range map[string]bool{"user": true, "attributes.x": true, "attributes.": false, "attributes": false,
		"User": false, "": false} {
		if err := mapping.CheckField(name); (err == nil) != want {
			t.Errorf("CheckField(%q) = %v", name, err)
		}
	}
}
