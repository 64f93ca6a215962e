// Package purchase is the contract of the topic "purchases": the event that
// producers write there, its JSON form, its key, its identity, and the rules that
// make it valid. docs/events.md has the rules in words.
//
// The package does not connect to Kafka. It names the rule that an event breaks,
// and leaves it to the reader to act.
package purchase

import "time"

// Topic is the default name of the topic that carries purchases.
const Topic = "purchases"

// Op says what an event does to the statistics.
type Op string

// The operations. An absent op, or "purchase", adds a purchase or a return.
const (
	Add     Op = ""
	Retract Op = "retract" // takes back the event with the same EventID and Timestamp
)

// Event is one line of a purchase, one line of a return, or a retraction of
// either.
type Event struct {
	// Op is Add or Retract. A retraction needs EventID and Timestamp. Of the
	// other fields it uses only User, as the key, and RetractedAt.
	Op Op
	// User and Item identify the customer and the product. Required, 1 to
	// [MaxID] bytes.
	User string
	Item string
	// Timestamp is when the purchase happened. Required, with a zone, from
	// 1970 up to [MaxClockSkew] ahead of the reader's clock.
	Timestamp time.Time

	// EventID is the writer's identity for this event, at most [MaxID] bytes.
	// Two events with the same EventID and Timestamp count once. Empty if the
	// writer gave none.
	EventID string
	// OrderID groups the events of one order, at most [MaxID] bytes.
	OrderID string
	// ItemName is the item's name for people, at most [MaxName] bytes.
	ItemName string
	// Quantity is the number of units, negative for a return, never 0, at
	// most [MaxQuantity] either way. Absent on the topic means 1.
	Quantity int64
	// UnitPrice is the price of one unit, or nil if unknown. Never negative.
	UnitPrice *Micros
	// Amount is the total of the line, or nil if unknown. It takes precedence
	// over UnitPrice. The amount of a return may have either sign.
	Amount *Micros
	// Currency is the ISO 4217 code of the amount, or empty if unknown.
	Currency string
	// Attributes are further facts such as the country: at most
	// [MaxAttributes] names of 1 to [MaxAttributeName] bytes with values of at
	// most [MaxID] bytes.
	Attributes map[string]string
	// ImportedAt is when the import that wrote the event began, or zero if no
	// import did. RetractedAt is when a retraction was issued, or zero if
	// unknown. A retraction does not take back an event imported after it.
	ImportedAt, RetractedAt time.Time
}

// Limits of a valid event.
const (
	MaxValue         = 1 << 20 // bytes of one message on the topic
	MaxID            = 256     // bytes of user, item, event_id, order_id, an attribute's value
	MaxName          = 1024    // bytes of item_name
	MaxAttributes    = 32
	MaxAttributeName = 64 // bytes
	MaxQuantity      = 1_000_000_000
	// MaxClockSkew is how far a timestamp may be ahead of the reader's clock.
	MaxClockSkew = 24 * time.Hour
)

// Key returns the message key of the event: its user, so that one user's
// events keep their order. It is nil if the user is missing: such events go to
// any partition.
func (e *Event) Key() []byte {
	if e.User == "" {
		return nil
	}
	return []byte(e.User)
}

// Total returns the amount of the line: positive for a purchase, negative for a
// return, nil if neither Amount nor UnitPrice is known. The event must be valid.
func (e *Event) Total() *Micros {
	var total Micros
	switch {
	case e.Amount != nil:
		total = *e.Amount
	case e.UnitPrice != nil:
		total = Micros(e.Quantity) * *e.UnitPrice
	default:
		return nil
	}
	if e.Quantity < 0 && total > 0 {
		total = -total
	}
	return &total
}

func abs[N int64 | Micros](n N) N { return max(n, -n) }
