package purchase

import (
	"bytes"
	"errors"
	"io"
	"math/bits"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Decode reads the JSON form of an event. It takes every spelling whose meaning
// is beyond doubt, as docs/events.md lists them, and ignores members that it
// does not know. The error is an [*Invalid] with the first rule broken; the
// event then holds all the members that could be read. Decode does not call
// Normalize or Validate.
func Decode(value []byte) (Event, error) {
	if err := checkValue(value); err != nil {
		return Event{}, err
	}
	r := readers.Get().(*reader)
	defer r.release()
	r.buffer = *bytes.NewBuffer(value)
	r.json.Reset(&r.buffer, readOptions)
	r.text, r.event.Quantity = string(value), 1
	if !utf8.Valid(value) {
		r.err = errInvalidUTF8
	}
	err := r.read()
	return r.event, err
}

// reader reads one event. It is kept for the next one.
type reader struct {
	buffer bytes.Buffer
	json   *jsontext.Decoder
	text   string // the value, whose memory the event's texts share
	event  Event
	seen   uint16 // members, by their bit
	err    error  // the first rule broken

	misspelt string // a member whose name is in the wrong case
	inner    string // an unknown member that holds an object
}

// Duplicate names are told by the reader itself, which can go on after them.
var readOptions = jsontext.AllowDuplicateNames(true)

var readers = sync.Pool{New: func() any { return &reader{json: new(jsontext.Decoder)} }}

func (r *reader) release() {
	*r = reader{json: r.json}
	readers.Put(r)
}

// member is a member of an event's JSON. Each has its bit in reader.seen.
type member struct {
	name   string
	reason Reason // of a value that read refuses
	read   func(e *Event, value string) error
}

var members = [...]member{
	{"event_id", InvalidType, func(e *Event, v string) (err error) { e.EventID, err = readID(v); return err }},
	{"user", InvalidType, func(e *Event, v string) (err error) { e.User, err = readID(v); return err }},
	{"item", InvalidType, func(e *Event, v string) (err error) { e.Item, err = readID(v); return err }},
	{"item_name", InvalidType, func(e *Event, v string) (err error) { e.ItemName, err = readText(v); return err }},
	{"quantity", InvalidQuantity, func(e *Event, v string) (err error) { e.Quantity, err = readQuantity(v); return err }},
	{"unit_price", InvalidPrice, func(e *Event, v string) (err error) { e.UnitPrice, err = readMoney(v); return err }},
	{"amount", InvalidAmount, func(e *Event, v string) (err error) { e.Amount, err = readMoney(v); return err }},
	{"currency", InvalidType, func(e *Event, v string) (err error) { e.Currency, err = readText(v); return err }},
	{"order_id", InvalidType, func(e *Event, v string) (err error) { e.OrderID, err = readID(v); return err }},
	{"timestamp", InvalidTimestamp, func(e *Event, v string) (err error) { e.Timestamp, err = readTime(v); return err }},
	{"imported_at", InvalidImportedAt,
		func(e *Event, v string) (err error) { e.ImportedAt, err = readTime(v); return err }},
	{"retracted_at", InvalidRetractedAt,
		func(e *Event, v string) (err error) { e.RetractedAt, err = readTime(v); return err }},
	{"op", InvalidOp, func(e *Event, v string) error {
		op, err := readText(v)
		e.Op = Op(op)
		return err
	}},
	{"attributes", InvalidAttributes, nil}, // read in place
}

// required are the bits of the members without which there is no event.
const required = 1<<1 | 1<<2 | 1<<9

func (r *reader) read() error {
	if err := r.readObject(r.member); err != nil {
		return err
	}
	if _, err := r.json.ReadToken(); !errors.Is(err, io.EOF) {
		return invalid(InvalidJSON, "text follows the JSON object: a message is one event")
	}
	if r.err != nil {
		return r.err
	}
	return r.explainMissing()
}

// readObject reads an object, calling read at each value. A broken rule does not
// end it, because what follows may say whose event this is.
func (r *reader) readObject(read func(name string) error) error {
	if _, err := r.json.ReadToken(); err != nil {
		return r.syntax(err)
	}
	for r.json.PeekKind() != '}' {
		name, err := r.value()
		if err != nil {
			return err
		}
		if err := read(unquote(name)); err != nil {
			return err
		}
	}
	_, err := r.json.ReadToken()
	return r.syntax(err)
}

// value reads the next value, or the next name, and returns its JSON.
func (r *reader) value() (string, error) {
	raw, err := r.json.ReadValue()
	if err != nil {
		return "", r.syntax(err)
	}
	end := int(r.json.InputOffset())
	return r.text[end-len(raw) : end], nil
}

// syntax returns the rule that a JSON error breaks: the first that was broken.
func (r *reader) syntax(err error) error {
	switch {
	case err == nil:
		return nil
	case r.err != nil:
		return r.err
	}
	return invalid(InvalidJSON, "%s", jsonCause(err))
}

func (r *reader) note(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) member(name string) error {
	i := indexOf(name)
	if i < 0 {
		return r.unknown(name)
	}
	bit := uint16(1) << i
	if r.seen&bit != 0 {
		r.note(invalid(DuplicateName, "the member %s appears twice", name))
		return r.skip()
	}
	r.seen |= bit
	if members[i].read == nil && r.json.PeekKind() == '{' {
		return r.attributes()
	}
	value, err := r.value()
	if err != nil {
		return err
	}
	if members[i].read == nil {
		if value != "null" {
			r.note(invalid(InvalidAttributes, "attributes is %s, want an object of texts", kindOf(value)))
		}
		return nil
	}
	switch err := members[i].read(&r.event, value); {
	case errors.Is(err, errMicrosTooBig):
		r.note(invalid(AmountTooLarge, "%s %s: at most %s is accepted", name, shown(value), MaxMicros))
	case err != nil:
		r.note(invalid(members[i].reason, "%s %s: %v", name, shown(value), err))
	}
	return nil
}

func indexOf(name string) int {
	for i := range members {
		if members[i].name == name {
			return i
		}
	}
	return -1
}

// unknown remembers a member that may be the reason why others are missing.
func (r *reader) unknown(name string) error {
	value, err := r.value()
	if err != nil {
		return err
	}
	if r.inner == "" && mayHoldEvent(value) {
		r.inner = name
	}
	if r.misspelt == "" {
		for i := range members {
			if strings.EqualFold(name, members[i].name) {
				r.misspelt = name
			}
		}
	}
	return nil
}

// mayHoldEvent says of a value that it is an object, in an array or a text or not.
func mayHoldEvent(value string) bool {
	return value[0] == '{' || strings.HasPrefix(value, `"{`) || value[0] == '[' &&
		strings.HasPrefix(strings.TrimLeft(value[1:], " \t\r\n"), "{")
}

func (r *reader) skip() error {
	_, err := r.value()
	return err
}

func (r *reader) attributes() error {
	texts := map[string]string{}
	r.event.Attributes = texts
	return r.readObject(func(name string) error {
		value, err := r.value()
		if err != nil {
			return err
		}
		if _, twice := texts[name]; twice {
			r.note(invalid(DuplicateName, "the attribute %.80q appears twice", name))
		}
		if texts[name], err = readAttribute(value); err != nil {
			r.note(invalid(InvalidAttributes, "attributes.%.80s %s: %v", name, shown(value), err))
		}
		return nil
	})
}

// explainMissing names what stands in the place of an event whose required
// members are absent, where that can be seen.
func (r *reader) explainMissing() error {
	missing := required &^ r.seen
	switch {
	case missing == 0 || r.event.Op == Retract:
		return nil
	case missing == required && r.inner != "":
		return invalid(Envelope, "%s", envelopeCause(r.inner))
	case r.misspelt != "":
		i := bits.TrailingZeros16(missing)
		reason := map[string]Reason{"user": MissingUser, "item": MissingItem, "timestamp": MissingTimestamp}[members[i].name]
		return invalid(reason, "%s is absent, and %.80q is another name: names are in lower case", members[i].name,
			r.misspelt)
	}
	return nil
}

func envelopeCause(member string) string {
	const remedy = "publish what is inside"
	switch member {
	case "schema", "payload":
		return "a schema/payload envelope of Kafka Connect: " + remedy + ", or set schemas.enable=false in the converter"
	case "before", "after":
		return "a before/after envelope of Debezium: " + remedy + " after, as the transformation ExtractNewRecordState does"
	}
	return "the event seems to be inside the member " + shown(member) + ": " + remedy
}
