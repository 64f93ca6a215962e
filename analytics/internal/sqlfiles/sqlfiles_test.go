package sqlfiles_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"testing"

	"purchases/analytics/internal/sqlfiles"
)

// sums are the first 64 bits of each migration's SHA-256.
var sums = map[string]string{
	"0001_events_and_statistics.sql":    "50edd104871c1600",
	"0002_readable_views.sql":           "9f254c2ff57b26ff",
	"0003_gaps_and_fingerprints.sql":    "bae2eb5d86e58624",
	"0004_queries.sql":                  "6531660bd0028b61",
	"0005_write_less.sql":               "22f507d18decce64",
	"0006_replays.sql":                  "3536d74880bceab4",
	"0007_rates_sources_and_orders.sql": "f66f0ea9dc2b5e03",
	"0008_smaller_orders.sql":           "08bc5f48e61b949b",
}

// A database has been through a migration once and for all: what is edited
// there reaches new databases only, and leaves the others with another schema.
func TestMigrationsAreNeverEdited(t *testing.T) {
	files, err := fs.Glob(sqlfiles.Migrations(), "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(sums) {
		t.Errorf("%d migrations, %d sums: add the sum of a new one", len(files), len(sums))
	}
	for _, name := range files {
		content, err := fs.ReadFile(sqlfiles.Migrations(), name)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		if got := hex.EncodeToString(sum[:8]); got != sums[name] {
			t.Errorf("%s has the sum %s, want %q: write another migration instead", name, got, sums[name])
		}
	}
}
