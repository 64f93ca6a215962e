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

// addOrdersMonthly counts an order once in each month that it has a purchase
// in, whatever batches these come in.
func (w *Writer) addOrdersMonthly(b *Batch) error {
	counts := map[key]int64{}
	for _, o := range w.orders.found {
		for _, month := range o.months {
			added, err := w.addOrderMonth(o, month)
			if err != nil {
				return err
			}
			if added {
				counts[key{period: month, currency: o.currencyNumber}]++
			}
		}
	}
	slices.SortFunc(b.stats.orders.rows, func(x, y sum) int { return x.compare(y.key) })
	for _, s := range b.stats.orders.rows {
		err := w.sql.ordersMonthly.add(s.period, b.currencies.values[s.currency], counts[s.key], s.Purchases, s.UnitsSold, s.Revenue)
		if err != nil {
			return err
		}
	}
	_, err := w.sql.ordersMonthly.flush()
	return err
}

// addOrderMonth says whether the month is new for the order: the one that its
// row has since this batch, or one that is not among its others, of which hardly
// an order has any.
func (w *Writer) addOrderMonth(o *order, month int64) (added bool, err error) {
	if o.month == month {
		added, o.dated = o.dated, false
		return added, nil
	}
	if err := w.sql.orderMonths.add(o.value, month); err != nil {
		return false, err
	}
	n, err := w.sql.orderMonths.flush()
	return n > 0, err
}
