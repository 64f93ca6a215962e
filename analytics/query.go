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
	"text/tabwriter"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/answer"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/sqlfiles"
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
		Usage:     "answer a question from the database",
		UsageText: "analytics query [NAME [options]]",
		Description: "Without a name it lists the queries. `analytics query NAME --help` shows the\n" +
			"parameters of one. Flags may stand before or after the name.\n\n" +
			"Examples:\n   analytics query top-items --limit 5\n   analytics query summary --output json",
		Flags: slices.Concat(askFlags(), []cli.Flag{
			queriesFlag(),
			&cli.StringFlag{Name: "check", Usage: "only check the queries in `FOLDER`, on the schema too, and say what is wrong"},
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
		Usage: "`FOLDER` with queries of your own, one NAME.sql each; a name that exists replaces it",
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
		flags = append(flags, &cli.StringFlag{Name: name, Hidden: true})
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
	return writeTitles(c.App.Writer, catalogue)
}

func unknownQuery(err *query.UnknownError) error {
	return cmdline.Usagef("%v `analytics query` lists all queries", err)
}

func writeTitles(w io.Writer, catalogue query.Catalogue) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, q := range catalogue {
		fmt.Fprintf(out, "%s\t%s\n", q.Name, q.Title)
	}
	return out.Flush()
}

func oneQueryCommand(q query.Query) *cli.Command {
	command := &cli.Command{
		Name:        q.Name,
		Usage:       q.Title,
		UsageText:   "analytics query " + q.Name + " [options]",
		Description: describe(q),
		Action:      func(c *cli.Context) error { return answerQuery(c, q) },
	}
	for _, p := range q.Params {
		command.Flags = append(command.Flags, newParamFlag(p))
	}
	return command
}

const helpWidth = 76 // characters of a line of prose

func describe(q query.Query) string {
	var b strings.Builder
	if q.Description != "" {
		fmt.Fprintf(&b, "%s\n\n", text.WrapSoft(q.Description, helpWidth))
	}
	fmt.Fprintf(&b, "Columns:\n")
	columns := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, column := range q.Columns {
		fmt.Fprintf(columns, "   %s\t%s\t%s\n", column.Name, column.Type, column.Description)
	}
	_ = columns.Flush() // a strings.Builder does not fail
	fmt.Fprintf(&b, "\nExample:\n   %s\n\n", strings.TrimSpace("analytics query "+q.Name+" "+q.Example))
	b.WriteString("The options of `analytics query`, such as --db, --output and --watch, apply as well.")
	return b.String()
}

// paramFlag is the flag of a parameter. Its value stays text, because a query
// checks its parameters itself, the same for every way to ask it.
type paramFlag struct {
	*cli.StringFlag
	param query.Param
}

func newParamFlag(p query.Param) cli.Flag {
	return paramFlag{&cli.StringFlag{Name: p.Name}, p}
}

// String is the flag's line in the help.
func (f paramFlag) String() string {
	line := fmt.Sprintf("--%s value\t%s (%s", f.param.Name, strings.TrimSuffix(f.param.Description, "."), f.param.Want())
	if f.param.Default != nil {
		line += fmt.Sprintf("; default: %v", f.param.Default)
	}
	return line + ")"
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
	limit := time.Duration(0)
	if asked.Sandboxed() {
		limit = defaultTimeLimit
	}
	return ask(c, question{Question: asked, timeLimit: limit})
}

// commonFlags are no parameters of a query.
var commonFlags = []string{"check", "db", "output", "queries", "safe-csv", "wait-for", "watch"}

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
