package rows_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"purchases/producer/internal/rows"
)

func FuzzRows(f *testing.F) {
	for _, text := range []string{
		"a,b\n1,2\n", "a,b\r\n\"1\n\",\"2\"\"\"\r\n", "a,b\n1,\"2\n3,4\n", "\uFEFFa\tb\n\n1\t2",
		"{\"a\":1}\n\n{}", "a\n\"", "a,b\n\xff,\x00\n", "a\n\r\r\n\"\r\n\"\n", "\x1f\x8b\x08",
	} {
		f.Add([]byte(text), uint8(0), false)
		f.Add([]byte(text), uint8(2), true)
	}
	f.Fuzz(func(t *testing.T, text []byte, format uint8, latin1 bool) {
		o := rows.Options{Format: []rows.Format{rows.CSV, rows.TSV, rows.JSON, ""}[format%4]}
		if latin1 {
			o.Encoding = charmap.ISO8859_1
		}
		all, err := readAll(o, "x", bytes.NewReader(text))
		checkRows(t, text, all)
		again, errAgain := readAll(o, "x", bytes.NewReader(text))
		if len(again) != len(all) || (err == nil) != (errAgain == nil) {
			t.Fatalf("%d rows and %v, then %d and %v", len(all), err, len(again), errAgain)
		}
		for i := range all {
			if !slices.Equal(all[i].Cells, again[i].Cells) {
				t.Fatalf("row %d: %q, then %q", i, all[i].Cells, again[i].Cells)
			}
		}
	})
}

// checkRows holds for every input: lines do not go back, and what is not called
// malformed is UTF-8, as wide as the other rows.
func checkRows(t *testing.T, text []byte, all []rows.Row) {
	t.Helper()
	line, width := 0, 0
	for _, row := range all {
		if row.Line < line {
			t.Fatalf("line %d after %d", row.Line, line)
		}
		line = row.Line
		if row.Malformed != nil {
			continue
		}
		if width == 0 {
			width = len(row.Cells)
		}
		if !utf8.ValidString(strings.Join(row.Cells, "")) || len(row.Cells) != width {
			t.Fatalf("line %d: %q, the first row has %d cells", row.Line, row.Cells, width)
		}
	}
	compressed := bytes.HasPrefix(text, []byte{0x1f, 0x8b}) || bytes.HasPrefix(text, []byte{0x28, 0xb5})
	if last := bytes.Count(text, []byte("\n")) + bytes.Count(text, []byte("\r")) + 1; line > last && !compressed {
		t.Fatalf("line %d of %d", line, last)
	}
}
