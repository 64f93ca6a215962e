package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/answer"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/sqlfiles"
	"purchases/analytics/internal/terminal"
	"purchases/producer/cmdline"
)

// queryCommand makes a command of each query. The flags of a command must be
// known before the command line is read, but one of them, --queries, names a
// folder with more queries: it is looked up in the process's arguments.
func queryCommand() *cli.Command {
	return newQueryCommand(cmp.Or(queriesFolder(os.Args), os.Getenv(queriesVariable)))
}

// queriesVariable names a folder where --queries does not.
const queriesVariable = "ANALYTICS_QUERIES"

// newQueryCommand adds the queries in folder, if one is given, to the program's own.
func newQueryCommand(folder string) *cli.Command {
	catalogue, faults := allQueries(folder)
	command := &cli.Command{
		Name:      "query",
		Usage:     "run a built-in query, or one of your own",
		UsageText: "analytics query [NAME [options]]",
		Description: "Without a name, lists the queries. `analytics query NAME --help` shows the parameters and columns\n" +
			"of one. Flags may come before or after the name.\n\n" +
			"Examples:\n   analytics query top-items --limit 5\n   analytics query summary --output json",
		Flags: slices.Concat(askFlags(), []cli.Flag{
			queriesFlag(),
			&cli.BoolFlag{Name: "plot", DisableDefaultText: true, Usage: "draw a time series as a line chart"},
			&cli.StringFlag{Name: "check", Usage: "run each query in `FOLDER` on a small database and report errors"},
		}, hiddenFlags(catalogue)),
		Before: func(c *cli.Context) error { return reportFaults(c, faults) },
		Action: func(c *cli.Context) error {
			if folder := c.String("check"); folder != "" {
				return checkQueries(c, folder)
			}
			return listQueries(c, catalogue)
		},
	}
	for _, q := range catalogue {
		command.Subcommands = append(command.Subcommands, oneQueryCommand(q))
	}
	return command
}

func queriesFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "queries", EnvVars: []string{queriesVariable},
		Usage: "load your own queries from `FOLDER`, one NAME.sql each; they override built-in queries of the same name",
	}
}

// allQueries loads the program's own queries and those in folder, if one is given.
func allQueries(folder string) (query.Catalogue, []error) {
	catalogue, faults := loadQueries("queries", sqlfiles.Queries())
	if folder != "" {
		own, ownFaults := loadQueries(folder, os.DirFS(folder))
		for i := range own {
			own[i].Own = true
		}
		catalogue, faults = catalogue.With(own), append(faults, ownFaults...)
	}
	return catalogue, faults
}

// queriesFolder finds the value of --queries; the last one counts, as with
// every flag.
func queriesFolder(args []string) (folder string) {
	for i, arg := range args {
		name, value, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		switch {
		case arg == "--":
			return folder
		case name != "queries" || !strings.HasPrefix(arg, "-"):
		case hasValue:
			folder = value
		case i+1 < len(args):
			folder = args[i+1]
		}
	}
	return folder
}

