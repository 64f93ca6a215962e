package rows_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"purchases/producer/internal/rows"
	"purchases/producer/sample"
)

// read returns each row as "line|cell|cell", with "!cause" for a malformed one.
func read(t *testing.T, o rows.Options, name string, r io.Reader) []string {
	t.Helper()
	var out []string
	all, err := readAll(o, name, r)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range all {
		text := fmt.Sprintf("%d|%s", row.Line, strings.Join(row.Cells, "|"))
		if row.Malformed != nil {
			text += "!" + row.Malformed.Error()
		}
		out = append(out, text)
	}
	return out
}

func readAll(o rows.Options, name string, r io.Reader) (all []rows.Row, err error) {
	reader, err := o.Open(name, r)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	for {
		var row rows.Row
		if err := reader.Next(&row); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return all, err
		}
		row.Cells = append([]string(nil), row.Cells...)
		all = append(all, row)
	}
}

var (
	bare  = `a quote " stands inside a cell that does not begin with one; double it and enclose the cell in quotes`
	after = `text follows the closing quote " of a cell; a quote inside a cell is written twice`
	open  = `a cell begins with a quote " that nothing closes`
)

const broken = "the JSON object is truncated before the next one"

func TestRows(t *testing.T) {
	for name, test := range map[string]struct {
		file    string
		text    string
		options rows.Options
		want    []string
	}{
		"plain":                  {text: "a,b\n1,2\n3,4\n", want: []string{"2|1|2", "3|3|4"}},
		"no line end at the end": {text: "a,b\n1,2", want: []string{"2|1|2"}},
		"CRLF":                   {text: "a,b\r\n1,2\r\n3,4\r\n", want: []string{"2|1|2", "3|3|4"}},
		"byte order mark":        {text: "\uFEFFa,b\n1,2\n", want: []string{"2|1|2"}},
		"header only":            {text: "a,b\n"},
		"blank lines":            {text: "\n\na,b\n\n1,2\n\r\n\n3,4\n", want: []string{"5|1|2", "8|3|4"}},
		"quotes": {text: "a,b\n\"x, \"\"y\"\"\",\"two\nlines\"\n5,6\n",
			want: []string{"2|x, \"y\"|two\nlines", "4|5|6"}},
		"too few cells":        {text: "a,b,c\n1\n3,4,5\n", want: []string{"2|1||", "3|3|4|5"}},
		"empty cells too many": {text: "a,b\n1,2,, \n", want: []string{"2|1|2"}},
		"too many cells":       {text: "a,b\n1,2,3\n3,4\n", want: []string{"2|1|2|3!3 cells, the header has 2", "3|3|4"}},
		"bare quote":           {text: "a,b\n1,x\"y\n3,4\n", want: []string{`2|1,x"y!` + bare, "3|3|4"}},
		"quote not closed, to the end": {text: "a,b\n1,\"2\n3,4\n5,6\n",
			want: []string{`2|1,"2!` + open, "3|3|4", "4|5|6"}},
		"quote not closed, to the next": {text: "a,b\n\n1,\"2\n3,4\n\n5,\"6\"\n7,8\n",
			want: []string{`3|1,"2!` + after, "4|3|4", "6|5|6", "7|7|8"}},
		"text after a quoted cell": {text: "a,b\r\n\"1\"x,2\r\n3,4", want: []string{`2|"1"x,2!` + after, "3|3|4"}},
		"the last row is broken":   {text: "a,b\n1,\"", want: []string{`2|1,"!` + open}},
		"after two lines in one row": {text: "a,b\n\"1\n\",2\n3\n5,6\n",
			want: []string{"2|1\n|2", "4|3|", "5|5|6"}},
		"not UTF-8": {text: "a,b\n1,\xe9\n3,4\n",
			want: []string{"2|1|\xe9!column \"b\" is not UTF-8; name the file's encoding with --encoding", "3|3|4"}},
		"quote escaped by a backslash": {text: "a,b\n\"12\\\" vinyl\",\"x\\\"\"\n\"C:\\\",2\n",
			want: []string{`2|12" vinyl|x"`, `3|C:\|2`}},
		"spaces around quotes": {text: "a,b\n \"1\" , \"2\" \n", want: []string{"2|1|2"}},
		"two rows swallowed": {text: "user,note,item,at\na,\"broken,A,2024-01-01\nb,19\",B,2024-01-02\nd,y,D,2024-01-03\n",
			want: []string{`2|a,"broken,A,2024-01-01!a quoted cell of line 2 runs into line 3, which looks like another row; close its quote "`,
				`3|b,19",B,2024-01-02!` + bare, "4|d|y|D|2024-01-03"}},
		"a row swallowed by the last cell": {text: "at,item,note\n2024-01-01,A,\"broken\n2024-01-02,B,19\"\n2024-01-03,D,y\n",
			want: []string{`2|2024-01-01,A,"broken!a quoted cell of line 2 runs into line 3, which looks like another row; close its quote "`,
				`3|2024-01-02,B,19"!` + bare, "4|2024-01-03|D|y"}},
		"three rows swallowed": {text: "at;item;note\n2024-01-01;A;\"x\n2024-01-02;B;y\n2024-01-03;C;19\"\n2024-01-04;D;z\n",
			want: []string{`2|2024-01-01;A;"x!a quoted cell of line 2 runs into line 3, which looks like another row; close its quote "`,
				"3|2024-01-02|B|y", `4|2024-01-03;C;19"!` + bare, "5|2024-01-04|D|z"}},
		"swallowed, and too many cells": {text: "at,item\n\"2024-01-01,A\n2024-01-02\",B,C\n2024-01-03,D\n",
			want: []string{`2|"2024-01-01,A!a quoted cell runs over 1 line ends, and the row then has 3 cells, the header has 2`,
				`3|2024-01-02",B,C!` + bare, "4|2024-01-03|D"}},
		"prose over several lines": {text: "user,note,item,at\na,\"Hello, you,\nit is 5, or 6, now\nbye\",A,2024-01-01\n",
			want: []string{"2|a|Hello, you,\nit is 5, or 6, now\nbye|A|2024-01-01"}},
		"tabs": {file: "x.TSV", text: "a\tb\n1,5\t2\n", want: []string{"2|1,5|2"}},
		"tabs, quotes are text": {file: "x.tsv", text: "a\tb\n\"1\t5\" disk\n\"x\"\ty\n",
			want: []string{`2|"1|5" disk`, `3|"x"|y`}},
		"tabs with quotes": {file: "x.tsv", text: "a\tb\n\"1\t5\"\tdisk\n", options: rows.Options{Quotes: true},
			want: []string{"2|1\t5|disk"}},
		"tabs in a file called CSV":       {text: "a\tb\n1,5\t5\"\n", want: []string{`2|1,5|5"`}},
		"semicolon":                       {text: "a;b\n1,5;2\n", want: []string{"2|1,5|2"}},
		"semicolon, commas in the header": {text: "a, net;b;c\n1,5;2;3\n", want: []string{"2|1,5|2|3"}},
		"bar":                             {file: "x.txt", text: "a|b\n1,5|2\n", want: []string{"2|1,5|2"}},
		"delimiter is told": {text: "a;b,c\n1;2,3\n", options: rows.Options{Delimiter: ','},
			want: []string{"2|1;2|3"}},
		"delimiter of two bytes": {text: "a§b\n1§\"2\"\n", options: rows.Options{Delimiter: '§'}, want: []string{"2|1|2"}},
		"sep=":                   {text: "sep=;\r\na;b\r\n1,5;2\r\n", want: []string{"3|1,5|2"}},
		"sep= of a comma":        {text: "\"sep=,\"\na,b;c\n1,2;3\n", want: []string{"3|1|2;3"}},
		"CR":                     {text: "a,b\r1,2\r\"3\r4\",5\r", want: []string{"2|1|2", "3|3\n4|5"}},
		"CR in JSON":             {file: "x.json", text: "{\"a\":1}\r{\"a\":2}\r", want: []string{`1|{"a":1}`, `2|{"a":2}`}},
		"JSON by another name":   {text: "{\"a\":1}\n", want: []string{`1|{"a":1}`}},
		"commas by another name": {file: "x.tsv", text: "a,b\n1,\"2,3\"\n", want: []string{"2|1|2,3"}},
		"lines to skip": {text: "made on Monday\n\nfor you\na,b\n1,2\n", options: rows.Options{SkipLines: 3},
			want: []string{"5|1|2"}},
		"JSON lines": {file: "x.jsonl", text: "{\"a\":1}\r\n\n  {}\nrubbish",
			want: []string{`1|{"a":1}`, "3|{}", "4|rubbish!not a JSON object"}},
		"JSON one behind the other": {file: "x.json", text: "{\"a\":\"}\"}{}\n{} {\"b\":[{}]}",
			want: []string{`1|{"a":"}"}`, "1|{}", "2|{}", `2|{"b":[{}]}`}},
		"JSON array": {file: "-", text: "[{\"a\":1},\n {\"a\":2}]", want: []string{`1|{"a":1}`, `2|{"a":2}`}},
		"JSON arrays on lines": {file: "x.ndjson", text: "[{\"a\":1},{}]\n[]\n[{}]\n",
			want: []string{`1|{"a":1}`, "1|{}", "3|{}"}},
		"JSON over lines": {file: "x.json", text: "[\n  {\n    \"a\": 1\n  },\n  {\n  }\n]\n",
			want: []string{"2|{\n    \"a\": 1\n  }", "5|{\n  }"}},
		"JSON broken off": {file: "x.jsonl",
			text: "{\"a\":1\n{\"a\":2}\n{\"a\":\"x\n{\"a\":3}\n{\"a\":[\n{\"a\":4}\n{\"a\":1,\n{}\n",
			want: []string{`1|{"a":1!` + broken, `2|{"a":2}`, `3|{"a":"x!a JSON string contains a line end`, `4|{"a":3}`,
				`5|{"a":[!` + broken, `6|{"a":4}`, `7|{"a":1,!` + broken, "8|{}"}},
		"JSON without an end": {file: "x.jsonl", text: "{\"a\":1}\n{\"a\":[",
			want: []string{`1|{"a":1}`, `2|{"a":[!the JSON object does not end`}},
		"numbers in JSON": {file: "x.json", text: "[1,2]\n{}", want: []string{"1|1,2]!not a JSON object", "2|{}"}},
		"JSON that is not UTF-8": {file: "x.ndjson.gz", text: "{\"\xff\":1}\n",
			want: []string{"1|{\"\xff\":1}!the row is not UTF-8; name the file's encoding with --encoding"}},
		"no JSON":        {file: "x.jsonl"},
		"guessed CSV":    {file: "-", text: "a,b\n1,2\n", want: []string{"2|1|2"}},
		"guessed TSV":    {file: "-", text: "a\tb\n1,5\t2\n", want: []string{"2|1,5|2"}},
		"guessed JSON":   {file: "data", text: " \n{\"a\":\"b,c\"}\n", want: []string{`2|{"a":"b,c"}`}},
		"format is told": {file: "x.csv", text: "{}\n", options: rows.Options{Format: rows.JSON}, want: []string{"1|{}"}},
		"latin1": {text: "a,b\n\xe9,\xa3\n", options: rows.Options{Encoding: charmap.ISO8859_1},
			want: []string{"2|é|£"}},
		"no byte of the encoding": {text: "a,b\n1,\x81\n", options: rows.Options{Encoding: charmap.Windows1252},
			want: []string{"2|1|\uFFFD!column \"b\" does not fit the encoding of --encoding"}},
		"UTF-16": {text: "\xff\xfea\x00,\x00b\x00\n\x001\x00,\x002\x00\n\x00",
			want: []string{"2|1|2"}},
		"UTF-16, highest byte first": {text: "\xfe\xff\x00a\x00,\x00b\x00\n\x20\xac\x00,\x002\x00\n",
			want: []string{"2|€|2"}},
		"UTF-16 that is told": {text: "a\x00,\x00b\x00\n\x001\x00,\x002\x00\n\x00",
			options: rows.Options{Encoding: unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)}, want: []string{"2|1|2"}},
		"UTF-32": {text: "\xff\xfe\x00\x00a\x00\x00\x00\n\x00\x00\x001\x00\x00\x00", want: []string{"2|1"}},
	} {
		t.Run(name, func(t *testing.T) {
			if test.file == "" {
				test.file = "x.csv"
			}
			for _, r := range []io.Reader{strings.NewReader(test.text), iotest.OneByteReader(strings.NewReader(test.text))} {
				if got := read(t, test.options, test.file, r); !reflect.DeepEqual(got, test.want) {
					t.Errorf("got  %q\nwant %q", got, test.want)
				}
			}
		})
	}
}

