package store

import (
	"database/sql/driver"
	"fmt"
	"maps"
	"math"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/sqlitestmt"
)

// classifier finds out, one record after the other, which records of a batch are
// new, repeat a stored one, contradict it, or take it back. It simulates what each
// does to its identity, and in the end compares with what is stored.
type classifier struct {
	*lookups
	totals     map[string]batch.Measures
	keptSince  int64
	identities map[batch.Identity]*identity
	inOrder    []*identity
	rejections map[[16]byte]bool // in this batch
	outcomes   *batch.Outcomes
}

// lookups are the statements that classify records.
type lookups struct {
	event, retractions, retracted, rejection, retraction, keptSince *sqlitestmt.Statement
}

func newLookups(conn driver.Conn) *lookups {
	return &lookups{
		event: sqlitestmt.New(conn, `SELECT e.partition, e.offset, u.user, i.item, o.order_number, e.quantity,
			e.amount_micros, e.currency,
			s.attributes, e.given_id, e.imported_at, e.processed_at
			FROM events e JOIN users u USING (user_id) JOIN items i USING (item_id)
			LEFT JOIN orders o USING (order_id) LEFT JOIN attribute_sets s USING (attribute_set_id)
			WHERE e.occurred_at = ? AND e.event_id = ?`),
		retractions: sqlitestmt.New(conn, `SELECT max(ifnull(retracted_at, `+fmt.Sprint(int64(math.MaxInt64))+
			`)) FROM retractions
			WHERE occurred_at = ? AND event_id = ?`),
		retracted: sqlitestmt.New(conn,
			`SELECT partition, offset FROM retracted_events WHERE occurred_at = ? AND event_id = ?`),
		rejection:  sqlitestmt.New(conn, `SELECT 1 FROM rejected WHERE record_id = ?`),
		retraction: sqlitestmt.New(conn, `SELECT 1 FROM retractions WHERE occurred_at = ? AND event_id = ? LIMIT 1`),
		keptSince: sqlitestmt.New(conn, `SELECT ifnull(kept_since, `+fmt.Sprint(int64(math.MinInt64))+
			`) FROM internal_database`),
	}
}

// Close frees the statements.
func (l *lookups) Close() error {
	return sqlitestmt.CloseAll(l.event, l.retractions, l.retracted, l.rejection, l.retraction, l.keptSince)
}

// identity is what is known of an event's identity: first as it is stored, then
// after each record.
type identity struct {
	id           batch.Identity
	stored       *batch.Placed // the stored event
	storedBefore int64         // its time of import
	storedBack   *batch.Placed // the stored place of a retracted one
	retraction   *batch.Retraction

	event *batch.Placed // that counts
	back  *batch.Placed // that is retracted
}

// classifyOneByOne looks up every record.
func (w *Writer) classifyOneByOne(chunks []batch.Chunk) (*batch.Outcomes, error) {
	c := &classifier{
		lookups: w.lookups, totals: maps.Clone(w.totals), keptSince: w.keptSince, identities: map[batch.Identity]*identity{},
		rejections: map[[16]byte]bool{},
		outcomes: &batch.Outcomes{Duplicates: map[*batch.Record]batch.Duplicate{},
			Refused: map[*batch.Record]*batch.Rejection{}},
	}
	for i := range chunks {
		for j := range chunks[i].Records {
			r := &chunks[i].Records[j]
			if err := c.classify(chunks[i].Partition, r); err != nil {
				return nil, fmt.Errorf("look up the record at %s offset %d: %w", chunks[i].Partition, r.Offset, err)
			}
		}
	}
	for _, s := range c.inOrder {
		c.conclude(s)
	}
	return c.outcomes, nil
}

