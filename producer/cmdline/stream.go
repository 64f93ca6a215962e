package cmdline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// errPipe is the error of an output that nobody reads any more.
var errPipe = errors.New("the reader of the output has gone")

// stream returns what a command writes to. A pipe stops the command when its
// reader has gone. Files and terminals stay what they are, so that a command
// can tell a terminal.
func stream(file *os.File, stop context.CancelCauseFunc) io.Writer {
	info, err := file.Stat()
	if err != nil || info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket) == 0 {
		return file
	}
	return &pipe{file, stop}
}

type pipe struct {
	file *os.File
	stop context.CancelCauseFunc
}

func (p *pipe) Write(b []byte) (int, error) {
	n, err := p.file.Write(b)
	if errors.Is(err, syscall.EPIPE) {
		p.stop(fmt.Errorf("%w: %w", context.Canceled, errPipe))
		err = fmt.Errorf("%w: %w", errPipe, err)
	}
	return n, err
}
