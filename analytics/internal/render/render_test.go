package render_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purchases/analytics/internal/query"
	"purchases/analytics/internal/render"
	"purchases/producer/purchase"
)

var update = flag.Bool("update", false, "write the golden files")

// columns are those of every kind, with names long enough to be broken.
var columns = []query.Column{
	{Name: "item", Type: query.Text}, {Name: "item_name", Type: query.Text}, {Name: "currency", Type: query.Text},
	{Name: "units_sold", Type: query.Integer}, {Name: "revenue", Type: query.Money},
	{Name: "return_rate", Type: query.Percent},
	{Name: "last_sold", Type: query.Time},
}

// rows hold what is hard to write: wide characters, marks of every format,
// white space, control characters, NULL, negative and very large numbers.
var rows = []query.Row{
	{"23843", "PAPER CRAFT , LITTLE BIRDIE", "GBP", int64(80995), purchase.Micros(168_469_600_000),
		query.Percentage(99.994), "2011-12-09"},
	{"生命", "茶碗 と \"急須\"", "JPY", int64(-1234567), purchase.Micros(-1_000), query.Percentage(0), "2011-12-09"},
	{"a|b\\|c", "*bold* _it_ `x` <b>&amp;[l](u) ~s~", "", int64(0), purchase.Micros(1<<63 - 1), nil, nil},
	{"line\nbreak\ttab", "\x1b[31mred\x1b[0m \u202eevil", "EUR", int64(999), purchase.Micros(999_990_000),
		query.Percentage(1234.5), "2011-12"},
	{nil, nil, nil, nil, nil, nil, nil},
}

func answer(rows ...query.Row) render.Answer {
	args := query.Args{{Name: "by", Value: "units"}, {Name: "limit", Value: int64(5)}, {Name: "since"}}
	return render.Answer{Query: "top-items", Args: args, Columns: columns, Rows: sequence(rows, nil)}
}

