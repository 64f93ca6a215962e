// Package purchase is the contract of the topic "purchases": the event that
// producers write there, its JSON form, its key, and the rules that make it
// valid. Anybody may write the topic; this package says what is accepted.
//
// It does not connect to Kafka and does not decide what happens to an event
// that breaks a rule: it names the rule, and the reader acts.
package purchase

import "time"

// Topic is the default name of the topic that carries purchases.
const Topic = "purchases"

// Event is one line of a purchase or of a return, as it stands on the topic.
type Event struct {
	// User and Item identify who bought what. Required, 1 to [MaxID] bytes.
	User string
	Item string
	// Timestamp is when the purchase happened. Required, with a zone, from
	// 1970 up to [MaxClockSkew] ahead of the reader's clock.
	Timestamp time.Time

	// EventID is the writer's identity for this event, at most [MaxID] bytes.
	// Two events with one id and one timestamp count once. Empty when the
	// writer gave none.
	EventID string
	// OrderID groups the events of one order, at most [MaxID] bytes.
	OrderID string
	// ItemName is what people call the item, at most [MaxName] bytes.
	ItemName string
	// Quantity is the number of units, negative for a return, never 0, at
	// most [MaxQuantity] either way. Absent on the topic means 1.
	Quantity int64
	// UnitPrice is the price of one unit, or nil when unknown. Never negative.
	UnitPrice *Micros
	// Currency is the ISO 4217 code of UnitPrice, or empty when unknown.
	Currency string
	// Attributes are further facts such as the country: at most
	// [MaxAttributes] names of 1 to [MaxAttributeName] bytes with values of at
	// most [MaxID] bytes.
	Attributes map[string]string
}

// Limits of a valid event.
const (
	MaxValue         = 1 << 20 // bytes of one message on the topic
	MaxID            = 256     // bytes of user, item, event_id, order_id, an attribute's value
	MaxName          = 1024    // bytes of item_name
	MaxAttributes    = 32
	MaxAttributeName = 64 // bytes
	MaxQuantity      = 1_000_000_000
	// MaxAmount bounds the price and quantity × price: a thousand million
	// units of the currency, so that sums of int64 micros have room.
	MaxAmount = Micros(1_000_000_000 * microsPerUnit)
	// MaxClockSkew is how far a timestamp may be ahead of the reader's clock.
	MaxClockSkew = 24 * time.Hour
)

// Key returns the message key of the event: its user, so that one user's
// events keep their order. It is nil when the user is missing, which spreads
// such events over all partitions.
func (e *Event) Key() []byte {
	if e.User == "" {
		return nil
	}
	return []byte(e.User)
}

// Amount returns |quantity| × unit price, and 0 when the price is unknown.
// The event must be valid: its amount then fits.
func (e *Event) Amount() Micros {
	if e.UnitPrice == nil {
		return 0
	}
	return Micros(abs(e.Quantity)) * *e.UnitPrice
}

func abs(n int64) int64 { return max(n, -n) }
