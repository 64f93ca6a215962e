package store

import (
	"cmp"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// orders gives orders their small integers and keeps what was bought in each.
// Almost every order is new and soon never seen again, and its number may be
// random, so that an index of numbers would change all over with every batch.
// Instead an order is found by a key made from its name, see [orderIndex]; a
// key may belong to two orders, so the name is compared.
type orders struct {
	index       *orderIndex
	found       []*order      // of the batch, once they have their integers; new ones in the order of these
	next        int64         // of the next new order
	first       int64         // that is new in this batch
	monthly     map[key]int64 // how many orders the batch has added to a month
	read        *lookup
	insert      *bulk
	setItems    *statement
	count       *bulk
	otherMonths *bulk
}

// orderName identifies an order.
type orderName struct{ number, currency string }

// order is one of a batch.
type order struct {
	orderName
	currencyNumber int // in the batch
	purchases      int
	wanted, key    orderKey // the one that it has if that is free, and the one that it has
	bought         []int64  // items, as their numbers in the batch, with repetitions
	months         []int64  // in which they were, likewise

	// What follows is known after learn.
	id     int64
	value  driver.Value // the id, made a value once and not for each event
	stored string       // its items before the batch, as the column items has them
	month  driver.Value // a month that it has a purchase in, nil before the first
	dated  bool         // the month is of this batch, and not counted yet
}

// compareKeys orders by key.
func (o *order) compareKeys(other *order) int { return cmp.Compare(o.key, other.key) }

// buy notes an item, by its number, that was bought in the order.
func (o *order) buy(item int, month int64) {
	o.bought = append(o.bought, int64(item))
	if n := len(o.months); n == 0 || o.months[n-1] != month {
		o.months = append(o.months, month)
	}
}

// openOrders gives each order its key, and room for its purchases.
func (b *Batch) openOrders() {
	total := 0
	for i := range b.orders {
		total += b.orders[i].purchases
	}
	b.room = zeroed(b.room, 2*total)
	room := b.room
	for i := range b.orders {
		o := &b.orders[i]
		n := o.purchases
		o.key = hashOrder(o.orderName)
		o.bought, o.months, room = room[:0:n], room[n:n:2*n], room[2*n:]
		b.ordersByKey = append(b.ordersByKey, o)
	}
	slices.SortFunc(b.ordersByKey, (*order).compareKeys)
}

func newOrders(conn driver.Conn, settings orderSettings) (*orders, error) {
	o := &orders{
		index:    newOrderIndex(conn, settings),
		read:     newLookup(conn, `SELECT order_id, order_number, currency, items, month FROM orders WHERE order_id IN`),
		insert:   newBulk(conn, `INSERT INTO orders (order_id, order_number, currency, items, month)`, 5, ``),
		setItems: &statement{conn: conn, sql: `UPDATE orders SET items = ?, month = ? WHERE order_id = ?`},
		count: newBulk(conn, `INSERT INTO totals (currency, orders)`, 2,
			`ON CONFLICT DO UPDATE SET orders = orders + excluded.orders`),
		otherMonths: newBulk(conn, `INSERT INTO order_months (order_id, month)`, 2, `ON CONFLICT DO NOTHING`),
		monthly:     map[key]int64{},
	}
	highest := &statement{conn: conn, sql: `SELECT ifnull(max(order_id), 0) FROM orders`}
	last, err := highest.integer()
	o.next, o.first = last+1, last+1
	return o, errors.Join(err, highest.close(), o.index.load(last))
}

// begin forgets the batch before.
func (o *orders) begin() {
	o.found, o.first = o.found[:0], o.next
	clear(o.monthly)
}

// learn gives the orders their integers. They come in the order of their keys.
// Those whose key is another order's try the next key, until none is left.
func (o *orders) learn(open []*order) error {
	for _, asked := range open {
		asked.wanted = o.index.crowd(asked.key)
		asked.key = asked.wanted
	}
	for len(open) > 0 {
		displaced, err := o.round(open)
		if err != nil {
			return fmt.Errorf("find %d orders, such as %q: %w", len(open), open[0].number, err)
		}
		slices.SortFunc(displaced, (*order).compareKeys)
		open = displaced
	}
	return nil
}

// round compares the orders with those that have their keys, and returns the
// ones that must try the next key.
func (o *orders) round(open []*order) (displaced []*order, err error) {
	holders, err := o.index.holders(open)
	if err != nil {
		return nil, err
	}
	stored, err := o.readAll(holders)
	if err != nil {
		return nil, err
	}
	for _, asked := range open {
		id, taken := holders[asked.key]
		if !taken {
			id, taken = o.index.newest(asked.key)
		}
		switch row := stored[id]; {
		case !taken:
			err = o.create(asked)
			o.found = append(o.found, asked)
		case row != nil && row.orderName == asked.orderName:
			asked.id, asked.value, asked.stored, asked.month = row.id, row.value, row.stored, row.month
			o.found = append(o.found, asked)
		default:
			asked.key = asked.key.next()
			displaced = append(displaced, asked)
		}
		if err != nil {
			return nil, err
		}
	}
	return displaced, nil
}

// create gives a new order its integer and its key.
func (o *orders) create(n *order) error {
	n.id, n.value = o.next, o.next
	o.next++
	return o.index.add(n)
}

// readAll reads the rows of orders by their integers.
func (o *orders) readAll(holders map[orderKey]int64) (map[int64]*order, error) {
	rows := make(map[int64]*order, len(holders))
	use := func(row []driver.Value) error {
		id, _ := row[0].(int64)
		number, _ := row[1].(string)
		currency, _ := row[2].(string)
		items, _ := row[3].(string)
		rows[id] = &order{orderName: orderName{number, currency}, id: id, value: row[0], stored: items, month: row[4]}
		return nil
	}
	ids := make([]int64, 0, len(holders))
	for _, id := range holders {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if err := o.read.add(id, 5, use); err != nil {
			return nil, err
		}
	}
	return rows, o.read.flush(5, use)
}

// flush stores the new orders, and what else was bought in those that are
// stored. items are the integers of the batch's items.
func (o *orders) flush(items []int64) error {
	created := map[string]int64{}
	for _, one := range o.found {
		if one.id >= o.first {
			created[one.currency]++
		}
		for i, number := range one.bought {
			one.bought[i] = items[number]
		}
		err := o.store(one)
		if err == nil {
			err = o.countMonths(one)
		}
		if err != nil {
			return fmt.Errorf("store the order %q: %w", one.number, err)
		}
	}
	if _, err := o.insert.flush(); err != nil {
		return err
	}
	if err := o.index.spill(o.next - 1); err != nil {
		return fmt.Errorf("index the orders: %w", err)
	}
	for currency, n := range created {
		if err := o.count.add(currency, n); err != nil {
			return err
		}
	}
	_, err := o.count.flush()
	return err
}

func (o *orders) store(one *order) error {
	before := one.month
	if before == nil && len(one.months) > 0 {
		one.month, one.dated = slices.Min(one.months), true
	}
	if one.id >= o.first {
		return o.insert.add(one.value, one.number, one.currency, listItems(one.bought), one.month)
	}
	known, err := parseItems(one.stored)
	if err != nil {
		return fmt.Errorf("items %.60q: %w", one.stored, err)
	}
	if items := listItems(append(one.bought, known...)); items != one.stored || one.month != before {
		_, err := o.setItems.exec(items, one.month, one.value)
		return err
	}
	return nil
}

// listItems writes each item once and in order, as the column items has it.
func listItems(items []int64) string {
	slices.Sort(items)
	var text []byte
	for i, item := range slices.Compact(items) {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, item, 10)
	}
	return string(text)
}

func parseItems(list string) (items []int64, err error) {
	if list == "" {
		return nil, nil
	}
	for text := range strings.SplitSeq(list, ",") {
		item, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// forget takes back what the batch has done so far.
func (o *orders) forget() {
	o.index.forget()
	o.next = o.first
}

func (o *orders) close() error {
	return closeAll(o.index, o.read, o.insert, o.setItems, o.count, o.otherMonths)
}
