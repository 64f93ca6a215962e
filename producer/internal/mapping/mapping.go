// Package mapping turns the rows of package rows into events of the topic
// purchases: it says which column gives which field of the event, and reads the
// text of the cells.
//
// It does not validate. What has no form as an event, such as a quantity that
// is no number, is an error; what is merely not acceptable, such as an empty
// user, is for the reader of the topic to judge.
package mapping

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"purchases/producer/internal/number"
)

const attributePrefix = "attributes."

// Fields are the names of the event's fields, as its JSON form has them, but
// for attributes, each of which is a field "attributes.NAME".
func Fields() []string {
	return []string{
		"event_id", "user", "item", "item_name", "quantity", "unit_price", "amount", "currency", "order_id", "timestamp",
	}
}

// required are the fields that every event has.
var required = []string{"user", "item", "timestamp"}

// CheckField fails on a name that is no field of the event.
func CheckField(name string) error {
	if slices.Contains(Fields(), name) || (strings.HasPrefix(name, attributePrefix) && name != attributePrefix) {
		return nil
	}
	return fmt.Errorf("%.60q is not a field of a purchase; the fields are %s and attributes.NAME",
		name, strings.Join(Fields(), ", "))
}

// Mapping says where the fields of an event come from. A field that it does not
// name comes from the column, or the member of a JSON object, of its own name.
// The zero value so reads files that have the fields' own names. The names of a
// table's columns match without regard to case, spaces, _ and -.
type Mapping struct {
	// Columns gives fields their column, their member (customer.id for a
	// nested one), or an expression over these.
	Columns map[string]string
	// Constants gives fields the same text in every event.
	Constants map[string]string
	// Defaults gives fields the text for cells that are empty or absent.
	Defaults map[string]string
	// Where is a condition; rows for which it is false are left out. Empty
	// leaves nothing out.
	Where string
	// Fill are fields or columns of a table whose empty cells have what stands
	// in the row before, where both rows have the same order_id.
	Fill []string
	// FillOptional says that Fill may name columns that a file does not have.
	FillOptional bool
	// Each is a member that holds an array: each of its elements is a row.
	Each string
	// ID are columns, members or expressions that identify a row, in place of
	// its content.
	ID []string
	// TimeLayouts are those of package instant, the first that fits a timestamp
	// reads it. None means RFC 3339.
	TimeLayouts []string
	// Zone is where timestamps without one were written. Nil means UTC.
	Zone *time.Location
	// Style is how numbers are written.
	Style number.Style
	// Nulls are texts that mean an empty cell, besides \N and NULL.
	Nulls []string
}

// With returns the mapping changed by what the other one says. It fails where
// the other one contradicts itself.
func (m Mapping) With(other Mapping) (Mapping, error) {
	for field := range other.Columns {
		if _, twice := other.Constants[field]; twice {
			return m, fmt.Errorf("%s has both a column and a constant; for empty cells give it a default", field)
		}
	}
	m.Columns, m.Constants, m.Defaults = clone(m.Columns), clone(m.Constants), clone(m.Defaults)
	for field, column := range other.Columns {
		m.Columns[field] = column
		delete(m.Constants, field)
	}
	for field, text := range other.Constants {
		m.Constants[field] = text
		delete(m.Columns, field)
	}
	maps.Copy(m.Defaults, other.Defaults)
	if other.Fill != nil {
		m.Fill, m.FillOptional = other.Fill, other.FillOptional
	}
	m.Where, m.Each = firstText(other.Where, m.Where), firstText(other.Each, m.Each)
	m.ID, m.Nulls = firstList(other.ID, m.ID), firstList(other.Nulls, m.Nulls)
	m.TimeLayouts = firstList(other.TimeLayouts, m.TimeLayouts)
	if other.Zone != nil {
		m.Zone = other.Zone
	}
	m.Style.DecimalComma = m.Style.DecimalComma || other.Style.DecimalComma
	return m, nil
}

func firstText(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func firstList(a, b []string) []string {
	if a != nil {
		return a
	}
	return b
}

func clone(in map[string]string) map[string]string {
	out := make(map[string]string, len(in))
	maps.Copy(out, in)
	return out
}

// asIs says that JSON is read as the topic's contract reads it.
func (m Mapping) asIs() bool {
	return len(m.Columns)+len(m.Constants)+len(m.Defaults)+len(m.Fill)+len(m.ID)+len(m.Nulls)+len(m.TimeLayouts) == 0 &&
		m.Where == "" && m.Each == "" && m.Zone == nil && !m.Style.DecimalComma
}

// named are the fields that the mapping names, in order.
func (m Mapping) named() []string {
	all := clone(m.Columns)
	maps.Copy(all, m.Constants)
	maps.Copy(all, m.Defaults)
	return slices.Sorted(maps.Keys(all))
}

// isNull says that a cell is empty.
func (m *Mapping) isNull(cell string) bool {
	switch cell {
	case "", `\N`, "NULL":
		return true
	}
	return blank(cell) || len(m.Nulls) > 0 && slices.Contains(m.Nulls, cell)
}

// blank says that a text has nothing but white space.
func blank(s string) bool {
	if s != "" && s[0] > ' ' && s[0] < utf8.RuneSelf {
		return false // what most texts begin with
	}
	return strings.TrimSpace(s) == ""
}