func (c *classifier) classify(p batch.Partition, r *batch.Record) error {
	switch {
	case r.Rejection != nil:
		return c.classifyRejection(p, r)
	case r.Retraction != nil:
		s, err := c.identity(p, r.Retraction.Identity)
		if err == nil {
			c.retract(s, r.Retraction)
		}
		return err
	case r.Expired != nil:
		return nil // it is about no event
	}
	placed := &batch.Placed{Record: r, Partition: p, Offset: r.Offset}
	if r.Event.OccurredAt < c.keptSince {
		return c.refuseOlder(placed)
	}
	s, err := c.identity(p, r.Event.Identity)
	if err == nil {
		err = c.classifyEvent(s, placed)
	}
	return err
}

func (c *classifier) classifyRejection(p batch.Partition, r *batch.Record) error {
	x := r.Rejection
	stored := c.rejections[x.RecordID]
	if !stored {
		var err error
		if stored, err = c.isRejected(x); err != nil {
			return err
		}
	}
	c.rejections[x.RecordID] = true
	if stored {
		c.duplicate(p, r, batch.Identity{ID: x.RecordID}, false)
	}
	return nil
}

func (c *classifier) isRejected(x *batch.Rejection) (bool, error) {
	var one [1]driver.Value
	return c.rejection.Row(one[:], x.RecordID[:])
}

func (c *classifier) duplicate(p batch.Partition, r *batch.Record, id batch.Identity, isConflict bool) {
	c.outcomes.Duplicates[r] = batch.Duplicate{Partition: p, Offset: r.Offset, ID: id, IsConflict: isConflict}
}

// classifyEvent moves the identity on by one event.
func (c *classifier) classifyEvent(s *identity, p *batch.Placed) error {
	e := &p.Event
	takenBack := s.retraction != nil && s.retraction.TakesBack(e.ImportedAt)
	switch {
	case s.event != nil:
		same := s.event.Event.SameContent(e)
		c.duplicate(p.Partition, p.Record, e.Identity, !same)
		if !same {
			return nil
		}
		if e.ImportedAt > s.event.Event.ImportedAt {
			raised := *s.event.Record
			raised.Event.ImportedAt = e.ImportedAt
			s.event = &batch.Placed{Record: &raised, Partition: s.event.Partition, Offset: s.event.Offset}
		}
	case s.back != nil:
		if !takenBack {
			if !c.count(e) {
				return c.refuseAmount(p)
			}
			s.event, s.back = &batch.Placed{Record: p.Record, Partition: s.back.Partition, Offset: s.back.Offset}, nil
		}
		c.duplicate(p.Partition, p.Record, e.Identity, false)
	case takenBack:
		s.back = p
		c.outcomes.Arrived = append(c.outcomes.Arrived, *p)
	default:
		return c.admit(s, p)
	}
	c.outcomes.Labelled = append(c.outcomes.Labelled, e)
	return nil
}

// count adds the event to the totals, unless its amount is too large for them.
func (c *classifier) count(e *batch.Event) (fits bool) {
	total := c.totals[e.Currency]
	if fits = total.Add(e); fits {
		c.totals[e.Currency] = total
	}
	return fits
}

// admit counts an event that is new, unless its amount is too large.
func (c *classifier) admit(s *identity, p *batch.Placed) error {
	if !c.count(&p.Event) {
		return c.refuseAmount(p)
	}
	s.event = p
	c.outcomes.Arrived = append(c.outcomes.Arrived, *p)
	c.outcomes.Labelled = append(c.outcomes.Labelled, &p.Event)
	return nil
}

// retract moves the identity on by one retraction.
func (c *classifier) retract(s *identity, r *batch.Retraction) {
	if s.retraction == nil || r.RetractedAt == 0 || s.retraction.RetractedAt != 0 &&
		r.RetractedAt > s.retraction.RetractedAt {
		s.retraction = r
	}
	if s.event != nil && s.retraction.TakesBack(s.event.Event.ImportedAt) {
		total := c.totals[s.event.Event.Currency]
		total.Remove(&s.event.Event)
		c.totals[s.event.Event.Currency] = total
		s.event, s.back = nil, s.event
	}
}

