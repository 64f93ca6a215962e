package audit

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
)

// measures are what each of the statistics tables holds.
type measures struct{ Purchases, Returns, UnitsSold, UnitsReturned, Revenue, Refunds int64 }

func (m *measures) add(s sale) {
	amount := max(s.amount(), -s.amount())
	if s.quantity > 0 {
		m.Purchases, m.UnitsSold, m.Revenue = m.Purchases+1, m.UnitsSold+s.quantity, m.Revenue+amount
		return
	}
	m.Returns, m.UnitsReturned, m.Refunds = m.Returns+1, m.UnitsReturned-s.quantity, m.Refunds+amount
}

// sale is one event, read from the input without the programs' own decoder.
// It reads what `producer generate` writes, and no more.
type sale struct {
	id                                        string
	user, item, itemName, order               string
	currency, attributes                      string
	country                                   string
	occurredAt, quantity, price, quarter, day int64
}

// amount is negative for a return.
func (s *sale) amount() int64 { return s.quantity * s.price }

func parseSale(value []byte) (sale, error) {
	var in struct {
		EventID    string            `json:"event_id"`
		User       string            `json:"user"`
		Item       string            `json:"item"`
		ItemName   string            `json:"item_name"`
		OrderID    string            `json:"order_id"`
		Quantity   int64             `json:"quantity"`
		UnitPrice  string            `json:"unit_price"`
		Currency   string            `json:"currency"`
		Timestamp  time.Time         `json:"timestamp"`
		Attributes map[string]string `json:"attributes"`
	}
	if err := json.Unmarshal(value, &in); err != nil {
		return sale{}, err
	}
	price, err := micros(in.UnitPrice)
	if err != nil {
		return sale{}, err
	}
	at := in.Timestamp.UnixMilli()
	return sale{
		id: in.EventID, user: in.User, item: in.Item, itemName: in.ItemName, order: in.OrderID, currency: in.Currency,
		attributes: fmt.Sprintf(`{"country":%q}`, in.Attributes["country"]), country: in.Attributes["country"],
		occurredAt: at, quantity: in.Quantity, price: price, quarter: at / 900_000, day: at / 86_400_000,
	}, nil
}

// micros reads decimal text such as 12.34.
func micros(text string) (int64, error) {
	whole, fraction, _ := strings.Cut(text, ".")
	return strconv.ParseInt(whole+(fraction + "000000")[:6], 10, 64)
}

// statistics are the contents of the database's tables, by the text of the
// columns that identify a row.
type statistics struct {
	events      map[string]string // all columns
	duplicates  map[string]string // event id by position
	late        map[string]string
	totals      map[string]string // users, items and orders of a currency
	overall     map[string]measures
	quarters    map[string]measures
	daily       map[string]measures
	items       map[string]measures
	itemDays    map[string]measures
	users       map[string]measures
	attributes  map[string]measures
	dailyValues map[string]measures
	partitions  map[string]string // records, events, duplicates, rejected, late, latest event
	names       map[string]string // of items
	letters     map[string]string // reason by record id
	reasons     map[string]int64
	orderDays   map[string]string // orders, their purchases, units and revenue of a day and currency
	orderItems  map[string]string // purchases of an item in an order
	sources     []Position        // with a result
}

// key joins the columns that identify a row.
func key(parts ...any) string { return strings.TrimSuffix(fmt.Sprintln(parts...), "\n") }

func addTo(m map[string]measures, s sale, key string) {
	row := m[key]
	row.add(s)
	m[key] = row
}

// compute makes the statistics from the input and from where its results
// stand. The logs must be right already, see [Processed].
func compute(l Logs) (*statistics, error) {
	c := computing{
		statistics: statistics{
			events: map[string]string{}, duplicates: map[string]string{}, late: map[string]string{}, totals: map[string]string{},
			overall: map[string]measures{}, quarters: map[string]measures{}, daily: map[string]measures{},
			items: map[string]measures{}, itemDays: map[string]measures{},
			users: map[string]measures{}, attributes: map[string]measures{}, dailyValues: map[string]measures{},
			partitions: map[string]string{}, names: map[string]string{}, letters: map[string]string{},
			reasons:   map[string]int64{},
			orderDays: map[string]string{}, orderItems: map[string]string{},
		},
		inputs: map[Position]*kgo.Record{}, counts: map[partition]*counts{}, orders: map[order]*bought{},
	}
	for _, r := range l.Input {
		c.inputs[position(r)] = r
	}
	for _, r := range l.Events {
		if err := c.event(r); err != nil {
			return nil, fmt.Errorf("%v: %w", position(r), err)
		}
	}
	for _, r := range l.Letters {
		c.letter(r)
	}
	c.finish()
	return &c.statistics, nil
}

