package store

import (
	"cmp"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
)

// names gives users, items and attributes their small integers, making new
// rows as needed within the transaction of the batch. For orders see [orders].
type names struct {
	users      *dictionary[struct{}]
	items      *dictionary[label]
	sets       *dictionary[[]member]
	attributes map[attribute]int64
	renamed    map[*named[label]]string // items whose label has changed in this batch

	findAttribute, insertAttribute *statement
	saveLabels                     *bulk
}

// label is what people call an item, and since which event's time.
type label struct {
	text string
	at   int64
}

type attribute struct{ name, value string }

// member is an attribute in a set.
type member struct {
	attribute int64
	sum       found
}

func newNames(conn driver.Conn) *names {
	return &names{
		users:           newDictionary(conn, "users", "user_id", "user", func([]driver.Value) struct{} { return struct{}{} }),
		items:           newDictionary(conn, "items", "item_id", "item", loadLabel, "item_name", "named_at"),
		sets:            newDictionary(conn, "attribute_sets", "attribute_set_id", "attributes", func([]driver.Value) []member { return nil }),
		attributes:      map[attribute]int64{},
		renamed:         map[*named[label]]string{},
		findAttribute:   &statement{conn: conn, sql: `SELECT attribute_id FROM attributes WHERE attribute = ? AND value = ?`},
		insertAttribute: &statement{conn: conn, sql: `INSERT INTO attributes (attribute, value) VALUES (?, ?) RETURNING attribute_id`},
		saveLabels: newBulk(conn, `INSERT INTO items (item_id, item, item_name, named_at)`, 4,
			`ON CONFLICT (item_id) DO UPDATE SET item_name = excluded.item_name, named_at = excluded.named_at`),
	}
}

func loadLabel(row []driver.Value) label {
	text, _ := row[0].(string)
	at, _ := row[1].(int64)
	return label{text, at}
}

// ask asks for the event's names.
func (n *names) ask(a *accepted) {
	e := &a.Event
	a.user, a.item = n.users.ask(e.User), n.items.ask(e.Item)
	if e.Attributes != "" {
		a.set = n.sets.ask(e.Attributes)
	}
}

// learn gives all names that were asked for their integers.
func (n *names) learn() error {
	if err := n.users.learn(); err != nil {
		return fmt.Errorf("users: %w", err)
	}
	if err := n.items.learn(); err != nil {
		return fmt.Errorf("items: %w", err)
	}
	if err := n.sets.learn(); err != nil {
		return fmt.Errorf("attributes: %w", err)
	}
	return nil
}

// members returns the attributes in the event's set.
func (n *names) members(a *accepted) ([]member, error) {
	if a.set == nil {
		return nil, nil
	}
	if a.set.also != nil {
		return a.set.also, nil
	}
	var pairs map[string]string
	if err := json.Unmarshal([]byte(a.Event.Attributes), &pairs); err != nil {
		return nil, fmt.Errorf("attributes %s: %w", a.Event.Attributes, err)
	}
	for name, value := range pairs {
		id, err := n.attribute(attribute{name, value})
		if err != nil {
			return nil, fmt.Errorf("attribute %s=%q: %w", name, value, err)
		}
		a.set.also = append(a.set.also, member{attribute: id})
	}
	return a.set.also, nil
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

// observeLabel keeps the name that the item's latest event gave it. Of two
// names at one time the greater wins, so that the order of arrival, which
// differs from one replay to the next, does not matter.
func (n *names) observeLabel(item *named[label], e *Event) {
	known := &item.also
	if e.ItemName == "" || e.OccurredAt < known.at || (e.OccurredAt == known.at && e.ItemName <= known.text) {
		return
	}
	known.text, known.at = e.ItemName, e.OccurredAt
	n.renamed[item] = e.Item
}

// flush writes the items' new labels.
func (n *names) flush() error {
	byID := func(a, b *named[label]) int { return cmp.Compare(a.id, b.id) }
	for _, item := range slices.SortedFunc(maps.Keys(n.renamed), byID) {
		if err := n.saveLabels.add(item.value, n.renamed[item], item.also.text, item.also.at); err != nil {
			return fmt.Errorf("name item %q %q: %w", n.renamed[item], item.also.text, err)
		}
	}
	clear(n.renamed)
	_, err := n.saveLabels.flush()
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
	clear(n.renamed)
}

func (n *names) close() error {
	return closeAll(n.users, n.items, n.sets, n.findAttribute, n.insertAttribute, n.saveLabels)
}
