package cmdline

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// ErrDeclined is the error of a question that was answered with no.
var ErrDeclined = errors.New("nothing was changed")

// Confirm asks the question on w and reads the answer from the terminal. It
// returns nil for yes and [ErrDeclined] for no. Where standard input is no
// terminal nobody can answer, and that is wrong usage.
func Confirm(ctx context.Context, w io.Writer, question string) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return Usagef("%s stdin is not a terminal; pass --yes to skip the prompt", question)
	}
	fmt.Fprintf(w, "%s [y/N] ", question)
	answers := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		answers <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case answer := <-answers:
		if answer != "y" && answer != "yes" {
			return ErrDeclined
		}
		return nil
	}
}
