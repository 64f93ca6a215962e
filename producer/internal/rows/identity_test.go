package rows_test

import (
	"encoding/csv"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/text/encoding/charmap"
	"pgregory.net/rapid"

	"purchases/producer/internal/rows"
	"purchases/producer/sample"
)

// Ids are stored in people's databases: they can never change.
func TestSampleIDs(t *testing.T) {
	reader, err := rows.Options{}.Open(sample.Name, sample.Compressed())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	seen := make(map[uuid.UUID]bool, sample.Rows)
	var first, last uuid.UUID
	for row := (rows.Row{}); reader.Next(&row) == nil; last = row.ID {
		if first == uuid.Nil {
			first = row.ID
		}
		if row.Malformed != nil {
			t.Fatalf("line %d: %v", row.Line, row.Malformed)
		}
		seen[row.ID] = true
	}
	if len(seen) != sample.Rows {
		t.Errorf("%d different ids for %d rows", len(seen), sample.Rows)
	}
	if first.String() != "b4583c2e-e395-87d4-8bc5-9a6454a35dfe" || last.String() != "53f5a399-e255-8d17-9699-492203f76e11" {
		t.Errorf("ids from %s to %s", first, last)
	}
	if first.Version() != 8 || first.Variant() != uuid.RFC4122 {
		t.Errorf("version %d, variant %s", first.Version(), first.Variant())
	}
}

// The same 10,000 rows of the sample as somebody's spreadsheet would save them.
func TestSampleInAnotherDress(t *testing.T) {
	plain := sampleStart(t, 10_000)
	want := ids(t, rows.Options{}, "x.csv", plain)
	latin1, err := charmap.ISO8859_1.NewEncoder().String(strings.ReplaceAll(plain, "\n", "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if latin1 == strings.ReplaceAll(plain, "\n", "\r\n") {
		t.Fatal("these rows are ASCII and prove nothing")
	}
	for name, got := range map[string][]uuid.UUID{
		"latin1 and CRLF": ids(t, rows.Options{Encoding: charmap.ISO8859_1}, "x.csv", latin1),
		"gzip":            ids(t, rows.Options{}, "-", string(gzipped(t, plain))),
		"byte order mark": ids(t, rows.Options{}, "x.csv", "\uFEFF"+plain),
		"tabs":            ids(t, rows.Options{}, "x.tsv", rewritten(t, plain, '\t')),
		"semicolons":      ids(t, rows.Options{Delimiter: ';'}, "x.csv", rewritten(t, plain, ';')),
	} {
		if !slices.Equal(got, want) {
			t.Errorf("%s: other ids", name)
		}
	}
}

// sampleStart is the header and the first rows of the sample, with the £ sign
// among them.
func sampleStart(t *testing.T, count int) string {
	t.Helper()
	text, err := sample.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = text.Close() }()
	all, err := io.ReadAll(text)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(all), "\n")
	special := slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, "£") })
	if special < 0 {
		t.Fatal("the sample has no £ sign")
	}
	return strings.Join(lines[:count+1], "") + lines[special]
}

func rewritten(t *testing.T, text string, delimiter rune) string {
	t.Helper()
	all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return written(all, delimiter)
}

func written(all [][]string, delimiter rune) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Comma = delimiter
	_ = w.WriteAll(all)
	return b.String()
}

// drawTable draws a header of two columns and some rows, which may repeat.
func drawTable(t *rapid.T) [][]string {
	cell := rapid.OneOf(rapid.SampledFrom([]string{"", "a", "b\"", "c,d", "e\nf", " g ", "é"}), rapid.StringMatching(`[a-z"\n,;\t£]{0,6}`))
	row := rapid.SliceOfN(cell, 2, 2)
	return append([][]string{{"x", "y"}}, rapid.SliceOfN(row, 1, 8).Draw(t, "rows")...)
}

func checkIDs(t *rapid.T, name, text string, o rows.Options) (out []uuid.UUID) {
	all, err := readAll(o, name, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range all {
		out = append(out, row.ID)
	}
	return out
}

func TestCellsDecideOnIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := drawTable(t)
		want := checkIDs(t, "x.csv", written(table, ','), rows.Options{})
		got := checkIDs(t, "x.tsv", strings.ReplaceAll(written(table, '\t'), "\n", "\r\n"), rows.Options{})
		if !slices.Equal(got, want) {
			t.Fatal("ids of TSV with CRLF differ from those of CSV")
		}
		if len(want) != len(table)-1 {
			t.Fatalf("%d rows, want %d", len(want), len(table)-1)
		}
		slices.SortFunc(want, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
		if len(slices.Compact(want)) != len(table)-1 {
			t.Fatal("two rows share an id")
		}
	})
}

func TestGrowingFileKeepsIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := drawTable(t)
		before := checkIDs(t, "x.csv", written(table[:len(table)-1], ','), rows.Options{})
		after := checkIDs(t, "x.csv", written(table, ','), rows.Options{})
		if !slices.Equal(before, after[:len(before)]) {
			t.Fatal("ids have changed")
		}
	})
}

func TestChangedCellChangesIDsFromThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := drawTable(t)
		before := checkIDs(t, "x.csv", written(table, ','), rows.Options{})
		changed := rapid.IntRange(1, len(table)-1).Draw(t, "changed")
		table[changed][1] += "z"
		after := checkIDs(t, "x.csv", written(table, ','), rows.Options{})
		for i := range before {
			if (before[i] == after[i]) != (i < changed-1) {
				t.Fatalf("row %d of %d: id %s, then %s", i+1, changed, before[i], after[i])
			}
		}
	})
}

// Broken rows between good ones are found, each on its own line.
func TestBrokenRowsDoNotHideOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		text.WriteString("a,b\n")
		var want, got []int
		broken := rapid.SampledFrom([]string{`1,"2`, `"1"x,2`, `1,x"y`, "1", "1,2,3", "1,\xff"})
		for n := range rapid.IntRange(1, 30).Draw(t, "rows") {
			line := `3,4`
			if rapid.Bool().Draw(t, "broken") {
				line = broken.Draw(t, "line")
				want = append(want, n+2)
			}
			text.WriteString(line + rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end"))
		}
		all, err := readAll(rows.Options{}, "x.csv", strings.NewReader(text.String()))
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range all {
			if row.Malformed != nil {
				got = append(got, row.Line)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("malformed lines %v, want %v", got, want)
		}
	})
}
