package database

import (
	"context"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"

	"purchases/analytics/internal/sqlfiles"
)

// checkSchema refuses what a reader would misread. It cannot migrate.
func checkSchema(db *sqlx.DB) error {
	var version int64
	if err := db.Get(&version, `PRAGMA user_version`); err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	known, err := newestVersion()
	switch {
	case err != nil:
		return err
	case version < known:
		return fmt.Errorf("its schema has version %d, this program needs %d; run `analytics run` to migrate it", version,
			known)
	case version > known:
		return tooNew(version, known)
	}
	return nil
}

func tooNew(version, known int64) error {
	return fmt.Errorf("its schema has version %d, this program supports %d; use a newer program", version, known)
}

// SchemaVersion is the version of the schema that this program creates, or "?"
// when its migrations cannot be read.
func SchemaVersion() string {
	version, err := newestVersion()
	if err != nil {
		return "?"
	}
	return strconv.FormatInt(version, 10)
}

// newestVersion is the number of the last migration, which each migration
// stores as the database's user_version.
func newestVersion() (newest int64, err error) {
	files, err := fs.Glob(sqlfiles.Migrations(), "*.sql")
	if err != nil {
		return 0, fmt.Errorf("read the migrations: %w", err)
	}
	for _, file := range files {
		version, err := goose.NumericComponent(file)
		if err != nil {
			return 0, fmt.Errorf("read the number of migration %s: %w", file, err)
		}
		newest = max(newest, version)
	}
	return newest, nil
}

// migrate applies the migrations that the database lacks, each in a
// transaction of its own. It refuses a database from a newer program.
func migrate(ctx context.Context, db *sqlx.DB) error {
	provider, err := goose.NewProvider(goose.DialectSQLite3, db.DB, sqlfiles.Migrations())
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	current, known, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if current > known {
		return tooNew(current, known)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the schema from version %d to %d: %w", current, known, err)
	}
	return nil
}
