package sources

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/bits"

	"github.com/jmoiron/sqlx"
)

// below returns the highest offset of the block that has its result and is at most
// the given one, or -1.
func below(block int64, results []byte, most int64) int64 {
	first := block * perBlock
	for n := min(most-first, int64(len(results))*8-1); n >= 0; n = n/8*8 - 1 {
		if set := results[n/8] << (7 - n%8) >> (7 - n%8); set != 0 {
			return first + n/8*8 + int64(bits.Len8(set)) - 1
		}
	}
	return -1
}

// Lookup returns the last block of a partition that is not after the given one,
// and its row of results; no results where there is none.
type Lookup func(block int64) (found int64, results []byte, err error)

// Last returns the highest offset from from to to whose record has its result, or
// -1.
func Last(from, to int64, lookup Lookup) (int64, error) {
	for block := Block(to); block >= Block(from); block-- {
		found, results, err := lookup(block)
		if err != nil || results == nil {
			return -1, err
		}
		if at := below(found, results, to); at >= 0 {
			if at < from {
				return -1, nil
			}
			return at, nil
		}
		block = found
	}
	return -1, nil
}

// LookupSQL is the statement of a lookup, of topic, partition and block.
const LookupSQL = `SELECT block, results FROM internal_sources WHERE topic = ? AND partition = ? AND block <= ?
	ORDER BY block DESC LIMIT 1`

// InDatabase is the lookup of one partition in a database.
func InDatabase(ctx context.Context, db sqlx.QueryerContext, topic string, partition int32) Lookup {
	return func(block int64) (int64, []byte, error) {
		var row struct {
			Block   int64
			Results []byte
		}
		err := sqlx.GetContext(ctx, db, &row, LookupSQL, topic, partition, block)
		if errors.Is(err, sql.ErrNoRows) {
			return 0, nil, nil
		}
		if err != nil {
			return 0, nil, fmt.Errorf("look up the results of %s/%d: %w", topic, partition, err)
		}
		return row.Block, row.Results, nil
	}
}
