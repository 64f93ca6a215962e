package batch

// Outcomes say what becomes of records that are not plainly new, as a store has
// classified them one by one.
type Outcomes struct {
	Duplicates map[*Record]Duplicate
	Refused    map[*Record]*Rejection // events that are rejected in the end
	// Inserted and Removed are the events that enter the table and leave it,
	// RetractedIn and RetractedOut those that become retracted and are no longer.
	Inserted, Removed         []Placed
	RetractedIn, RetractedOut []Retracted
	// Raised are stored events that were imported again later.
	Raised []Raised
	// Arrived are the events that came for the first time, in the order of their
	// records, whether they count or not.
	Arrived []Placed
	// Labelled are the events whose item's name counts.
	Labelled []*Event
}

// Duplicate is a record whose event, or dead letter, was there already.
type Duplicate struct {
	Partition  Partition
	Offset     int64
	ID         Identity // of a dead letter the record's id, without a time
	IsConflict bool     // it says something else
}

// Placed is an event at a place of the log, which need not be that of Record.
type Placed struct {
	*Record
	Partition Partition
	Offset    int64
}

// Retracted is an event that was taken back.
type Retracted struct {
	Identity
	Partition Partition
	Offset    int64
}

// Raised is a stored event with the time of its import before.
type Raised struct {
	Placed
	Before int64
}

func (o *Outcomes) isDuplicate(r *Record) bool {
	if o == nil {
		return false
	}
	_, is := o.Duplicates[r]
	return is
}

// addChanges adds what the classification found.
func (b *Batch) addChanges(o *Outcomes) {
	for _, p := range o.Removed {
		b.Count(p.Record, b.Delta(p.Partition), p.Offset, -1)
	}
	for _, p := range o.Inserted {
		b.Count(p.Record, b.Delta(p.Partition), p.Offset, 1)
	}
	for _, e := range o.Labelled {
		b.label(e)
	}
	for i := range b.chunks {
		c := &b.chunks[i]
		for j := range c.Records {
			b.addRefusal(b.Delta(c.Partition), &c.Records[j])
		}
	}
	for _, d := range o.Duplicates {
		delta := b.Delta(d.Partition)
		delta.Duplicates++
		if d.IsConflict {
			delta.Conflicts++
		}
		delta.Checksum += DuplicateChecksum(Place{d.Partition.Partition, d.Offset}, d.Partition.Topic, d.ID, d.IsConflict)
	}
	b.addRetractions()
	for _, r := range o.Raised {
		d := b.Delta(r.Partition)
		before := r.Record.Event
		before.ImportedAt = r.Before
		place := Place{r.Partition.Partition, r.Offset}
		d.Checksum += EventChecksum(place, &r.Record.Event) - EventChecksum(place, &before)
	}
}

func (b *Batch) addRefusal(d *PartitionDelta, r *Record) {
	if refusal := b.Outcomes.Refused[r]; refusal != nil {
		b.reject(d, r.Offset, refusal)
	}
}

func (b *Batch) addRetractions() {
	for i := range b.chunks {
		c := &b.chunks[i]
		d := b.Delta(c.Partition)
		for j := range c.Records {
			if r := &c.Records[j]; r.Retraction != nil {
				d.Retractions++
				d.Checksum += RetractionChecksum(Place{c.Partition.Partition, r.Offset}, r.Retraction)
			}
		}
	}
	for _, r := range b.Outcomes.RetractedIn {
		d := b.Delta(r.Partition)
		d.Retracted++
		d.Checksum += RetractedChecksum(Place{r.Partition.Partition, r.Offset}, r.Identity)
	}
	for _, r := range b.Outcomes.RetractedOut {
		d := b.Delta(r.Partition)
		d.Retracted--
		d.Checksum -= RetractedChecksum(Place{r.Partition.Partition, r.Offset}, r.Identity)
	}
}
