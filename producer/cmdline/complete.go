package cmdline

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// choicesKey is where an app keeps what the values of its flags can be.
const choicesKey = "choices"

// Choices returns what the value of a flag can be, or nil where it can be
// anything. The command is its path without the program's name.
type Choices func(command []string, flag string) []string

// SetChoices lets shell completion offer the values of flags.
func SetChoices(app *cli.App, choices Choices) {
	if app.Metadata == nil {
		app.Metadata = map[string]any{}
	}
	app.Metadata[choicesKey] = choices
}

// completionCommand writes the script that a shell loads.
func completionCommand() *cli.Command {
	return &cli.Command{
		Name: "completion", Usage: "write a completion script for bash, zsh or fish", ArgsUsage: "SHELL",
		Description: "Examples:\n\n    source <(PROGRAM completion bash)\n    PROGRAM completion zsh > \"${fpath[1]}/_PROGRAM\"\n" +
			"    PROGRAM completion fish > ~/.config/fish/completions/PROGRAM.fish",
		Action: func(c *cli.Context) error {
			script, found := completionScripts[c.Args().First()]
			if !found || c.NArg() != 1 {
				return Usagef("name one shell: bash, zsh or fish; see `%s --help`", path(c))
			}
			_, err := fmt.Fprint(c.App.Writer, strings.ReplaceAll(script, "PROGRAM", c.App.Name))
			return err
		},
	}
}

// completeCommand is what the scripts ask: it prints what the last of the words
// can be, each with a tab and a description. Nothing is a file name.
func completeCommand() *cli.Command {
	return &cli.Command{
		Name: "complete", Hidden: true,
		Action: func(c *cli.Context) error {
			words := c.Args().Slice()
			if len(words) == 0 {
				return nil
			}
			for _, line := range candidates(c.App, words[:len(words)-1], words[len(words)-1]) {
				if _, err := fmt.Fprintln(c.App.Writer, line); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// candidates are those that begin with word.
func candidates(app *cli.App, before []string, word string) (lines []string) {
	here := walk(app, before)
	add := func(text, usage string) {
		usage, _, _ = strings.Cut(usage, "\n")
		if strings.HasPrefix(text, word) {
			lines = append(lines, text+"\t"+usage)
		}
	}
	switch {
	case here.valueOf != nil:
		if choices, _ := app.Metadata[choicesKey].(Choices); choices != nil {
			for _, choice := range choices(here.path, here.valueOf.Names()[0]) {
				add(choice, "")
			}
		}
	case strings.HasPrefix(word, "-"):
		for _, flag := range here.flags {
			add("--"+flag.Names()[0], usageOf(flag))
		}
	default:
		for _, command := range visible(here.commands) {
			add(command.Name, command.Usage)
		}
	}
	return lines
}

// place is where a command line has got to.
type place struct {
	path     []string
	commands []*cli.Command
	flags    []cli.Flag // visible ones, of all commands on the way, of those with a name of two letters
	valueOf  cli.Flag   // the flag whose value comes next
}

func walk(app *cli.App, words []string) *place {
	p := &place{commands: app.Commands}
	p.addFlags(app.Flags)
	for _, word := range words {
		switch {
		case p.valueOf != nil:
			p.valueOf = nil
		case isFlag(word):
			flag := lookup(p.flags, word)
			if _, isSwitch := flag.(*cli.BoolFlag); flag != nil && !isSwitch && !strings.Contains(word, "=") {
				p.valueOf = flag
			}
		default:
			if command := find(p.commands, word); command != nil {
				p.path, p.commands = append(p.path, command.Name), command.Subcommands
				p.addFlags(command.Flags)
			}
		}
	}
	return p
}

func (p *place) addFlags(flags []cli.Flag) {
	for _, flag := range flags {
		if v, ok := flag.(cli.VisibleFlag); (!ok || v.IsVisible()) && len(flag.Names()[0]) > 1 {
			p.flags = append(p.flags, flag)
		}
	}
}

func usageOf(flag cli.Flag) string {
	if f, ok := flag.(cli.DocGenerationFlag); ok {
		return strings.ReplaceAll(f.GetUsage(), "`", "")
	}
	return ""
}
