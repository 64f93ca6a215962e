package verify

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/gaps"
	"purchases/analytics/internal/sources"
)

const ranges = `from_offset, to_offset, recorded_at`

// lostGaps works out again which offsets the processor has lost. Gaps of the topics
// that this program reads itself follow from nothing that is stored.
func lostGaps(ctx context.Context, tx *sqlx.Tx) (string, error) {
	letters, err := rangesOf(ctx, tx, `SELECT source_topic AS topic, source_partition AS partition, `+ranges+`
		FROM expired`)
	if err != nil {
		return "", err
	}
	stored, err := rangesOf(ctx, tx, `SELECT topic, partition, `+ranges+` FROM gaps
		WHERE topic NOT IN (SELECT topic FROM internal_partitions) ORDER BY from_offset`)
	if err != nil {
		return "", err
	}
	all := maps.Clone(stored)
	maps.Copy(all, letters)
	for _, p := range slices.SortedFunc(maps.Keys(all), batch.Partition.Compare) {
		lookup := sources.InDatabase(ctx, tx, p.Topic, p.Partition)
		want, err := gaps.Missing(letters[p], func(from, to int64) (int64, error) {
			return sources.Last(from, to, lookup)
		})
		if err != nil {
			return "", err
		}
		if !slices.Equal(stored[p], want) {
			return fmt.Sprintf("the gaps before the processor: %s has %s, but the letters and the results say %s",
				p, shown(stored[p]), shown(want)), nil
		}
	}
	return "", nil
}

func rangesOf(ctx context.Context, tx *sqlx.Tx, query string) (map[batch.Partition][]gaps.Range, error) {
	var rows []struct {
		batch.Partition
		gaps.Range
	}
	if err := tx.SelectContext(ctx, &rows, query); err != nil {
		return nil, err
	}
	list := map[batch.Partition][]gaps.Range{}
	for _, r := range rows {
		list[r.Partition] = append(list[r.Partition], r.Range)
	}
	return list, nil
}

// shown is the number of ranges and the first.
func shown(list []gaps.Range) string {
	if len(list) == 0 {
		return "none"
	}
	first := list[0]
	return fmt.Sprintf("%d, the first from %d to %d recorded at %d", len(list), first.From, first.To, first.RecordedAt)
}
