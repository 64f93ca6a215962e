// Package eventsum computes the part of the partitions' checksums that stored
// events make up, for who compares them and for who deletes events.
package eventsum

import (
	"context"
	"errors"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/batch"
)

// row is an event with its names.
type row struct {
	Partition   int32
	Offset      int64
	OccurredAt  int64  `db:"occurred_at"`
	EventID     []byte `db:"event_id"`
	User, Item  string
	OrderNumber string `db:"order_number"`
	Quantity    int64
	Amount      *int64 `db:"amount_micros"`
	Currency    string
	Attributes  string
	GivenID     string `db:"given_id"`
	ImportedAt  int64  `db:"imported_at"`
	ProcessedAt int64  `db:"processed_at"`
}

const columns = `e.partition, e.offset, e.occurred_at, e.event_id, u.user, i.item,
	ifnull(o.order_number, '') AS order_number, e.quantity, e.amount_micros, e.currency,
	ifnull(s.attributes, '') AS attributes, ifnull(e.given_id, '') AS given_id,
	ifnull(e.imported_at, 0) AS imported_at, e.processed_at`

const names = ` e JOIN users u USING (user_id) JOIN items i USING (item_id)
	LEFT JOIN orders o USING (order_id) LEFT JOIN attribute_sets s USING (attribute_set_id)`

// Of sums up the checksums of the events of each partition. events is the table of
// that name, or a SELECT in brackets of some of its rows.
func Of(ctx context.Context, tx *sqlx.Tx, events string, args ...any) (_ map[int32]uint64, err error) {
	rows, err := tx.QueryxContext(ctx, "SELECT "+columns+" FROM "+events+names, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	sums := map[int32]uint64{}
	for rows.Next() {
		var r row
		if err := rows.StructScan(&r); err != nil {
			return nil, err
		}
		sums[r.Partition] += batch.EventChecksum(batch.Place{Partition: r.Partition, Offset: r.Offset}, r.event())
	}
	return sums, rows.Err()
}

func (r *row) event() *batch.Event {
	e := &batch.Event{
		ProcessedAt: r.ProcessedAt, ImportedAt: r.ImportedAt, GivenID: r.GivenID, User: r.User, Item: r.Item,
		OrderNumber: r.OrderNumber, Currency: r.Currency, Attributes: r.Attributes, Quantity: r.Quantity,
		HasAmount: r.Amount != nil,
	}
	e.OccurredAt = r.OccurredAt
	copy(e.ID[:], r.EventID) // as many bytes as there are: a wrong length is what others look for
	if r.Amount != nil {
		e.Amount = *r.Amount
	}
	return e
}
