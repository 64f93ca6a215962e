package cmdline

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// level is one command on the way from the program to the command that runs.
type level struct {
	words []string // its name and its flags with their values
	flags []cli.Flag
}

// order sorts the words of a command line.
type order struct {
	way       []*level       // from the program to the innermost command so far
	commands  []*cli.Command // those that the innermost one holds
	early     []string       // flags that stand before the name of their command
	arguments []string
}

// flagsFirst reorders args so that each flag follows the command that it
// belongs to and comes before the arguments, the only order that the cli
// package reads. What follows "--" is arguments.
func flagsFirst(app *cli.App, args []string) []string {
	if len(args) == 0 {
		return args
	}
	o := order{way: []*level{{words: args[:1:1], flags: app.Flags}}, commands: app.Commands}
	for rest := args[1:]; len(rest) > 0; {
		n := 1
		switch word := rest[0]; {
		case word == "--":
			n = len(rest)
			o.arguments = append(o.arguments, rest[1:]...)
		case isFlag(word):
			n = min(width(word, o.way, o.commands), len(rest))
			o.flag(rest[:n])
		default:
			o.name(word)
		}
		rest = rest[n:]
	}
	return o.join()
}

// flag takes a flag and its value.
func (o *order) flag(words []string) {
	l := owner(o.way, words[0])
	if l == nil && len(o.commands) > 0 {
		o.early = append(o.early, words...)
		return
	}
	if l == nil { // the innermost command is to say that it does not know it
		l = o.way[len(o.way)-1]
	}
	l.words = append(l.words, words...)
}

// name takes the name of a command, or else an argument.
func (o *order) name(word string) {
	command := find(o.commands, word)
	if command == nil || len(o.arguments) > 0 {
		o.arguments = append(o.arguments, word)
		return
	}
	l := &level{words: []string{word}, flags: command.Flags}
	if o.commands = command.Subcommands; len(o.commands) == 0 {
		l.words, o.early = append(l.words, o.early...), nil
	}
	o.way = append(o.way, l)
}

// join puts flags whose command never came last: the wrong name before them is
// what is worth an error.
func (o *order) join() []string {
	var out []string
	for _, l := range o.way {
		out = append(out, l.words...)
	}
	if slices.ContainsFunc(o.arguments, isFlag) {
		out = append(out, "--")
	}
	return slices.Concat(out, o.arguments, o.early)
}

func isFlag(word string) bool { return len(word) > 1 && word[0] == '-' }

// owner is the innermost command so far that has the flag.
func owner(way []*level, word string) *level {
	for _, l := range slices.Backward(way) {
		if lookup(l.flags, word) != nil {
			return l
		}
	}
	return nil
}

// width is how many words a flag takes: itself, and its value unless it is a
// switch or carries its value after "=". An unknown flag takes one.
func width(word string, way []*level, commands []*cli.Command) int {
	var flag cli.Flag
	if l := owner(way, word); l != nil {
		flag = lookup(l.flags, word)
	} else {
		flag = lookupBelow(commands, word)
	}
	if _, isSwitch := flag.(*cli.BoolFlag); flag == nil || isSwitch || strings.Contains(word, "=") {
		return 1
	}
	return 2
}

func lookupBelow(commands []*cli.Command, word string) cli.Flag {
	for _, command := range commands {
		if flag := lookup(command.Flags, word); flag != nil {
			return flag
		}
		if flag := lookupBelow(command.Subcommands, word); flag != nil {
			return flag
		}
	}
	return nil
}

func lookup(flags []cli.Flag, word string) cli.Flag {
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	for _, flag := range flags {
		if slices.Contains(flag.Names(), name) {
			return flag
		}
	}
	return nil
}

func find(commands []*cli.Command, name string) *cli.Command {
	for _, command := range commands {
		if command.HasName(name) {
			return command
		}
	}
	return nil
}
