package query_test

import (
	"slices"
	"strings"
	"testing"
)

type given = map[string]string

func TestCannedAnswers(t *testing.T) {
	tests := []struct {
		query string
		given given
		want  []string
	}{
		{"top-items", nil, []string{
			"A|APPLE|GBP|10|25.30|2", "B|BALL|GBP|10|0.01|1", "C|||10|0.00|1", "A|APPLE|EUR|1|3.00|1"}},
		{"top-items", given{"limit": "1001"}, []string{
			"A|APPLE|GBP|10|25.30|2", "B|BALL|GBP|10|0.01|1", "C|||10|0.00|1", "A|APPLE|EUR|1|3.00|1"}},
		{"top-items", given{"by": "revenue", "limit": "2"}, []string{"A|APPLE|GBP|10|25.30|2", "A|APPLE|EUR|1|3.00|1"}},
		{"top-items", given{"by": "purchases", "limit": "2"}, []string{"A|APPLE|GBP|10|25.30|2", "A|APPLE|EUR|1|3.00|1"}},
		{"top-items", given{"since": "2011-02-01", "until": "2011-02-01"},
			[]string{"B|BALL|GBP|10|0.01|1", "A|APPLE|GBP|4|10.00|1"}},
		{"top-items", given{"until": "2011-01-31"}, []string{"A|APPLE|GBP|6|15.30|1"}},
		{"top-items", given{"since": "2011-02-07"}, []string{"C|||10|0.00|1", "A|APPLE|EUR|1|3.00|1"}},
		{"top-items", given{"since": "2011-02-02", "until": "2011-02-01"}, []string{}},

		{"top-users", nil, []string{"ann|GBP|15.31|16|2", "bob|GBP|10.00|4|1", "cid|EUR|3.00|1|1", "cid||0.00|10|1"}},
		{"top-users", given{"limit": "1001"},
			[]string{"ann|GBP|15.31|16|2", "bob|GBP|10.00|4|1", "cid|EUR|3.00|1|1", "cid||0.00|10|1"}},
		{"top-users", given{"by": "units", "limit": "2"}, []string{"ann|GBP|15.31|16|2", "cid||0.00|10|1"}},
		{"top-users", given{"by": "purchases", "limit": "2"}, []string{"ann|GBP|15.31|16|2", "bob|GBP|10.00|4|1"}},
		{"top-users", given{"since": "2011-02-01"},
			[]string{"bob|GBP|10.00|4|1", "cid|EUR|3.00|1|1", "ann|GBP|0.01|10|1", "cid||0.00|10|1"}},
		{"top-users", given{"until": "2011-01-31"}, []string{"ann|GBP|15.30|6|1"}},

		{"sales-over-time", nil, []string{
			"2011-01|GBP|1|0|6|0|15.30|0.00|15.30", "2011-02||1|0|10|0|0.00|0.00|0.00",
			"2011-02|EUR|1|0|1|0|3.00|0.00|3.00", "2011-02|GBP|2|2|14|3|10.01|4.50|5.51"}},
		{"sales-over-time", given{"every": "week"}, []string{
			"2011-01-31|GBP|3|1|20|1|25.31|2.50|22.81", "2011-02-07||1|0|10|0|0.00|0.00|0.00",
			"2011-02-07|EUR|1|0|1|0|3.00|0.00|3.00", "2011-02-07|GBP|0|1|0|2|0.00|2.00|-2.00"}},
		{"sales-over-time", given{"every": "day", "until": "2011-02-01"}, []string{
			"2011-01-31|GBP|1|0|6|0|15.30|0.00|15.30", "2011-02-01|GBP|2|0|14|0|10.01|0.00|10.01"}},
		{"sales-over-time", given{"every": "hour", "since": "2011-02-01", "until": "2011-02-01"}, []string{
			"2011-02-01T00:00Z|GBP|1|0|10|0|0.01|0.00|0.01", "2011-02-01T12:00Z|GBP|1|0|4|0|10.00|0.00|10.00"}},

		{"summary", nil, []string{
			"|1|1|0|10|0|0.00|0.00|0.00|1|1|0",
			"EUR|1|1|0|1|0|3.00|0.00|3.00|1|1|1",
			"GBP|5|3|2|20|3|25.31|4.50|20.81|3|3|3"}},
		{"summary", given{"currency": "EUR"}, []string{"EUR|1|1|0|1|0|3.00|0.00|3.00|1|1|1"}},
		{"top-items", given{"currency": "EUR"}, []string{"A|APPLE|EUR|1|3.00|1"}},
		{"top-users", given{"currency": "GBP", "since": "2011-02-01T00:10:00Z"},
			[]string{"bob|GBP|10.00|4|1", "ann|GBP|0.01|10|1"}},

		{"sales-by-attribute", nil, []string{
			"United Kingdom|GBP|15.31|2.00|16|2|2|1", "France|GBP|10.00|2.50|4|1|1|1", "Germany|EUR|3.00|0.00|1|0|1|0"}},
		{"sales-by-attribute", given{"since": "2011-02-06"}, []string{
			"Germany|EUR|3.00|0.00|1|0|1|0", "France|GBP|0.00|2.50|0|1|0|1", "United Kingdom|GBP|0.00|2.00|0|2|0|1"}},
		{"sales-by-attribute", given{"by": "units", "until": "2011-02-01", "limit": "1"},
			[]string{"United Kingdom|GBP|15.31|0.00|16|0|2|0"}},
		{"sales-by-attribute", given{"attribute": "' OR 1=1 --"}, []string{}},

		{"returns", nil, []string{"D|DISH|GBP|2|2.00|1|0|-", "A|APPLE|GBP|1|2.50|1|10|10.00"}},
		{"returns", given{"by": "refunds", "limit": "1"}, []string{"A|APPLE|GBP|1|2.50|1|10|10.00"}},
		{"returns", given{"since": "2011-02-06", "until": "2011-02-06"}, []string{"A|APPLE|GBP|1|2.50|1|0|-"}},

		{"rejected", nil, []string{
			"missing_user|2|66.67|2011-02-01T00:00:00Z|2011-02-01T00:00:02Z|user is absent or empty|-",
			"invalid_json|1|33.33|2011-02-01T00:00:01Z|2011-02-01T00:00:01Z|the value is not a JSON object|[1]"}},

		{"gaps", nil, []string{"purchases.dlq|0|0|9|10|2011-02-01T00:00:00.000Z"}},

		{"replays", nil, []string{"1|log|in place|2011-02-01T00:00:00Z|1.5|0|8|8|3|6|7|1|a plan"}},

		{"recent", given{"limit": "3"}, []string{
			"2011-02-07T11:00:00.000Z|return|dee|D|DISH|-2|1.00|-2.00|GBP|-",
			"2011-02-07T10:00:00.000Z|purchase|cid|A|APPLE|1|3.00|3.00|EUR|o4",
			"2011-02-07T09:00:00.000Z|purchase|cid|C||10|-|-||-"}},
		{"recent", given{"until": "2011-02-01", "limit": "2"}, []string{
			"2011-02-01T12:00:00.000Z|purchase|bob|A|APPLE|4|2.50|10.00|GBP|o2",
			"2011-02-01T00:10:00.500Z|purchase|ann|B|BALL|10|0.001|0.01|GBP|o1"}},

		{"sales-over-time", given{"every": "hour", "since": "2011-02-01", "until": "2011-02-01", "zone": "Etc/GMT-2"},
			[]string{
				"2011-02-01T01:00+02:00|GBP|1|0|6|0|15.30|0.00|15.30", "2011-02-01T02:00+02:00|GBP|1|0|10|0|0.01|0.00|0.01",
				"2011-02-01T14:00+02:00|GBP|1|0|4|0|10.00|0.00|10.00"}},
		{"sales-over-time", given{"every": "day", "until": "2011-01-31", "zone": "America/New_York"}, []string{
			"2011-01-31|GBP|2|0|16|0|15.31|0.00|15.31"}},

		{"item-trend", nil, []string{
			"2011-02-07|A|EUR|1|0|3.00|0.00|1|0", "2011-02-06|A|GBP|0|1|0.00|2.50|0|1",
			"2011-02-01|A|GBP|4|0|10.00|0.00|1|0", "2011-01-31|A|GBP|6|0|15.30|0.00|1|0"}},
		{"item-trend", given{"item": "A"}, []string{
			"2011-02-07|A|EUR|1|0|3.00|0.00|1|0", "2011-02-06|A|GBP|0|1|0.00|2.50|0|1",
			"2011-02-01|A|GBP|4|0|10.00|0.00|1|0", "2011-01-31|A|GBP|6|0|15.30|0.00|1|0"}},
		{"item-trend", given{"item": "A", "until": "2011-02-01", "days": "1"},
			[]string{"2011-02-01|A|GBP|4|0|10.00|0.00|1|0"}},
		{"item-trend", given{"item": "none"}, []string{}},

		{"busiest-hours", nil, []string{
			"Monday|9|1|10|20.00", "Monday|10|1|1|20.00", "Monday|23|1|6|20.00", "Tuesday|0|1|10|20.00",
			"Tuesday|12|1|4|20.00"}},
		{"busiest-hours", given{"zone": "Etc/GMT-1", "limit": "2"}, []string{"Monday|10|1|10|20.00", "Monday|11|1|1|20.00"}},
		{"busiest-hours", given{"zone": "Etc/GMT+1", "limit": "1"}, []string{"Monday|8|1|10|20.00"}},
		{"busiest-hours", given{"zone": "America/New_York", "limit": "1"}, []string{"Monday|4|1|10|20.00"}},
		{"busiest-hours", given{"zone": "Etc/GMT+1", "until": "2011-01-31"},
			[]string{"Monday|22|1|6|50.00", "Monday|23|1|10|50.00"}},

		{"new-and-returning-users", nil, []string{"2011-01|1|1|0|0.00", "2011-02|3|2|1|33.33"}},
		{"cohorts", nil, []string{"2011-01|0|1|100.00", "2011-01|1|1|100.00", "2011-02|0|2|100.00"}},
		{"average-order", nil, []string{"2011-01|GBP|1|15.30|6|1", "2011-02|EUR|1|3.00|1|1", "2011-02|GBP|2|5.005|7|1"}},
		{"average-order", given{"since": "2011-02-07"}, []string{"2011-02|EUR|1|3.00|1|1"}},

		{"bought-together", nil, []string{"A|B|BALL|1|25.00"}},
		{"bought-together", given{"item": "A"}, []string{"A|B|BALL|1|25.00"}},
		{"bought-together", given{"item": "A", "orders": "1"}, []string{}},

		{"user-history", given{"user": "bob"}, []string{
			"2011-02-06T09:00:00.000Z|bob|return|A|APPLE|-1|2.50|-2.50|GBP|o3",
			"2011-02-01T12:00:00.000Z|bob|purchase|A|APPLE|4|2.50|10.00|GBP|o2"}},
		{"user-history", given{"limit": "1"}, []string{"2011-02-07T11:00:00.000Z|dee|return|D|DISH|-2|1.00|-2.00|GBP|-"}},
		{"user-history", given{"until": "2011-02-01"},
			[]string{"2011-02-01T12:00:00.000Z|bob|purchase|A|APPLE|4|2.50|10.00|GBP|o2"}},
		{"user-history", given{"user": "nobody"}, []string{}},

		{"duplicates", nil, []string{
			"analytics|0|9|conflict|2011-02-06T09:00:00.000Z|00010203-0405-0607-0809-0a0b0c0d0e0f",
			"analytics|0|7|repetition|2011-02-06T09:00:00.000Z|00010203-0405-0607-0809-0a0b0c0d0e0f"}},
		{"duplicates", given{"kind": "conflict"},
			[]string{"analytics|0|9|conflict|2011-02-06T09:00:00.000Z|00010203-0405-0607-0809-0a0b0c0d0e0f"}},
		{"records", nil, []string{"analytics|12|7|2|1|0|2|1|0|0|0", "purchases.dlq|4|0|0|0|3|0|0|1|0|10"}},
		{"repeated-ids", nil, []string{}},
		{"retractions", nil, []string{
			"0|11|-|2011-02-06T10:00:00.000Z|01010203-0405-0607-0809-0a0b0c0d0e0f|not seen",
			"0|10|2011-02-01T00:00:02.000Z|2011-02-06T09:00:00.000Z|00010203-0405-0607-0809-0a0b0c0d0e0f|retracted"}},
		{"late-events", nil, []string{"0|3|2011-02-06T09:00:00Z|2011-02-08T10:30:00Z|49.5|00010203-0405-0607-0809-0a0b0c0d0e0f"}},
		{"figures", nil, []string{"GBP|25.31|4.50|20.81|20|3|2|3|8.436666", "|0.00|0.00|0.00|10|1|0|0|-",
			"EUR|3.00|0.00|3.00|1|1|0|1|3.00"}},
		{"figures", given{"since": "2011-02-01", "until": "2011-02-06", "currency": "GBP"},
			[]string{"GBP|10.01|2.50|7.51|14|2|1|2|5.005"}},
		{"figures", given{"since": "2011-02-01T00:10:00Z", "until": "2011-02-01T12:00:00Z"},
			[]string{"GBP|0.01|0.00|0.01|10|1|0|1|0.01"}},
		{"customers", nil, []string{"3|1|2|33.33"}},
		{"customers", given{"since": "2011-02-01"}, []string{"3|1|2|33.33"}},
		{"pipeline", nil, []string{"16|20|-|-|1970-01-07T22:41:30Z|3|0|2"}},
		{"rejected-examples", nil, []string{"invalid_json|[1]"}},
		{"database", nil, []string{"UTC|an id|2011-01-31|2011-02-07|-|GBP,,EUR"}},
		{"ingest", nil, []string{"analytics|0|2|20|12|7|2|0|0|1970-01-07T22:41:30Z", "purchases.dlq|0|-|-|4|0|0|3|0|-"}},
	}
	db, catalogue := openSmall(t, "sqlite3"), canned(t)
	tested := map[string]bool{}
	for _, test := range tests {
		q, ok := catalogue.Find(test.query)
		if !ok {
			t.Fatalf("no query %s", test.query)
		}
		tested[q.Name] = true
		if got := run(t, db, q, test.given); !slices.Equal(got, test.want) {
			t.Errorf("%s %v:\n got %q\nwant %q", test.query, test.given, got, test.want)
		}
	}
	for _, q := range catalogue {
		if !tested[q.Name] {
			t.Errorf("query %s has no test of its answer", q.Name)
		}
	}
}

