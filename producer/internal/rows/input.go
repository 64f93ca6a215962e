package rows

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync/atomic"
	"unicode"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

const (
	bufferSize = 64 << 10
	// maxWindow is what the zstd tool accepts by default too.
	maxWindow = 128 << 20
)

// ErrFormat is the error of a file whose format nothing tells.
var ErrFormat = errors.New("cannot tell the format; name it with --format csv, tsv or jsonl")

// input is a file's text: decompressed, decoded, without byte order mark.
type input struct {
	read  atomic.Int64
	raw   io.Reader
	text  *bufio.Reader
	close func()
}

func (in *input) Read(p []byte) (int, error) {
	n, err := in.raw.Read(p)
	in.read.Add(int64(n))
	return n, err
}

func openInput(r io.Reader, enc encoding.Encoding) (*input, error) {
	in := &input{raw: r, close: func() {}}
	plain, err := in.decompress(bufio.NewReaderSize(in, bufferSize))
	if err != nil {
		return nil, err
	}
	if enc != nil {
		plain = transform.NewReader(plain, enc.NewDecoder())
	}
	in.text = bufio.NewReaderSize(plain, bufferSize)
	if mark, _ := in.text.Peek(3); bytes.Equal(mark, []byte("\uFEFF")) {
		_, _ = in.text.Discard(len(mark))
	}
	return in, nil
}

// decompress goes by the first bytes, so that a pipe needs no name.
func (in *input) decompress(r *bufio.Reader) (io.Reader, error) {
	magic, _ := r.Peek(4)
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		return z, nil
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		in.close = z.Close
		return z, nil
	}
	return r, nil
}

// format is the one asked for, else that of the extension, else a guess by
// the first line that is at hand.
func (o Options) format(name string, in *input) (Format, error) {
	if o.Format != "" {
		return o.Format, nil
	}
	name = strings.ToLower(name)
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
	switch path.Ext(name) {
	case ".csv":
		return CSV, nil
	case ".tsv", ".tab":
		return TSV, nil
	case ".jsonl", ".ndjson":
		return JSON, nil
	}
	_, _ = in.text.Peek(1)
	start, _ := in.text.Peek(in.text.Buffered())
	return guess(start, o.Delimiter)
}

func guess(start []byte, delimiter rune) (Format, error) {
	start = bytes.TrimLeftFunc(start, unicode.IsSpace)
	first, _, _ := bytes.Cut(start, []byte("\n"))
	switch {
	case bytes.HasPrefix(first, []byte("{")):
		return JSON, nil
	case delimiter != 0 || bytes.ContainsRune(first, ','):
		return CSV, nil
	case bytes.ContainsRune(first, '\t'):
		return TSV, nil
	}
	return "", ErrFormat
}
