package rows

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"
)

const (
	bufferSize = 64 << 10
	// maxWindow is what the zstd tool accepts by default too.
	maxWindow = 128 << 20
)

// input is a file's text: decompressed, decoded, without byte order mark, and
// with line feeds at the ends of its lines.
type input struct {
	read    atomic.Int64
	raw     io.Reader
	text    *bufio.Reader
	decoded bool // from another encoding than UTF-8
	close   func()
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
	in.text = bufio.NewReaderSize(plain, bufferSize)
	if err := in.decode(enc); err != nil {
		in.close()
		return nil, err
	}
	if endsWithCR(in.text) {
		in.text = bufio.NewReaderSize(&lineFeeds{in.text}, bufferSize)
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

var (
	bigEndian    = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	littleEndian = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
)

// marks are the byte order marks. That of UTF-32 begins with that of UTF-16.
var marks = []struct {
	bytes    string
	encoding encoding.Encoding
}{
	{"\xef\xbb\xbf", nil},
	{"\xff\xfe\x00\x00", utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)},
	{"\x00\x00\xfe\xff", utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)},
	{"\xff\xfe", littleEndian},
	{"\xfe\xff", bigEndian},
}

// decode goes by the byte order mark, else by enc. It fails on what is no text.
func (in *input) decode(enc encoding.Encoding) error {
	_, _ = in.text.Peek(4)
	head, _ := in.text.Peek(in.text.Buffered())
	marked := false
	for _, mark := range marks {
		if bytes.HasPrefix(head, []byte(mark.bytes)) {
			marked, enc = true, mark.encoding
			_, _ = in.text.Discard(len(mark.bytes))
			break
		}
	}
	if !marked {
		if err := refuseBinary(head, enc); err != nil {
			return err
		}
	}
	if in.decoded = enc != nil; in.decoded {
		in.text = bufio.NewReaderSize(transform.NewReader(in.text, enc.NewDecoder()), bufferSize)
	}
	if mark, _ := in.text.Peek(3); bytes.Equal(mark, []byte("\uFEFF")) {
		_, _ = in.text.Discard(len(mark))
	}
	return nil
}

// endsWithCR says that the first line ends with a carriage return alone.
func endsWithCR(r *bufio.Reader) bool {
	head := peekLines(r, 1)
	end := bytes.IndexAny(head, "\r\n")
	if end < 0 || head[end] == '\n' {
		return false
	}
	after, _ := r.Peek(end + 2)
	return len(after) < end+2 || after[end+1] != '\n'
}

// peekLines returns what can be had without waiting, but at least so many lines
// where the text has them and they fit into the buffer.
func peekLines(r *bufio.Reader, count int) []byte {
	for n := 1; ; n = max(n+1, r.Buffered()) {
		head, err := r.Peek(n)
		ends := bytes.Count(head, []byte("\n")) + bytes.Count(head, []byte("\r"))
		if err != nil || ends >= count && n >= r.Buffered() || n >= bufferSize {
			return head
		}
	}
}

// lineFeeds puts a line feed in place of each carriage return.
type lineFeeds struct{ r io.Reader }

func (l *lineFeeds) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	for i := range p[:n] {
		if p[i] == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}