func TestOpenFails(t *testing.T) {
	for name, test := range map[string]struct{ file, text, want string }{
		"empty":          {"x.csv", "", "is empty, want a header row"},
		"nothing behind": {"x.csv", "sep=;\n", "is empty, want a header row"},
		"header encoded": {"x.csv", "Stra\xdfe,b\n",
			`header row: the row is not UTF-8; name the file's encoding with --encoding`},
		"header quoted": {"x.csv", "a,\"b\n1,2\n", "header row: " + open},
		"no format":     {"-", "hello\n", rows.ErrFormat.Error()},
		"bad gzip":      {"x.csv.gz", "\x1f\x8b\x00", "gzip: unexpected EOF"},
		"preamble": {"x.txt", "My report\n\na,b\n1,2\n", rows.ErrFormat.Error() +
			"; lines stand before the header, which may be line 3: give --skip-lines 2"},
		"Excel": {"x.csv", "PK\x03\x04....[Content_Types].xml",
			"is an Office document such as an Excel workbook (.xlsx), not a table or JSON; open it in a spreadsheet and save " +
				"the sheet as CSV"},
		"zip": {"x.csv", "PK\x03\x04....orders.csv", "is a zip archive, not a table or JSON; unpack it first"},
		"PDF": {"x.csv", "%PDF-1.7\n", "is a PDF document, not a table or JSON; ask its source for CSV or JSON"},
		"SQLite": {"-", "SQLite format 3\x00",
			"is a SQLite database, not a table or JSON; export the table with `sqlite3 -csv -header FILE 'SELECT ...'`"},
		"xz": {"x.csv.xz", "\xfd7zXZ\x00\x00",
			"is an xz file, not a table or JSON; pipe it in with `xz -dc FILE | producer import -`"},
		"bzip2": {"x.bz2", "BZh91AY&SY",
			"is a bzip2 file, not a table or JSON; pipe it in with `bzip2 -dc FILE | producer import -`"},
		"7z": {"x.7z", "7z\xbc\xaf\x27\x1c", "is a 7-Zip archive, not a table or JSON; unpack it first"},
		"old Excel": {"x.xls", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
			"is an old Excel workbook (.xls) or another Office document, not a table or JSON; open it in a spreadsheet and " +
				"save the sheet as CSV"},
		"web page": {"x.csv", "\n<!DOCTYPE html><html>",
			"is a web page (HTML), not a table or JSON; the download may have asked for a login"},
		"XML": {"x.csv", "<?xml version='1.0'?><orders/>", "is XML, not a table or JSON; export it as CSV"},
		"tar": {"x.csv", strings.Repeat("a\x00", 128) + "\x00ustar\x00",
			"is a tar archive, not a table or JSON; unpack it first"},
		"no mark": {"x.csv", "a\x00,\x00b\x00\n\x00", "is UTF-16 without a byte order mark; give --encoding utf-16le"},
		"binary": {"x.csv", "\x7fELF\x02\x01\x01\x00\x00\x00",
			"is binary, not a table or JSON; export it as CSV or JSON lines"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rows.Options{}.Open(test.file, strings.NewReader(test.text))
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestUnfinished(t *testing.T) {
	for name, test := range map[string]struct {
		file, text string
		want       []bool
	}{
		"table":              {"x.csv", "a\n1\n2", []bool{false, true}},
		"table, finished":    {"x.csv", "a\n1\n2\n", []bool{false, false}},
		"quoted":             {"x.csv", "a\n1\n\"2\"", []bool{false, true}},
		"inside quotes":      {"x.csv", "a\n1\n\"2", []bool{false, true}},
		"inside quoted line": {"x.csv", "a\n1\n\"2\n3", []bool{false, false, true}},
		"only CR":            {"x.csv", "a\r1\r2", []bool{false, true}},
		"JSON":               {"x.jsonl", "{}\n{\"a\":", []bool{false, true}},
		"JSON, finished":     {"x.jsonl", "{}\n{}", []bool{false, false}},
	} {
		all, err := readAll(rows.Options{}, test.file, strings.NewReader(test.text))
		var got []bool
		for _, row := range all {
			got = append(got, row.Unfinished)
		}
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %v, %v; want %v", name, got, err, test.want)
		}
	}
}

// A row that is cut off by an error of the input is not a row.
func TestInputErrors(t *testing.T) {
	cause := errors.New("disk on fire")
	for file, text := range map[string]string{
		"x.csv":   "a,b\n1,2\n3,4",
		"q.csv":   "a,b\n1,2\n3,\"4",
		"x.jsonl": "{}\n{",
	} {
		failing := io.MultiReader(strings.NewReader(text), iotest.ErrReader(cause))
		all, err := readAll(rows.Options{}, file, failing)
		if len(all) != 1 || !errors.Is(err, cause) {
			t.Errorf("%s: %d rows and error %v, want 1 and %v", file, len(all), err, cause)
		}
	}
	whole := gzipped(t, "a,b\n"+strings.Repeat("1,2\n", 10_000))
	if _, err := readAll(rows.Options{}, "x.csv", bytes.NewReader(whole[:len(whole)-9])); !errors.Is(err,
		io.ErrUnexpectedEOF) {
		t.Errorf("a gzip file that is cut off: %v", err)
	}
}

func TestLongRows(t *testing.T) {
	long := strings.Repeat("x", rows.MaxRow+100_000)
	for name, test := range map[string]struct {
		file, text string
		want       []int // lines of the malformed rows, then of the others
	}{
		"cell":        {"x.csv", "a,b\n1,2\n" + long + ",2\n3,4\n", []int{3, 2, 4}},
		"cell at end": {"x.csv", "a,b\n1,2\n" + long, []int{3, 2}},
		"open quote": {"x.csv", "a,b\n1,\"2\n" + strings.Repeat("x,y\n", 4) + long + ",y\nx,y\n",
			[]int{2, 7, 3, 4, 5, 6, 8}},
		"line":        {"x.jsonl", "{}\n" + long + "\n{}\n", []int{2, 1, 3}},
		"line at end": {"x.jsonl", "{}\n" + long, []int{2, 1}},
		"object":      {"x.jsonl", "{}\n{\"a\":\"" + long + "\"}\n{}\n", []int{2, 1, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := readAll(rows.Options{}, test.file, strings.NewReader(test.text))
			if err != nil {
				t.Fatal(err)
			}
			var good, malformed []int
			for _, row := range all {
				if row.Malformed != nil {
					malformed = append(malformed, row.Line)
				} else {
					good = append(good, row.Line)
				}
			}
			if got := append(malformed, good...); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got lines %v, want %v", got, test.want)
			}
		})
	}
}

func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstdCompressed(t *testing.T, text string) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return z.EncodeAll([]byte(text), nil)
}

