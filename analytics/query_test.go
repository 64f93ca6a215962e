package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/sqlfiles"
	"purchases/producer/cmdline"
)

// analyticsQuery runs what a person types after "analytics".
func analyticsQuery(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	app := &cli.App{Name: "analytics", Commands: []*cli.Command{newQueryCommand(queriesFolder(args)), sqlCommand()}}
	code = cmdline.Run(t.Context(), app, append([]string{"analytics"}, args...), &out, &errs)
	return code, out.String(), errs.String()
}

// isFreshness says whether the text is the line that says what an answer reflects.
func isFreshness(stderr string) bool {
	return strings.HasPrefix(stderr, "analytics: as of ") && strings.Count(stderr, "\n") == 1
}

// newDatabase makes a migrated database and runs the statements in it.
func newDatabase(t *testing.T, statements ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "analytics.db")
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
		db.MustExec(statement)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// someItems sells A for 9 GBP, B for 1234.5 GBP and C for 2 EUR.
func someItems(t *testing.T) string {
	t.Helper()
	return newDatabase(t,
		`INSERT INTO items (item_id, item, item_name) VALUES (1, 'A', 'Apple'), (2, 'B', 'Ball | big'), (3, 'C', '=1+1')`,
		`INSERT INTO stats_item VALUES (1, 'GBP', 3, 0, 30, 0, 9000000, 0, 1), (2, 'GBP', 2, 0, 20, 0, 1234500000, 0, 1), (3,
			'EUR', 1, 0, 10, 0, 2000000, 0, 1)`,
		`INSERT INTO internal_partitions (topic, partition, next_offset, records) VALUES ('analytics', 0, 6, 6)`)
}

func TestQueryFlagsBeforeOrAfterTheName(t *testing.T) {
	db := someItems(t)
	want := "item,item_name,currency,units_sold,revenue,purchases\nB,Ball | big,GBP,20,1234.50,2\n"
	for _, line := range []string{
		"query top-items --by revenue --limit 1 --output csv --db DB",
		"query --by revenue --limit 1 --output csv --db DB top-items",
		"query --by revenue top-items --limit=1 --output=csv --db DB",
		"query -limit 1 -output csv top-items -by=revenue -db DB",
		"query top-items -n 1 -o csv --by revenue --db DB",
		"query -n 1 -o csv --by revenue --db DB top-items",
		"query --limit 7 --output csv top-items --limit 1 --by revenue --db DB",
	} {
		code, stdout, stderr := analyticsQuery(t, strings.Fields(strings.ReplaceAll(line, "DB", db))...)
		if code != 0 || stdout != want || !isFreshness(stderr) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", line, code, stdout, stderr)
		}
	}
}

func TestQueryOutputs(t *testing.T) {
	db := someItems(t)
	for format, want := range map[string]string{
		"table": "item  item_name   currency  units_sold   revenue  purchases\nB     Ball | big  GBP               20  " +
			"1,234.50          2\nA     Apple       GBP               30      9.00          3\n",
		"ndjson":   `{"item":"B","item_name":"Ball | big","currency":"GBP","units_sold":20,"revenue":"1234.50","purchases":2}`,
		"json":     `"parameters":{"by":"revenue","limit":2,"since":null,"until":null,"currency":null}`,
		"markdown": `| B | Ball \| big | GBP | 20 | 1234.50 | 2 |`,
	} {
		code, stdout, stderr := analyticsQuery(t, "query", "top-items", "--by", "revenue", "--limit", "2", "--db", db,
			"--output", format)
		if code != 0 || !strings.Contains(stdout, want) || isFreshness(stderr) == (format == "json") {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", format, code, stdout, stderr)
		}
	}
}

func TestQueryFailures(t *testing.T) {
	db := someItems(t)
	for _, test := range []struct {
		line string
		code int
		want string
	}{
		{"query nonsense", 2, "unknown query \"nonsense\". `analytics query` lists all queries"},
		{"query top-item --limit 4", 2, `unknown query "top-item". Did you mean top-items or top-users? `},
		{"query --limit 4", 2, "name a query; `analytics query` lists all"},
		{"query top-items --limit 0", 2,
			"analytics: --limit \"0\": want an integer from 1 to 10000; see `analytics query top-items --help`"},
		{"query top-items --by colour", 2, `--by "colour": want one of units, revenue, purchases`},
		{"query top-items --since 2011-02-30", 2, `--since "2011-02-30": want a date`},
		{"query top-items --every day", 2,
			"--every: top-items does not have this parameter, it has only by, limit, since, until"},
		{"query --every day top-items", 2, "--every: top-items does not have this parameter"},
		{"query top-items --bogus 3", 2, "-bogus"},
		{"query top-items --plot", 2, "--plot: top-items is not a time series"},
		{"query top-items 5", 2, `unexpected argument "5"`},
		{"query top-items --output xml", 2, `output "xml": want one of table, json, ndjson, csv, markdown`},
		{"query top-items --db " + db + ".not", 1, "no database at " + db + ".not; `analytics run`"},
		{"query --queries " + db + ".not", 1, "read the queries in " + db + ".not: "},
	} {
		code, stdout, stderr := analyticsQuery(t, strings.Fields(test.line)...)
		if code != test.code || stdout != "" || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", test.line, code, stdout, stderr)
		}
	}
}

