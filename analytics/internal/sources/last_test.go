package sources_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"purchases/analytics/internal/sources"
)

// blocks is what a database has of one partition.
type blocks map[int64]*sources.Bits

func (b blocks) set(offset int64) {
	number := sources.Block(offset)
	if b[number] == nil {
		b[number] = &sources.Bits{}
	}
	b[number].Set(offset)
}

func (b blocks) lookup(block int64) (found int64, results []byte, err error) {
	found = -1
	for number, bits := range b {
		if number <= block && number > found {
			found, results = number, bits[:]
		}
	}
	return found, results, nil
}

func TestLastIsTheHighestResultOfTheRange(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		offset := rapid.OneOf(rapid.Int64Range(0, 20), rapid.Int64Range(4090, 4110), rapid.Int64Range(0, 50_000))
		stored := rapid.SliceOfN(offset, 0, 12).Draw(rt, "stored")
		from, to := offset.Draw(rt, "from"), offset.Draw(rt, "to")
		b, want := blocks{}, int64(-1)
		for _, at := range stored {
			b.set(at)
			if from <= at && at <= to {
				want = max(want, at)
			}
		}
		if got, err := sources.Last(from, to, b.lookup); got != want || err != nil {
			rt.Fatalf("%d to %d of %v: %d, %v, want %d", from, to, slices.Sorted(slices.Values(stored)), got, err, want)
		}
	})
}
