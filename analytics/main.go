// Command analytics stores purchase events from Kafka in SQLite, exactly once,
// and answers questions about them.
package main

import (
	"cmp"
	"os"
	_ "time/tzdata" // time zones, where the machine has none

	"github.com/mattn/go-sqlite3"
	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/render"
	"purchases/analytics/internal/sandbox"
	"purchases/producer/cmdline"
)

func main() {
	sandbox.Main()
	cmdline.Main(app())
}

func app() *cli.App {
	app := &cli.App{
		Name:  "analytics",
		Usage: "exact purchase statistics from Kafka, in SQLite",
		Description: "Stores every event of a topic in one SQLite file, together with the offset read so far, so its\n" +
			"numbers are right after any crash.\n\n" +
			"Example:\n   analytics run --drain && analytics query top-items",
		Commands: []*cli.Command{
			runCommand(), serveCommand(), queryCommand(), tailCommand(), sqlCommand(), statusCommand(), verifyCommand(),
			checkCommand(),
			replayCommand(), rebuildCommand(), pruneCommand(), backupCommand(), restoreCommand(),
		},
	}
	sqliteVersion, _, _ := sqlite3.Version()
	app.Metadata = cmdline.Components(
		cmdline.Component{Name: "sqlite", Version: sqliteVersion},
		cmdline.Component{Name: "schema", Version: database.SchemaVersion()},
	)
	catalogue, _ := allQueries(cmp.Or(queriesFolder(os.Args), os.Getenv(queriesVariable)))
	cmdline.SetChoices(app, choices(catalogue))
	explainFaults(app.Commands)
	return app
}

// explainFaults adds to SQLite's errors of every command what they mean and
// what to do.
func explainFaults(commands []*cli.Command) {
	for _, command := range commands {
		if action := command.Action; action != nil {
			command.Action = func(c *cli.Context) error { return database.Explain(c.String("db"), action(c)) }
		}
		explainFaults(command.Subcommands)
	}
}

// databaseFlag names the database, the same for every command.
func databaseFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "db", Usage: "use the SQLite database at `PATH`",
		Value: database.DefaultPath, EnvVars: []string{"ANALYTICS_DB"},
	}
}

// outputFlag chooses how an answer is written.
func outputFlag() cli.Flag {
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the answer in `FORMAT`: " +
		render.FormatNames(", "), Value: string(render.Table)}
}
