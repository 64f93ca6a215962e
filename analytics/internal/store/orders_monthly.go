package store

import (
	"maps"
	"slices"

	"github.com/mattn/go-sqlite3"
)

// monthIn is a month, counted from January 1970 UTC, in one currency.
type monthIn struct {
	month    int64
	currency string
}

// monthOrders is what the purchases of a batch's orders come to in one month.
type monthOrders struct {
	orders                    map[int64]bool
	purchases, units, revenue int64
}

func newOrderMonths(conn *sqlite3.SQLiteConn) *bulk {
	return newBulk(conn, `INSERT INTO order_months (order_id, month)`, 2, `ON CONFLICT DO NOTHING`)
}

func newOrdersMonthly(conn *sqlite3.SQLiteConn) *bulk {
	return newBulk(conn, `INSERT INTO orders_monthly (month, currency, orders, purchases, units_sold, revenue)`, 6,
		`ON CONFLICT DO UPDATE SET orders = orders + excluded.orders, purchases = purchases + excluded.purchases,
		units_sold = units_sold + excluded.units_sold, revenue = revenue + excluded.revenue`)
}

// addOrder counts a purchase that belongs to an order.
func (s *statistics) addOrder(order, month int64, e *Event) {
	in := monthIn{month, e.Currency}
	m := s.orders[in]
	if m == nil {
		m = &monthOrders{orders: map[int64]bool{}}
		s.orders[in] = m
	}
	m.orders[order] = true
	m.purchases++
	m.units += e.Quantity
	m.revenue += e.amount()
}

// addOrdersMonthly counts an order where SQLite inserts its month, so once in
// each month whatever batches its purchases come in.
func (w *Writer) addOrdersMonthly(s *statistics) error {
	for in, m := range s.orders {
		for _, order := range slices.Sorted(maps.Keys(m.orders)) {
			if err := w.sql.orderMonths.add(order, in.month); err != nil {
				return err
			}
		}
		added, err := w.sql.orderMonths.flush()
		if err != nil {
			return err
		}
		if err := w.sql.ordersMonthly.add(in.month, in.currency, added, m.purchases, m.units, m.revenue); err != nil {
			return err
		}
	}
	_, err := w.sql.ordersMonthly.flush()
	return err
}
