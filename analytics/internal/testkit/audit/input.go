package audit

import (
	"bytes"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Batch is what one command was to publish.
type Batch struct {
	// Values are the messages' values in their order, as a dry run prints them.
	Values [][]byte
	// Runs is how often the command was started, at least 1. The last run was
	// complete; those before were interrupted.
	Runs int
}

// Input compares the topic of purchases with the batches that were published
// to it, all of which differ: nothing is missing, nothing is there more often
// than it was sent, and what was sent in one go kept its order.
func Input(records []*kgo.Record, batches []Batch) error {
	var d differences
	places, least, most := expectedInput(batches)
	found := map[string]int{}
	next := map[partition]map[int]int{} // of the uninterrupted batches
	for _, r := range records {
		value := string(r.Value)
		n := found[value]
		found[value]++
		at := places[value]
		if len(r.Value) == 0 || len(at) == 0 || batches[at[0].batch].Runs > 1 || n >= len(at) {
			continue // counted below
		}
		p := partition{r.Topic, r.Partition}
		if next[p] == nil {
			next[p] = map[int]int{}
		}
		if place := at[n]; place.index < next[p][place.batch] {
			d.add("%v: number %d of batch %d stands behind number %d", position(r), place.index, place.batch,
				next[p][place.batch]-1)
		} else {
			next[p][place.batch] = place.index + 1
		}
	}
	for value, n := range found {
		if n < least[value] || n > most[value] {
			d.add("%.100q is there %d times, want %d to %d", value, n, least[value], most[value])
		}
	}
	for value, n := range least {
		if found[value] == 0 {
			d.add("%.100q is missing, want it %d times", value, n)
		}
	}
	return d.err("input")
}

type place struct{ batch, index int }

func expectedInput(batches []Batch) (places map[string][]place, least, most map[string]int) {
	places, least, most = map[string][]place{}, map[string]int{}, map[string]int{}
	for b, batch := range batches {
		for i, value := range batch.Values {
			key := string(value)
			places[key] = append(places[key], place{b, i})
			least[key]++
			most[key] += batch.Runs
		}
	}
	return places, least, most
}

// Lines splits the output of a dry run.
func Lines(output []byte) [][]byte {
	return bytes.Split(bytes.TrimSuffix(output, []byte("\n")), []byte("\n"))
}
