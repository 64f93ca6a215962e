package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/mattn/go-sqlite3"
)

// maxCached bounds each cache of names. A full cache is emptied: the names in
// use return to it at the cost of one lookup each.
const maxCached = 100_000

// names gives users, items, orders and attributes their small integers, making
// new rows as needed within the transaction of the batch.
type names struct {
	users, items, sets, attributes *dictionary
	orders                         map[pair]int64 // number and currency, see learnOrders
	itemNames                      map[int64]itemName
	renamed                        map[int64]itemName
	loadName, saveName             *statement
	members                        map[int64][]int64 // attribute set → attributes
	insertOrders                   *bulk
	findOrders                     *statement
	countOrders                    *statement
}

// itemName is what people call an item, and since which event's time.
type itemName struct {
	name string
	at   int64
}

// eventNames are the integers of one event. order and attributeSet are nil
// when the event has none.
type eventNames struct {
	user, item          int64
	order, attributeSet any
	attributes          []int64
}

func newNames(conn *sqlite3.SQLiteConn) *names {
	return &names{
		users: newDictionary(conn, 1, `SELECT user_id FROM users WHERE user = ?`,
			`INSERT INTO users (user) VALUES (?) ON CONFLICT DO NOTHING RETURNING user_id`),
		items: newDictionary(conn, 1, `SELECT item_id FROM items WHERE item = ?`,
			`INSERT INTO items (item) VALUES (?) ON CONFLICT DO NOTHING RETURNING item_id`),
		orders: map[pair]int64{},
		sets: newDictionary(conn, 1, `SELECT attribute_set_id FROM attribute_sets WHERE attributes = ?`,
			`INSERT INTO attribute_sets (attributes) VALUES (?) ON CONFLICT DO NOTHING RETURNING attribute_set_id`),
		attributes: newDictionary(conn, 2, `SELECT attribute_id FROM attributes WHERE attribute = ? AND value = ?`,
			`INSERT INTO attributes (attribute, value) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING attribute_id`),
		itemNames:    map[int64]itemName{},
		renamed:      map[int64]itemName{},
		loadName:     &statement{conn: conn, sql: `SELECT item_name, named_at FROM items WHERE item_id = ?`},
		saveName:     &statement{conn: conn, sql: `UPDATE items SET item_name = ?, named_at = ? WHERE item_id = ?`},
		members:      map[int64][]int64{},
		insertOrders: newBulk(conn, `INSERT INTO orders (order_number, currency)`, 2, `ON CONFLICT DO NOTHING`),
		findOrders: &statement{conn: conn, sql: `SELECT order_number, order_id FROM orders WHERE currency = ? AND order_number IN (` +
			strings.Repeat("?,", ordersAtOnce-1) + `?)`},
		countOrders: &statement{conn: conn, sql: `INSERT INTO totals (currency, orders) VALUES (?, ?)
			ON CONFLICT DO UPDATE SET orders = orders + excluded.orders`},
	}
}

// resolve returns the integers of the event's names.
func (n *names) resolve(e *Event) (ids eventNames, err error) {
	if ids.user, err = n.users.find(e.User, ""); err != nil {
		return ids, fmt.Errorf("user %q: %w", e.User, err)
	}
	if ids.item, err = n.items.find(e.Item, ""); err != nil {
		return ids, fmt.Errorf("item %q: %w", e.Item, err)
	}
	if err = n.observeName(ids.item, e); err != nil {
		return ids, fmt.Errorf("name of item %q: %w", e.Item, err)
	}
	if e.OrderNumber != "" {
		ids.order = n.orders[pair{e.OrderNumber, e.Currency}]
	}
	if e.Attributes != "" {
		err = n.resolveAttributes(e.Attributes, &ids)
	}
	return ids, err
}