// counts is what became of one partition's records.
type counts struct {
	records, events, duplicates, rejected, late, latest int64
}

type computing struct {
	statistics
	inputs map[Position]*kgo.Record
	counts map[partition]*counts
	orders map[order]*bought
}

// order is the purchases that share all of this.
type order struct {
	day                    int64
	number, user, currency string
}

// bought is what one order comes to.
type bought struct {
	items                     map[string]int64 // purchases of each
	purchases, units, revenue int64
}

func (c *computing) count(r *kgo.Record) *counts {
	p := partition{r.Topic, r.Partition}
	if c.counts[p] == nil {
		c.counts[p] = &counts{latest: -1}
	}
	c.counts[p].records++
	return c.counts[p]
}

const allowedLateness = 86_400_000 // milliseconds

func (c *computing) event(r *kgo.Record) error {
	result, err := enriched.Decode(r.Value, time.Now())
	if err != nil {
		return err
	}
	c.sources = append(c.sources, Position(result.Source))
	s, err := parseSale(c.inputs[Position(result.Source)].Value)
	if err != nil {
		return err
	}
	n := c.count(r)
	id, at := key(s.occurredAt, s.id), key(r.Topic, r.Partition, r.Offset)
	if _, twice := c.events[id]; twice {
		n.duplicates++
		c.duplicates[at] = s.id
		return nil
	}
	n.events++
	if n.latest >= 0 && s.occurredAt < n.latest-allowedLateness {
		n.late++
		c.late[key(r.Partition, r.Offset)] = key(s.id, s.occurredAt, n.latest)
	}
	n.latest = max(n.latest, s.occurredAt)
	c.events[id] = key(r.Partition, r.Offset, s.user, s.item, s.order, s.quantity, s.amount(), s.currency, s.attributes,
		result.ProcessedAt.UnixMilli())
	c.measure(s)
	return nil
}

func (c *computing) measure(s sale) {
	addTo(c.overall, s, s.currency)
	addTo(c.quarters, s, key(s.quarter, s.currency))
	addTo(c.daily, s, key(s.day, s.currency))
	addTo(c.items, s, key(s.item, s.currency))
	addTo(c.itemDays, s, key(s.day, s.item, s.currency))
	addTo(c.users, s, key(s.user, s.currency))
	addTo(c.attributes, s, key("country", s.country, s.currency))
	addTo(c.dailyValues, s, key(s.day, "country", s.country, s.currency))
	c.names[s.item] = s.itemName
	if s.quantity > 0 && s.order != "" {
		c.buy(s)
	}
}

func (c *computing) buy(s sale) {
	o := order{s.day, s.order, s.user, s.currency}
	if c.orders[o] == nil {
		c.orders[o] = &bought{items: map[string]int64{}}
	}
	b := c.orders[o]
	b.items[s.item]++
	b.purchases++
	b.units += s.quantity
	b.revenue += s.amount()
}

// letter counts a dead letter. Of those with one identity only one is kept; which
// of them depends on the order in which partitions are read.
func (c *computing) letter(r *kgo.Record) {
	source, _ := letterSource(r)
	c.sources = append(c.sources, source)
	id, reason := header(r, deadletter.HeaderRecordID), header(r, deadletter.HeaderReason)
	c.count(r)
	if _, twice := c.letters[id]; !twice {
		c.reasons[reason]++
	}
	c.letters[id] = reason
}

func (c *computing) finish() {
	orders, days := map[string]int{}, map[string]*[4]int64{}
	for o, b := range c.orders {
		orders[o.currency]++
		day := key(o.day, o.currency)
		if days[day] == nil {
			days[day] = &[4]int64{}
		}
		for i, n := range []int64{1, b.purchases, b.units, b.revenue} {
			days[day][i] += n
		}
		for item, n := range b.items {
			c.orderItems[key(o.day, o.number, o.user, o.currency, item)] = key(n)
		}
	}
	for day, sums := range days {
		c.orderDays[day] = key(sums[0], sums[1], sums[2], sums[3])
	}
	for currency := range c.overall {
		c.totals[currency] = key(len(c.users), len(c.items), orders[currency])
	}
	for p, n := range c.counts {
		if n.events+n.duplicates > 0 {
			c.partitions[key(p.topic, p.n)] = key(n.records, n.events, n.duplicates, n.rejected, n.late, n.latest)
		} else { // dead letters, whose duplicates are counted elsewhere
			c.partitions[key(p.topic, p.n)] = key(n.records, 0, n.records, 0, 0, -1)
		}
	}
}

// text is a UUID of 16 bytes as people write it.
func text(id []byte) string {
	parsed, err := uuid.FromBytes(id)
	if err != nil {
		return fmt.Sprintf("%x", id)
	}
	return parsed.String()
}