// oneRow are the queries that answer in one row, also where there is nothing.
var oneRow = []string{"customers", "database", "pipeline"}

func TestCannedOnEmptyDatabase(t *testing.T) {
	db := openEmpty(t, "sqlite3")
	for _, q := range canned(t) {
		if rows := run(t, db, q, nil); len(rows) > 0 && !slices.Contains(oneRow, q.Name) {
			t.Errorf("%s has rows %q on an empty database", q.Name, rows)
		}
	}
}

func TestCannedHeaders(t *testing.T) {
	db := openSmall(t, "sqlite3")
	for _, q := range canned(t) {
		if q.Description == "" {
			t.Errorf("%s has no description", q.Name)
		}
		if q.Example == "" && len(q.Params) > 0 {
			t.Errorf("%s has no example", q.Name)
		}
		for _, p := range q.Params {
			if p.Description == "" {
				t.Errorf("%s: param %s has no description", q.Name, p.Name)
			}
		}
		for _, c := range q.Columns {
			if c.Description == "" {
				t.Errorf("%s: column %s has no description", q.Name, c.Name)
			}
		}
		words, example := strings.Fields(q.Example), given{}
		for i := 0; i+1 < len(words); i += 2 {
			example[strings.TrimPrefix(words[i], "--")] = words[i+1]
		}
		// whose examples are about the real sample
		if rows := run(t, db, q, example); len(rows) == 0 &&
			!slices.Contains([]string{"sales-over-time", "average-order", "figures", "rejected-examples", "repeated-ids"},
				q.Name) {
			t.Errorf("%s: the example %q has no rows", q.Name, q.Example)
		}
	}
}
