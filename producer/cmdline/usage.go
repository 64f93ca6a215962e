package cmdline

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// Usagef returns an error of the user's input: [Run] exits with 2.
func Usagef(format string, args ...any) error {
	return &usageError{text: fmt.Sprintf(format, args...)}
}

// prepare gives the app and its commands one way to report wrong usage.
func prepare(app *cli.App) {
	addProfiles(app)
	app.OnUsageError = wrongFlag
	if app.Action == nil {
		app.Action = group(app.Commands)
	}
	for _, command := range app.Commands {
		prepareCommand(command)
	}
}

func prepareCommand(command *cli.Command) {
	command.OnUsageError = wrongFlag
	command.HideHelpCommand = true
	if command.Action == nil {
		command.Action = group(command.Subcommands)
	}
	for _, sub := range command.Subcommands {
		prepareCommand(sub)
	}
}

func wrongFlag(c *cli.Context, err error, _ bool) error {
	text := strings.TrimSuffix(err.Error(), ": parse error")
	return Usagef("%s; see `%s --help`", text, path(c))
}

// group is the action of a command that only holds others. Without a name it
// shows its help, but where it does not end up in somebody's pipe.
func group(commands []*cli.Command) cli.ActionFunc {
	return func(c *cli.Context) error {
		if name := c.Args().First(); name != "" {
			return unknownCommand(c, commands, name)
		}
		c.App.Writer = c.App.ErrWriter
		if err := showHelp(c); err != nil {
			return err
		}
		return Usagef("name a command; see `%s --help`", path(c))
	}
}

func showHelp(c *cli.Context) error {
	if isRoot(c) {
		return cli.ShowAppHelp(c)
	}
	return cli.ShowSubcommandHelp(c)
}

func unknownCommand(c *cli.Context, commands []*cli.Command, name string) error {
	nearest := cli.SuggestCommand(visible(commands), name)
	return Usagef("unknown command %q for `%s`. %s See `%s --help`", name, path(c), nearest, path(c))
}

func visible(commands []*cli.Command) []*cli.Command {
	var out []*cli.Command
	for _, command := range commands {
		if !command.Hidden {
			out = append(out, command)
		}
	}
	return out
}

func isRoot(c *cli.Context) bool { return len(c.Lineage()) <= 2 }

// path is what the user typed to get to the command.
func path(c *cli.Context) string {
	if isRoot(c) {
		return c.App.Name
	}
	return c.Command.HelpName
}
