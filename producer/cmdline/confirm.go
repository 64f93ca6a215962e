package cmdline

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// ErrDeclined is the answer no to a question of [Confirm].
var ErrDeclined = errors.New("declined; nothing was changed")

// Confirm asks the question on the terminal, unless --yes is given, and returns
// nil for yes and [ErrDeclined] for anything else. Without a terminal to ask on
// it is a usage error. Ctrl-C ends the wait with the context's error.
func Confirm(c *cli.Context, question string) error {
	if c.Bool("yes") {
		return nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return Usagef("%s stdin is not a terminal; pass --yes to skip the prompt", question)
	}
	fmt.Fprintf(c.App.ErrWriter, "%s [y/N] ", question)
	answers := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		answers <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-c.Context.Done():
		return c.Context.Err()
	case answer := <-answers:
		if answer == "y" || answer == "yes" {
			return nil
		}
		return ErrDeclined
	}
}
