package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/answer"
	"purchases/analytics/internal/example"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/readonly"
)

// checkQueries reads each file of the folder and runs its query on a small
// database in which every table has rows.
func checkQueries(c *cli.Context, folder string) error {
	catalogue, faults := loadQueries(folder, os.DirFS(folder))
	pool, remove, err := exampleDatabase(c.Context)
	if err != nil {
		return err
	}
	defer remove()
	for _, q := range catalogue {
		if err := tryQuery(c.Context, pool, q); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", filepath.Join(folder, q.Name+".sql"), err))
		}
	}
	for _, fault := range faults {
		fmt.Fprintf(c.App.ErrWriter, "%s: %v\n", c.App.Name, fault)
	}
	if len(faults) > 0 {
		return fmt.Errorf("faults in %s: %d", folder, len(faults))
	}
	fmt.Fprintf(c.App.ErrWriter, "%s: the queries in %s are valid: %d\n", c.App.Name, folder, len(catalogue))
	return nil
}

// exampleDatabase lasts until remove.
func exampleDatabase(ctx context.Context) (pool *readonly.Pool, remove func(), err error) {
	folder, err := os.MkdirTemp("", "analytics-check")
	if err != nil {
		return nil, nil, fmt.Errorf("make a folder for a database to check on: %w", err)
	}
	path := filepath.Join(folder, "example.db")
	if err = example.Make(ctx, path); err == nil {
		pool, err = readonly.Open(path, 1)
	}
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(folder))
	}
	return pool, func() { _ = pool.Close(); _ = os.RemoveAll(folder) }, nil
}

// tryQuery reads all rows, with the parameters' defaults and in each way that
// the query itself names: its example and its choices.
func tryQuery(ctx context.Context, pool *readonly.Pool, q query.Query) error {
	q.Own = true
	given := []map[string]string{{}, q.ExampleValues()}
	for _, p := range q.Params {
		for _, choice := range p.Choices {
			with := maps.Clone(q.ExampleValues())
			with[p.Name] = choice
			given = append(given, with)
		}
	}
	for _, values := range given {
		if err := readAll(ctx, pool, q, values); err != nil {
			return err
		}
	}
	return nil
}

func readAll(ctx context.Context, pool *readonly.Pool, q query.Query, values map[string]string) error {
	question, err := answer.Ask(query.Catalogue{q}, q.Name, values)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, defaultTimeLimit)
	defer cancel()
	opened, err := question.Open(ctx, pool)
	if err != nil {
		return err
	}
	defer opened.Close()
	rows, err := opened.Rows(ctx)
	if err != nil {
		return err
	}
	for _, err := range rows.All() {
		if err != nil {
			return err
		}
	}
	return nil
}
