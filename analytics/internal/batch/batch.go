package batch

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/go-json-experiment/json"

	"purchases/analytics/internal/sources"
	"purchases/analytics/internal/zone"
)

// Batch is what one transaction is to store.
type Batch struct {
	chunks     []Chunk
	Deltas     []*PartitionDelta // in the order in which the partitions first appear
	Counted    []Counted         // events to insert, and stored ones to take out
	ByKey      []int             // of Counted: what is to be inserted, in the order of its table's key
	Rejected   []Rejected
	Outcomes   *Outcomes // nil where every record is new
	Gaps       []*Chunk
	Expired    []ExpiredAt
	Sources    *SourceMarks
	Statistics *Statistics

	Users, Items, Sets Interner[string]
	Attributes         Interner[Attribute]
	SetMembers         [][]int // attributes of each set
	SetEvents          []int64 // how many events of each set the batch adds
	Labels             []Label // of each item
	Currencies         Interner[string]
	Orders             []Order
	OrderLines         []OrderLine

	// Prepared is what a store has made of the batch before it stores it.
	Prepared any

	HasRetractions bool

	zone       *zone.Zone
	calendar   *zone.Calendar
	orderNames Interner[OrderName]
	sortKeys   []sortKey
	byHash     []int
}

// PartitionDelta is what the batch changes of one partition.
type PartitionDelta struct {
	Partition
	// Read says that the batch has chunks of it, from From to Next.
	Read          bool
	From, Next    int64
	Last          *Fingerprint
	HighWatermark int64 // 0 when unknown

	Records, Events, Duplicates, Conflicts, Rejected, Late, Retractions, Retracted, Expired int64
	Checksum                                                                                uint64
}

// Counted is an event that is to be stored, with Sign 1, or that is stored and is
// to be taken out, with Sign -1. Names are numbers; Set and Order may be None.
type Counted struct {
	*Record
	Delta                            *PartitionDelta
	Offset                           int64
	Sign                             int64
	Day                              int64
	month                            int64
	User, Item, Set, Currency, Order int
}

// Rejected is a rejected record at its place.
type Rejected struct {
	*Rejection
	Delta  *PartitionDelta
	Offset int64
}

// ExpiredAt is a letter of expired offsets at its place.
type ExpiredAt struct {
	*Expired
	Partition Partition
	At        int64 // the letter's offset
}

// Attribute is a name with its value.
type Attribute struct{ Name, Value string }

// Label is what people call an item, and since which event's time.
type Label struct {
	Text string
	At   int64
}

// Update takes the other label if it is to be preferred, and says whether: the
// one of the latest event. Of two at one time the greater wins, so that the order
// of arrival, which differs from one replay to the next, does not matter.
func (l *Label) Update(other Label) bool {
	if other.Text == "" || other.At < l.At || (other.At == l.At && other.Text <= l.Text) {
		return false
	}
	*l = other
	return true
}

// New makes a batch that is empty. z is the reporting zone.
func New(z *zone.Zone) *Batch {
	return &Batch{
		zone: z, calendar: z.Calendar(), Statistics: newStatistics(),
		Users: newInterner[string](), Items: newInterner[string](), Sets: newInterner[string](),
		Currencies: newInterner[string](), Attributes: newInterner[Attribute](), orderNames: newInterner[OrderName](),
	}
}

// Fresh makes another batch of the same reporting zone.
func (b *Batch) Fresh() *Batch { return New(b.zone) }

// Chunks are what the batch was made of.
func (b *Batch) Chunks() []Chunk { return b.chunks }

// Fill replaces what is in the batch by the chunks, which it keeps and does not
// change. Chunks of one partition must follow each other without a gap. It needs
// no database, so that it may run while another batch is stored, and takes the
// memory that the batch has already.
//
// Without outcomes, every event is taken for a new one.
func (b *Batch) Fill(chunks []Chunk, outcomes *Outcomes) error {
	b.reset()
	b.chunks, b.Outcomes = chunks, outcomes
	for i := range chunks {
		d, err := b.extend(&chunks[i])
		if err != nil {
			return err
		}
		for j := range chunks[i].Records {
			b.add(d, &chunks[i].Records[j])
		}
	}
	if outcomes != nil {
		b.addChanges(outcomes)
	}
	if err := b.openSets(); err != nil {
		return err
	}
	b.sumUp()
	b.sort()
	return nil
}

