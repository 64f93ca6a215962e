package cmdline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/xrash/smetrics"
)

type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// Usagef returns an error of the user's input: [Run] exits with 2.
func Usagef(format string, args ...any) error {
	return &usageError{text: fmt.Sprintf(format, args...)}
}

// prepare gives the app and its commands one way to report wrong usage, one
// help, and what every program has.
func prepare(app *cli.App) {
	addProfiles(app)
	addLogFlags(app)
	addVersion(app)
	app.Commands = append(app.Commands, completionCommand(), completeCommand(), manCommand())
	useHelp(app)
	app.OnUsageError = wrongFlag
	if app.Action == nil {
		app.Action = group(app.Commands)
	}
	for _, command := range app.Commands {
		prepareCommand(command)
	}
	hideDefaults(app.Flags)
}

func prepareCommand(command *cli.Command) {
	command.OnUsageError = wrongFlag
	command.HideHelpCommand = true
	if command.Action == nil {
		command.Action = group(command.Subcommands)
	}
	hideDefaults(command.Flags)
	for _, sub := range command.Subcommands {
		prepareCommand(sub)
	}
}

// hideDefaults leaves out of the help that a switch is off.
func hideDefaults(flags []cli.Flag) {
	for _, flag := range flags {
		if s, ok := flag.(*cli.BoolFlag); ok && !s.Value {
			s.DisableDefaultText = true
		}
	}
}

func wrongFlag(c *cli.Context, err error, _ bool) error {
	text := strings.TrimSuffix(err.Error(), ": parse error")
	name, unknown := strings.CutPrefix(text, "flag provided but not defined: -")
	if !unknown {
		return Usagef("%s; see `%s --help`", text, path(c))
	}
	dashes := "--"
	if len(strings.TrimLeft(name, "-")) == 1 {
		dashes = "-"
	}
	name = dashes + strings.TrimLeft(name, "-")
	return Usagef("unknown flag %s for `%s`.%s See `%s --help`", name, path(c), suggestFlag(c, name), path(c))
}

func suggestFlag(c *cli.Context, name string) string {
	var names []string
	for _, flags := range [][]cli.Flag{c.App.VisibleFlags(), c.Command.VisibleFlags()} {
		for _, flag := range flags {
			names = append(names, flag.Names()...)
		}
	}
	name, _, _ = strings.Cut(strings.TrimLeft(name, "-"), "=")
	if near := nearest(names, name); near != "" {
		return fmt.Sprintf(" Did you mean --%s?", near)
	}
	return ""
}

// nearest is the candidate that a slip of the hand separates from the word, or
// empty: a letter in three may be wrong, missing or too much.
func nearest(candidates []string, word string) string {
	best, least := "", max(1, (len(word)+1)/3)+1
	for _, candidate := range candidates {
		if len(candidate) < 2 {
			continue
		}
		if distance := smetrics.WagnerFischer(word, candidate, 1, 1, 1); distance < least {
			best, least = candidate, distance
		}
	}
	return best
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
	suggestion := ""
	if near := nearest(names(visible(commands)), name); near != "" {
		suggestion = fmt.Sprintf(" Did you mean %q?", near)
	}
	return Usagef("unknown command %q for `%s`.%s See `%s --help`", name, path(c), suggestion, path(c))
}

func names(commands []*cli.Command) (all []string) {
	for _, command := range commands {
		all = append(all, command.Names()...)
	}
	return all
}

func visible(commands []*cli.Command) []*cli.Command {
	return slices.DeleteFunc(slices.Clone(commands), func(c *cli.Command) bool { return c.Hidden })
}

func isRoot(c *cli.Context) bool { return len(c.Lineage()) <= 2 }

// path is what the user typed to get to the command.
func path(c *cli.Context) string {
	if isRoot(c) {
		return c.App.Name
	}
	return c.Command.HelpName
}
