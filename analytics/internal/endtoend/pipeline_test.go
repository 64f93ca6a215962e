package endtoend_test

import (
	"bytes"
	"encoding/csv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"purchases/producer/sample"
)

const (
	// accepted is the summary of the sample. An order is the purchases that share
	// number, user and day.
	accepted = "GBP 406829 397924 8905 5181696 274808 8911407.904 611342.09 8300065.814 4372 3684 18536"

	// Of 13 November 2011 from 10:00 UTC, where the clock is 14 hours ahead.
	figures20111113 = "2011-11-14T00:00+14:00 90 2244.54 2011-11-14T01:00+14:00 341 4813.76 2011-11-14T02:00+14:00 398 " +
		"3843.73 2011-11-14T03:00+14:00 301 3748.44 " +
		"2011-11-14T04:00+14:00 582 5653.19 2011-11-14T05:00+14:00 527 5585.14 2011-11-14T06:00+14:00 493 2718.98 " +
		"2011-11-14T22:00+14:00 141 7904.82 2011-11-14T23:00+14:00 100 1956.12"
)

func (m *machine) summary() string {
	m.t.Helper()
	rows := m.query("summary")
	if len(rows) == 0 {
		return ""
	}
	return strings.Join(rows[0], " ")
}

// wantFigures compares with figures that were computed from the file by other
// means, see producer/sample/README.md.
func (m *machine) wantFigures() {
	m.t.Helper()
	if got := m.summary(); got != accepted {
		m.t.Errorf("summary\n got %s\nwant %s", got, accepted)
	}
	for _, test := range []struct {
		query   string
		columns []int
		want    string
	}{
		{"top-items --by units --limit 5", []int{0, 3}, "23843 80995 23166 77916 84077 54415 22197 49183 85099B 46181"},
		{"--limit 5 top-items --by revenue", []int{0, 4},
			"23843 168469.60 22423 142592.95 85123A 100603.50 85099B 85220.78 23166 81416.73"},
		{"top-users --limit 3", []int{0, 2}, "14646 280206.02 18102 259657.30 17450 194550.79"},
		{"sales-over-time --every month --until 2011-02-28", []int{0, 6},
			"2010-12 572713.89 2011-01 569445.04 2011-02 447137.35"},
		{"sales-over-time --every month --since 2011-11-01", []int{0, 6}, "2011-11 1161817.38 2011-12 518192.79"},
		{"sales-by-attribute --attribute country --limit 3", []int{0, 2},
			"United Kingdom 7308391.554 Netherlands 285446.34 EIRE 265545.90"},
		{"rejected", []int{0, 1}, "missing_user 135080"},
		// Counted in Python with csv and decimal over the rows that have a CustomerID.
		{"busiest-hours --limit 3", []int{0, 1, 2}, "Sunday 12 13426 Thursday 12 13056 Wednesday 12 12932"},
		{"average-order --since 2011-11-01 --until 2011-11-30", []int{2, 3, 4, 5}, "2658 437.102099 256.54 24.28"},
		{"busiest-hours --zone Europe/London --limit 2", []int{0, 1, 2, 3}, "Sunday 13 12222 88356 Thursday 13 11962 155269"},
		{"sales-over-time --every week --until 2010-12-12", []int{0, 2, 6},
			"2010-11-29 7753 149386.33 2010-12-06 9568 213447.72"},
		{"sales-over-time --every hour --since 2011-11-14 --until 2011-11-14 --zone Etc/GMT-14", []int{0, 2, 6},
			figures20111113},
		{"returns --limit 3", []int{0, 3, 4, 5, 6},
			"23843 80995 168469.60 1 80995 23166 74494 77479.64 10 77916 84347 9367 298.65 3 7907"},
		{"bought-together --item 22423 --orders 10000 --limit 3", []int{1, 3, 4},
			"22699 420 24.65 22697 374 21.95 22698 309 18.13"},
		{"user-history --user 12346", []int{0, 2, 3, 5, 7, 9},
			"2011-01-18T10:17:00.000Z return 23166 -74215 -77183.60 C541433 2011-01-18T10:01:00.000Z purchase 23166 74215 " +
				"77183.60 541431"},
		{"user-history --limit 1", []int{0, 1, 9}, "2011-12-09T12:50:00.000Z 12680 581587"},
		{"recent --limit 1", []int{0, 2, 9}, "2011-12-09T12:50:00.000Z 12680 581587"},
		{"late-events", []int{0}, ""}, // the file is in the order of time
		{"gaps", []int{0}, ""},
		{"item-trend --item 23166 --days 5", []int{0, 3, 5},
			"2011-12-09 48 49.92 2011-12-07 2 2.50 2011-12-06 5 6.25 2011-12-05 108 114.84"},
	} {
		var got []string
		for _, row := range m.query(strings.Fields(test.query)...) {
			for _, column := range test.columns {
				got = append(got, row[column])
			}
		}
		if strings.Join(got, " ") != test.want {
			m.t.Errorf("query %s\n got %s\nwant %s", test.query, strings.Join(got, " "), test.want)
		}
	}
}