func TestCompression(t *testing.T) {
	text := "a,b\n1,2\n3,4\n"
	want := read(t, rows.Options{}, "x.csv", strings.NewReader(text))
	for name, packed := range map[string][]byte{
		"gzip":            gzipped(t, text),
		"gzip, two parts": append(gzipped(t, text[:6]), gzipped(t, text[6:])...),
		"zstd":            zstdCompressed(t, text),
		"zstd, two parts": append(zstdCompressed(t, text[:6]), zstdCompressed(t, text[6:])...),
	} {
		for _, file := range []string{"x.csv.gz", "x.csv.zst", "x.csv", "-"} {
			if got := read(t, rows.Options{}, file, bytes.NewReader(packed)); !reflect.DeepEqual(got, want) {
				t.Errorf("%s as %s: got %q, want %q", name, file, got, want)
			}
		}
	}
}

func TestInputBytesAreCompressedBytes(t *testing.T) {
	reader, err := rows.Options{}.Open(sample.Name, sample.Compressed())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var row rows.Row
	for err == nil {
		err = reader.Next(&row)
	}
	if got := reader.InputBytes(); got != sample.Compressed().Size() {
		t.Errorf("%d bytes read, the file has %d", got, sample.Compressed().Size())
	}
}

// A slow pipe: a reader of all that has come is told so.
func TestWouldBlock(t *testing.T) {
	for file, text := range map[string][2]string{"-.csv": {"a,b\n1,2\n", "3,4\n5,6\n"},
		"-.jsonl": {"{\"a\":1}\n", "{}\n{}\n"}} {
		r, w := io.Pipe()
		go func() {
			for _, part := range text {
				_, _ = io.WriteString(w, part)
			}
			_ = w.Close()
		}()
		reader, err := rows.Options{}.Open(file, r)
		if err != nil {
			t.Fatal(err)
		}
		var got []bool
		for row := (rows.Row{}); reader.Next(&row) == nil; {
			got = append(got, reader.WouldBlock())
		}
		if want := []bool{true, false, true}; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", file, got, want)
		}
	}
}
