// Package traffic makes events as the stream of a shop brings them, for
// benchmarks: like those of `producer generate`, which is another module's own.
package traffic

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
)

// Partitions is how many the topic has. All sales of a user are in one.
const Partitions = 8

// perDay is how many events a day has: ten million in thirty days.
const perDay = 10_000_000 / 30

// Sale is one line of an order.
type Sale struct {
	Partition int32
	At        int64 // milliseconds since 1970 UTC
	ID        [16]byte
	User      string
	Item      string
	ItemName  string
	Order     string
	Country   string
	Quantity  int64 // negative for a return
	Price     int64 // micros
}

// Stream makes sales in the order of their times. It is not safe for several
// goroutines.
type Stream struct {
	random *rand.Rand
	items  *rand.Zipf
	users  int
	made   int64
	sale   Sale // what the lines of an order share
	lines  int  // left of the order
}

// New returns a stream of so many users and items, always the same.
func New(users, items int) *Stream {
	random := rand.New(rand.NewPCG(1, 2))
	return &Stream{random: random, users: users, items: rand.NewZipf(random, 1.1, 8, uint64(items-1))}
}

// Next makes the next sale. In two of a hundred the goods come back.
func (s *Stream) Next() Sale {
	if s.lines == 0 {
		s.order()
	}
	s.lines--
	s.made++
	item := int64(s.items.Uint64())
	sale := s.sale
	sale.Item, sale.ItemName = fmt.Sprintf("item-%05d", item), fmt.Sprintf("Name of item %d", item)
	sale.Quantity, sale.Price = 1+int64(min(s.random.IntN(12), s.random.IntN(12))), price(item)
	if s.random.IntN(50) == 0 {
		sale.Quantity = -sale.Quantity
	}
	binary.LittleEndian.PutUint64(sale.ID[:], s.random.Uint64())
	binary.LittleEndian.PutUint64(sale.ID[8:], s.random.Uint64())
	return sale
}

func (s *Stream) order() {
	const start, day = 1_767_225_600_000, 86_400_000
	user := s.random.IntN(s.users)
	s.lines = 1 + min(s.random.IntN(8), s.random.IntN(8))
	s.sale = Sale{
		Partition: int32(user % Partitions), At: start + s.made*day/perDay, User: fmt.Sprintf("user-%05d", user), Country: fmt.Sprintf("Country %d", user%9),
		Order: fmt.Sprintf("order-%012x", s.random.Uint64N(1<<48)),
	}
}

// price is the same for an item throughout: 0.29 to about 40, most of them low.
func price(item int64) int64 {
	return (29 + int64(10*(math.Exp(float64(item*7919%6000)/1000)-1))) * 10_000
}
