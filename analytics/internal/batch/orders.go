package batch

import (
	"cmp"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// OrderName identifies an order.
type OrderName struct {
	Day                    int64
	Number, User, Currency string
}

// Hash is what an order is found by, within its day.
func (n OrderName) Hash() int64 {
	var space [128]byte
	b := append(append(space[:0], n.Number...), 0)
	b = append(append(append(b, n.User...), 0), n.Currency...)
	return int64(uint32(xxhash.Sum64(b)))
}

// Order is an order, or returns that name one.
type Order struct {
	OrderName
	UserNumber, CurrencyNumber int // of the names in the batch
	OrderHash                  int64
	Purchases, Returns         int64 // events that the batch adds
}

// OrderLine is how many purchases of an item the batch adds to an order.
type OrderLine struct {
	Order, Item int // numbers in the batch
	Purchases   int64
}

func (b *Batch) countInOrder(a *Counted) {
	if a.Event.OrderNumber == "" {
		return
	}
	name := OrderName{a.Day, a.Event.OrderNumber, a.Event.User, a.Event.Currency}
	a.Order = b.orderNames.intern(name)
	if a.Order == len(b.Orders) {
		b.Orders = append(b.Orders, Order{OrderName: name, UserNumber: a.User, CurrencyNumber: a.Currency,
			OrderHash: name.Hash()})
	}
	o := &b.Orders[a.Order]
	if a.Event.Quantity < 0 {
		o.Returns += a.Sign
		return
	}
	o.Purchases += a.Sign
	b.OrderLines = append(b.OrderLines, OrderLine{a.Order, a.Item, a.Sign})
}

// ByHash gives the orders' numbers in the order of the index by which they are
// found.
func (b *Batch) ByHash() []int {
	b.byHash = b.byHash[:0]
	for i := range b.Orders {
		b.byHash = append(b.byHash, i)
	}
	slices.SortFunc(b.byHash, func(x, y int) int {
		p, q := &b.Orders[x], &b.Orders[y]
		return cmp.Or(cmp.Compare(p.Day, q.Day), cmp.Compare(p.OrderHash, q.OrderHash))
	})
	return b.byHash
}