func (b *Batch) reset() {
	b.Deltas, b.Counted, b.Rejected, b.Gaps = b.Deltas[:0], b.Counted[:0], b.Rejected[:0], b.Gaps[:0]
	b.Expired = b.Expired[:0]
	b.SetMembers, b.Orders, b.OrderLines = b.SetMembers[:0], b.Orders[:0], b.OrderLines[:0]
	b.HasRetractions = false
	b.Labels = b.Labels[:0]
	b.Sources = newSourceMarks()
	b.Statistics.reset()
	for _, d := range []interface{ reset() }{&b.Users, &b.Items, &b.Sets, &b.Currencies, &b.Attributes, &b.orderNames} {
		d.reset()
	}
}

// extend adds the chunk to the delta of its partition.
func (b *Batch) extend(c *Chunk) (*PartitionDelta, error) {
	d := b.Delta(c.Partition)
	switch {
	case !d.Read:
		d.Read, d.From = true, c.From
	case d.Next != c.From:
		return nil, fmt.Errorf("chunk of %s starts at offset %d, the one before it ends at %d", c.Partition, c.From, d.Next)
	}
	d.Next = c.Next
	d.Records += int64(len(c.Records))
	if c.Last != nil {
		d.Last = c.Last
	}
	d.HighWatermark = max(d.HighWatermark, c.HighWatermark)
	if c.Gap {
		b.Gaps = append(b.Gaps, c)
	}
	return d, nil
}

// Delta returns that of the partition. There are few partitions, and chunks are
// large.
func (b *Batch) Delta(p Partition) *PartitionDelta {
	for _, d := range b.Deltas {
		if d.Partition == p {
			return d
		}
	}
	d := &PartitionDelta{Partition: p}
	b.Deltas = append(b.Deltas, d)
	return d
}

// add puts one record where it belongs.
func (b *Batch) add(d *PartitionDelta, r *Record) {
	switch {
	case r.Rejection != nil:
		b.Sources.mark(d.Partition, r.Rejection.Source)
		if !b.Outcomes.isDuplicate(r) {
			b.reject(d, r.Offset, r.Rejection)
		}
	case r.Retraction != nil:
		b.Sources.mark(d.Partition, r.Retraction.Source)
		b.HasRetractions = true
	case r.Expired != nil:
		b.addExpired(d, r)
	default:
		b.Sources.mark(d.Partition, r.Event.Source)
		b.addEvent(d, r)
	}
}

func (b *Batch) addExpired(d *PartitionDelta, r *Record) {
	d.Expired++
	d.Checksum += ExpiredChecksum(Place{d.Partition.Partition, r.Offset}, d.Topic, r.Expired)
	b.Expired = append(b.Expired, ExpiredAt{r.Expired, d.Partition, r.Offset})
}

func (b *Batch) addEvent(d *PartitionDelta, r *Record) {
	if b.Outcomes == nil {
		b.Count(r, d, r.Offset, 1)
		b.label(&r.Event)
	}
}

func (b *Batch) reject(d *PartitionDelta, offset int64, x *Rejection) {
	d.Rejected++
	b.Rejected = append(b.Rejected, Rejected{x, d, offset})
	b.Statistics.addRejection(x)
}

// Count has the event stored at the place, or with sign -1 taken out.
func (b *Batch) Count(r *Record, d *PartitionDelta, offset, sign int64) {
	e := &r.Event
	a := Counted{
		Record: r, Delta: d, Offset: offset, Sign: sign, Set: None, Order: None, Day: b.calendar.Day(e.OccurredAt),
		User: b.Users.intern(e.User), Item: b.Items.intern(e.Item), Currency: b.Currencies.intern(e.Currency),
	}
	if e.Attributes != "" {
		a.Set = b.Sets.intern(e.Attributes)
	}
	b.countInOrder(&a)
	d.Events += sign
	d.Checksum += uint64(sign) * EventChecksum(Place{d.Partition.Partition, offset}, e)
	b.Counted = append(b.Counted, a)
}

// label notes the item's name.
func (b *Batch) label(e *Event) {
	n := b.Items.intern(e.Item)
	for len(b.Labels) < len(b.Items.Values) {
		b.Labels = append(b.Labels, Label{})
	}
	b.Labels[n].Update(Label{e.ItemName, e.OccurredAt})
}

