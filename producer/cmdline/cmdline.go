// Package cmdline is the shell around a command-line program: signals, exit
// codes, error lines with the program's name, usage errors that suggest what is
// near, help, version and logs. It knows nothing of what
// the commands do.
package cmdline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
)

// Exit codes of every program.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130
	exitPipe        = 141 // as a shell reports a program that SIGPIPE killed
)

// stopDeadline is how long a command may take to stop after the first signal.
// A transaction takes ten seconds at most to end.
const stopDeadline = 20 * time.Second

// Main runs the app with the process's arguments and streams and exits. SIGINT,
// SIGTERM and SIGHUP end the context of the command, and so does a reader of
// stdout or stderr that goes away. A second signal kills the process; a command
// that has not stopped after 20 seconds is given up with exit code 1.
func Main(app *cli.App) {
	ctx, cancel := context.WithCancelCause(context.Background())
	// With a receiver, a broken pipe is an error of the write, of every file.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	go stopAtSignal(cancel)
	context.AfterFunc(ctx, func() {
		time.AfterFunc(stopDeadline, func() {
			fmt.Fprintf(os.Stderr, "%s: not stopped %s after the signal; exiting\n", app.Name, stopDeadline)
			os.Exit(exitFailure)
		})
	})
	os.Exit(Run(ctx, app, os.Args, stream(os.Stdout, cancel), stream(os.Stderr, cancel)))
}

// stopAtSignal waits for the first signal, and leaves the second to kill.
func stopAtSignal(cancel context.CancelCauseFunc) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signals = append(signals, syscall.SIGHUP)
	}
	c := make(chan os.Signal, 1)
	signal.Notify(c, signals...)
	<-c
	signal.Reset(signals...)
	cancel(context.Canceled)
}

// Run runs the app with args, of which the first is the program's name, and
// returns the exit code: 0, 1 for a failure, 2 for wrong usage, 130 when the
// command gave up because ctx was cancelled, and 141 when nobody reads its
// output any more. A command that has finished when it is told to stop, such as
// a server, returns nil.
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
	if code != exitPipe {
		fmt.Fprintf(stderr, "%s: %s\n", app.Name, message(err, code))
	}
	return code
}

func exitCode(ctx context.Context, err error) int {
	var usage *usageError
	var byCLI cli.ExitCoder // its only use is the help of an unknown topic
	stopped := ctx.Err() != nil && errors.Is(err, context.Canceled)
	switch {
	case errors.As(err, &usage), errors.As(err, &byCLI):
		return exitUsage
	case errors.Is(err, errPipe), stopped && errors.Is(context.Cause(ctx), errPipe):
		return exitPipe
	case stopped:
		return exitInterrupted
	}
	return exitFailure
}

func message(err error, code int) string {
	if err.Error() == context.Canceled.Error() && code == exitInterrupted {
		return "interrupted"
	}
	return explainLimit(err).Error()
}
