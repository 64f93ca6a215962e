package ingest

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
)

// What a database keeps of a topic, as the table topics has it.
const (
	roleEvents      = "events"
	roleDeadLetters = "dead_letters"
)

// Topics names the two topics that a database is built from.
type Topics struct{ Events, DeadLetters string }

// DefaultTopics are those that the processor writes to unless it is told otherwise.
var DefaultTopics = Topics{enriched.Topic, deadletter.Topic}

// Or returns the topics with the other's names where they have none.
func (t Topics) Or(other Topics) Topics {
	if t.Events == "" {
		t.Events = other.Events
	}
	if t.DeadLetters == "" {
		t.DeadLetters = other.DeadLetters
	}
	return t
}

func (t Topics) roles() []origin {
	return []origin{{Topic: t.Events, Role: roleEvents}, {Topic: t.DeadLetters, Role: roleDeadLetters}}
}

// names lists the topics.
func (t Topics) names() []string { return []string{t.Events, t.DeadLetters} }

// StoredTopics returns the topics that the database was built from, without a
// name where it has none yet.
func StoredTopics(ctx context.Context, db sqlx.QueryerContext) (t Topics, err error) {
	origins, err := storedOrigins(ctx, db)
	for _, o := range origins {
		switch o.Role {
		case roleEvents:
			t.Events = o.Topic
		case roleDeadLetters:
			t.DeadLetters = o.Topic
		}
	}
	return t, err
}

func storedOrigins(ctx context.Context, db sqlx.QueryerContext) (list []origin, err error) {
	if err := sqlx.SelectContext(ctx, db, &list,
		`SELECT topic, role, cluster_id, topic_id FROM internal_topics`); err != nil {
		return nil, fmt.Errorf("read the origins of the topics: %w", err)
	}
	return list, nil
}
