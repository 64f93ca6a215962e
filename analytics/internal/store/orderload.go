package store

import (
	"cmp"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
)

// load reads the orders that are not in the table order_keys. last is the
// latest of all orders.
func (x *orderIndex) load(last int64) error {
	known, err := x.loadThrough()
	if err != nil {
		return fmt.Errorf("read the ranges of order_keys: %w", err)
	}
	if !known {
		if err := x.build(last); err != nil {
			return fmt.Errorf("index %d orders: %w", last, err)
		}
		return nil
	}
	displaced, err := x.loadDisplaced()
	if err != nil {
		return fmt.Errorf("read the displaced orders: %w", err)
	}
	err = x.eachOrder(slices.Min(x.through[:]), func(name orderName, id int64) error {
		k, ok := displaced[id]
		if !ok {
			k = x.key(name)
		}
		if id > x.through[k.keyRange()] {
			x.remember(k, id)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the latest orders: %w", err)
	}
	return nil
}

// loadThrough says whether there are ranges yet.
func (x *orderIndex) loadThrough() (known bool, err error) {
	s := &statement{conn: x.conn, sql: `SELECT key_range, through FROM order_key_ranges`}
	err = s.each(2, func(row []driver.Value) error {
		keyRange, _ := row[0].(int64)
		x.through[keyRange%keyRanges], _ = row[1].(int64)
		known = true
		return nil
	})
	x.oldest = slices.Index(x.through[:], slices.Min(x.through[:]))
	return known, errors.Join(err, s.close())
}

func (x *orderIndex) loadDisplaced() (map[int64]orderKey, error) {
	s := &statement{conn: x.conn, sql: `SELECT order_id, order_key FROM displaced_orders`}
	displaced := map[int64]orderKey{}
	err := s.each(2, func(row []driver.Value) error {
		id, _ := row[0].(int64)
		k, _ := row[1].(int64)
		displaced[id] = orderKey(k)
		return nil
	})
	return displaced, errors.Join(err, s.close())
}

func (x *orderIndex) eachOrder(after int64, use func(orderName, int64) error) error {
	s := &statement{conn: x.conn, sql: `SELECT order_id, order_number, currency FROM orders WHERE order_id > ? ORDER BY order_id`}
	err := s.each(3, func(row []driver.Value) error {
		id, _ := row[0].(int64)
		number, _ := row[1].(string)
		currency, _ := row[2].(string)
		return use(orderName{number, currency}, id)
	}, after)
	return errors.Join(err, s.close())
}

// build is for a database that has no ranges yet: a new one, or one with orders
// from before there was an index, which it adds to the table in one
// transaction.
func (x *orderIndex) build(last int64) error {
	b := &indexBuild{
		x:      x,
		insert: &statement{conn: x.conn, sql: `INSERT INTO order_keys (order_key, order_id) VALUES (?, ?) ON CONFLICT DO NOTHING`},
		extent: newBulk(x.conn, `INSERT INTO order_key_ranges (key_range, through)`, 2, ``),
	}
	err := execute(x.conn, "BEGIN IMMEDIATE")
	if err == nil {
		err = b.run(last)
	}
	if err == nil {
		err = execute(x.conn, "COMMIT")
	}
	return errors.Join(err, closeAll(b.insert, b.extent))
}

// indexBuild adds orders to the table, as many at once as fit into memory, in
// the order of their keys.
type indexBuild struct {
	x      *orderIndex
	queue  []*order
	insert *statement
	extent *bulk
}

func (b *indexBuild) run(last int64) error {
	err := b.x.eachOrder(0, func(name orderName, id int64) error {
		b.queue = append(b.queue, &order{orderName: name, id: id, key: b.x.key(name)})
		if len(b.queue) < b.x.recent {
			return nil
		}
		return b.drain()
	})
	if err == nil {
		err = b.drain()
	}
	for i := range keyRanges {
		b.x.filled[i], b.x.through[i] = true, last
		err = errors.Join(err, b.extent.add(int64(i), last))
	}
	_, flushErr := b.extent.flush()
	return errors.Join(err, flushErr)
}

func (b *indexBuild) drain() error {
	slices.SortFunc(b.queue, func(a, b *order) int { return cmp.Compare(a.key, b.key) })
	for _, o := range b.queue {
		if err := b.store(o); err != nil {
			return fmt.Errorf("order %q: %w", o.number, err)
		}
	}
	b.queue = b.queue[:0]
	return nil
}

// store takes the first key that is free.
func (b *indexBuild) store(o *order) error {
	wanted := o.key
	for {
		inserted, err := b.insert.exec(int64(o.key), o.id)
		if err != nil {
			return err
		}
		if inserted == 1 {
			break
		}
		o.key = o.key.next()
	}
	b.x.mark(o.key)
	if o.key == wanted {
		return nil
	}
	_, err := b.x.displace.exec(o.id, int64(o.key))
	return err
}