// hiddenFlags lets the parameters of all queries stand before a query's name,
// or before a name that does not exist, whose error is then the one to show.
func hiddenFlags(catalogue query.Catalogue) (flags []cli.Flag) {
	var names []string
	for _, q := range catalogue {
		for _, p := range q.Params {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		flags = append(flags, &cli.StringFlag{Name: name, Aliases: short(name, names), Hidden: true})
	}
	return flags
}

// loadQueries names the folder in the errors of query.Load.
func loadQueries(folder string, fsys fs.FS) (query.Catalogue, []error) {
	catalogue, errs := query.Load(fsys)
	for i, err := range errs {
		if file := (*query.FileError)(nil); errors.As(err, &file) {
			file.File = path.Join(folder, file.File)
			continue
		}
		errs[i] = fmt.Errorf("read the queries in %s: %w", folder, err)
	}
	return catalogue, errs
}

// reportFaults writes each faulty file to stderr and lets the others work.
func reportFaults(c *cli.Context, faults []error) error {
	for _, err := range faults {
		if file := (*query.FileError)(nil); !errors.As(err, &file) {
			return err
		}
		fmt.Fprintf(c.App.ErrWriter, "%s: query ignored: %v\n", c.App.Name, err)
	}
	return nil
}

func listQueries(c *cli.Context, catalogue query.Catalogue) error {
	if name := c.Args().First(); name != "" {
		return unknownQuery(&query.UnknownError{Name: name, Near: catalogue.Nearest(name)})
	}
	if given := parameters(c); len(given) > 0 {
		return cmdline.Usagef("name a query; `analytics query` lists all")
	}
	return writeList(c.App.Writer, catalogue)
}

func unknownQuery(err *query.UnknownError) error {
	return cmdline.Usagef("%v `analytics query` lists all queries", err)
}

// writeList writes the queries by their groups, each with the first sentence of
// its description.
func writeList(w io.Writer, catalogue query.Catalogue) error {
	widest := 0
	for _, q := range catalogue {
		widest = max(widest, len(q.Name))
	}
	var b strings.Builder
	for _, group := range groups(catalogue) {
		fmt.Fprintf(&b, "%s\n", group)
		for _, q := range catalogue {
			if q.Group == group {
				name := q.Name
				for _, line := range wrap(q.Summary(), listWidth-widest-4) {
					fmt.Fprintf(&b, "  %-*s  %s\n", widest, name, line)
					name = ""
				}
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// groups are those of the program, then others by their names.
func groups(catalogue query.Catalogue) []string {
	all := query.Groups()
	var others []string
	for _, q := range catalogue {
		if !slices.Contains(all, q.Group) {
			others = append(others, q.Group)
		}
	}
	slices.Sort(others)
	all = append(all, slices.Compact(others)...)
	return slices.DeleteFunc(all, func(group string) bool {
		return !slices.ContainsFunc(catalogue, func(q query.Query) bool { return q.Group == group })
	})
}

func oneQueryCommand(q query.Query) *cli.Command {
	command := &cli.Command{
		Name:        q.Name,
		Usage:       q.Title,
		UsageText:   "analytics query " + q.Name + " [options]",
		Description: describe(q),
		Action:      func(c *cli.Context) error { return answerQuery(c, q) },
	}
	command.Flags = newParamFlags(q.Params)
	return command
}

// short is the other name of a parameter, if it has one that no other takes.
func short(name string, names []string) []string {
	if name == "limit" && !slices.Contains(names, "n") {
		return []string{"n"}
	}
	return nil
}

// Characters of a line.
const (
	helpWidth = 76 // of prose
	listWidth = 80
)

func describe(q query.Query) string {
	var b strings.Builder
	if q.Description != "" {
		fmt.Fprintf(&b, "%s\n\n", strings.Join(wrap(q.Description, helpWidth), "\n"))
	}
	b.WriteString("Columns:\n")
	widest := 0
	for _, column := range q.Columns {
		widest = max(widest, len(column.Name))
	}
	for _, column := range q.Columns {
		head := fmt.Sprintf("   %-*s  %-7s", widest, column.Name, column.Type)
		for _, line := range wrap(column.Description, helpWidth-len(head)-2) {
			fmt.Fprintf(&b, "%s  %s\n", head, line)
			head = strings.Repeat(" ", len(head))
		}
	}
	fmt.Fprintf(&b, "\nExample:\n   %s\n\n", strings.TrimSpace("analytics query "+q.Name+" "+q.Example))
	b.WriteString("The options of `analytics query` apply as well, such as --db and --output.")
	return b.String()
}

// wrap breaks prose into lines.
func wrap(prose string, width int) []string {
	lines := strings.Split(text.WrapSoft(prose, width), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

// paramFlag is the flag of a parameter. Its value stays text, because a query
// checks its parameters itself, the same for every way to ask it.
type paramFlag struct {
	*cli.StringFlag
	param query.Param
	room  int // for the text beside the flag's names
}

// newParamFlags makes the flags of all parameters.
func newParamFlags(params []query.Param) (flags []cli.Flag) {
	var names []string
	for _, p := range params {
		names = append(names, p.Name)
	}
	widest := len("--help, -h")
	for _, p := range params {
		f := paramFlag{&cli.StringFlag{Name: p.Name, Aliases: short(p.Name, names)}, p, 0}
		widest = max(widest, len(f.names()))
		flags = append(flags, f)
	}
	const margins = 5
	for i, f := range flags {
		param := f.(paramFlag)
		param.room = listWidth - widest - margins
		flags[i] = param
	}
	return flags
}

func (f paramFlag) names() string {
	names := "--" + f.param.Name + " value"
	for _, alias := range f.Aliases {
		names += ", -" + alias + " value"
	}
	return names
}

// String is the flag's text in the help.
func (f paramFlag) String() string {
	var accepts []string
	if f.param.Type != query.TextParam {
		accepts = append(accepts, f.param.Want())
	}
	if f.param.Default != nil {
		accepts = append(accepts, fmt.Sprintf("default: %v", f.param.Default))
	}
	text := strings.TrimSuffix(f.param.Description, ".")
	if len(accepts) > 0 {
		text += " (" + strings.Join(accepts, "; ") + ")"
	}
	return f.names() + "\t" + strings.Join(wrap(text, f.room), "\n   \t")
}

// answerQuery runs the query and writes what it gives.
func answerQuery(c *cli.Context, q query.Query) error {
	if extra := c.Args().First(); extra != "" {
		return cmdline.Usagef("unexpected argument %q; see `analytics query %s --help`", extra, q.Name)
	}
	asked, err := answer.Ask(query.Catalogue{q}, q.Name, parameters(c))
	if err != nil {
		return cmdline.Usagef("--%v; see `analytics query %s --help`", err, q.Name)
	}
	if c.Bool("plot") && q.Chart.Kind != query.LineChart {
		return cmdline.Usagef("--plot: %s is not a time series; sales-over-time is one", q.Name)
	}
	limit := time.Duration(0)
	if asked.Sandboxed() {
		limit = defaultTimeLimit
	}
	return ask(c, terminal.Question{Question: asked, TimeLimit: limit})
}

// commonFlags are no parameters of a query.
var commonFlags = []string{"check", "db", "n", "o", "output", "plot", "queries", "safe-csv", "wait-for", "watch"}

// parameters collects the flags that were given, before the query's name or
// after it, without those of every query.
func parameters(c *cli.Context) map[string]string {
	given := map[string]string{}
	for _, level := range c.Lineage() {
		if level.Command == nil {
			break
		}
		for _, name := range level.LocalFlagNames() {
			_, closer := given[name]
			if !closer && !slices.Contains(commonFlags, name) {
				given[name] = level.String(name)
			}
		}
	}
	return given
}
