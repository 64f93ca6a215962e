package main

import (
	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/ingest"
)

func eventsFlag() cli.Flag {
	return &cli.StringFlag{Name: "topic", Usage: "read events from `TOPIC`", DefaultText: "the database's; " +
		ingest.DefaultTopics.Events + " for a new one"}
}

func lettersFlag() cli.Flag {
	return &cli.StringFlag{Name: "dead-letters", Usage: "read dead letters from `TOPIC`", DefaultText: "the database's; " +
		ingest.DefaultTopics.DeadLetters + " for a new one"}
}

// namedTopics are those that the flags name.
func namedTopics(c *cli.Context) ingest.Topics {
	return ingest.Topics{Events: c.String("topic"), DeadLetters: c.String("dead-letters")}
}

// wantedTopics are those that the flags name, else those that the database was
// built from, else the processor's. What is wrong with a database that cannot be
// read is for those to say who need it.
func wantedTopics(c *cli.Context) ingest.Topics {
	named := namedTopics(c).Or(ingest.DefaultTopics)
	db, err := database.OpenReader(c.String("db"))
	if err != nil {
		return named
	}
	defer func() { _ = db.Close() }()
	stored, err := ingest.StoredTopics(c.Context, db)
	if err != nil {
		return named
	}
	return namedTopics(c).Or(stored).Or(ingest.DefaultTopics)
}
