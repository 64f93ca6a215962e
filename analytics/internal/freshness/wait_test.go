package freshness_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/freshness"
)

// viewer looks at one database for ever.
type viewer struct{ db *database.Database }

func (v viewer) View(_ context.Context, look func(sqlx.QueryerContext) error) error {
	return look(v.db)
}

func TestWaitSaysWhatIsMissing(t *testing.T) {
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "analytics.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.MustExec(`INSERT INTO internal_partitions (topic, partition, next_offset) VALUES ('analytics', 0, 5)`)
	db.MustExec(`INSERT INTO internal_sources VALUES ('purchases', 0, 1, x'01')`)
	for target, want := range map[string]string{
		"analytics:0:4": "", "purchases:0:4096": "",
		"analytics:0:5":    "wait for analytics:0:5: not stored in time; `analytics status` shows",
		"analytics:1:0":    "not stored in time",
		"purchases:0:0":    "not stored in time",
		"purchases:0:4097": "not stored in time",
		"purchase:0:0":     `not stored: the database has nothing of the topic "purchase", it knows analytics, purchases`,
	} {
		parsed, err := freshness.ParseTarget(target)
		if err != nil {
			t.Fatal(err)
		}
		patience := time.Minute
		if want != "" {
			patience = 50 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		err = freshness.Wait(ctx, viewer{db}, parsed)
		cancel()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error %v, want %q", target, err, want)
		}
	}
}

func TestTargetsThatAreNone(t *testing.T) {
	for _, text := range []string{"", "x", "a:0", "a:0:0:0", ":0:0", "a:-1:0", "a:0:-1", "a:x:0",
		"a:0:9223372036854775808", "a:2147483648:0"} {
		if target, err := freshness.ParseTarget(text); err == nil {
			t.Errorf("%q is %v", text, target)
		}
	}
}