func sequence(rows []query.Row, err error) iter.Seq2[query.Row, error] {
	return func(yield func(query.Row, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func write(t *testing.T, format render.Format, a render.Answer, o render.Options) string {
	t.Helper()
	var out bytes.Buffer
	if _, err := render.Write(&out, format, a, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestGolden(t *testing.T) {
	tests := []struct {
		name    string
		format  render.Format
		rows    []query.Row
		options render.Options
	}{
		{"piped.table", render.Table, rows, render.Options{}},
		{"wide.table", render.Table, rows, render.Options{Width: 200, Bold: true}},
		{"narrow.table", render.Table, rows, render.Options{Width: 80}},
		{"tiny.table", render.Table, rows, render.Options{Width: 20}},
		{"empty.table", render.Table, nil, render.Options{}},
		{"single.table", render.Table, rows[:1], render.Options{}},
		{"single-narrow.table", render.Table, rows[:1], render.Options{Width: 30, Bold: true}},
		{"all.json", render.JSON, rows, render.Options{}},
		{"empty.json", render.JSON, nil, render.Options{}},
		{"all.ndjson", render.NDJSON, rows, render.Options{}},
		{"empty.ndjson", render.NDJSON, nil, render.Options{}},
		{"all.csv", render.CSV, rows, render.Options{}},
		{"empty.csv", render.CSV, nil, render.Options{}},
		{"all.markdown", render.Markdown, rows, render.Options{}},
		{"empty.markdown", render.Markdown, nil, render.Options{}},
	}
	for _, test := range tests {
		got := write(t, test.format, answer(test.rows...), test.options)
		path := filepath.Join("testdata", test.name)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, want)
		}
	}
}

func TestTableFitsTheTerminal(t *testing.T) {
	out := write(t, render.Table, answer(rows...), render.Options{Width: 100})
	for line := range strings.Lines(out) {
		if n := len([]rune(line)) - 1; n > 100 { // wide characters only make it fewer
			t.Errorf("line of %d columns: %q", n, line)
		}
	}
	if !strings.Contains(out, "…") {
		t.Errorf("nothing was shortened:\n%s", out)
	}
}

func TestTableAlignsDecimals(t *testing.T) {
	a := render.Answer{Columns: []query.Column{{Name: "n", Type: query.Number}},
		Rows: sequence([]query.Row{{22.8}, {int64(1234)}, {nil}, {0.25}}, nil)}
	want := "       n\n   22.80\n1,234.00\n\n    0.25\n"
	if got := write(t, render.Table, a, render.Options{}); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Money has the decimals of its currency, and its points stand below each other.
func TestTableRoundsMoney(t *testing.T) {
	a := render.Answer{Columns: []query.Column{{Name: "currency", Type: query.Text}, {Name: "revenue", Type: query.Money}},
		Rows: sequence([]query.Row{
			{"EUR", purchase.Micros(1_234_567_891)}, {"JPY", purchase.Micros(1_500_000)}, {"BHD", purchase.Micros(-12_345_500)},
			{"", purchase.Micros(5_000)}, {"USD", purchase.Micros(-4_999)}, {"USD", nil},
		}, nil)}
	want := "currency    revenue\nEUR       1,234.57\nJPY           2\nBHD         -12.346\n              0.01\nUSD     " +
		"      0.00\nUSD\n"
	if got := write(t, render.Table, a, render.Options{}); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// Where the terminal has no room, columns of zeros go first, then optional
// ones; names and topics stay whole.
func TestTableLeavesOut(t *testing.T) {
	a := func() render.Answer {
		return render.Answer{
			Columns: []query.Column{{Name: "topic", Type: query.Text}, {Name: "late", Type: query.Integer},
				{Name: "kind", Type: query.Text}, {Name: "note", Type: query.Text}, {Name: "high_watermark", Type: query.Integer}},
			Rows: sequence([]query.Row{{"purchases.dlq", int64(0), "purchase", strings.Repeat("long ", 9), int64(12345)},
				{"analytics", nil, "return", "", int64(1)}}, nil),
		}
	}
	for width, want := range map[int]string{
		200: "topic late kind note high_watermark", 72: "high topic kind note watermark", 50: "high topic note watermark",
		40: "high topic note watermark",
	} {
		out := write(t, render.Table, a(), render.Options{Width: width, Optional: []string{"kind", "absent"}})
		head, _, _ := strings.Cut(out, "─")
		if got := strings.Join(strings.Fields(head), " "); got != want || !strings.Contains(out, "purchases.dlq ") {
			t.Errorf("%d columns: the header is %q, want %q:\n%s", width, got, want, out)
		}
	}
	out := write(t, render.Table, a(), render.Options{Width: 50, Optional: []string{"kind"}})
	if !strings.HasSuffix(out, "(not shown for lack of room: kind; not shown, all\n0 or none: late)\n") {
		t.Errorf("ends without saying what it lacks:\n%s", out)
	}
}

func TestTableOfCohorts(t *testing.T) {
	a := render.Answer{
		Columns: []query.Column{{Name: "first_month", Type: query.Time}, {Name: "months_later", Type: query.Integer},
			{Name: "users", Type: query.Integer}, {Name: "share", Type: query.Percent}},
		Rows: sequence([]query.Row{
			{"2011-01", int64(0), int64(948), query.Percentage(100)}, {"2011-01", int64(1), int64(362), query.Percentage(38.19)},
			{"2011-01", int64(10), int64(9), query.Percentage(0.95)},
			{"2011-02", int64(0), int64(421), query.Percentage(100)}, {"2011-02", int64(1), int64(20), query.Percentage(4.75)},
		}, nil),
	}
	want := "first_month  users     0    1  10\n2011-01        948  100%  38%  1%\n2011-02        421  100%   5%\n"
	if got := write(t, render.Table, a, render.Options{Cohort: "share"}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTablePipedHasNoEscapes(t *testing.T) {
	if out := write(t, render.Table, answer(rows...), render.Options{}); strings.ContainsAny(out, "\x1b\u202e─") {
		t.Errorf("escapes or rules in %q", out)
	}
}

func TestCSVAndJSONReadBack(t *testing.T) {
	records, err := csv.NewReader(strings.NewReader(write(t, render.CSV, answer(rows...), render.Options{}))).ReadAll()
	if err != nil || len(records) != len(rows)+1 || records[3][1] != rows[2][1] {
		t.Errorf("CSV reads back as %q, %v", records, err)
	}
	var document struct {
		Parameters map[string]any
		Rows       []map[string]any
	}
	if err := json.Unmarshal([]byte(write(t, render.JSON, answer(rows...), render.Options{})), &document); err != nil {
		t.Fatal(err)
	}
	first := document.Rows[0]
	if first["revenue"] != "168469.60" || first["units_sold"] != 80995.0 || first["return_rate"] != 99.99 ||
		document.Rows[4]["item"] != nil {
		t.Errorf("JSON reads back as %v", document)
	}
	if since, there := document.Parameters["since"]; !there || since != nil || document.Parameters["limit"] != 5.0 {
		t.Errorf("parameters read back as %v", document.Parameters)
	}
}

func TestFailureInTheMiddle(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, format := range render.Formats() {
		var out bytes.Buffer
		a := answer()
		a.Rows = sequence(rows[:2], broken)
		n, err := render.Write(&out, format, a, render.Options{})
		if !errors.Is(err, broken) || n != 2 {
			t.Errorf("%s: %d rows, error %v", format, n, err)
		}
		switch text := out.String(); format {
		case render.Table:
			if text != "" {
				t.Errorf("table of a part: %q", text)
			}
		case render.JSON:
			if json.Valid(out.Bytes()) {
				t.Errorf("a document of a part is valid: %s", text)
			}
		default:
			if !strings.HasSuffix(text, "\n") {
				t.Errorf("%s ends within a row: %q", format, text)
			}
		}
	}
}

// A million rows must reach the writer long before the last is made.
func TestStreams(t *testing.T) {
	for _, format := range []render.Format{render.JSON, render.NDJSON, render.CSV, render.Markdown} {
		var out countingWriter
		most := int64(0)
		a := answer()
		a.Rows = func(yield func(query.Row, error) bool) {
			for made := range int64(10_000) {
				most = max(most, made*50-out.n) // a row has more than 50 bytes in every format
				if !yield(rows[0], nil) {
					return
				}
			}
		}
		if _, err := render.Write(&out, format, a, render.Options{}); err != nil {
			t.Fatal(err)
		}
		if most > 64<<10 {
			t.Errorf("%s held back %d bytes", format, most)
		}
	}
}

type countingWriter struct{ n int64 }

func (c *countingWriter) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }

func TestWriteReportsAFailingWriter(t *testing.T) {
	for _, format := range render.Formats() {
		if _, err := render.Write(failingWriter{}, format, answer(rows...), render.Options{}); !errors.Is(err,
			io.ErrClosedPipe) {
			t.Errorf("%s: error %v", format, err)
		}
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestParseFormat(t *testing.T) {
	for _, f := range render.Formats() {
		if got, err := render.ParseFormat(string(f)); got != f || err != nil {
			t.Errorf("%s gives %s, %v", f, got, err)
		}
	}
	if _, err := render.ParseFormat("xml"); err == nil ||
		err.Error() != `output "xml": want one of table, json, ndjson, csv, markdown` {
		t.Errorf("xml gives %v", err)
	}
}