// identity returns what is known, from this batch or from the database.
func (c *classifier) identity(p batch.Partition, id batch.Identity) (*identity, error) {
	if s := c.identities[id]; s != nil {
		return s, nil
	}
	s := &identity{id: id}
	c.identities[id] = s
	c.inOrder = append(c.inOrder, s)
	if err := c.loadRetraction(s); err != nil {
		return nil, err
	}
	if s.retraction != nil {
		var row [2]driver.Value
		found, err := c.retracted.Row(row[:], id.OccurredAt, id.ID[:])
		if err != nil {
			return nil, err
		}
		if found {
			s.storedBack = placed(p.Topic, row[0], row[1], &batch.Record{Event: batch.Event{Identity: id}})
			s.back = s.storedBack
			return s, nil
		}
	}
	return s, c.loadEvent(s, p.Topic)
}

func (c *classifier) loadRetraction(s *identity) error {
	var row [1]driver.Value
	if _, err := c.retractions.Row(row[:], s.id.OccurredAt, s.id.ID[:]); err != nil {
		return err
	}
	if at, known := row[0].(int64); known {
		s.retraction = &batch.Retraction{Identity: s.id, RetractedAt: at}
		if at == math.MaxInt64 {
			s.retraction.RetractedAt = 0
		}
	}
	return nil
}

func (c *classifier) loadEvent(s *identity, topic string) error {
	var row [12]driver.Value
	found, err := c.event.Row(row[:], s.id.OccurredAt, s.id.ID[:])
	if err != nil || !found {
		return err
	}
	r := &batch.Record{Event: batch.Event{Identity: s.id}}
	e := &r.Event
	e.User, _ = row[2].(string)
	e.Item, _ = row[3].(string)
	e.OrderNumber, _ = row[4].(string)
	e.Quantity, _ = row[5].(int64)
	e.Amount, e.HasAmount = row[6].(int64)
	e.Currency, _ = row[7].(string)
	e.Attributes, _ = row[8].(string)
	e.GivenID, _ = row[9].(string)
	e.ImportedAt, _ = row[10].(int64)
	e.ProcessedAt, _ = row[11].(int64)
	s.stored = placed(topic, row[0], row[1], r)
	s.storedBefore, s.event = e.ImportedAt, s.stored
	return nil
}

func placed(topic string, partition, offset driver.Value, r *batch.Record) *batch.Placed {
	p, _ := partition.(int64)
	o, _ := offset.(int64)
	r.Offset = o
	return &batch.Placed{Record: r, Partition: batch.Partition{Topic: topic, Partition: int32(p)}, Offset: o}
}

// conclude says how the identity differs from what is stored.
func (c *classifier) conclude(s *identity) {
	o := c.outcomes
	switch {
	case s.event != nil && s.stored != nil && s.event.Event.SameContent(&s.stored.Event):
		if s.event.Event.ImportedAt != s.storedBefore {
			raised := *s.stored.Record // as it is stored, but for the time of the import
			raised.Event.ImportedAt = s.event.Event.ImportedAt
			o.Raised = append(o.Raised, batch.Raised{
				Placed: batch.Placed{Record: &raised, Partition: s.stored.Partition, Offset: s.stored.Offset},
				Before: s.storedBefore,
			})
		}
	case s.event != s.stored:
		if s.stored != nil {
			o.Removed = append(o.Removed, *s.stored)
		}
		if s.event != nil {
			o.Inserted = append(o.Inserted, *s.event)
		}
	}
	if (s.back == nil) != (s.storedBack == nil) {
		if s.back != nil {
			o.RetractedIn = append(o.RetractedIn, retracted(s.back))
		} else {
			o.RetractedOut = append(o.RetractedOut, retracted(s.storedBack))
		}
	}
}

func retracted(p *batch.Placed) batch.Retracted {
	return batch.Retracted{Identity: p.Event.Identity, Partition: p.Partition, Offset: p.Offset}
}
