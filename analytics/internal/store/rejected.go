package store

import (
	"database/sql/driver"
	"fmt"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/sqlitestmt"
)

const (
	maxDetails  = 1000 // of each reason; a further one is stored without its detail
	maxExamples = 20   // of each reason
)

// cause is a row of the table rejected_causes.
type cause struct{ topic, sourceTopic, reason, detail string }

// rejections write rejected records. Most share their cause with many others.
type rejections struct {
	causes   map[cause]int64
	details  map[string]int // how many each reason has
	examples map[string]int // likewise

	findCause, addCause *sqlitestmt.Statement
	countDetails        *sqlitestmt.Statement
	countExamples       *sqlitestmt.Statement
	insert, addExample  *sqlitestmt.Bulk
	totals              *sqlitestmt.Bulk
}

func newRejections(conn driver.Conn) *rejections {
	return &rejections{
		causes: map[cause]int64{}, details: map[string]int{}, examples: map[string]int{},
		findCause: sqlitestmt.New(conn,
			`SELECT cause_id FROM rejected_causes WHERE topic = ? AND source_topic = ? AND reason = ? AND detail = ?`),
		addCause: sqlitestmt.New(conn, `INSERT INTO rejected_causes (topic, source_topic, reason, detail) VALUES (?, ?, ?, ?)
			RETURNING cause_id`),
		countDetails:  sqlitestmt.New(conn, `SELECT count(*) FROM rejected_causes WHERE reason = ?`),
		countExamples: sqlitestmt.New(conn, `SELECT count(*) FROM rejected_examples WHERE reason = ?`),
		insert: sqlitestmt.NewBulk(conn,
			`INSERT INTO rejected (record_id, source_partition, source_offset, cause_id, partition, offset, rejected_at)`, 7,
			`ON CONFLICT DO NOTHING`),
		addExample: sqlitestmt.NewBulk(conn, `INSERT INTO rejected_examples (record_id, reason, value)`, 3,
			`ON CONFLICT DO NOTHING`),
		totals: sqlitestmt.NewBulk(conn, `INSERT INTO stats_rejected (reason, records, first_at, last_at)`, 4,
			`ON CONFLICT DO UPDATE SET records = records + excluded.records,
			first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)`),
	}
}

// add queues the batch's rejected records, and their part of the checksums.
func (r *rejections) add(b *batch.Batch) error {
	for _, x := range b.Rejected {
		if err := r.addOne(x); err != nil {
			return fmt.Errorf("insert the rejected record of %s offset %d: %w", x.Delta.Partition, x.Offset, err)
		}
	}
	return nil
}

func (r *rejections) addOne(x batch.Rejected) error {
	c := cause{x.Delta.Topic, x.Source.Topic, x.Reason, x.Detail}
	id, detail, err := r.cause(c)
	if err != nil {
		return err
	}
	partition := x.Delta.Partition.Partition
	x.Delta.Checksum += batch.RejectedChecksum(batch.Place{Partition: partition, Offset: x.Offset}, x.Delta.Topic,
		x.Rejection, detail)
	if err := r.addExampleOf(x); err != nil {
		return err
	}
	return r.insert.Add(x.RecordID[:], int64(x.Source.Partition), x.Source.Offset, id, int64(partition), x.Offset,
		x.RejectedAt)
}

// cause returns the integer of the cause and the detail that is stored with it.
func (r *rejections) cause(c cause) (int64, string, error) {
	if id, known := r.causes[c]; known {
		return id, c.detail, nil
	}
	id, err := r.findCause.Integer(c.topic, c.sourceTopic, c.reason, c.detail)
	if err != nil {
		return 0, "", err
	}
	if id == 0 {
		if err := count(r.details, c.reason, r.countDetails); err != nil {
			return 0, "", err
		}
		if r.details[c.reason] >= maxDetails && c.detail != "" {
			c.detail = ""
			return r.cause(c)
		}
		if id, err = r.addCause.Integer(c.topic, c.sourceTopic, c.reason, c.detail); err != nil {
			return 0, "", err
		}
		r.details[c.reason]++
	}
	r.causes[c] = id
	return id, c.detail, nil
}

func (r *rejections) addExampleOf(x batch.Rejected) error {
	if err := count(r.examples, x.Reason, r.countExamples); err != nil {
		return err
	}
	if r.examples[x.Reason] >= maxExamples {
		return nil
	}
	r.examples[x.Reason]++
	x.Delta.Checksum += batch.ExampleChecksum(batch.Place{Partition: x.Delta.Partition.Partition, Offset: x.Offset},
		x.Rejection)
	return r.addExample.Add(x.RecordID[:], x.Reason, x.Value)
}

// count reads how many there are of the reason, once.
func count(known map[string]int, reason string, s *sqlitestmt.Statement) error {
	if _, is := known[reason]; is {
		return nil
	}
	n, err := s.Integer(reason)
	known[reason] = int(n)
	return err
}

// flush writes what is queued, and returns how many rejected records were new.
func (r *rejections) flush() (int64, error) {
	if _, err := r.addExample.Flush(); err != nil {
		return 0, fmt.Errorf("insert examples of rejected records: %w", err)
	}
	n, err := r.insert.Flush()
	if err != nil {
		return 0, fmt.Errorf("insert rejected records: %w", err)
	}
	return n, nil
}

// sumUp adds to the totals of the reasons.
func (r *rejections) sumUp(b *batch.Batch) error {
	for reason, t := range b.Statistics.Rejected {
		if err := r.totals.Add(reason, t.Records, t.First, t.Last); err != nil {
			return err
		}
	}
	_, err := r.totals.Flush()
	return err
}

// forget drops what is cached, because its transaction was rolled back.
func (r *rejections) forget() {
	clear(r.causes)
	clear(r.details)
	clear(r.examples)
}

// Close frees the statements.
func (r *rejections) Close() error {
	return sqlitestmt.CloseAll(r.findCause, r.addCause, r.countDetails, r.countExamples, r.insert, r.addExample, r.totals)
}
