package main_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"purchases/producer/sample"
)

// accepted is the part of the summary that the sample decides: all but the
// number of duplicates.
const (
	accepted   = "GBP 406829 397924 8905 5181696 274808 8911407.904 611342.09 8300065.814 4372 3684 22190 135080"
	duplicates = 13 // column of the summary
)

func (m *machine) summary() string {
	m.t.Helper()
	rows := m.query("summary")
	if len(rows) == 0 {
		return ""
	}
	return strings.Join(rows[0][:duplicates], " ")
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
		{"--limit 5 top-items --by revenue", []int{0, 4}, "23843 168469.60 22423 142592.95 85123A 100603.50 85099B 85220.78 23166 81416.73"},
		{"top-users --limit 3", []int{0, 2}, "14646 280206.02 18102 259657.30 17450 194550.79"},
		{"sales-over-time --every month --until 2011-02-28", []int{0, 6}, "2010-12 572713.89 2011-01 569445.04 2011-02 447137.35"},
		{"sales-over-time --every month --since 2011-11-01", []int{0, 6}, "2011-11 1161817.38 2011-12 518192.79"},
		{"sales-by-attribute --attribute country --limit 3", []int{0, 2}, "United Kingdom 7308391.554 Netherlands 285446.34 EIRE 265545.90"},
		{"rejected", []int{0, 1}, "missing_user 135080"},
		// Counted in Python with csv and decimal over the rows that have a CustomerID.
		{"busiest-hours --limit 3", []int{0, 1, 2}, "Sunday 12 13426 Thursday 12 13056 Wednesday 12 12932"},
		{"average-order --since 2011-11-01 --until 2011-11-30", []int{2, 3, 4, 5}, "2658 437.102099 256.54 24.28"},
		{"item-trend --item 23166 --days 5", []int{0, 3, 5}, "2011-12-09 48 49.92 2011-12-07 2 2.50 2011-12-06 5 6.25 2011-12-05 108 114.84"},
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
		"new-and-returning-users": {"2010-12 885 885 0", "2011-01 741 417 324", "2011-11 1665 324 1341", "2011-12 615 41 574"},
		"cohorts":                 {"2010-12 0 885 100.00", "2010-12 1 324 36.61", "2010-12 11 445 50.28"},
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
}

// The programs run before the import, the file is Latin-1 with CRLF, and then
// the same rows come a second time as UTF-8 with LF.
func TestSampleImportedTwiceInDifferentEncodings(t *testing.T) {
	m := newMachine(t)
	m.start("analytics", "run")
	m.start("processor", "run")
	file := filepath.Join(m.dir, "latin1.csv")
	writeLatin1(t, file)
	m.run("producer", "import", "--preset", "online-retail", "--encoding", "latin1", file)
	m.until("the sample is counted", func() bool { return m.summary() == accepted })
	m.wantFigures()

	m.run("producer", "import", "--sample")
	m.until("the duplicates are recorded", func() bool {
		return m.query("summary")[0][duplicates] == fmt.Sprint(sample.Rows)
	})
	m.wantFigures()
}

func TestProgramsStartedDuringTheImport(t *testing.T) {
	m := newMachine(t)
	imported := make(chan error, 1)
	go func() { imported <- m.command("producer", "import", "--sample").Run() }()
	m.start("analytics", "run")
	m.start("processor", "run")
	if err := <-imported; err != nil {
		t.Fatal(err)
	}
	m.until("the sample is counted", func() bool { return m.summary() == accepted })
	m.wantFigures()
}

// writeLatin1 writes the sample in ISO 8859-1 with CRLF at the ends of lines.
func writeLatin1(t *testing.T, path string) {
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
	latin1, err := charmap.ISO8859_1.NewEncoder().Bytes(text)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(latin1, text) {
		t.Fatal("the sample has no character that the encodings differ in")
	}
	crlf := bytes.ReplaceAll(latin1, []byte("\n"), []byte("\r\n"))
	if err := os.WriteFile(path, crlf, 0o644); err != nil {
		t.Fatal(err)
	}
}
