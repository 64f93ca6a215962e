// Package rows reads files of purchases row by row: CSV, TSV and JSON lines,
// plain or compressed with gzip or Zstandard, in any encoding. It gives each
// row its line number, says what is malformed about it without losing the next
// one, and derives its identity.
//
// It does not know what the cells mean; package mapping does.
//
// # Identity
//
// A row's id says "this row, at this place of this content". With ‖ for
// concatenation, and cells(n) for the decoded cells of row n, each preceded by
// its length in bytes as a varint of encoding/binary:
//
//	h(0) = SHA-256(cells(0))            the header row; nothing for JSON lines
//	h(n) = SHA-256(h(n-1) ‖ cells(n))
//	id(n) = the first 16 bytes of h(n), as a UUID of version 8 (RFC 9562)
//
// A line of JSON is one cell. A row that is malformed counts with its cells, or
// with its text where it has none. Blank lines are no rows.
//
// So a file has the same ids however it is named, compressed, encoded, quoted
// or delimited, and whatever its line ends are; rows that repeat each other
// have different ids; and a file that has grown at its end keeps the ids of its
// old rows. The limit: two files that begin with the same rows share the ids of
// that beginning, as one would be the other after it has grown.
package rows

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/encoding"
)

// MaxRow is the most bytes that a row may have; a longer one is malformed. It
// bounds the memory of a reader whatever a file holds.
const MaxRow = 4 << 20

// Format is how a file writes its rows.
type Format string

// The formats. CSV and TSV are those of RFC 4180, with a header row, quoted
// cells that may hold line ends, and comma or tab between cells.
const (
	CSV  Format = "csv"
	TSV  Format = "tsv"
	JSON Format = "jsonl"
)

// Options say how to read a file. The zero value asks the file itself.
type Options struct {
	// Format is that of the file. Empty means by the name's extension, else
	// by the first line.
	Format Format
	// Delimiter stands between the cells of CSV and TSV. Zero means that of
	// the format.
	Delimiter rune
	// Encoding decodes the file; nil means UTF-8. A byte order mark of UTF-8 is
	// dropped in any case.
	Encoding encoding.Encoding
}

// Row is one row of a file.
type Row struct {
	// Line is where the row starts, from 1.
	Line int
	// ID is the row's identity, see the package's documentation.
	ID uuid.UUID
	// Cells are the decoded cells, in the header's order; for JSON lines one
	// cell with the whole line. The slice is valid until the next call of
	// [Reader.Next], the strings for ever.
	Cells []string
	// Malformed says what is wrong with the row, or is nil. Cells may then be
	// incomplete.
	Malformed error
}

// Reader reads the rows of one file.
type Reader struct {
	header  []string
	input   *input
	source  source
	digest  digest
	decoded bool
}

// source reads the rows of one format. Its rows have no ID.
type source interface {
	next(*Row) error
	// buffered is how many bytes can be read without waiting for the input.
	buffered() int
}

// Open starts to read a file; its name decides on the format where the options
// do not. It fails on a header that it cannot read. It does not close r.
func (o Options) Open(name string, r io.Reader) (*Reader, error) {
	in, err := openInput(r, o.Encoding)
	if err != nil {
		return nil, err
	}
	reader := &Reader{input: in, decoded: o.Encoding != nil}
	format, err := o.format(name, in)
	if err != nil {
		return nil, err
	}
	if format == JSON {
		reader.source = &lines{text: in.text}
		reader.digest.header(nil)
		return reader, nil
	}
	return reader, reader.openTable(format, o.Delimiter)
}

func (r *Reader) openTable(format Format, delimiter rune) error {
	if delimiter == 0 {
		delimiter = ','
		if format == TSV {
			delimiter = '\t'
		}
	}
	t := newTable(r.input.text, delimiter)
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
	r.header = append(r.header, row.Cells...)
	t.width = len(r.header)
	r.digest.header(r.header)
	return nil
}

// Header returns the names of the columns, or nil for JSON lines.
func (r *Reader) Header() []string { return r.header }

// Next reads the next row. It returns io.EOF after the last one; any other
// error is one of the input, and nothing can be read after it.
func (r *Reader) Next(row *Row) error {
	*row = Row{}
	if err := r.source.next(row); err != nil {
		return err
	}
	row.ID = r.digest.row(row.Cells)
	r.check(row)
	return nil
}

// Waits says whether the next row may have to wait for the input, so that it
// is time to hand on what has been read.
func (r *Reader) Waits() bool { return r.source.buffered() == 0 }

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
