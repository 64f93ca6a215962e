package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/jmoiron/sqlx"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/render"
	"purchases/analytics/internal/sqlfiles"
	"purchases/producer/program"
)

// queryCommand makes a command of each query. The flags of a command must be
// known before the command line is read, but one of them, --queries, names a
// folder with more queries: it is looked up in the process's arguments.
func queryCommand() *cli.Command { return newQueryCommand(queriesFolder(os.Args)) }

// newQueryCommand adds the queries in folder, if one is given, to the program's own.
func newQueryCommand(folder string) *cli.Command {
	catalogue, faults := loadQueries("queries", sqlfiles.Queries())
	if folder != "" {
		own, ownFaults := loadQueries(folder, os.DirFS(folder))
		catalogue, faults = catalogue.With(own), append(faults, ownFaults...)
	}
	command := &cli.Command{
		Name:      "query",
		Usage:     "answer a question from the database",
		UsageText: "analytics query [NAME [options]]",
		Description: "Without a name it lists the queries. `analytics query NAME --help` shows the\n" +
			"parameters of one. Flags may stand before or after the name.\n\n" +
			"Examples:\n   analytics query top-items --limit 5\n   analytics query summary --output json",
		Flags: append([]cli.Flag{
			databaseFlag(),
			outputFlag(),
			&cli.StringFlag{Name: "queries", Usage: "`FOLDER` with queries of your own, one NAME.sql each; a name that exists replaces it"},
		}, hiddenFlags(catalogue)...),
		Before: func(c *cli.Context) error { return reportFaults(c, faults) },
		Action: func(c *cli.Context) error { return listQueries(c, catalogue) },
	}
	for _, q := range catalogue {
		command.Subcommands = append(command.Subcommands, oneQueryCommand(q))
	}
	return command
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
		const suggestions = 3
		return program.Usagef("unknown query %q; the nearest are %s; `analytics query` lists all",
			name, strings.Join(catalogue.Nearest(name, suggestions), ", "))
	}
	if given := parameters(c); len(given) > 0 {
		return program.Usagef("name a query; `analytics query` lists all")
	}
	return writeTitles(c.App.Writer, catalogue)
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
		Action:      func(c *cli.Context) error { return answer(c, q) },
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
	b.WriteString("The options --db, --output and --queries of `analytics query` apply as well.")
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

// answer runs the query and writes what it gives.
func answer(c *cli.Context, q query.Query) error {
	if extra := c.Args().First(); extra != "" {
		return program.Usagef("unexpected argument %q; see `analytics query %s --help`", extra, q.Name)
	}
	format, err := render.ParseFormat(c.String("output"))
	if err != nil {
		return program.Usagef("%v", err)
	}
	args, err := q.Bind(parameters(c))
	if err != nil {
		return program.Usagef("--%v; see `analytics query %s --help`", err, q.Name)
	}
	db, err := database.OpenReader(c.String("db"))
	if err != nil {
		return err
	}
	defer db.Close()
	n, err := ask(c.Context, db, q, args, c.App.Writer, format)
	if err != nil {
		return err
	}
	if n == 0 {
		hint(c, db)
	}
	return nil
}

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
			if !closer && !slices.Contains([]string{"db", "output", "queries"}, name) {
				given[name] = level.String(name)
			}
		}
	}
	return given
}

func ask(ctx context.Context, db sqlx.QueryerContext, q query.Query, args query.Args, w io.Writer, format render.Format) (int, error) {
	rows, err := q.Run(ctx, db, args)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n, err := render.Write(w, format, render.Answer{Query: q.Name, Args: args, Columns: q.Columns, Rows: rows.All()}, tableOptions(w))
	if err != nil {
		return n, fmt.Errorf("query %s, after %d rows: %w", q.Name, n, err)
	}
	return n, nil
}

// tableOptions fits a table to the terminal that w is, if it is one.
func tableOptions(w io.Writer) render.Options {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return render.Options{}
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return render.Options{}
	}
	// https://no-color.org
	return render.Options{Width: width, Bold: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// hint says on stderr why an answer has no rows.
func hint(c *cli.Context, db *sqlx.DB) {
	why := "no rows for these parameters"
	var some bool
	err := db.GetContext(c.Context, &some, "SELECT EXISTS (SELECT 1 FROM partitions WHERE records > 0)")
	if err == nil && !some {
		why = "no rows: the database is still empty; `analytics run` fills it"
	}
	fmt.Fprintf(c.App.ErrWriter, "%s: %s\n", c.App.Name, why)
}
