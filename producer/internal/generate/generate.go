// Package generate makes synthetic purchases that look like those of a shop: some
// items sell far better than others, orders have several lines, and a few goods
// are returned. On request some events break a rule or are duplicates.
//
// The same seed and the same times give the same bytes. The package models no
// stock, no seasons and no changes of price, and it sends nothing.
package generate

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"purchases/producer/purchase"
)

const (
	maxPopulation  = 10_000_000
	maxLines       = 8
	maxUnits       = 12
	returnRatio    = 0.02
	popularity     = 1.1  // Zipf's exponent
	popularityHead = 8.0  // flattens the very top, so that no item takes it all
	remembered     = 1024 // messages that a duplicate can repeat
	currencyCode   = "GBP"
	minPence       = 29
	priceSpread    = 6.0 // prices spread over a factor of e^6, about 400
	microsPerPenny = 10_000
)

// Config says what to generate. Users and Items are required.
type Config struct {
	// Seed decides every choice.
	Seed uint64
	// Users and Items are how many there are, 1 to 10 million.
	Users, Items int
	// InvalidRatio and DuplicateRatio are the fractions of messages that break a
	// rule and that repeat an earlier message. Their sum is 0 to 1.
	InvalidRatio, DuplicateRatio float64
	// Times decides when an event happens.
	Times Times
}

func (c Config) check() error {
	switch {
	case c.Users < 1 || c.Users > maxPopulation:
		return fmt.Errorf("%d users: want 1 to %d", c.Users, maxPopulation)
	case c.Items < 1 || c.Items > maxPopulation:
		return fmt.Errorf("%d items: want 1 to %d", c.Items, maxPopulation)
	case !isRatio(c.InvalidRatio) || !isRatio(c.DuplicateRatio) || !isRatio(c.InvalidRatio+c.DuplicateRatio):
		return fmt.Errorf("invalid ratio %v and duplicate ratio %v: want 0 to 1, also together", c.InvalidRatio,
			c.DuplicateRatio)
	case c.Times == nil:
		return errors.New("no times")
	}
	return nil
}

func isRatio(f float64) bool { return f >= 0 && f <= 1 }

// Kind tells the messages apart.
type Kind int

// The kinds of message.
const (
	Valid Kind = iota
	Invalid
	Duplicate
)

// Message is what goes to the topic. Key is nil when the event has no user.
type Message struct {
	Key, Value []byte
	Kind       Kind
}

// Generator makes messages. It is not safe for several goroutines.
type Generator struct {
	config Config
	random *rand.Rand
	items  *rand.Zipf
	made   int64 // messages, of all kinds
	broken int64 // invalid messages made
	order  order
	memory []Message
}

// order is what the lines of one order share.
type order struct {
	id, user, country string
	at                time.Time
	linesLeft         int
}

// New returns a generator, or an error for a config that is out of range.
func New(c Config) (*Generator, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("generate: %w", err)
	}
	random := rand.New(rand.NewPCG(c.Seed, 0))
	return &Generator{
		config: c,
		random: random,
		items:  rand.NewZipf(random, popularity, popularityHead, uint64(c.Items-1)),
	}, nil
}

// Next makes the next message.
func (g *Generator) Next() (Message, error) {
	draw := g.random.Float64()
	at := g.made
	g.made++
	switch {
	case draw < g.config.DuplicateRatio && len(g.memory) > 0:
		m := g.memory[g.random.IntN(len(g.memory))]
		m.Kind = Duplicate
		return m, nil
	case draw >= 1-g.config.InvalidRatio:
		return g.invalid(g.line(at))
	}
	e := g.line(at)
	value, err := e.Encode()
	m := Message{Key: e.Key(), Value: value}
	g.remember(m)
	return m, err
}

// invalid breaks the rules in turn, so that a short run breaks each of them.
func (g *Generator) invalid(e purchase.Event) (Message, error) {
	rule := invalidations[g.broken%int64(len(invalidations))]
	g.broken++
	key := e.Key()
	value, err := rule.invalidate(e)
	if rule.reason == purchase.MissingUser {
		key = nil
	}
	return Message{Key: key, Value: value, Kind: Invalid}, err
}

func (g *Generator) remember(m Message) {
	if g.config.DuplicateRatio == 0 {
		return
	}
	if len(g.memory) < remembered {
		g.memory = append(g.memory, m)
		return
	}
	g.memory[g.random.IntN(remembered)] = m
}

// line makes the event at place n of the stream: the next line of the current
// order, or the first of a new one.
func (g *Generator) line(n int64) purchase.Event {
	if g.order.linesLeft == 0 {
		g.order = g.newOrder(n)
	}
	g.order.linesLeft--
	item := int(g.items.Uint64())
	price := g.price(item)
	return purchase.Event{
		EventID:    g.uuid(),
		OrderID:    g.order.id,
		User:       g.order.user,
		Timestamp:  g.order.at,
		Item:       fmt.Sprintf("item-%05d", item+1),
		ItemName:   itemName(item),
		Quantity:   g.quantity(),
		UnitPrice:  &price,
		Currency:   currencyCode,
		Attributes: map[string]string{"country": g.order.country},
	}
}

func (g *Generator) newOrder(n int64) order {
	user := g.random.IntN(g.config.Users)
	return order{
		id:        fmt.Sprintf("order-%012x", g.random.Uint64N(1<<48)),
		user:      fmt.Sprintf("user-%05d", user+1),
		country:   country(g.fixed("country", user)),
		at:        g.config.Times(n, g.random.Float64()).UTC().Truncate(time.Millisecond),
		linesLeft: 1 + min(g.random.IntN(maxLines), g.random.IntN(maxLines)),
	}
}

// quantity favours small numbers; now and then goods come back.
func (g *Generator) quantity() int64 {
	n := 1 + int64(min(g.random.IntN(maxUnits), g.random.IntN(maxUnits), g.random.IntN(maxUnits)))
	if g.random.Float64() < returnRatio {
		return -n
	}
	return n
}

// price is the same for an item throughout.
func (g *Generator) price(item int) purchase.Micros {
	pence := minPence + math.Floor(10*(math.Exp(priceSpread*g.fixed("price", item))-1))
	return purchase.Micros(pence) * microsPerPenny
}

// fixed is a number in [0, 1) that belongs to one property of one user or item,
// whatever came before.
func (g *Generator) fixed(property string, of int) float64 {
	r := rand.New(rand.NewPCG(g.config.Seed, uint64(of)<<8|uint64(len(property))))
	return r.Float64()
}

// uuid is a version 4 UUID out of the seed's stream.
func (g *Generator) uuid() string {
	id := uuid.Must(uuid.NewRandomFromReader(stream{g.random}))
	return id.String()
}

// stream reads the random numbers as bytes.
type stream struct{ random *rand.Rand }

func (s stream) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(s.random.Uint32())
	}
	return len(p), nil
}
