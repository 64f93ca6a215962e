// Package sources knows which records of the topics that the processor reads
// have their result in the database, as an event, a duplicate or a dead letter:
// a bit for each. Who has produced a record knows only where that record
// stands, and not where the processor put its result.
package sources

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// perBlock is how many offsets share a row of the table sources.
const perBlock = 4096

// Bits are those of one block. The zero value has none set.
type Bits [perBlock / 8]byte

// Block returns the number of the offset's block.
func Block(offset int64) int64 { return offset / perBlock }

// Set notes that the record at the offset, which is in the block, has its result.
func (b *Bits) Set(offset int64) { b[offset%perBlock/8] |= 1 << (offset % 8) }

// Add sets the bits that are set in other, which is as a row holds it.
func (b *Bits) Add(other []byte) {
	for i, set := range other[:min(len(other), len(b))] {
		b[i] |= set
	}
}

// Stored says whether the result of the record is in the database.
func Stored(ctx context.Context, db sqlx.QueryerContext, topic string, partition int32, offset int64) (bool, error) {
	var set []byte
	err := sqlx.GetContext(ctx, db, &set,
		`SELECT substr(results, ?, 1) FROM internal_sources WHERE topic = ? AND partition = ? AND block = ?`,
		offset%perBlock/8+1, topic, partition, Block(offset))
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look up the result of %s/%d offset %d: %w", topic, partition, offset, err)
	}
	return len(set) == 1 && set[0]>>(offset%8)&1 == 1, nil
}

// Copy adds what one database knows to another, in one transaction. Blocks that
// both have are taken as from has them.
func Copy(ctx context.Context, from sqlx.QueryerContext, to *sqlx.DB) (err error) {
	rows, err := from.QueryxContext(ctx, `SELECT topic, partition, block, results FROM internal_sources`)
	if err != nil {
		return fmt.Errorf("read the sources: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	tx, err := to.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("copy the sources: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	for rows.Next() {
		row, err := rows.SliceScan()
		if err != nil {
			return fmt.Errorf("read the sources: %w", err)
		}
		if _, err := tx.ExecContext(ctx,
			`INSERT OR REPLACE INTO internal_sources (topic, partition, block, results) VALUES (?, ?, ?, ?)`,
			row...); err != nil {
			return fmt.Errorf("copy the sources: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the sources: %w", err)
	}
	return tx.Commit()
}