func TestQueryHintsAtEmptiness(t *testing.T) {
	code, stdout, stderr := analyticsQuery(t, "query", "top-items", "--db", newDatabase(t))
	if code != 0 || stdout != "item  item_name  currency  units_sold  revenue  purchases\n" ||
		!strings.Contains(stderr, "analytics: no rows: the database is still empty") {
		t.Errorf("empty database: exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	code, _, stderr = analyticsQuery(t, "query", "top-items", "--until", "1999-12-31", "--db", someItems(t))
	if code != 0 || !strings.HasPrefix(stderr, "analytics: no rows for these parameters\nanalytics: as of ") {
		t.Errorf("no such days: exit %d, stderr %q", code, stderr)
	}
}

func TestQueryListAndHelp(t *testing.T) {
	catalogue, _ := query.Load(sqlfiles.Queries())
	code, list, _ := analyticsQuery(t, "query")
	if code != 0 {
		t.Errorf("list: exit %d", code)
	}
	for line := range strings.Lines(list) {
		if len(line) > 81 {
			t.Errorf("a line of %d characters: %s", len(line), line)
		}
	}
	for _, q := range catalogue {
		beginning := strings.Join(strings.Fields(q.Summary())[:3], " ")
		if !strings.Contains(list, "\n  "+q.Name+" ") || !strings.Contains(list, "  "+beginning) {
			t.Errorf("%s is not in the list, or without %q", q.Name, beginning)
		}
		code, help, _ := analyticsQuery(t, "query", q.Name, "--help")
		want := []string{q.Title, strings.TrimSpace("analytics query " + q.Name + " " + q.Example)}
		for _, p := range q.Params {
			want = append(want, "--"+p.Name+" ")
			if p.Type != query.TextParam {
				want = append(want, p.Want())
			}
		}
		for _, c := range q.Columns {
			want = append(want, c.Name)
		}
		for _, text := range want {
			if code != 0 || !strings.Contains(oneLine(help), oneLine(text)) {
				t.Errorf("help of %s: exit %d, lacks %q:\n%s", q.Name, code, text, help)
			}
		}
	}
}

// oneLine takes prose out of its lines.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func TestQueryFolderOfOnesOwn(t *testing.T) {
	folder, db := t.TempDir(), someItems(t)
	for name, text := range map[string]string{
		"mine.sql":      "-- title: Mine\n-- param word: text = x | Any.\n-- column word: text\nSELECT :word AS word",
		"top-items.sql": "-- title: Other top items\n-- column n: integer\nSELECT 1 AS n",
		"broken.sql":    "-- title: Broken\n-- colum n: integer\nSELECT 1 AS n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fault := "analytics: query ignored: " + folder + `/broken.sql:2: unknown entry "colum n"`
	for line, want := range map[string]string{
		"query --queries DIR": "Mine",
		"query mine --word a --queries DIR --db DB --output ndjson":      `{"word":"a"}`,
		"query --queries=DIR --word --b mine --db DB --output ndjson":    `{"word":"--b"}`,
		"query --queries DIR top-items --db DB --output ndjson":          `{"n":1}`,
		"query --queries DIR summary --db DB --output csv":               "currency,",
		"query --queries nowhere mine --queries DIR --db DB --word=last": "last",
	} {
		line = strings.NewReplacer("DIR", folder, "DB", db).Replace(line)
		code, stdout, stderr := analyticsQuery(t, strings.Fields(line)...)
		if code != 0 || !strings.Contains(stdout, want) || !strings.Contains(stderr, fault) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", line, code, stdout, stderr)
		}
	}
}

// An answer that ends early must not look whole to a script.
func TestQueryFailsInTheMiddle(t *testing.T) {
	folder, db := t.TempDir(), someItems(t)
	text := "-- title: T\n-- column n: integer\nSELECT 1 AS n UNION ALL SELECT 'x'"
	if err := os.WriteFile(filepath.Join(folder, "half.sql"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := analyticsQuery(t, "query", "half", "--queries", folder, "--db", db, "--output", "ndjson")
	if code != 1 || stdout != "{\"n\":1}\n" ||
		!strings.Contains(stderr, "query half: after 1 rows: read a row: column n is declared as integer") {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}