func (n *names) resolveAttributes(object string, ids *eventNames) error {
	set, err := n.sets.find(object, "")
	if err != nil {
		return fmt.Errorf("attributes %s: %w", object, err)
	}
	ids.attributeSet = set
	if members, ok := n.members[set]; ok {
		ids.attributes = members
		return nil
	}
	var pairs map[string]string
	if err := json.Unmarshal([]byte(object), &pairs); err != nil {
		return fmt.Errorf("attributes %s: %w", object, err)
	}
	for name, value := range pairs {
		id, err := n.attributes.find(name, value)
		if err != nil {
			return fmt.Errorf("attribute %s=%q: %w", name, value, err)
		}
		ids.attributes = append(ids.attributes, id)
	}
	if len(n.members) >= maxCached {
		clear(n.members)
	}
	n.members[set] = ids.attributes
	return nil
}

// observeName keeps the name that the item's latest event gave it. Of two
// names at one time the greater wins, so that the order of arrival, which
// differs from one replay to the next, does not matter.
func (n *names) observeName(item int64, e *Event) error {
	if e.ItemName == "" {
		return nil
	}
	known, ok := n.itemNames[item]
	if !ok {
		var err error
		if known, err = n.storedName(item); err != nil {
			return err
		}
	}
	if e.OccurredAt > known.at || (e.OccurredAt == known.at && e.ItemName > known.name) {
		known = itemName{e.ItemName, e.OccurredAt}
		n.renamed[item] = known
	}
	n.itemNames[item] = known
	return nil
}

func (n *names) storedName(item int64) (itemName, error) {
	if renamed, ok := n.renamed[item]; ok {
		return renamed, nil
	}
	if len(n.itemNames) >= maxCached {
		clear(n.itemNames)
	}
	var row [2]driver.Value
	if _, err := n.loadName.row(row[:], item); err != nil {
		return itemName{}, err
	}
	name, _ := row[0].(string)
	at, _ := row[1].(int64)
	return itemName{name, at}, nil
}

// flush writes the items' new names.
func (n *names) flush() error {
	for item, name := range n.renamed {
		if _, err := n.saveName.exec(name.name, name.at, item); err != nil {
			return fmt.Errorf("name item %d %q: %w", item, name.name, err)
		}
	}
	clear(n.renamed)
	return nil
}

// forget drops all that is cached, because the transaction that it may have
// come from was taken back.
func (n *names) forget() {
	for _, d := range n.dictionaries() {
		clear(d.known)
	}
	clear(n.itemNames)
	clear(n.renamed)
	clear(n.members)
	clear(n.orders)
}

func (n *names) dictionaries() []*dictionary {
	return []*dictionary{n.users, n.items, n.sets, n.attributes}
}

func (n *names) close() error {
	errs := []error{n.loadName.close(), n.saveName.close(), n.insertOrders.close(), n.findOrders.close(), n.countOrders.close()}
	for _, d := range n.dictionaries() {
		errs = append(errs, d.lookUp.close(), d.insert.close())
	}
	return errors.Join(errs...)
}

// dictionary is one table of names, with the rows in use cached.
type dictionary struct {
	parts          int // of a name: 1 or 2
	known          map[pair]int64
	lookUp, insert *statement
}

// pair is a name, in some tables with a second part.
type pair struct{ first, second string }

func newDictionary(conn *sqlite3.SQLiteConn, parts int, lookUp, insert string) *dictionary {
	return &dictionary{
		parts:  parts,
		known:  map[pair]int64{},
		lookUp: &statement{conn: conn, sql: lookUp},
		insert: &statement{conn: conn, sql: insert},
	}
}

// find returns the name's integer, from the cache, the table or a new row.
// second is empty where the table has names of one part.
func (d *dictionary) find(first, second string) (int64, error) {
	name := pair{first, second}
	if id, ok := d.known[name]; ok {
		return id, nil
	}
	var row [1]driver.Value
	for _, s := range []*statement{d.lookUp, d.insert} {
		found, err := s.row(row[:], []any{first, second}[:d.parts]...)
		if err != nil {
			return 0, err
		}
		if id, ok := row[0].(int64); ok && found {
			d.remember(name, id)
			return id, nil
		}
	}
	return 0, errNoName
}

// errNoName cannot happen: a name is either there or can be inserted.
var errNoName = errors.New("neither found nor inserted")

func (d *dictionary) remember(name pair, id int64) {
	if len(d.known) >= maxCached {
		clear(d.known)
	}
	d.known[name] = id
}
