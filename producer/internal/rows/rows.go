// Package rows reads files of purchases row by row: tables and JSON, plain or
// compressed with gzip or Zstandard, in any encoding. It gives each row its
// line number and says what is malformed about it without losing the next one.
//
// It does not know what the cells mean; package mapping does.
package rows

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
)

// MaxRow is the most bytes that a row may have; a longer one is malformed. It
// bounds the memory of a reader whatever a file holds.
const MaxRow = 4 << 20

// Format is how a file writes its rows.
type Format string

// The formats. CSV is that of RFC 4180, with the delimiter that the header
// shows, and lenient with backslashes before quotes and spaces around them. TSV
// is that of IANA: a quote is text. JSON is one object a row: on lines, over
// several lines, one behind the other or in an array.
const (
	CSV  Format = "csv"
	TSV  Format = "tsv"
	JSON Format = "jsonl"
)

// Options say how to read a file. The zero value asks the file itself.
type Options struct {
	// Format is that of the file. Empty means by the name's extension, else
	// by the content.
	Format Format
	// Delimiter stands between the cells of a table. Zero means the one of
	// comma, semicolon, tab and bar that the first lines show.
	Delimiter rune
	// Quotes says that quotes enclose cells in a table with tabs, too.
	Quotes bool
	// SkipLines is how many lines stand before the header.
	SkipLines int
	// Encoding decodes the file; nil means UTF-8. A byte order mark says it
	// better than either.
	Encoding encoding.Encoding
}

// Row is one row of a file.
type Row struct {
	// Line is where the row starts, from 1.
	Line int
	// Cells are the decoded cells, in the header's order; for JSON one cell
	// with the object's text. [Reader.Next] puts them where Cells has room.
	Cells []string
	// Present is how many of the cells stand in the file. Those at the end
	// that do not are empty.
	Present int
	// Malformed says what is wrong with the row, or is nil. Cells may then be
	// incomplete.
	Malformed error
	// Unfinished says that the file ends inside the row or without the line
	// end after it, so that its writer may be about to add to it.
	Unfinished bool
}

// Reader reads the rows of one file.
type Reader struct {
	header  []string
	hint    string
	input   *input
	source  source
	decoded bool
}

// source reads the rows of one format.
type source interface {
	next(*Row) error
	// wouldBlock says that no part of a further row has been read.
	wouldBlock() bool
}

// Open starts to read a file; its name decides on the format where the options
// do not. It fails on a header that it cannot read. It does not close r.
func (o Options) Open(name string, r io.Reader) (*Reader, error) {
	in, err := openInput(r, o.Encoding)
	if err != nil {
		return nil, err
	}
	reader := &Reader{input: in, decoded: in.decoded}
	if err := reader.begin(o, name); err != nil {
		in.close()
		return nil, err
	}
	return reader, nil
}

func (r *Reader) begin(o Options, name string) error {
	d, err := o.dialect(name, r.input.text)
	if err != nil {
		return err
	}
	l := &lines{text: r.input.text}
	for range d.skip {
		if _, err := l.next(); err != nil {
			return fmt.Errorf("has no line after the %d to skip", d.skip)
		}
	}
	if d.format == JSON {
		r.source = &values{text: r.input.text, line: l.number + 1}
		return nil
	}
	r.hint = d.hint
	return r.openTable(&table{lines: l, delimiter: d.delimiter, quotes: d.quotes})
}

func (r *Reader) openTable(t *table) error {
	r.source = t
	var row Row
	err := t.next(&row)
	if errors.Is(err, io.EOF) {
		return errors.New("is empty, want a header row")
	}
	if err != nil {
		return err
	}
	if r.check(&row); row.Malformed != nil {
		return fmt.Errorf("header row: %w", row.Malformed)
	}
	for _, name := range row.Cells {
		r.header = append(r.header, strings.TrimSpace(name))
	}
	t.width = len(r.header)
	return nil
}

// Header returns the names of the columns, or nil for JSON.
func (r *Reader) Header() []string { return r.header }

// Hint says where the header of a table may be if it is not the one that was
// read; it is empty where nothing points to that.
func (r *Reader) Hint() string { return r.hint }

// Next reads the next row. It returns io.EOF after the last one; any other
// error is one of the input, and nothing can be read after it.
func (r *Reader) Next(row *Row) error {
	*row = Row{Cells: row.Cells[:0]}
	if err := r.source.next(row); err != nil {
		return err
	}
	r.check(row)
	return nil
}

// WouldBlock says whether the next row may have to wait for the input, so that
// it is time to hand on what has been read.
func (r *Reader) WouldBlock() bool { return r.source.wouldBlock() }

// InputBytes is how many bytes of the file, compressed as it may be, have been
// read. It may be called at any time from any goroutine.
func (r *Reader) InputBytes() int64 { return r.input.read.Load() }

// Close frees what the decompression holds.
func (r *Reader) Close() { r.input.close() }

// check finds text that is wrongly encoded. Decoders put U+FFFD in place of
// what they cannot read.
func (r *Reader) check(row *Row) {
	for i, cell := range row.Cells {
		if row.Malformed != nil {
			return
		}
		switch {
		case !utf8.ValidString(cell):
			row.Malformed = fmt.Errorf("%s is not UTF-8; name the file's encoding with --encoding", r.cellName(i))
		case r.decoded && strings.ContainsRune(cell, utf8.RuneError):
			row.Malformed = fmt.Errorf("%s does not fit the encoding of --encoding", r.cellName(i))
		}
	}
}

func (r *Reader) cellName(i int) string {
	if i < len(r.header) {
		return "column " + strconv.Quote(r.header[i])
	}
	return "the row"
}

var errTooLong = errors.New("the row is longer than 4 MiB")

// lines reads a text line by line.
type lines struct {
	text   *bufio.Reader
	number int // of the line that was read last
	long   []byte
	again  []line // to be read before text, the first one last
}

// line is one line without its end.
type line struct {
	text    string
	number  int
	ended   bool // by a line end
	tooLong bool // text is its first MaxRow bytes
}

func (l *lines) wouldBlock() bool { return len(l.again) == 0 && l.text.Buffered() == 0 }

// next returns io.EOF after the last line.
func (l *lines) next() (line, error) {
	if n := len(l.again); n > 0 {
		last := l.again[n-1]
		l.again = l.again[:n-1]
		return last, nil
	}
	part, err := l.text.ReadSlice('\n')
	if err != nil {
		return l.readLong(part, err)
	}
	l.number++
	return line{text: withoutEnd(part), number: l.number, ended: true}, nil
}

// readLong is next for a line that is the last or longer than the buffer.
func (l *lines) readLong(part []byte, err error) (line, error) {
	l.long = append(l.long[:0], part...)
	for errors.Is(err, bufio.ErrBufferFull) {
		part, err = l.text.ReadSlice('\n')
		if len(l.long) <= MaxRow {
			l.long = append(l.long, part...)
		}
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(l.long) == 0) {
		return line{}, err
	}
	l.number++
	out := line{number: l.number, ended: err == nil, tooLong: len(l.long) > MaxRow}
	out.text = withoutEnd(l.long[:min(len(l.long), MaxRow)])
	return out, nil
}

// unread sets the reader back to before these lines.
func (l *lines) unread(those []line) {
	for i := len(those) - 1; i >= 0; i-- {
		l.again = append(l.again, those[i])
	}
}

func withoutEnd(b []byte) string {
	n := len(b)
	if n > 0 && b[n-1] == '\n' {
		n--
	}
	if n > 0 && b[n-1] == '\r' {
		n--
	}
	return string(b[:n])
}
