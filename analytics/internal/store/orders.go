package store

import (
	"cmp"
	"database/sql/driver"
	"fmt"
	"slices"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/sqlitestmt"
)

// orders resolves orders to their small integers, and keeps how many purchases
// each has, and of which items. An order is found by day and hash, and compared
// by all that identifies it.
type orders struct {
	next     int64 // of the next new order
	resolved []order
	find     *sqlitestmt.Lookup
	highest  *sqlitestmt.Statement
	save     *sqlitestmt.Bulk
	lines    *sqlitestmt.Bulk
	days     *sqlitestmt.Bulk
	totals   *sqlitestmt.Bulk
	dropLine *sqlitestmt.Statement
	drop     *sqlitestmt.Statement
}

// order is what is known of an order of the batch.
type order struct {
	id        int64
	value     driver.Value // the id, made a value once and not for each event
	purchases int64        // before the batch
}

func newOrders(conn driver.Conn) *orders {
	return &orders{
		find: sqlitestmt.NewLookup(conn, `WITH asked(day, order_hash) AS (VALUES `, 2, `)
			SELECT order_id, day, order_hash, order_number, user, currency, purchases FROM asked
			CROSS JOIN orders USING (day, order_hash) CROSS JOIN users USING (user_id)`),
		highest: sqlitestmt.New(conn, `SELECT ifnull(max(order_id), 0) FROM orders`),
		save: sqlitestmt.NewBulk(conn,
			`INSERT INTO orders (order_id, day, order_hash, order_number, user_id, currency, purchases, returns)`, 8,
			`ON CONFLICT (order_id) DO UPDATE SET purchases = purchases + excluded.purchases, returns = returns +
				excluded.returns`),
		lines: sqlitestmt.NewBulk(conn, `INSERT INTO order_items (order_id, item_id, purchases)`, 3,
			`ON CONFLICT DO UPDATE SET purchases = purchases + excluded.purchases`),
		days: sqlitestmt.NewBulk(conn,
			`INSERT INTO stats_day (day, currency, purchases, returns, units_sold, units_returned, revenue_micros,
				refunds_micros,
			orders, order_purchases, order_units_sold, order_revenue_micros)`, 12,
			`ON CONFLICT DO UPDATE SET orders = orders + excluded.orders, order_purchases = order_purchases +
				excluded.order_purchases,
			order_units_sold = order_units_sold + excluded.order_units_sold, order_revenue_micros = order_revenue_micros +
			excluded.order_revenue_micros`),
		totals: sqlitestmt.NewBulk(conn, `INSERT INTO stats_total (currency, orders)`, 2,
			`ON CONFLICT DO UPDATE SET orders = orders + excluded.orders`),
		dropLine: sqlitestmt.New(conn, `DELETE FROM order_items WHERE order_id = ? AND item_id = ? AND purchases = 0`),
		drop:     sqlitestmt.New(conn, `DELETE FROM orders WHERE order_id = ? AND purchases = 0 AND returns = 0`),
	}
}

// resolve finds the orders of the batch, and gives the new ones their integers.
func (o *orders) resolve(b *batch.Batch) error {
	o.resolved = slices.Grow(o.resolved[:0], len(b.Orders))[:len(b.Orders)]
	clear(o.resolved)
	byName := make(map[batch.OrderName]int, len(b.Orders))
	for i := range b.Orders {
		byName[b.Orders[i].OrderName] = i
	}
	found := func(row []driver.Value) error {
		var name batch.OrderName
		name.Day, _ = row[1].(int64)
		name.Number, _ = row[3].(string)
		name.User, _ = row[4].(string)
		name.Currency, _ = row[5].(string)
		if i, ours := byName[name]; ours {
			r := &o.resolved[i]
			r.value = row[0]
			r.id, _ = row[0].(int64)
			r.purchases, _ = row[6].(int64)
		}
		return nil
	}
	byHash := b.ByHash()
	for _, i := range byHash {
		if err := o.find.Add(found, b.Orders[i].Day, b.Orders[i].OrderHash); err != nil {
			return fmt.Errorf("find %d orders: %w", len(byHash), err)
		}
	}
	if err := o.find.Flush(found); err != nil {
		return fmt.Errorf("find %d orders: %w", len(byHash), err)
	}
	return o.number(byHash)
}

func (o *orders) number(byHash []int) error {
	if o.next == 0 {
		highest, err := o.highest.Integer()
		if err != nil {
			return fmt.Errorf("find the last order: %w", err)
		}
		o.next = highest + 1
	}
	for _, i := range byHash {
		if r := &o.resolved[i]; r.value == nil {
			r.id, r.value = o.next, o.next
			o.next++
		}
	}
	return nil
}

// forget drops what a transaction has numbered that was rolled back.
func (o *orders) forget() { o.next = 0 }

