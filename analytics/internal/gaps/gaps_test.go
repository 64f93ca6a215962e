package gaps_test

import (
	"errors"
	"fmt"
	"testing"

	"purchases/analytics/internal/gaps"
)

// results are the offsets that have one.
func results(offsets ...int64) func(from, to int64) (int64, error) {
	return func(from, to int64) (last int64, _ error) {
		last = -1
		for _, at := range offsets {
			if from <= at && at <= to {
				last = max(last, at)
			}
		}
		return last, nil
	}
}

func TestMissing(t *testing.T) {
	first, second := gaps.Range{From: 0, To: 99, RecordedAt: 2}, gaps.Range{From: 100, To: 199, RecordedAt: 3}
	for name, test := range map[string]struct {
		letters []gaps.Range
		stored  []int64
		want    []gaps.Range
	}{
		"no letter":                   {nil, []int64{5}, nil},
		"nothing of it was processed": {[]gaps.Range{first}, []int64{100, 150}, []gaps.Range{first}},
		"a new group, and all was":    {[]gaps.Range{first}, []int64{98, 99}, nil},
		"a new group, and a part was": {[]gaps.Range{first}, []int64{0, 40}, []gaps.Range{{41, 99, 2}}},
		"one after the other":         {[]gaps.Range{second, first}, nil, []gaps.Range{first, second}},
		"the same twice":              {[]gaps.Range{first, {0, 99, 1}}, nil, []gaps.Range{{0, 99, 1}}},
		"a later letter holds both":   {[]gaps.Range{second, {0, 299, 5}, first}, nil, []gaps.Range{{0, 299, 2}}},
		"a later letter, work in between": {[]gaps.Range{first, {0, 299, 5}}, []int64{100, 250},
			[]gaps.Range{first, {251, 299, 5}}},
		"overlapping": {[]gaps.Range{first, {50, 149, 1}}, nil, []gaps.Range{{0, 149, 1}}},
	} {
		got, err := gaps.Missing(test.letters, results(test.stored...))
		if err != nil || fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, test.want)
		}
	}
}

func TestMissingWithoutAnAnswer(t *testing.T) {
	broken := errors.New("broken")
	if _, err := gaps.Missing([]gaps.Range{{}}, func(int64, int64) (int64, error) { return 0, broken }); !errors.Is(err,
		broken) {
		t.Errorf("got %v", err)
	}
}
