package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/readonly"
)

// checkQueries reads each file of the folder and runs its query on an empty
// database, where a table or column that does not exist shows.
func checkQueries(c *cli.Context, folder string) error {
	catalogue, faults := loadQueries(folder, os.DirFS(folder))
	db, remove, err := emptyDatabase(c.Context)
	if err != nil {
		return err
	}
	defer remove()
	for _, q := range catalogue {
		if err := tryQuery(c.Context, db, q); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", filepath.Join(folder, q.Name+".sql"), err))
		}
	}
	for _, fault := range faults {
		fmt.Fprintf(c.App.ErrWriter, "%s: %v\n", c.App.Name, fault)
	}
	if len(faults) > 0 {
		return fmt.Errorf("faults in %s: %d", folder, len(faults))
	}
	fmt.Fprintf(c.App.ErrWriter, "%s: the queries in %s are right: %d\n", c.App.Name, folder, len(catalogue))
	return nil
}

// emptyDatabase makes a database with nothing but the schema, until remove.
func emptyDatabase(ctx context.Context) (pool *readonly.Pool, remove func(), err error) {
	folder, err := os.MkdirTemp("", "analytics-check")
	if err != nil {
		return nil, nil, fmt.Errorf("make a folder for a database to check on: %w", err)
	}
	path := filepath.Join(folder, "empty.db")
	db, err := database.Open(ctx, path)
	if err == nil {
		err = db.Close()
	}
	if err == nil {
		pool, err = readonly.Open(path, 1)
	}
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(folder))
	}
	return pool, func() { _ = pool.Close(); _ = os.RemoveAll(folder) }, nil
}

func tryQuery(ctx context.Context, pool *readonly.Pool, q query.Query) (err error) {
	args, err := q.Bind(nil)
	if err != nil {
		return err
	}
	snapshot, err := pool.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	rows, err := q.Run(ctx, snapshot, args)
	if err != nil {
		return err
	}
	defer rows.Close()
	for _, err := range rows.All() {
		if err != nil {
			return err
		}
	}
	return nil
}
