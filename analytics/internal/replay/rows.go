package replay

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/batch"
)

// row is a record as the old database has it: an event, a rejected record where
// it has a Reason, a letter of expired offsets where it has Offsets, or a
// retraction where Retraction is set.
type row struct {
	batch.Partition
	Offset     int64
	Retraction bool
	EventID    []byte `db:"event_id"`

	OccurredAt  *int64  `db:"occurred_at"`
	ProcessedAt *int64  `db:"processed_at"`
	ImportedAt  *int64  `db:"imported_at"`
	RetractedAt *int64  `db:"retracted_at"`
	GivenID     *string `db:"given_id"`
	User, Item  *string
	ItemName    *string `db:"item_name"`
	OrderNumber *string `db:"order_number"`
	Attributes  *string
	Quantity    *int64
	Amount      *int64 `db:"amount_micros"`
	Currency    *string

	Reason, Detail  *string
	RejectedAt      *int64  `db:"rejected_at"`
	SourceTopic     *string `db:"source_topic"`
	SourcePartition *int32  `db:"source_partition"`
	SourceOffset    *int64  `db:"source_offset"`
	Offsets         *int64
	Value           []byte
}

// recordsBefore gives the records of each log before the offset at which its
// reading begins, in their order. The name of an item stands with the event
// that gave it. A duplicate says again what the record says that came first; a
// conflict, whose content is not stored, says so, too. Of an event that was taken
// back only its retraction is left.
const recordsBefore = `, named AS (
		SELECT e.*, user, item, iif(e.occurred_at = i.named_at, i.item_name, NULL) AS item_name, order_number, attributes
		FROM events e
		JOIN users USING (user_id)
		JOIN items i USING (item_id)
		LEFT JOIN orders USING (order_id)
		LEFT JOIN attribute_sets USING (attribute_set_id)
	), refused AS (
		SELECT c.topic, r.partition, r.offset, record_id, c.reason, c.detail, r.rejected_at, c.source_topic,
		r.source_partition, r.source_offset, x.value
		FROM rejected r JOIN rejected_causes c USING (cause_id) LEFT JOIN rejected_examples x USING (record_id)
	)
	SELECT s.topic, s.partition, n.offset, 0 AS retraction, event_id, occurred_at, processed_at, imported_at, NULL AS
	retracted_at, given_id,
		user, item, item_name, order_number, attributes, quantity, amount_micros, n.currency,
		NULL AS reason, NULL AS detail, NULL AS rejected_at, NULL AS source_topic, NULL AS source_partition, NULL AS
		source_offset, NULL AS value, NULL AS offsets
	FROM named n JOIN starts s ON s.events AND s.partition = n.partition AND n.offset < s.offset
	UNION ALL
	SELECT s.topic, s.partition, d.offset, 0, d.event_id, n.occurred_at, processed_at, imported_at, NULL, given_id,
		user, item, item_name, order_number, attributes, quantity, amount_micros, n.currency,
		NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
	FROM duplicates d JOIN starts s ON s.topic = d.topic AND s.partition = d.partition AND d.offset < s.offset
	JOIN named n ON n.occurred_at = d.occurred_at AND n.event_id = d.event_id
	UNION ALL
	SELECT s.topic, s.partition, r.offset, 0, record_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
	NULL, NULL,
		reason, detail, rejected_at, source_topic, source_partition, source_offset, value, NULL
	FROM refused r JOIN starts s ON s.topic = r.topic AND s.partition = r.partition AND r.offset < s.offset
	UNION ALL
	SELECT s.topic, s.partition, d.offset, 0, d.event_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
	NULL, NULL, NULL,
		reason, detail, rejected_at, source_topic, source_partition, source_offset, value, NULL
	FROM duplicates d JOIN starts s ON s.topic = d.topic AND s.partition = d.partition AND d.offset < s.offset
	JOIN refused r ON r.record_id = d.event_id
	UNION ALL
	SELECT s.topic, s.partition, r.offset, 1, event_id, occurred_at, NULL, NULL, retracted_at, NULL, NULL, NULL, NULL,
	NULL, NULL, NULL, NULL, NULL,
		NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
	FROM retractions r JOIN starts s ON s.events AND s.partition = r.partition AND r.offset < s.offset
	UNION ALL
	SELECT s.topic, s.partition, e.offset, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
	NULL, NULL,
		NULL, NULL, recorded_at, source_topic, source_partition, from_offset, NULL, to_offset - from_offset + 1
	FROM expired e JOIN starts s ON s.topic = e.topic AND s.partition = e.partition AND e.offset < s.offset
	ORDER BY 1, 2, 3`

// eachBefore calls use with every record that is not read again.
func eachBefore(ctx context.Context, db *sqlx.DB, logs []Log, use func(*row) error) error {
	starts, args := startsOf(logs)
	rows, err := db.QueryxContext(ctx, starts+recordsBefore, args...)
	if err != nil {
		return fmt.Errorf("read the records to be taken over: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var r row
		if err := rows.StructScan(&r); err != nil {
			return fmt.Errorf("read a record to be taken over: %w", err)
		}
		if err := use(&r); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the records to be taken over: %w", err)
	}
	return nil
}

func (r *row) record() batch.Record {
	switch {
	case r.Retraction:
		return batch.Record{Offset: r.Offset,
			Retraction: &batch.Retraction{Identity: r.identity(), RetractedAt: whole(r.RetractedAt)}}
	case r.Offsets != nil:
		return batch.Record{Offset: r.Offset, Expired: &batch.Expired{
			Source: r.source(), Offsets: *r.Offsets, RecordedAt: *r.RejectedAt,
		}}
	case r.Reason == nil:
		return batch.Record{Offset: r.Offset, Event: r.event()}
	}
	return batch.Record{Offset: r.Offset, Rejection: &batch.Rejection{
		RecordID: [16]byte(r.EventID), Reason: *r.Reason, Detail: *r.Detail, RejectedAt: *r.RejectedAt, Value: r.Value,
		Source: r.source(),
	}}
}

func (r *row) source() batch.Source {
	return batch.Source{Topic: *r.SourceTopic, Partition: *r.SourcePartition, Offset: *r.SourceOffset}
}

func (r *row) identity() batch.Identity {
	return batch.Identity{OccurredAt: *r.OccurredAt, ID: [16]byte(r.EventID)}
}

func (r *row) event() batch.Event {
	e := batch.Event{
		Identity: r.identity(), ProcessedAt: *r.ProcessedAt, ImportedAt: whole(r.ImportedAt), GivenID: text(r.GivenID),
		User: *r.User, Item: *r.Item,
		ItemName: text(r.ItemName), OrderNumber: text(r.OrderNumber), Currency: text(r.Currency),
		Attributes: text(r.Attributes),
		Quantity:   *r.Quantity,
	}
	if r.Amount != nil {
		e.Amount, e.HasAmount = *r.Amount, true
	}
	return e
}

func whole(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
