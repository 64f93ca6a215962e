package query_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jmoiron/sqlx"
	_ "github.com/mattn/go-sqlite3"

	"purchases/analytics/internal/query"
	"purchases/producer/purchase"
)

const good = `-- title: Good
-- description: One sentence.
--   And another.
--
-- param by: choice(units, net-revenue) = units | What to rank by.
-- param limit: integer(1..10) = 3 | How many.
-- param n: integer | Any.
-- param name: text = x y | A name.
-- param since: date | First day.
-- column one: integer | First.
-- column two: money | Second: with a colon.
-- example: --by net-revenue --limit=5

SELECT 1 AS one, 2 AS two -- :comment ; is none
WHERE ':no' <> ":no" AND :by || :limit || :n || :name || :since IS NULL /* :nor */;
-- the end
`

func TestParse(t *testing.T) {
	q, err := query.Parse("good-one.sql", strings.ReplaceAll("\ufeff"+good, "\n", "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if q.Name != "good-one" || q.Title != "Good" || q.Description != "One sentence. And another." ||
		q.Example != "--by net-revenue --limit=5" {
		t.Errorf("header is %+v", q)
	}
	wantColumns := []query.Column{{Name: "one", Type: query.Integer, Description: "First."},
		{Name: "two", Type: query.Money, Description: "Second: with a colon."}}
	if !slices.Equal(q.Columns, wantColumns) {
		t.Errorf("columns are %+v", q.Columns)
	}
	args, err := q.Bind(map[string]string{"n": "-7"})
	want := query.Args{
		{Name: "by", Value: "units", Type: query.ChoiceParam}, {Name: "limit", Value: int64(3), Type: query.IntegerParam},
		{Name: "n", Value: int64(-7), Type: query.IntegerParam}, {Name: "name", Value: "x y", Type: query.TextParam},
		{Name: "since", Type: query.DateParam},
	}
	if err != nil || !reflect.DeepEqual(args, want) {
		t.Errorf("Bind gives %+v, %v", args, err)
	}
}

func TestParseFaults(t *testing.T) {
	header := "-- title: T\n-- column a: text | A.\n"
	tests := []struct{ name, text, want string }{
		{"no title", "-- column a: text\nSELECT 1", ":1: the query has no title"},
		{"no column", "-- title: T\nSELECT 1", ":1: the header declares no column"},
		{"prose", "-- title: T\n-- top of the pops\nSELECT 1", `got "top of the pops"`},
		{"unknown entry", "-- title: T\n-- titel: T\nSELECT 1", `:2: unknown entry "titel"`},
		{"nameless param", header + "-- param: text\nSELECT 1", `:3: unknown entry "param"`},
		{"twice", header + "-- title: U\nSELECT 1", `:3: "title" is already in line 1`},
		{"column twice", header + "-- column  a: text\nSELECT 1", `:3: "column a" is already in line 2`},
		{"param name", header + "-- param By: text\nSELECT :By", `:3: param "By": a name is made of`},
		{"reserved", header + "-- param output: text\nSELECT :output", ":3: param output: the name is taken"},
		{"type", header + "-- param p: float\nSELECT :p", `:3: param p: unknown type "float"`},
		{"text bounds", header + "-- param p: text(3)\nSELECT :p", `:3: param p: unknown type "text(3)"`},
		{"no choices", header + "-- param p: choice\nSELECT :p", `:3: param p: unknown type "choice"`},
		{"empty choice", header + "-- param p: choice(a,,b)\nSELECT :p", `:3: param p: choice ""`},
		{"choice twice", header + "-- param p: choice(a, a)\nSELECT :p", `:3: param p: choice "a"`},
		{"range", header + "-- param p: integer(1-3)\nSELECT :p", `:3: param p: cannot read the range "1-3"`},
		{"empty range", header + "-- param p: integer(3..1)\nSELECT :p", `:3: param p: the range "3..1" is empty`},
		{"wide range", header + "-- param p: integer(0..99999999999999999999)\nSELECT :p", "is empty or beyond 64 bits"},
		{"default", header + "-- param p: integer(1..3) = 4\nSELECT :p",
			`:3: default of param p "4": want an integer from 1 to 3`},
		{"column type", "-- title: T\n-- column a: float\nSELECT 1", `:2: column a: unknown type "float"`},
		{"column name", "-- title: T\n-- column 1a: text\nSELECT 1", `:2: column "1a": a name is made of`},
		{"example param", header + "-- example: --limit 3\nSELECT 1",
			":3: example: limit: q does not have this parameter, it has no parameters"},
		{"example value", header + "-- param p: date\n-- example: --p\nSELECT :p", ":4: example: --p has no value"},
		{"example words", header + "-- example: five\nSELECT 1", ":3: example: five has no value"},
		{"no SQL", header, ":3: the file has no SELECT"},
		{"only a comment", header + "\n/* nothing */", ":4: the file has no SELECT"},
		{"write", header + "\nDELETE FROM events", `:4: a query begins with SELECT or WITH, not with "DELETE"`},
		{"two statements", header + "SELECT 1;\nSELECT 2", ":4: a query must be one statement"},
		{"undeclared", header + "SELECT 1\nWHERE :p", ":4: :p is not declared"},
		{"unused", header + "-- param p: text\nSELECT ':p'", ":3: param p is not used"},
		{"dollar", header + "SELECT $p", `:3: parameter "$p": write it as :name`},
		{"positional", header + "SELECT ?1", `:3: parameter "?1": write it as :name`},
		{"NUL", header + "SELECT 1\x00", ":1: the file is not UTF-8 text"},
		{"Latin-1", header + "SELECT '\xe9'", ":1: the file is not UTF-8 text"},
	}
	for _, test := range tests {
		_, err := query.Parse("q.sql", test.text)
		if err == nil || !strings.Contains(err.Error(), "q.sql:") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
	}
	if _, err := query.Parse("Top Items.sql", good); err == nil ||
		!strings.Contains(err.Error(), "Top Items.sql:1: the name of a query's file") {
		t.Errorf("wrong name: got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Add("-- title: T\n-- column a: text\nWITH x AS (SELECT [;] FROM \"a;b\") SELECT * FROM x")
	f.Fuzz(func(t *testing.T, text string) {
		q, err := query.Parse("q.sql", text)
		if fault := (*query.FileError)(nil); err != nil {
			if lines := strings.Count(text, "\n") + 1; !errors.As(err, &fault) || fault.Line < 1 || fault.Line > lines {
				t.Fatalf("fault %v in a text of %d lines", err, lines)
			}
			return
		}
		if q.Title == "" || len(q.Columns) == 0 || q.SQL == "" {
			t.Fatalf("accepted %+v", q)
		}
		if args, err := q.Bind(nil); err != nil || len(args) != len(q.Params) {
			t.Fatalf("its own defaults: %v, %v", args, err)
		}
	})
}

func TestLoadGoesOnPastFaults(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	catalogue, errs := query.Load(fstest.MapFS{
		"b.sql": file(good), "a.sql": file(good), "bad.sql": file("-- title: x\nSELECT"), "README.md": file("no query"),
		"dir.sql/x.sql": file("no query"),
	})
	if len(catalogue) != 2 || catalogue[0].Name != "a" || catalogue[1].Name != "b" {
		t.Errorf("loaded %+v", catalogue)
	}
	if len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), "bad.sql:1: ") {
		t.Errorf("faults are %v", errs)
	}
	if _, errs := query.Load(failingFS{}); len(errs) != 1 || !errors.Is(errs[0], fs.ErrPermission) {
		t.Errorf("an unreadable folder gives %v", errs)
	}
}

type failingFS struct{}

func (failingFS) Open(string) (fs.File, error) { return nil, fs.ErrPermission }

func TestWithReplacesByName(t *testing.T) {
	own := query.Catalogue{{Name: "a", Title: "own"}, {Name: "z"}}
	got := query.Catalogue{{Name: "a", Title: "given"}, {Name: "b"}}.With(own)
	if want := (query.Catalogue{{Name: "a", Title: "own"}, {Name: "b"}, {Name: "z"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestNearest(t *testing.T) {
	for typed, want := range map[string]string{
		"top-item": "top-items", "topitems": "top-items", "user": "user-history", "attribute": "sales-by-attribute",
		"Summray": "summary", "return": "returns", "sales-over": "sales-over-time", "rejects": "rejected",
	} {
		if got := canned(t).Nearest(typed); len(got) == 0 || got[0] != want {
			t.Errorf("nearest to %q are %q, want %q first", typed, got, want)
		}
	}
	for _, typed := range []string{"", "xyzzy", "weather"} {
		if got := canned(t).Nearest(typed); len(got) > 0 {
			t.Errorf("nearest to %q are %q", typed, got)
		}
	}
}

func TestBindFaults(t *testing.T) {
	q, err := query.Parse("q.sql", good)
	if err != nil {
		t.Fatal(err)
	}
	for param, values := range map[string][]string{
		"by":    {"", "Units", "revenue", "units, net-revenue"},
		"limit": {"", "0", "11", "3.0", "x", "99999999999999999999", " 3"},
		"since": {"", "2011-02-29", "2011-2-1", "yesterday", "2011-01-01T00:00:00Z"},
		"name":  {"\xff"},
	} {
		for _, value := range values {
			_, err := q.Bind(map[string]string{param: value})
			if fault := (*query.ParamError)(nil); !errors.As(err, &fault) || fault.Param != param || fault.Value != value ||
				fault.Want == "" {
				t.Errorf("%s=%q gives %v", param, value, err)
			}
		}
	}
	_, err = q.Bind(map[string]string{"nope": "1"})
	if fault := (*query.UnknownParamError)(nil); !errors.As(err, &fault) ||
		fault.Error() != "nope: q does not have this parameter, it has only by, limit, n, name, since" {
		t.Errorf("an unknown parameter gives %v", err)
	}
}

func TestRunFaults(t *testing.T) {
	db := sqlx.MustOpen("sqlite3", ":memory:")
	defer db.Close()
	for columns, tests := range map[string]map[string]string{
		"a: text": {"SELECT 1 AS b": "declares the columns", "SELECT 1 AS a": "column a is declared as text",
			"SELECT x'00' AS a": "column a is declared as text", "SELECT missing AS a": "no such column"},
		"a: integer": {"SELECT 'x' AS a": "column a is declared as integer", "SELECT 1.5 AS a": "declared as integer",
			"SELECT sum(9223372036854775807) AS a FROM (SELECT 1 UNION ALL SELECT 2)": "integer overflow"},
		"a: money":   {"SELECT 2.5 AS a": "column a is declared as money"},
		"a: percent": {"SELECT 9e999 AS a": "column a is declared as percent"},
	} {
		for statement, want := range tests {
			q, err := query.Parse("q.sql", fmt.Sprintf("-- title: T\n-- column %s\n%s", columns, statement))
			if err != nil {
				t.Fatal(err)
			}
			if err := exhaust(t.Context(), db, q); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s, column %s: got %v, want %s", statement, columns, err, want)
			}
		}
	}
}

func exhaust(ctx context.Context, db *sqlx.DB, q query.Query) error {
	rows, err := q.Run(ctx, db, nil)
	if err != nil {
		return err
	}
	for _, rowErr := range rows.All() {
		err = rowErr
	}
	return err
}

func TestRunTypesAndNulls(t *testing.T) {
	db := sqlx.MustOpen("sqlite3", ":memory:")
	defer db.Close()
	q, err := query.Parse("q.sql", `-- title: T
-- column a: text
-- column b: integer
-- column c: money
-- column d: percent
-- column e: percent
-- column f: time
SELECT 'x' AS a, 2 AS b, -3500 AS c, 5.3 AS d, 7 AS e, '2011-12' AS f UNION ALL SELECT NULL, NULL, NULL, NULL, NULL,
NULL`)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := q.Run(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []query.Row
	for row, err := range rows.All() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, slices.Clone(row))
	}
	want := []query.Row{
		{"x", int64(2), purchase.Micros(-3500), query.Percentage(5.3), query.Percentage(7), "2011-12"},
		{nil, nil, nil, nil, nil, nil},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v", got)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	db := sqlx.MustOpen("sqlite3", ":memory:")
	defer db.Close()
	q, err := query.Parse("q.sql",
		"-- title: T\n-- column n: integer\nWITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rows, err := q.Run(ctx, db, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, rowErr := range rows.All() {
		cancel()
		err = rowErr
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("an endless query ended with %v", err)
	}
}