// add writes what the batch adds to its orders and takes off them.
func (o *orders) add(b *batch.Batch, n *names) error {
	created := map[batch.Key]int64{} // how many orders the batch makes of a day, and ends
	byID := o.byID(len(b.Orders))
	for _, i := range byID {
		one, r := &b.Orders[i], &o.resolved[i]
		if before, after := r.purchases > 0, r.purchases+one.Purchases > 0; before != after {
			created[batch.Key{Period: one.Day, Currency: one.CurrencyNumber}] += sign(after)
		}
		err := o.save.Add(r.value, one.Day, one.OrderHash, one.Number, n.users.rows[one.UserNumber].value, one.Currency,
			one.Purchases, one.Returns)
		if err != nil {
			return fmt.Errorf("store the order %.60q: %w", one.Number, err)
		}
	}
	if _, err := o.save.Flush(); err != nil {
		return fmt.Errorf("store %d orders: %w", len(byID), err)
	}
	if err := o.addLines(b, byID, n.items); err != nil {
		return err
	}
	return o.count(b, created)
}

func sign(positive bool) int64 {
	if positive {
		return 1
	}
	return -1
}

func (o *orders) byID(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	slices.SortFunc(list, func(x, y int) int { return cmp.Compare(o.resolved[x].id, o.resolved[y].id) })
	return list
}

// addLines writes how many purchases of each item the orders have, in the order
// of the table's key.
func (o *orders) addLines(b *batch.Batch, byID []int, items *dictionary[batch.Label]) error {
	for _, lines := range o.byOrder(b, byID) {
		slices.SortFunc(lines, func(x,
			y batch.OrderLine) int {
			return cmp.Compare(items.integers[x.Item], items.integers[y.Item])
		})
		for i := 0; i < len(lines); {
			line := lines[i]
			for i++; i < len(lines) && lines[i].Item == line.Item; i++ {
				line.Purchases += lines[i].Purchases
			}
			if err := o.lines.Add(o.resolved[line.Order].value, items.rows[line.Item].value, line.Purchases); err != nil {
				return fmt.Errorf("store the items of the order %.60q: %w", b.Orders[line.Order].Number, err)
			}
		}
	}
	if _, err := o.lines.Flush(); err != nil {
		return fmt.Errorf("store the items of orders: %w", err)
	}
	return nil
}

// byOrder gives the lines of each order, in the order of the orders' integers.
func (o *orders) byOrder(b *batch.Batch, byID []int) [][]batch.OrderLine {
	counts := make([]int, len(b.Orders))
	for i := range b.OrderLines {
		counts[b.OrderLines[i].Order]++
	}
	space, lists := make([]batch.OrderLine, 0, len(b.OrderLines)), make([][]batch.OrderLine, len(b.Orders))
	for _, order := range byID {
		start := len(space)
		space = space[:start+counts[order]]
		lists[order] = space[start:start:len(space)]
	}
	for _, line := range b.OrderLines {
		lists[line.Order] = append(lists[line.Order], line)
	}
	sorted := make([][]batch.OrderLine, 0, len(byID))
	for _, order := range byID {
		sorted = append(sorted, lists[order])
	}
	return sorted
}

// count adds the orders of each day, and their purchases.
func (o *orders) count(b *batch.Batch, created map[batch.Key]int64) error {
	const zero int64 = 0
	sums := b.Statistics.OrderDays.Rows
	slices.SortFunc(sums, func(x, y batch.Sum) int { return x.Compare(y.Key) })
	totals := make([]int64, len(b.Currencies.Values))
	for i := range sums {
		s := &sums[i]
		n := created[s.Key]
		totals[s.Currency] += n
		if err := o.days.Add(s.Period, b.Currencies.Values[s.Currency], zero, zero, zero, zero, zero, zero, n, s.Purchases,
			s.UnitsSold, s.Revenue); err != nil {
			return fmt.Errorf("count the orders of day %d: %w", s.Period, err)
		}
	}
	if _, err := o.days.Flush(); err != nil {
		return fmt.Errorf("count the orders of days: %w", err)
	}
	for currency, n := range totals {
		if n == 0 {
			continue
		}
		if err := o.totals.Add(b.Currencies.Values[currency], n); err != nil {
			return fmt.Errorf("count the orders: %w", err)
		}
	}
	_, err := o.totals.Flush()
	return err
}

// dropEmpty deletes the batch's orders that no event names any more, and the
// items that are no longer bought in them. An order can lose one item and gain
// another in the same batch.
func (o *orders) dropEmpty(b *batch.Batch, items *dictionary[batch.Label]) error {
	for _, line := range b.OrderLines {
		if line.Purchases >= 0 {
			continue
		}
		if _, err := o.dropLine.Exec(o.resolved[line.Order].value, items.rows[line.Item].value); err != nil {
			return fmt.Errorf("delete the items of empty orders: %w", err)
		}
	}
	for i := range o.resolved {
		if b.Orders[i].Purchases >= 0 && b.Orders[i].Returns >= 0 {
			continue
		}
		if _, err := o.drop.Exec(o.resolved[i].value); err != nil {
			return fmt.Errorf("delete empty orders: %w", err)
		}
	}
	return nil
}

// Close frees the statements.
func (o *orders) Close() error {
	return sqlitestmt.CloseAll(o.find, o.highest, o.save, o.lines, o.days, o.totals, o.dropLine, o.drop)
}
