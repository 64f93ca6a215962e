package store

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/batch"
)

// filterBits is how large a filter is: 4 MiB. With half a million retractions one
// event in seventy is looked up in vain.
const filterBits = 1 << 25

// filter says which events may have a retraction, so that few of them need be
// looked up. It is empty while the database has none.
type filter []uint64

// loadFilter reads the retractions of the database.
func loadFilter(ctx context.Context, db *sqlx.DB) (f filter, err error) {
	rows, err := db.QueryContext(ctx, `SELECT DISTINCT occurred_at, event_id FROM retractions`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var at int64
		var id []byte
		if err := rows.Scan(&at, &id); err != nil {
			return nil, err
		}
		if len(id) != 16 {
			return nil, fmt.Errorf("a retraction of %x, which is no UUID; run `analytics verify`", id)
		}
		f.add(batch.Identity{OccurredAt: at, ID: [16]byte(id)})
	}
	return f, rows.Err()
}

func (f *filter) add(id batch.Identity) {
	if *f == nil {
		*f = make(filter, filterBits/64)
	}
	word, bit := place(id)
	(*f)[word] |= bit
}

// addAll adds the retractions of the batch.
func (f *filter) addAll(b *batch.Batch) {
	for _, c := range b.Chunks() {
		for i := range c.Records {
			if r := c.Records[i].Retraction; r != nil {
				f.add(r.Identity)
			}
		}
	}
}

func (f filter) mayHave(id batch.Identity) bool {
	word, bit := place(id)
	return f[word]&bit != 0
}

func place(id batch.Identity) (word int, bit uint64) {
	var space [24]byte
	hash := xxhash.Sum64(binary.LittleEndian.AppendUint64(append(space[:0], id.ID[:]...),
		uint64(id.OccurredAt))) % filterBits
	return int(hash / 64), 1 << (hash % 64)
}
