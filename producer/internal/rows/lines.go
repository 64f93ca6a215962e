package rows

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// lines reads JSON lines, each as one cell.
type lines struct {
	text *bufio.Reader
	line int
	long []byte
}

func (l *lines) buffered() int { return l.text.Buffered() }

func (l *lines) next(row *Row) error {
	for {
		text, malformed, err := l.read()
		if err != nil {
			return err
		}
		l.line++
		if text = strings.TrimSpace(text); text != "" {
			row.Line, row.Cells, row.Malformed = l.line, []string{text}, malformed
			return nil
		}
	}
}

// read returns one line, or the first MaxRow bytes of a longer one.
func (l *lines) read() (text string, malformed, err error) {
	part, err := l.text.ReadSlice('\n')
	if err == nil {
		return string(part), nil, nil
	}
	l.long = append(l.long[:0], part...)
	for errors.Is(err, bufio.ErrBufferFull) {
		part, err = l.text.ReadSlice('\n')
		if len(l.long) <= MaxRow {
			l.long = append(l.long, part...)
		}
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(l.long) == 0) {
		return "", nil, err
	}
	if len(l.long) > MaxRow {
		return string(l.long[:MaxRow]), errTooLong, nil
	}
	return string(l.long), nil, nil
}