// wantMonths compares some months of the queries that count users, from the
// same computation.
func (m *machine) wantMonths() {
	m.t.Helper()
	for query, want := range map[string][]string{
		"new-and-returning-users": {"2010-12 885 885 0", "2011-01 741 417 324", "2011-11 1665 324 1341",
			"2011-12 615 41 574"},
		"average-order": {"2010-12 GBP 1400 409.08135", "2011-01 GBP 987 576.945329", "2011-02 GBP 998 448.033416",
			"2011-12 GBP 778 666.05757"},
		"cohorts": {"2010-12 0 885 100.00", "2010-12 1 324 36.61", "2010-12 11 445 50.28"},
	} {
		var got []string
		for _, row := range m.query(query) {
			got = append(got, strings.Join(row[:4], " "))
		}
		for _, line := range want {
			if !slices.Contains(got, line) {
				m.t.Errorf("query %s has no row %q: %q", query, line, got)
			}
		}
	}
}

func TestSampleImportedFirstThenDrained(t *testing.T) {
	m := newMachine(t)
	m.run("producer", "import", "--sample")
	m.run("processor", "run", "--drain")
	m.run("analytics", "run", "--drain")
	m.wantFigures()
	m.wantMonths()
	if got := m.sum("ingest", "records"); got != sample.Rows {
		t.Errorf("%d records by the query ingest, want %d", got, sample.Rows)
	}
	if rows := m.query("duplicates"); len(rows) > 0 {
		t.Errorf("duplicates %q", rows)
	}
}

// sum adds up a column of a query.
func (m *machine) sum(query, column string) (sum int) {
	m.t.Helper()
	rows, err := csv.NewReader(strings.NewReader(m.run("analytics", "query", query, "--output", "csv"))).ReadAll()
	if err != nil {
		m.t.Fatal(err)
	}
	for _, row := range rows[1:] {
		n, err := strconv.Atoi(row[slices.Index(rows[0], column)])
		if err != nil {
			m.t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// The programs are started during the import, the file is Latin-1 with CRLF, and
// then some of the rows come a second time as UTF-8 with LF.
func TestSampleImportedTwiceInDifferentEncodings(t *testing.T) {
	const again = 100_000
	m := newMachine(t)
	text := sampleText(t)
	latin1, head := filepath.Join(m.dir, "latin1.csv"), filepath.Join(m.dir, "head.csv")
	writeFile(t, latin1, inLatin1(t, text))
	writeFile(t, head, bytes.Join(bytes.SplitAfterN(text, []byte("\n"), 1+again+1)[:1+again], nil))
	imported := m.launch("producer", "import", "--preset", "online-retail", "--encoding", "latin1", latin1)
	m.start("analytics", "run")
	m.start("processor", "run")
	if err := imported.Err(); err != nil {
		t.Fatal(err)
	}
	m.until("the sample is counted", func() bool { return m.summary() == accepted })
	m.wantFigures()

	m.run("producer", "import", "--preset", "online-retail", head)
	m.until("the duplicates are recorded", func() bool {
		return m.sum("records", "duplicates") == again
	})
	m.wantFigures()
}

func sampleText(t *testing.T) []byte {
	t.Helper()
	in, err := sample.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// inLatin1 is the text in ISO 8859-1 with CRLF at the ends of lines.
func inLatin1(t *testing.T, text []byte) []byte {
	t.Helper()
	latin1, err := charmap.ISO8859_1.NewEncoder().Bytes(text)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(latin1, text) {
		t.Fatal("the text has no character that the encodings differ in")
	}
	return bytes.ReplaceAll(latin1, []byte("\n"), []byte("\r\n"))
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
