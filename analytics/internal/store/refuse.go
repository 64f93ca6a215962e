package store

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"

	"purchases/analytics/internal/batch"
	"purchases/producer/purchase"
)

// BeforeRetention is the reason of an event that is older than the events that are
// kept: it could not be told from one that was counted and is deleted.
const BeforeRetention = "before_retention"

// refuseOlder refuses an event that is older than what is kept.
func (c *classifier) refuseOlder(p *batch.Placed) error {
	day := time.UnixMilli(p.Event.OccurredAt).UTC().Format(time.DateOnly)
	since := time.UnixMilli(c.keptSince).UTC().Format(time.RFC3339)
	return c.refuse(p, BeforeRetention,
		fmt.Sprintf("the event is of %s, and events before %s were pruned: it may be counted already", day, since))
}

// refuseAmount refuses an event whose amount is too large for the sums.
func (c *classifier) refuseAmount(p *batch.Placed) error {
	e := &p.Event
	amount := purchase.Micros(max(e.Amount, -e.Amount))
	return c.refuse(p, string(purchase.AmountTooLarge),
		fmt.Sprintf("%s more would take the sum in %q beyond what fits", amount, e.Currency))
}

// refuse makes a rejected record of the event. It may have been one before.
func (c *classifier) refuse(p *batch.Placed, reason, detail string) error {
	e := &p.Event
	source := e.Source
	if source.Topic == "" {
		source = batch.Source{Topic: p.Partition.Topic, Partition: p.Partition.Partition, Offset: p.Offset}
	}
	x := &batch.Rejection{RecordID: refusedID(*e), Reason: reason, Detail: detail, RejectedAt: e.ProcessedAt,
		Source: source}
	stored, err := c.isRejected(x)
	if stored || c.rejections[x.RecordID] {
		c.duplicate(p.Partition, p.Record, batch.Identity{ID: x.RecordID}, false)
	} else {
		c.outcomes.Refused[p.Record] = x
	}
	c.rejections[x.RecordID] = true
	return err
}

// refusedID is of the event's identity and content: events that differ in either
// are two rejected records.
func refusedID(e batch.Event) [16]byte {
	e.ProcessedAt, e.ImportedAt = 0, 0
	content := binary.BigEndian.AppendUint64(nil, batch.EventChecksum(batch.Place{}, &e))
	return uuid.NewSHA1(uuid.UUID(e.ID), binary.BigEndian.AppendUint64(content, uint64(e.OccurredAt)))
}
