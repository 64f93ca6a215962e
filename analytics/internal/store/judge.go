package store

import (
	"fmt"
	"maps"

	"purchases/producer/purchase"
)

// judge finds exceptions.
type judge struct {
	*Writer
	seen       map[recordKey]bool // in this batch
	totals     map[string]measures
	exceptions map[*Record]exception
}

// judge looks at one record after the other and returns those that are not to be
// stored as what they are.
func (w *Writer) judge(chunks []Chunk) (map[*Record]exception, error) {
	j := &judge{w, map[recordKey]bool{}, maps.Clone(w.totals), map[*Record]exception{}}
	for _, c := range chunks {
		for i := range c.Records {
			if err := j.look(&c.Records[i]); err != nil {
				return nil, fmt.Errorf("look up the record at %s offset %d: %w", c.Partition, c.Records[i].Offset, err)
			}
		}
	}
	return j.exceptions, nil
}

func (j *judge) look(r *Record) error {
	stored, err := j.isStored(r.key())
	if err != nil {
		return err
	}
	var refusal string
	if !stored && r.Rejection == nil {
		if refusal = j.admit(&r.Event); refusal != "" {
			stored, err = j.isStored(recordKey{rejected: true, id: r.Event.ID}) // it was refused before
		}
	}
	if stored || refusal != "" {
		j.exceptions[r] = exception{stored, refusal}
	}
	return err
}

// admit adds the event to the totals, or says why it cannot.
func (j *judge) admit(e *Event) (refusal string) {
	total := j.totals[e.Currency]
	if amount := e.amount(); !total.hasRoom(amount) {
		return fmt.Sprintf("%s more would take the sum in %q beyond what fits", purchase.Micros(amount), e.Currency)
	}
	total.add(e)
	j.totals[e.Currency] = total
	return ""
}

// isStored says whether the record is in the database, or has been in this
// batch, where it is from now on.
func (j *judge) isStored(key recordKey) (stored bool, err error) {
	if j.seen[key] {
		return true, nil
	}
	j.seen[key] = true
	if key.rejected {
		return j.sql.findRejected.exists(key.id[:])
	}
	return j.sql.findEvent.exists(key.occurredAt, key.id[:])
}