// openSets reads the attributes in each set.
func (b *Batch) openSets() error {
	for _, set := range b.Sets.Values {
		var pairs map[string]string
		if err := json.Unmarshal([]byte(set), &pairs); err != nil {
			return fmt.Errorf("read the attributes %.60q of an event: %w", set, err)
		}
		var members []int
		for name, value := range pairs {
			members = append(members, b.Attributes.intern(Attribute{name, value}))
		}
		b.SetMembers = append(b.SetMembers, members)
	}
	return nil
}

func (b *Batch) sumUp() {
	b.SetEvents = zeroed(b.SetEvents, len(b.Sets.Values))
	for len(b.Labels) < len(b.Items.Values) {
		b.Labels = append(b.Labels, Label{})
	}
	b.Statistics.resetHints(len(b.Users.Values), len(b.Items.Values), len(b.Attributes.Values))
	day, month := int64(math.MinInt64), int64(0)
	for i := range b.Counted {
		a := &b.Counted[i]
		if a.Day != day {
			day, month = a.Day, zone.Month(a.Day)
		}
		a.month = month
		var attributes []int
		if a.Set != None {
			attributes = b.SetMembers[a.Set]
			b.SetEvents[a.Set] += a.Sign
		}
		b.Statistics.add(a, attributes)
	}
	b.Statistics.sumUp()
}

// sortKey is an event's place in its table, of whose identity the first half is
// enough here.
type sortKey struct {
	occurredAt int64
	id         uint64
	index      int
}

// sort puts the events in the order of their table's key, so that neighbours are
// written together, and the rejected records likewise.
func (b *Batch) sort() {
	b.sortKeys = b.sortKeys[:0]
	for i := range b.Counted {
		if a := &b.Counted[i]; a.Sign > 0 {
			b.sortKeys = append(b.sortKeys, sortKey{a.Event.OccurredAt, binary.BigEndian.Uint64(a.Event.ID[:]), i})
		}
	}
	slices.SortFunc(b.sortKeys, func(x, y sortKey) int {
		if c := cmp.Compare(x.occurredAt, y.occurredAt); c != 0 {
			return c
		}
		return cmp.Compare(x.id, y.id)
	})
	b.ByKey = b.ByKey[:0]
	for _, k := range b.sortKeys {
		b.ByKey = append(b.ByKey, k.index)
	}
	slices.SortFunc(b.Rejected, func(x, y Rejected) int {
		return bytes.Compare(x.RecordID[:], y.RecordID[:])
	})
}

// Inserted is how many events are to be inserted.
func (b *Batch) Inserted() int { return len(b.ByKey) }

// Removes says whether stored events are to be taken out.
func (b *Batch) Removes() bool { return len(b.ByKey) < len(b.Counted) }

func (b *Batch) String() string {
	if len(b.chunks) == 0 {
		return "an empty batch"
	}
	return fmt.Sprintf("a batch of %d chunks from %s offset %d", len(b.chunks), b.chunks[0].Partition, b.chunks[0].From)
}

// block names some consecutive records of a partition that the processor read.
type block struct {
	Partition
	number int64
}

// SourceMarks note whose results a batch holds. Neighbouring records mostly
// come from the same block, so the last one is at hand.
type SourceMarks struct {
	blocks  map[block]*sources.Bits
	current block
	bits    *sources.Bits
}

func newSourceMarks() *SourceMarks { return &SourceMarks{blocks: map[block]*sources.Bits{}} }

// mark notes that the batch holds the result of the record's source. A record
// that this program could not read has itself for its source.
func (m *SourceMarks) mark(read Partition, s Source) {
	if s.Topic == "" || s.Topic == read.Topic || s.Offset < 0 {
		return
	}
	of := block{Partition{s.Topic, s.Partition}, sources.Block(s.Offset)}
	if m.bits == nil || m.current != of {
		m.current, m.bits = of, m.blocks[of]
		if m.bits == nil {
			m.bits = &sources.Bits{}
			m.blocks[of] = m.bits
		}
	}
	m.bits.Set(s.Offset)
}

// Each hands every block to use, in order.
func (m *SourceMarks) Each(use func(p Partition, number int64, bits *sources.Bits) error) error {
	all := make([]block, 0, len(m.blocks))
	for of := range m.blocks {
		all = append(all, of)
	}
	slices.SortFunc(all, func(a, b block) int {
		return cmp.Or(a.Partition.Compare(b.Partition), cmp.Compare(a.number, b.number))
	})
	for _, of := range all {
		if err := use(of.Partition, of.number, m.blocks[of]); err != nil {
			return fmt.Errorf("mark the results of %s: %w", of.Partition, err)
		}
	}
	return nil
}
