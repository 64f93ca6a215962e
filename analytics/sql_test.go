package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSQL(t *testing.T) {
	db := someItems(t)
	for statement, want := range map[string]string{
		"SELECT item, purchases FROM item_sales ORDER BY item LIMIT 1;": "item,purchases\nA,3\n",
		"VALUES (1.5, NULL, x'00ff', 9e999)":                            "column1,column2,column3,column4\n1.5,,00ff,+Inf\n",
		"SELECT 1 AS a, 2 AS a -- and ; a comment":                      "a,a_2\n1,2\n",
		"SELECT 1 AS a;\n-- that was all":                               "a\n1\n",
	} {
		code, stdout, stderr := analyticsQuery(t, "sql", "--db", db, "--output", "csv", statement)
		if code != 0 || stdout != want || !isFreshness(stderr) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", statement, code, stdout, stderr)
		}
	}
	code, stdout, _ := analyticsQuery(t, "sql", "SELECT 1.5 AS x, 9e999 AS y, x'01' AS z", "--output", "json", "--db", db)
	if code != 0 || !strings.HasPrefix(stdout, `{"freshness":{"as_of":"`) ||
		!strings.HasSuffix(stdout, `"rows":[{"x":1.5,"y":"+Inf","z":"01"}],"row_count":1}`+"\n") {
		t.Errorf("json: exit %d, %q", code, stdout)
	}
}

func TestSQLFailures(t *testing.T) {
	db := someItems(t)
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "give a statement, or - to read it from stdin"},
		{[]string{"SELECT 1", "x"}, 2, `unexpected argument "x"`},
		{[]string{""}, 2, "there is no statement"},
		{[]string{"DELETE FROM items"}, 2, `not with "DELETE"`},
		{[]string{"SELECT 1; SELECT 2"}, 1, `want one statement: a second follows, "SELECT 2"`},
		{[]string{"SELECT :x"}, 1, "has no parameters here"},
		{[]string{"WITH x AS (SELECT 1) DELETE FROM items"}, 1, "not authorized"},
		{[]string{"SELECT absent FROM items"}, 1, "no such column: absent"},
		{[]string{"SELECT * FROM items", "--max-rows", "2"}, 1, "after 2 rows: too many rows: the limit is 2"},
		{[]string{"--timeout", "30ms",
			"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r"}, 1,
			"the time limit of 30ms has expired; set a longer one with --timeout"},
		{[]string{"SELECT 1", "--wait-for", "analytics:0"}, 2, `--wait-for "analytics:0": want topic:partition:offset`},
		{[]string{"SELECT 1", "--watch", "0s"}, 2, "--watch 0s: want a time such as 2s"},
	} {
		args := append([]string{"sql", "--db", db, "--output", "ndjson"}, test.args...)
		code, _, stderr := analyticsQuery(t, args...)
		if code != test.code || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: exit %d, stderr %q", test.args, code, stderr)
		}
	}
}

// What --schema writes makes the same schema.
func TestSQLSchema(t *testing.T) {
	code, schema, _ := analyticsQuery(t, "sql", "--schema", "--db", newDatabase(t))
	if code != 0 || !strings.Contains(schema, "CREATE VIEW event_log AS -- every purchase and return\n") ||
		!strings.Contains(schema, "CREATE TABLE events (") {
		t.Fatalf("exit %d, %s", code, schema)
	}
	newDatabase(t, strings.NewReplacer("TABLE ", "TABLE IF NOT EXISTS ", "VIEW ", "VIEW IF NOT EXISTS ").Replace(schema))
}

func TestWaitForAnOffsetThatIsStored(t *testing.T) {
	code, _, stderr := analyticsQuery(t, "query", "top-items", "--wait-for", "analytics:0:5", "--db", someItems(t),
		"--output", "csv")
	if code != 0 || !isFreshness(stderr) {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
}

func TestQueryCheck(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("good.sql", "-- title: Good\n-- column n: integer\nSELECT 1 AS n")
	code, _, stderr := analyticsQuery(t, "query", "--check", folder)
	if code != 0 || !strings.Contains(stderr, "the queries in "+folder+" are valid: 1") {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	write("typo.sql", "-- title: T\n-- colum n: integer\nSELECT 1 AS n")
	write("table.sql", "-- title: T\n-- column n: integer\nSELECT n FROM nowhere")
	write("write.sql", "-- title: T\n-- column n: integer\nWITH x AS (SELECT 1) DELETE FROM items RETURNING 1 AS n")
	write("money.sql", "-- title: T\n-- column revenue: money\nSELECT printf('%.2f', revenue) AS revenue FROM item_sales")
	write("choice.sql", "-- title: T\n-- param by: choice(a, b) = a\n-- column n: integer\nSELECT iif(:by = 'a', 1, "+
		"'x') AS n FROM events")
	code, _, stderr = analyticsQuery(t, "query", "--check", folder)
	for _, want := range []string{"typo.sql:2: unknown entry", "table.sql: run query table: no such table: nowhere",
		"write.sql: run query write: not authorized",
		"money.sql: read a row: column revenue is declared as money, the SELECT gave string",
		"choice.sql: read a row: column n is declared as integer", "faults in " + folder + ": 5"} {
		if code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("exit %d, stderr %q, want %s", code, stderr, want)
		}
	}
}

func TestSafeCSV(t *testing.T) {
	db := someItems(t)
	for flags, want := range map[string]string{"--output csv": "C,=1+1,", "--output csv --safe-csv": "C,'=1+1,"} {
		code, stdout, _ := analyticsQuery(t, append([]string{"query", "top-items", "--db", db}, strings.Fields(flags)...)...)
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit %d, %q", flags, code, stdout)
		}
	}
}
