package store

import (
	"crypto/sha256"
	"database/sql/driver"
	"encoding/binary"
	"maps"
	"slices"
)

const (
	keyBits   = 42 // as many as SQLite stores in six bytes
	rangeBits = 8  // the first bits of a key say in which range it is
	keyRanges = 1 << rangeBits
	// maxRecent bounds how many orders are in memory only: 16 bytes each, twice
	// as many rows to read at the start, and pages of order_keys that are
	// written the less often the more there are.
	maxRecent = 128 << 10
	// filterBits bounds the filter: with 10 million orders one look-up in seven
	// is made in vain, with 100 million three in four.
	filterBits = 26
)

// orderKey finds an order by its name. Two orders may have the same one; the
// second then has the next key that is free.
type orderKey int64

func hashOrder(n orderName) orderKey {
	var room [128]byte // so that nothing is allocated for most
	sum := sha256.Sum256(append(append(append(room[:0], n.currency...), 0), n.number...))
	return orderKey(binary.BigEndian.Uint64(sum[:8]) >> (64 - keyBits))
}

func (k orderKey) next() orderKey    { return (k + 1) % (1 << keyBits) }
func (k orderKey) keyRange() int     { return int(k >> (keyBits - rangeBits)) }
func firstKey(keyRange int) orderKey { return orderKey(keyRange) << (keyBits - rangeBits) }

// bit is the key's place in the filter.
func (k orderKey) bit() (word int, bit uint64) {
	n := k >> (keyBits - filterBits)
	return int(n / 64), 1 << (n % 64)
}

// orderSettings differ in tests.
type orderSettings struct {
	crowd  func(orderKey) orderKey // makes keys meet
	recent int                     // how many orders may be in memory only
}

// orderIndex says which order has a key. It is the table order_keys, and the
// latest orders in memory, which the table orders has too. When there are too
// many of these, those in the next of 256 ranges of keys are added to the
// table, so that few pages change and each of them by many keys.
//
// A filter of one bit for several keys says at once that most new keys are
// free. It is filled range by range, as they are written.
type orderIndex struct {
	orderSettings
	conn    driver.Conn
	latest  [keyRanges]map[orderKey]int64
	count   int        // of latest
	added   []orderKey // in this batch
	through [keyRanges]int64
	oldest  int // the range that is written next
	filter  []uint64
	filled  [keyRanges]bool

	find                           *lookup
	insert                         *bulk
	saveThrough, displace, inRange *statement
}

func newOrderIndex(conn driver.Conn, settings orderSettings) *orderIndex {
	x := &orderIndex{
		conn: conn, orderSettings: settings, filter: make([]uint64, 1<<(filterBits-6)),
		find:        newLookup(conn, `SELECT order_key, order_id FROM order_keys WHERE order_key IN`),
		insert:      newBulk(conn, `INSERT INTO order_keys (order_key, order_id)`, 2, ``),
		saveThrough: &statement{conn: conn, sql: `UPDATE order_key_ranges SET through = ? WHERE key_range = ?`},
		displace:    &statement{conn: conn, sql: `INSERT INTO displaced_orders (order_id, order_key) VALUES (?, ?)`},
		inRange:     &statement{conn: conn, sql: `SELECT order_key FROM order_keys WHERE order_key >= ? AND order_key < ?`},
	}
	for i := range x.latest {
		x.latest[i] = map[orderKey]int64{}
	}
	return x
}

// key returns the one that the order has if that is free.
func (x *orderIndex) key(n orderName) orderKey { return x.crowd(hashOrder(n)) }

// holders returns the orders that have the keys of the given ones.
func (x *orderIndex) holders(open []*order) (map[orderKey]int64, error) {
	held := map[orderKey]int64{}
	use := func(row []driver.Value) error {
		key, _ := row[0].(int64)
		held[orderKey(key)], _ = row[1].(int64)
		return nil
	}
	for _, o := range open {
		if id, ok := x.newest(o.key); ok {
			held[o.key] = id
		} else if x.mayBeStored(o.key) {
			if err := x.find.add(int64(o.key), 2, use); err != nil {
				return nil, err
			}
		}
	}
	return held, x.find.flush(2, use)
}

// newest returns the order that has the key, of those in memory.
func (x *orderIndex) newest(k orderKey) (id int64, ok bool) {
	id, ok = x.latest[k.keyRange()][k]
	return id, ok
}

func (x *orderIndex) mayBeStored(k orderKey) bool {
	word, bit := k.bit()
	return !x.filled[k.keyRange()] || x.filter[word]&bit != 0
}

// add gives the new order its key, which must be free.
func (x *orderIndex) add(o *order) error {
	x.remember(o.key, o.id)
	x.added = append(x.added, o.key)
	if o.key == o.wanted {
		return nil
	}
	_, err := x.displace.exec(o.id, int64(o.key))
	return err
}

func (x *orderIndex) remember(k orderKey, id int64) {
	x.latest[k.keyRange()][k] = id
	x.count++
}

// spill is the last step of a batch. It adds latest orders to the table while
// there are too many. last is the latest of all orders.
func (x *orderIndex) spill(last int64) error {
	x.added = x.added[:0]
	for x.count > x.recent {
		if err := x.write(x.oldest, last); err != nil {
			return err
		}
		x.oldest = (x.oldest + 1) % keyRanges
	}
	return nil
}

// write adds the latest orders of one range to the table.
func (x *orderIndex) write(keyRange int, last int64) error {
	latest := x.latest[keyRange]
	for _, k := range slices.Sorted(maps.Keys(latest)) {
		if err := x.insert.add(int64(k), latest[k]); err != nil {
			return err
		}
		x.mark(k)
	}
	if _, err := x.insert.flush(); err != nil {
		return err
	}
	x.count -= len(latest)
	clear(latest)
	x.through[keyRange] = last
	if _, err := x.saveThrough.exec(last, int64(keyRange)); err != nil {
		return err
	}
	return x.fill(keyRange)
}

func (x *orderIndex) mark(k orderKey) {
	word, bit := k.bit()
	x.filter[word] |= bit
}

// fill reads the range's keys into the filter, once.
func (x *orderIndex) fill(keyRange int) error {
	if x.filled[keyRange] {
		return nil
	}
	x.filled[keyRange] = true
	return x.inRange.each(1, func(row []driver.Value) error {
		k, _ := row[0].(int64)
		x.mark(orderKey(k))
		return nil
	}, int64(firstKey(keyRange)), int64(firstKey(keyRange+1)))
}

// forget takes back what the batch has added.
func (x *orderIndex) forget() {
	for _, k := range x.added {
		delete(x.latest[k.keyRange()], k)
	}
	x.count -= len(x.added)
	x.added = x.added[:0]
}

func (x *orderIndex) close() error {
	return closeAll(x.find, x.insert, x.saveThrough, x.displace, x.inRange)
}
