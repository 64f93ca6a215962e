package rows_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/uuid"
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

func ids(t *testing.T, o rows.Options, name, text string) (all []uuid.UUID) {
	t.Helper()
	found, err := readAll(o, name, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range found {
		all = append(all, row.ID)
	}
	return all
}

var bare, quotes = csv.ErrBareQuote.Error(), csv.ErrQuote.Error()

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
		"too few cells":  {text: "a,b\n1\n3,4\n", want: []string{"2|1!1 cells, the header has 2", "3|3|4"}},
		"too many cells": {text: "a,b\n1,2,3\n3,4\n", want: []string{"2|1|2|3!3 cells, the header has 2", "3|3|4"}},
		"bare quote":     {text: "a,b\n1,x\"y\n3,4\n", want: []string{`2|1,x"y!` + bare, "3|3|4"}},
		"quote not closed, to the end": {text: "a,b\n1,\"2\n3,4\n5,6\n",
			want: []string{`2|1,"2!` + quotes, "3|3|4", "4|5|6"}},
		"quote not closed, to the next": {text: "a,b\n\n1,\"2\n3,4\n\n5,\"6\"\n7,8\n",
			want: []string{`3|1,"2!` + quotes, "4|3|4", "6|5|6", "7|7|8"}},
		"text after a quoted cell": {text: "a,b\r\n\"1\"x,2\r\n3,4", want: []string{`2|"1"x,2!` + quotes, "3|3|4"}},
		"the last row is broken":   {text: "a,b\n1,\"", want: []string{`2|1,"!` + quotes}},
		"after two lines in one row": {text: "a,b\n\"1\n\",2\n3\n5,6\n",
			want: []string{"2|1\n|2", "4|3!1 cells, the header has 2", "5|5|6"}},
		"not UTF-8": {text: "a,b\n1,\xe9\n3,4\n",
			want: []string{"2|1|\xe9!column \"b\" is not UTF-8; name the file's encoding with --encoding", "3|3|4"}},
		"tabs":      {file: "x.TSV", text: "a\tb\n1,5\t2\n", want: []string{"2|1,5|2"}},
		"semicolon": {text: "a;b\n1,5;2\n", options: rows.Options{Delimiter: ';'}, want: []string{"2|1,5|2"}},
		"JSON lines": {file: "x.jsonl", text: "{\"a\":1}\r\n\n  {}\nrubbish",
			want: []string{`1|{"a":1}`, "3|{}", "4|rubbish"}},
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
			options: rows.Options{Encoding: unicode.UTF16(unicode.BigEndian, unicode.UseBOM)}, want: []string{"2|1|2"}},
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
		"header encoded": {"x.csv", "Stra\xdfe,b\n", `header row: the row is not UTF-8; name the file's encoding with --encoding`},
		"header quoted":  {"x.csv", "a,\"b\n1,2\n", "header row: " + quotes},
		"no format":      {"-", "hello\n", rows.ErrFormat.Error()},
		"bad gzip":       {"x.csv.gz", "\x1f\x8b\x00", "gzip: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rows.Options{}.Open(test.file, strings.NewReader(test.text))
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// A row that is cut off by an error of the input is not a row.
func TestInputErrors(t *testing.T) {
	cause := errors.New("disk on fire")
	for file, text := range map[string]string{
		"x.csv":   "a,b\n1,2\n3,4",
		"q.csv":   "a,b\n1,2\n3,\"4",
		"x.jsonl": "{}\n{}",
	} {
		broken := io.MultiReader(strings.NewReader(text), iotest.ErrReader(cause))
		all, err := readAll(rows.Options{}, file, broken)
		if len(all) != 1 || !errors.Is(err, cause) {
			t.Errorf("%s: %d rows and error %v, want 1 and %v", file, len(all), err, cause)
		}
	}
	whole := gzipped(t, "a,b\n"+strings.Repeat("1,2\n", 10_000))
	if _, err := readAll(rows.Options{}, "x.csv", bytes.NewReader(whole[:len(whole)-9])); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a gzip file that is cut off: %v", err)
	}
}

func TestLongRows(t *testing.T) {
	long := strings.Repeat("x", rows.MaxRow+100_000)
	for name, test := range map[string]struct {
		file, text string
		want       []int // lines of the malformed rows, then of the others
	}{
		"cell":          {"x.csv", "a,b\n1,2\n" + long + ",2\n3,4\n", []int{3, 2, 4}},
		"cell at end":   {"x.csv", "a,b\n1,2\n" + long, []int{3, 2}},
		"open quote":    {"x.csv", "a,b\n1,\"2\n" + strings.Repeat("x,y\n", 4) + long + ",y\nx,y\n", []int{2, 7, 3, 4, 5, 6, 8}},
		"line":          {"x.jsonl", "{}\n" + long + "\n{}\n", []int{2, 1, 3}},
		"line at end":   {"x.jsonl", "{}\n" + long, []int{2, 1}},
		"longest legal": {"x.jsonl", long[:rows.MaxRow] + "\n{}\n", []int{1, 2}},
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

// A slow pipe: whoever has read all that has come is told so.
func TestWaits(t *testing.T) {
	for file, text := range map[string][2]string{"-.csv": {"a,b\n1,2\n", "3,4\n5,6\n"}, "-.jsonl": {"{\"a\":1}\n", "{}\n{}\n"}} {
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
			got = append(got, reader.Waits())
		}
		if want := []bool{true, false, true}; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", file, got, want)
		}
	}
}
