// Package shop makes up the events of a large shop, for measuring: straight
// into a database, as many as wanted, or as what the processor would write.
package shop

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/store"
	"purchases/processor/enriched"
	"purchases/producer/purchase"
)

// What the shop is like.
const (
	countries = 30
	currency  = "GBP"

	maxLines     = 8    // of an order
	linesOfOrder = 3.19 // on average, as newOrder has it
	returned     = 0.02 // of all lines
	late         = 0.001

	popularity     = 1.1 // Zipf's exponent
	popularityHead = 8.0 // flattens the very top
)

// Population is how many users and items a shop has.
type Population struct{ Users, Items int }

// Large is what a large shop has.
var Large = Population{50_000, 5_000}

// Shop makes events one after the other, the same for the same start. It is not
// safe for several goroutines.
type Shop struct {
	random *rand.Rand
	users  int
	items  *rand.Zipf
	now    time.Time
	step   time.Duration // between two orders, on average
	order  order
}

// order is what the lines of one order share.
type order struct {
	number, user, country string
	at                    time.Time
	linesLeft             int
}

// New returns a shop that sells from start on, so many events a day.
func New(start time.Time, perDay float64, of Population) *Shop {
	random := rand.New(rand.NewPCG(1, uint64(start.UnixNano())))
	return &Shop{
		random: random, users: of.Users, items: rand.NewZipf(random, popularity, popularityHead, uint64(of.Items-1)),
		now: start, step: time.Duration(linesOfOrder * float64(24*time.Hour) / perDay),
	}
}

// Event makes the next event, as the store takes it.
func (s *Shop) Event() batch.Event {
	if s.order.linesLeft == 0 {
		s.newOrder()
	}
	s.order.linesLeft--
	item := int64(s.items.Uint64())
	e := batch.Event{
		Identity: batch.Identity{OccurredAt: s.order.at.UnixMilli(), ID: s.id()}, ProcessedAt: s.now.UnixMilli(),
		User: s.order.user, Item: fmt.Sprintf("item-%04d", item),
		ItemName:    fmt.Sprintf("A thing of the usual length %d", item),
		OrderNumber: s.order.number, Currency: currency, Attributes: fmt.Sprintf(`{"country":%q}`, s.order.country),
		Quantity: 1 + s.random.Int64N(10), HasAmount: true,
	}
	if s.random.Float64() < returned {
		e.Quantity = -e.Quantity
	}
	e.Amount = e.Quantity * 10_000 * (29 + item*7)
	return e
}

func (s *Shop) newOrder() {
	s.now = s.now.Add(time.Duration(s.random.Float64() * 2 * float64(s.step)))
	s.order = order{
		number: fmt.Sprintf("order-%012x", s.random.Uint64N(1<<48)), user: fmt.Sprintf("user-%05d", s.random.IntN(s.users)),
		country: fmt.Sprintf("Country %d", s.random.IntN(countries)),
		at:      s.now, linesLeft: 1 + min(s.random.IntN(maxLines), s.random.IntN(maxLines)),
	}
	if s.random.Float64() < late {
		s.order.at = s.now.Add(-2 * store.AllowedLateness)
	}
}

func (s *Shop) id() (id [16]byte) {
	binary.LittleEndian.PutUint64(id[:], s.random.Uint64())
	binary.LittleEndian.PutUint64(id[8:], s.random.Uint64())
	return id
}

// Next makes the next event, as the processor would have made it of the record
// at the source.
func (s *Shop) Next(source enriched.Source) enriched.Event {
	e := s.Event()
	amount, kind := purchase.Micros(e.Amount), enriched.Purchase
	if e.Quantity < 0 {
		kind = enriched.Return
	}
	return enriched.Event{
		Event: purchase.Event{
			EventID: uuid.UUID(e.ID).String(), OrderID: e.OrderNumber, User: e.User, Timestamp: time.UnixMilli(e.OccurredAt).
					UTC(),
			Item: e.Item, ItemName: e.ItemName, Quantity: e.Quantity, Amount: &amount, Currency: e.Currency,
			Attributes: map[string]string{"country": s.order.country},
		},
		Kind: kind, ProcessedAt: time.UnixMilli(e.ProcessedAt).UTC(), Source: source,
	}
}
