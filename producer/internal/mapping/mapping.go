// Package mapping turns the rows of package rows into messages of the topic
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
)

const attributePrefix = "attributes."

// Fields are the names of the event's fields, as its JSON form has them, but
// for attributes, each of which is a field "attributes.NAME".
func Fields() []string {
	return []string{"event_id", "user", "item", "item_name", "quantity", "unit_price", "currency", "order_id", "timestamp"}
}

// CheckField fails on a name that is no field of the event.
func CheckField(name string) error {
	if slices.Contains(Fields(), name) || (strings.HasPrefix(name, attributePrefix) && name != attributePrefix) {
		return nil
	}
	return fmt.Errorf("%q is no field of a purchase; the fields are %s and attributes.NAME", name, strings.Join(Fields(), ", "))
}

// Names of time layouts, in place of a layout of package time.
const (
	RFC3339    = "rfc3339"
	UnixSecond = "unix"
	UnixMilli  = "unix-ms"
)

// Mapping says where the fields of an event come from. A field that it does not
// name comes from the column, or the member of a JSON object, of its own name.
// The zero value so reads files that have the fields' own names.
type Mapping struct {
	// Columns gives fields their column, or their top-level member.
	Columns map[string]string
	// Constants gives fields the same text in every event.
	Constants map[string]string
	// Defaults gives fields the text for cells that are empty or absent.
	Defaults map[string]string
	// TimeLayout is that of timestamps: one of package time or of the names
	// above. Empty means RFC3339.
	TimeLayout string
	// Zone is where timestamps without one were written. Nil means UTC.
	Zone *time.Location
}

// OnlineRetail is the mapping of the file "Online Retail" of the UCI Machine
// Learning Repository, as CSV.
func OnlineRetail() Mapping {
	return Mapping{
		Columns: map[string]string{
			"user": "CustomerID", "item": "StockCode", "item_name": "Description", "quantity": "Quantity",
			"timestamp": "InvoiceDate", "unit_price": "UnitPrice", "order_id": "InvoiceNo",
			"attributes.country": "Country",
		},
		Constants:  map[string]string{"currency": "GBP"},
		TimeLayout: "1/2/2006 15:04",
	}
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
	if other.TimeLayout != "" {
		m.TimeLayout = other.TimeLayout
	}
	if other.Zone != nil {
		m.Zone = other.Zone
	}
	return m, nil
}

func clone(in map[string]string) map[string]string {
	out := make(map[string]string, len(in))
	maps.Copy(out, in)
	return out
}

// asIs says that JSON lines pass through.
func (m Mapping) asIs() bool {
	return len(m.Columns)+len(m.Constants)+len(m.Defaults) == 0 && m.TimeLayout == "" && m.Zone == nil
}

// named are the fields that the mapping names, in order.
func (m Mapping) named() []string {
	all := clone(m.Columns)
	maps.Copy(all, m.Constants)
	maps.Copy(all, m.Defaults)
	return slices.Sorted(maps.Keys(all))
}
