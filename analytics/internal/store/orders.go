package store

import (
	"cmp"
	"database/sql/driver"
	"fmt"
	"slices"
)

// ordersAtOnce is how many orders are looked up in one statement.
const ordersAtOnce = 64

// learnOrders gives every order of the events its integer before the events
// are inserted. Orders are not a [dictionary] because almost each is new and
// soon never seen again: they are inserted and looked up many at a time, in the
// order of their index, which costs half of one at a time.
func (n *names) learnOrders(events []placed) error {
	unknown := n.unknownOrders(events)
	for len(unknown) > 0 {
		end := slices.IndexFunc(unknown, func(o pair) bool { return o.second != unknown[0].second })
		if end < 0 {
			end = len(unknown)
		}
		if err := n.learnOrdersIn(unknown[0].second, unknown[:end]); err != nil {
			return err
		}
		unknown = unknown[end:]
	}
	return nil
}

// unknownOrders returns the orders that are not cached, by currency and
// number. When the cache is full it is emptied first, so that no order of the
// events leaves it again before they are inserted.
func (n *names) unknownOrders(events []placed) []pair {
	if len(n.orders) >= maxCached {
		clear(n.orders)
	}
	var unknown []pair
	for _, e := range events {
		order := pair{e.Event.OrderNumber, e.Event.Currency}
		if _, known := n.orders[order]; !known && order.first != "" {
			unknown = append(unknown, order)
		}
	}
	slices.SortFunc(unknown, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.second, b.second), cmp.Compare(a.first, b.first))
	})
	return slices.Compact(unknown)
}

// learnOrdersIn inserts the orders of one currency that are new, counts them,
// and reads the integers of all.
func (n *names) learnOrdersIn(currency string, orders []pair) error {
	for _, o := range orders {
		if err := n.insertOrders.add(o.first, o.second); err != nil {
			return fmt.Errorf("insert %d orders from %q on: %w", len(orders), orders[0].first, err)
		}
	}
	inserted, err := n.insertOrders.flush()
	if err != nil {
		return fmt.Errorf("insert %d orders from %q on: %w", len(orders), orders[0].first, err)
	}
	if _, err := n.countOrders.exec(currency, inserted); err != nil {
		return fmt.Errorf("count %d orders in %q: %w", inserted, currency, err)
	}
	for some := range slices.Chunk(orders, ordersAtOnce) {
		if err := n.readOrders(currency, some); err != nil {
			return fmt.Errorf("read %d orders from %q on: %w", len(some), some[0].first, err)
		}
	}
	return nil
}

// readOrders fills a statement of fixed size by naming the last order again.
func (n *names) readOrders(currency string, orders []pair) error {
	values := []any{currency}
	for i := range ordersAtOnce {
		values = append(values, orders[min(i, len(orders)-1)].first)
	}
	return n.findOrders.each(2, func(row []driver.Value) {
		number, _ := row[0].(string)
		id, _ := row[1].(int64)
		n.orders[pair{number, currency}] = id
	}, values...)
}
