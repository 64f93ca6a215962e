package replay

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/store"
)

// row is a record as the old database has it: an event or, with a Reason, a
// rejected record.
type row struct {
	store.Partition
	Offset  int64
	EventID []byte `db:"event_id"`

	OccurredAt  *int64 `db:"occurred_at"`
	ProcessedAt *int64 `db:"processed_at"`
	User, Item  *string
	ItemName    *string `db:"item_name"`
	OrderNumber *string `db:"order_number"`
	Attributes  *string
	Quantity    *int64
	UnitPrice   *int64 `db:"unit_price"`
	Currency    *string

	Reason, Detail  *string
	RejectedAt      *int64  `db:"rejected_at"`
	SourceTopic     *string `db:"source_topic"`
	SourcePartition *int32  `db:"source_partition"`
	SourceOffset    *int64  `db:"source_offset"`
	Value           []byte
}

// recordsBefore gives the records of each log before the offset at which its
// reading begins, in their order. The name of an item stands with the event
// that gave it. A duplicate says again what the record says that came first.
const recordsBefore = `, named AS (
		SELECT e.*, user, item, iif(e.occurred_at = i.named_at, i.item_name, NULL) AS item_name, order_number, attributes
		FROM events e
		JOIN users USING (user_id)
		JOIN items i USING (item_id)
		LEFT JOIN orders USING (order_id)
		LEFT JOIN attribute_sets USING (attribute_set_id)
	)
	SELECT s.topic, s.partition, n.offset, event_id, occurred_at, processed_at, user, item, item_name, order_number, attributes, quantity, unit_price, n.currency,
		NULL AS reason, NULL AS detail, NULL AS rejected_at, NULL AS source_topic, NULL AS source_partition, NULL AS source_offset, NULL AS value
	FROM named n JOIN starts s ON s.events AND s.partition = n.partition AND n.offset < s.offset
	UNION ALL
	SELECT s.topic, s.partition, d.offset, d.event_id, occurred_at, processed_at, user, item, item_name, order_number, attributes, quantity, unit_price, n.currency,
		NULL, NULL, NULL, NULL, NULL, NULL, NULL
	FROM duplicates d JOIN starts s ON s.topic = d.topic AND s.partition = d.partition AND d.offset < s.offset JOIN named n ON n.event_id = d.event_id
	UNION ALL
	SELECT s.topic, s.partition, r.offset, event_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
		reason, detail, rejected_at, source_topic, source_partition, source_offset, value
	FROM rejected r JOIN starts s ON s.topic = r.topic AND s.partition = r.partition AND r.offset < s.offset
	UNION ALL
	SELECT s.topic, s.partition, d.offset, d.event_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
		reason, detail, rejected_at, source_topic, source_partition, source_offset, value
	FROM duplicates d JOIN starts s ON s.topic = d.topic AND s.partition = d.partition AND d.offset < s.offset JOIN rejected r ON r.event_id = d.event_id
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

func (r *row) record() store.Record {
	if r.Reason == nil {
		return store.Record{Offset: r.Offset, Event: r.event()}
	}
	return store.Record{Offset: r.Offset, Rejection: &store.Rejection{
		ID: [16]byte(r.EventID), Reason: *r.Reason, Detail: *r.Detail, RejectedAt: *r.RejectedAt, Value: r.Value,
		SourceTopic: *r.SourceTopic, SourcePartition: *r.SourcePartition, SourceOffset: *r.SourceOffset,
	}}
}

func (r *row) event() store.Event {
	e := store.Event{
		OccurredAt: *r.OccurredAt, ProcessedAt: *r.ProcessedAt, ID: [16]byte(r.EventID), User: *r.User, Item: *r.Item,
		ItemName: text(r.ItemName), OrderNumber: text(r.OrderNumber), Currency: text(r.Currency), Attributes: text(r.Attributes),
		Quantity: *r.Quantity,
	}
	if r.UnitPrice != nil {
		e.UnitPrice, e.HasPrice = *r.UnitPrice, true
	}
	return e
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
