package store

import (
	"cmp"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
)

// names gives users, items and attributes their small integers, making new
// rows as needed within the transaction of the batch. For orders see [orders].
type names struct {
	users        *dictionary[struct{}]
	items        *dictionary[label]
	sets         *dictionary[struct{}]
	attributes   map[attribute]int64
	attributeIDs []int64 // by their numbers in the batch

	findAttribute, insertAttribute *statement
	labels                         *bulk
}

// label is what people call an item, and since which event's time.
type label struct {
	text string
	at   int64
}

type attribute struct{ name, value string }

// observe keeps the name that the item's latest event gave it. Of two names at
// one time the greater wins, so that the order of arrival, which differs from one
// replay to the next, does not matter.
func (l *label) observe(e *Event) { l.update(label{e.ItemName, e.OccurredAt}) }

// update takes the other label if it is to be preferred, and says whether.
func (l *label) update(other label) bool {
	if other.text == "" || other.at < l.at || (other.at == l.at && other.text <= l.text) {
		return false
	}
	*l = other
	return true
}

func newNames(conn driver.Conn) *names {
	return &names{
		users:           newDictionary(conn, "users", "user_id", "user", nothing),
		items:           newDictionary(conn, "items", "item_id", "item", loadLabel, "item_name", "named_at"),
		sets:            newDictionary(conn, "attribute_sets", "attribute_set_id", "attributes", nothing),
		attributes:      map[attribute]int64{},
		findAttribute:   &statement{conn: conn, sql: `SELECT attribute_id FROM attributes WHERE attribute = ? AND value = ?`},
		insertAttribute: &statement{conn: conn, sql: `INSERT INTO attributes (attribute, value) VALUES (?, ?) RETURNING attribute_id`},
		labels: newBulk(conn, `INSERT INTO items (item_id, item, item_name, named_at)`, 4,
			`ON CONFLICT (item_id) DO UPDATE SET item_name = excluded.item_name, named_at = excluded.named_at`),
	}
}

func nothing([]driver.Value) (none struct{}) { return none }

func loadLabel(row []driver.Value) label {
	text, _ := row[0].(string)
	at, _ := row[1].(int64)
	return label{text, at}
}

// learn gives all names of the batch their integers.
func (n *names) learn(b *Batch) error {
	if err := n.users.learn(b.users.values); err != nil {
		return fmt.Errorf("users: %w", err)
	}
	if err := n.items.learn(b.items.values); err != nil {
		return fmt.Errorf("items: %w", err)
	}
	if err := n.sets.learn(b.sets.values); err != nil {
		return fmt.Errorf("attributes: %w", err)
	}
	n.attributeIDs = n.attributeIDs[:0]
	for _, a := range b.attributes.values {
		id, err := n.attribute(a)
		if err != nil {
			return fmt.Errorf("attribute %s=%q: %w", a.name, a.value, err)
		}
		n.attributeIDs = append(n.attributeIDs, id)
	}
	return nil
}

// attribute returns the pair's integer, from the cache, the table or a new row.
func (n *names) attribute(a attribute) (int64, error) {
	if id, ok := n.attributes[a]; ok {
		return id, nil
	}
	for _, s := range []*statement{n.findAttribute, n.insertAttribute} {
		id, err := s.integer(a.name, a.value)
		if err != nil {
			return 0, err
		}
		if id != 0 {
			n.attributes[a] = id
			return id, nil
		}
	}
	return 0, errors.New("neither found nor inserted")
}

// saveLabels writes the items' new labels.
func (n *names) saveLabels(b *Batch) error {
	var renamed []int
	for number, row := range n.items.rows {
		if row.also.update(b.labels[number]) {
			renamed = append(renamed, number)
		}
	}
	slices.SortFunc(renamed, func(x, y int) int { return cmp.Compare(n.items.integers[x], n.items.integers[y]) })
	for _, number := range renamed {
		item, row := b.items.values[number], n.items.rows[number]
		if err := n.labels.add(row.value, item, row.also.text, row.also.at); err != nil {
			return fmt.Errorf("name item %q %q: %w", item, row.also.text, err)
		}
	}
	_, err := n.labels.flush()
	return err
}

// trim bounds the caches between two batches.
func (n *names) trim() {
	n.users.trim()
	n.items.trim()
	n.sets.trim()
	if len(n.attributes) >= maxCached {
		clear(n.attributes)
	}
}

// forget drops all that is cached, because the transaction that it may have
// come from was taken back.
func (n *names) forget() {
	n.users.forget()
	n.items.forget()
	n.sets.forget()
	clear(n.attributes)
}

func (n *names) close() error {
	return closeAll(n.users, n.items, n.sets, n.findAttribute, n.insertAttribute, n.labels)
}
