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

// Op says what an event does to the statistics.
type Op string

// The operations. An absent op, or "purchase", adds a purchase or a return.
const (
	Add     Op = ""
	Retract Op = "retract" // takes back the event with the same EventID and Timestamp
)

// Event is one line of a purchase or of a return, as it stands on the topic,
// or the retraction of one.
type Event struct {
	// Op is Add or Retract. A retraction needs EventID and Timestamp; of the
	// other fields only User, as the key, and RetractedAt have a meaning in it.
	Op Op
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
	// Amount is the total of the line, or nil when unknown. It counts where
	// UnitPrice is given too. That of a return may have either sign.
	Amount *Micros
	// Currency is the ISO 4217 code of the amount, or empty when unknown.
	Currency string
	// Attributes are further facts such as the country: at most
	// [MaxAttributes] names of 1 to [MaxAttributeName] bytes with values of at
	// most [MaxID] bytes.
	Attributes map[string]string
	// ImportedAt is when the import that wrote the event began, zero when no
	// import did. RetractedAt is when a retraction was issued, zero when
	// unknown. A retraction takes back no event that was imported after it.
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
// events keep their order. It is nil when the user is missing, which spreads
// such events over all partitions.
func (e *Event) Key() []byte {
	if e.User == "" {
		return nil
	}
	return []byte(e.User)
}

// Total returns the amount of the line with the sign of the quantity: what was
// paid, or for a return, what was paid back, as a negative number. It is nil
// when neither Amount nor UnitPrice is known. The event must be valid.
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
