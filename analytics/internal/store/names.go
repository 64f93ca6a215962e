package store

import (
	"cmp"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/sqlitestmt"
)

// names resolves users, items and attributes to their small integers, making new
// rows as needed within the transaction of the batch. For orders see [orders].
type names struct {
	users        *dictionary[struct{}]
	items        *dictionary[batch.Label]
	sets         *dictionary[struct{}]
	attributes   map[batch.Attribute]int64
	attributeIDs []int64 // by their numbers in the batch

	findAttribute, insertAttribute *sqlitestmt.Statement
	labels, setEvents              *sqlitestmt.Bulk
}

func newNames(conn driver.Conn) *names {
	return &names{
		users:         newDictionary(conn, "users", "user_id", "user", nothing),
		items:         newDictionary(conn, "items", "item_id", "item", loadLabel, "item_name", "named_at"),
		sets:          newDictionary(conn, "attribute_sets", "attribute_set_id", "attributes", nothing),
		attributes:    map[batch.Attribute]int64{},
		findAttribute: sqlitestmt.New(conn, `SELECT attribute_id FROM attributes WHERE attribute = ? AND value = ?`),
		insertAttribute: sqlitestmt.New(conn,
			`INSERT INTO attributes (attribute, value) VALUES (?, ?) RETURNING attribute_id`),
		labels: sqlitestmt.NewBulk(conn, `INSERT INTO items (item_id, item, item_name, named_at)`, 4,
			`ON CONFLICT (item_id) DO UPDATE SET item_name = excluded.item_name, named_at = excluded.named_at`),
		setEvents: sqlitestmt.NewBulk(conn, `INSERT INTO attribute_sets (attribute_set_id, attributes, events)`, 3,
			`ON CONFLICT (attribute_set_id) DO UPDATE SET events = events + excluded.events`),
	}
}

func nothing([]driver.Value) (none struct{}) { return none }

func loadLabel(row []driver.Value) batch.Label {
	text, _ := row[0].(string)
	at, _ := row[1].(int64)
	return batch.Label{Text: text, At: at}
}

// resolve gives all names of the batch their integers.
func (n *names) resolve(b *batch.Batch) error {
	if err := n.users.resolve(b.Users.Values); err != nil {
		return fmt.Errorf("users: %w", err)
	}
	if err := n.items.resolve(b.Items.Values); err != nil {
		return fmt.Errorf("items: %w", err)
	}
	if err := n.sets.resolve(b.Sets.Values); err != nil {
		return fmt.Errorf("attributes: %w", err)
	}
	n.attributeIDs = n.attributeIDs[:0]
	for _, a := range b.Attributes.Values {
		id, err := n.attribute(a)
		if err != nil {
			return fmt.Errorf("attribute %.60q=%.60q: %w", a.Name, a.Value, err)
		}
		n.attributeIDs = append(n.attributeIDs, id)
	}
	return nil
}

// attribute returns the pair's integer, from the cache, the table or a new row.
func (n *names) attribute(a batch.Attribute) (int64, error) {
	if id, ok := n.attributes[a]; ok {
		return id, nil
	}
	for _, s := range []*sqlitestmt.Statement{n.findAttribute, n.insertAttribute} {
		id, err := s.Integer(a.Name, a.Value)
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

// save writes the items' new labels, and how many events have each set.
func (n *names) save(b *batch.Batch) error {
	var renamed []int
	for number, row := range n.items.rows {
		if row.also.Update(b.Labels[number]) {
			renamed = append(renamed, number)
		}
	}
	slices.SortFunc(renamed, func(x, y int) int { return cmp.Compare(n.items.integers[x], n.items.integers[y]) })
	for _, number := range renamed {
		item, row := b.Items.Values[number], n.items.rows[number]
		if err := n.labels.Add(row.value, item, row.also.Text, row.also.At); err != nil {
			return fmt.Errorf("name item %.60q %.60q: %w", item, row.also.Text, err)
		}
	}
	if _, err := n.labels.Flush(); err != nil {
		return err
	}
	for number, row := range n.sets.rows {
		if err := n.setEvents.Add(row.value, b.Sets.Values[number], b.SetEvents[number]); err != nil {
			return fmt.Errorf("count the events with attributes %.60q: %w", b.Sets.Values[number], err)
		}
	}
	_, err := n.setEvents.Flush()
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
// come from was rolled back.
func (n *names) forget() {
	n.users.forget()
	n.items.forget()
	n.sets.forget()
	clear(n.attributes)
}

// Close frees the statements.
func (n *names) Close() error {
	return sqlitestmt.CloseAll(n.users, n.items, n.sets, n.findAttribute, n.insertAttribute, n.labels, n.setEvents)
}
