package endtoend_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/testkit/audit"
)

// made is a batch of events of all kinds. Two of them span the same days, so
// that most events of the second are late.
func made(seed string) []string {
	return []string{"--count", "400", "--seed", seed, "--start", startOfEvents, "--invalid-ratio", "0.05",
		"--duplicate-ratio", "0.05"}
}

// What the audit finds right must be right: it finds each kind of damage.
func TestAuditFindsDamagedDatabase(t *testing.T) {
	m := newPublished(t)
	var batches []audit.Batch
	for _, seed := range []string{"5", "6"} {
		m.run("producer", "generate", made(seed)...)
		values := audit.Lines([]byte(m.run("producer", "generate", append(made(seed), "--dry-run")...)))
		batches = append(batches, audit.Batch{Values: values, Runs: 1})
	}
	m.run("processor", "run", "--drain")
	m.run("analytics", "run", "--drain")
	logs := m.readLogs(m.within(patience))
	if err := audit.Input(logs.Input, batches); err != nil {
		t.Error(err)
	}
	if err := audit.Processed(logs); err != nil {
		t.Error(err)
	}
	if err := audit.Database(t.Context(), m.database(), logs); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`DELETE FROM events WHERE offset = 7`,
		`UPDATE events SET quantity = quantity + 1 WHERE offset = 3`,
		`UPDATE events SET offset = offset + 1 WHERE offset = 3`,
		`UPDATE stats_total SET revenue_micros = revenue_micros + 1`,
		`UPDATE stats_total SET users = users - 1`,
		`DELETE FROM stats_quarter_hour WHERE quarter_hour = (SELECT min(quarter_hour) FROM stats_quarter_hour)`,
		`UPDATE stats_item SET returns = returns + 1 WHERE item_id = 1`,
		`UPDATE stats_item_day SET units_sold = units_sold + 1 WHERE item_id = 1`,
		`UPDATE stats_user SET refunds_micros = refunds_micros + 1 WHERE user_id = 1`,
		`UPDATE stats_attribute SET purchases = purchases + 1 WHERE attribute_id = 1`,
		`UPDATE stats_attribute_day SET units_returned = units_returned + 1 WHERE attribute_id = 1`,
		`UPDATE items SET item_name = 'other' WHERE item_id = 1`,
		`UPDATE users SET user = 'nobody' WHERE user_id = 1`,
		`UPDATE internal_partitions SET records = records + 1 WHERE records > 0`,
		`UPDATE internal_partitions SET duplicates = duplicates + 1 WHERE records > 0`,
		`DELETE FROM duplicates WHERE topic NOT LIKE '%dlq%'`,
		`DELETE FROM late_events`,
		`UPDATE rejected_causes SET reason = 'other' WHERE reason = 'missing_user'`,
		`DELETE FROM rejected`,
		`UPDATE stats_rejected SET records = records + 1`,
	} {
		path := damaged(t, m.database(), statement)
		if err := audit.Database(t.Context(), path, logs); err == nil || !strings.Contains(err.Error(), "differences") {
			t.Errorf("%s: got %v, want that the damage is found", statement, err)
		}
	}
}

// damaged is a copy of a database that nobody has open, after the statement.
func damaged(t *testing.T, original, statement string) (path string) {
	t.Helper()
	content, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "analytics.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	result, err := db.Exec(statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	if n, _ := result.RowsAffected(); n == 0 {
		t.Fatalf("%s: changes nothing", statement)
	}
	return path
}
