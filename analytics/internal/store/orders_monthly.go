package store

import (
	"database/sql/driver"
	"slices"
)

func newOrdersMonthly(conn driver.Conn) *bulk {
	return newBulk(conn, `INSERT INTO orders_monthly (month, currency, orders, purchases, units_sold, revenue)`, 6,
		`ON CONFLICT DO UPDATE SET orders = orders + excluded.orders, purchases = purchases + excluded.purchases,
		units_sold = units_sold + excluded.units_sold, revenue = revenue + excluded.revenue`)
}

// addOrdersMonthly adds what was bought in orders, and in how many.
func (w *Writer) addOrdersMonthly(b *Batch) error {
	slices.SortFunc(b.stats.orders.rows, func(x, y sum) int { return x.compare(y.key) })
	for _, s := range b.stats.orders.rows {
		err := w.sql.ordersMonthly.add(s.period, b.currencies.values[s.currency], w.orders.monthly[s.key], s.Purchases, s.UnitsSold, s.Revenue)
		if err != nil {
			return err
		}
	}
	_, err := w.sql.ordersMonthly.flush()
	return err
}

// countMonths counts the order once in each month that it has a purchase in,
// whatever batches these come in.
func (o *orders) countMonths(one *order) error {
	for _, month := range one.months {
		added, err := o.addMonth(one, month)
		if err != nil {
			return err
		}
		if added {
			o.monthly[key{period: month, currency: one.currencyNumber}]++
		}
	}
	return nil
}

// addMonth says whether the month is new for the order: the one that its row has
// since this batch, or one that is not among its others, of which hardly an order
// has any.
func (o *orders) addMonth(one *order, month int64) (added bool, err error) {
	if one.month == month {
		added, one.dated = one.dated, false
		return added, nil
	}
	if err := o.otherMonths.add(one.value, month); err != nil {
		return false, err
	}
	n, err := o.otherMonths.flush()
	return n > 0, err
}
