package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/answer"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/readonly"
	"purchases/analytics/internal/terminal"
	"purchases/producer/cmdline"
)

// Limits of a statement, unless flags say otherwise.
const (
	defaultTimeLimit = 10 * time.Second
	defaultMaxRows   = 10_000
)

// schemaStatement lists what a person can ask, the views first.
const schemaStatement = `SELECT type, name, sql FROM sqlite_schema
WHERE type IN ('view', 'table') AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%' ORDER BY type DESC, name`

func sqlCommand() *cli.Command {
	return &cli.Command{
		Name:      "sql",
		Usage:     "run an ad-hoc SELECT",
		UsageText: "analytics sql [options] STATEMENT|-",
		Description: "Runs one SELECT on the database, from the argument or, with -, from stdin. A separate process runs it,\n" +
			"which cannot write and has limits on time, memory and rows. `analytics sql --schema` shows the tables\n" +
			"and views.\n\n" +
			"Example:\n   analytics sql \"SELECT user, revenue FROM user_sales ORDER BY purchases DESC LIMIT 5\"",
		Flags: append(askFlags(),
			&cli.BoolFlag{Name: "schema", DisableDefaultText: true,
				Usage: "write the tables and views as SQL, with their comments"},
			&cli.DurationFlag{Name: "timeout", Value: defaultTimeLimit,
				Usage: "stop the statement after `TIME`; 0 means no limit"},
			&cli.IntFlag{Name: "max-rows", Aliases: []string{"n"}, Value: defaultMaxRows,
				Usage: "fail if the answer has more than `N` rows; 0 means no limit"},
		),
		Action: runSQL,
	}
}

func runSQL(c *cli.Context) error {
	if c.Bool("schema") {
		return writeSchema(c)
	}
	statement, err := readStatement(c, os.Stdin)
	if err != nil {
		return err
	}
	selected, err := answer.Select(statement)
	if err != nil {
		return cmdline.Usagef("%v", err)
	}
	if c.Duration("timeout") < 0 || c.Int("max-rows") < 0 {
		return cmdline.Usagef("--timeout and --max-rows are not negative")
	}
	return ask(c, terminal.Question{Question: selected, MaxRows: c.Int("max-rows"), TimeLimit: c.Duration("timeout")})
}

func readStatement(c *cli.Context, stdin io.Reader) (string, error) {
	switch {
	case c.NArg() > 1:
		return "", cmdline.Usagef("unexpected argument %q; put the statement in quotes", c.Args().Get(1))
	case c.NArg() == 0:
		return "", cmdline.Usagef("give a statement, or - to read it from stdin; see `analytics sql --help`")
	case c.Args().First() != "-":
		return c.Args().First(), nil
	}
	text, err := io.ReadAll(stdin)
	if err != nil {
		return "", fmt.Errorf("read the statement from stdin: %w", err)
	}
	return string(text), nil
}

// writeSchema writes SQL that makes the same tables and views.
func writeSchema(c *cli.Context) (err error) {
	pool, err := readonly.Open(c.String("db"), 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	snapshot, err := pool.Snapshot(c.Context)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	rows, err := query.Select(c.Context, snapshot, schemaStatement)
	if err != nil {
		return err
	}
	for row, err := range rows.All() {
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(c.App.Writer, "%s;\n\n", strings.TrimSpace(fmt.Sprint(row[2]))); err != nil {
			return err
		}
	}
	return nil
}
