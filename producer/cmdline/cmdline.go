// Package cmdline is the shell around a command line program: signals, exit
// codes, error lines with the program's name, and usage errors that name the
// nearest command. It knows nothing of what the commands do.
package cmdline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"
)

// Exit codes of every program.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// Main runs the app with the process's arguments and streams and exits. SIGINT
// and SIGTERM end the context of the command; a second one kills the process.
func Main(app *cli.App) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(Run(ctx, app, os.Args, os.Stdout, os.Stderr))
}

// Run runs the app with args, of which the first is the program's name, and
// returns the exit code: 0, 1 for a failure, 2 for wrong usage, and 130 when
// the command gave up because ctx was cancelled. A command that has finished
// when it is told to stop, such as a server, returns nil.
//
// Flags may stand before or after names and arguments. Commands check required
// flags themselves, with [Usagef].
func Run(ctx context.Context, app *cli.App, args []string, stdout, stderr io.Writer) int {
	app.Writer, app.ErrWriter = stdout, stderr
	app.ExitErrHandler = func(*cli.Context, error) {}
	prepare(app)
	err := app.RunContext(ctx, flagsFirst(app, args))
	if err == nil {
		return exitOK
	}
	code := exitCode(ctx, err)
	fmt.Fprintf(stderr, "%s: %s\n", app.Name, message(err, code))
	return code
}

func exitCode(ctx context.Context, err error) int {
	var usage *usageError
	var byCLI cli.ExitCoder // its only use is the help of an unknown topic
	switch {
	case errors.As(err, &usage), errors.As(err, &byCLI):
		return exitUsage
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitFailure
}

func message(err error, code int) string {
	if err.Error() == context.Canceled.Error() && code == exitInterrupted {
		return "interrupted"
	}
	return err.Error()
}
