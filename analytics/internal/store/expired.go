package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/gaps"
	"purchases/analytics/internal/sources"
	"purchases/analytics/internal/sqlitestmt"
)

// expired keeps the letters of offsets that had expired before the processor read
// them, and the gaps that follow from them.
type expired struct {
	letters map[batch.Partition][]gaps.Range // by the partition whose offsets they are; few, and mostly none

	insert, find       *sqlitestmt.Statement
	addGap, removeGaps *sqlitestmt.Statement
}

func loadExpired(ctx context.Context, db *sqlx.DB) (*expired, error) {
	var rows []struct {
		batch.Partition
		gaps.Range
	}
	err := db.SelectContext(ctx, &rows, `SELECT source_topic AS topic, source_partition AS partition,
		from_offset, to_offset, recorded_at FROM expired`)
	e := &expired{letters: map[batch.Partition][]gaps.Range{}}
	for _, r := range rows {
		e.letters[r.Partition] = append(e.letters[r.Partition], r.Range)
	}
	return e, err
}

func (e *expired) prepare(conn driver.Conn) {
	e.insert = sqlitestmt.New(conn, `INSERT INTO expired
		(topic, partition, offset, source_topic, source_partition, from_offset, to_offset, recorded_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`)
	e.find = sqlitestmt.New(conn, sources.LookupSQL)
	e.addGap = sqlitestmt.New(conn, `INSERT INTO gaps (topic, partition, from_offset, to_offset, recorded_at)
		VALUES (?, ?, ?, ?, ?)`)
	e.removeGaps = sqlitestmt.New(conn, `DELETE FROM gaps WHERE topic = ? AND partition = ?`)
}

// Close frees the statements.
func (e *expired) Close() error {
	return sqlitestmt.CloseAll(e.insert, e.find, e.addGap, e.removeGaps)
}

// save stores the batch's letters, and works the gaps out again where it brings
// letters, or results of offsets that a letter tells of. The results must be stored.
func (e *expired) save(b *batch.Batch) error {
	changed, err := e.insertLetters(b)
	if err != nil || len(e.letters) == 0 {
		return err
	}
	err = b.Sources.Each(func(p batch.Partition, number int64, _ *sources.Bits) error {
		if e.tellOf(p, number) {
			changed[p] = true
		}
		return nil
	})
	for p := range changed {
		if err == nil {
			err = e.workOut(p)
		}
	}
	return err
}

func (e *expired) insertLetters(b *batch.Batch) (changed map[batch.Partition]bool, err error) {
	changed = map[batch.Partition]bool{}
	for _, l := range b.Expired {
		of := batch.Partition{Topic: l.Topic, Partition: l.Source.Partition}
		_, err := e.insert.Exec(l.Partition.Topic, int64(l.Partition.Partition), l.At,
			l.Topic, int64(of.Partition), l.Offset, l.Last(), l.RecordedAt)
		if err != nil {
			return nil, fmt.Errorf("record the expired offsets that %s offset %d tells of: %w", l.Partition, l.At, err)
		}
		e.letters[of] = append(e.letters[of], gaps.Range{From: l.Offset, To: l.Last(), RecordedAt: l.RecordedAt})
		changed[of] = true
	}
	return changed, nil
}

// tellOf says whether a letter tells of offsets in the block.
func (e *expired) tellOf(p batch.Partition, block int64) bool {
	return slices.ContainsFunc(e.letters[p], func(l gaps.Range) bool {
		return sources.Block(l.From) <= block && block <= sources.Block(l.To)
	})
}

// workOut replaces the gaps of the partition.
func (e *expired) workOut(p batch.Partition) error {
	missing, err := gaps.Missing(e.letters[p], func(from, to int64) (int64, error) {
		return sources.Last(from, to, e.lookup(p))
	})
	if err == nil {
		_, err = e.removeGaps.Exec(p.Topic, int64(p.Partition))
	}
	for _, g := range missing {
		if err == nil {
			_, err = e.addGap.Exec(p.Topic, int64(p.Partition), g.From, g.To, g.RecordedAt)
		}
	}
	if err != nil {
		return fmt.Errorf("record the gaps of %s: %w", p, err)
	}
	return nil
}

func (e *expired) lookup(p batch.Partition) sources.Lookup {
	return func(block int64) (int64, []byte, error) {
		var row [2]driver.Value
		if found, err := e.find.Row(row[:], p.Topic, int64(p.Partition), block); err != nil || !found {
			return 0, nil, err
		}
		number, _ := row[0].(int64)
		results, _ := row[1].([]byte)
		return number, results, nil
	}
}
