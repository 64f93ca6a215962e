package purchase

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Normalize brings the event to its canonical form: text in Unicode NFC without
// white space at its edges, names without control characters, the currency in
// capitals, times in UTC and whole milliseconds, no empty attributes, and only
// the fields that its Op uses.
func (e *Event) Normalize() {
	for _, s := range []*string{&e.User, &e.Item, &e.EventID, &e.OrderID} {
		*s = normalText(*s)
	}
	e.ItemName = normalName(e.ItemName)
	e.Currency = strings.ToUpper(strings.TrimSpace(e.Currency))
	for _, t := range []*time.Time{&e.Timestamp, &e.ImportedAt, &e.RetractedAt} {
		*t = t.UTC().Truncate(time.Millisecond)
	}
	e.Attributes = normalAttributes(e.Attributes)
	switch e.Op = Op(strings.TrimSpace(string(e.Op))); e.Op {
	case "purchase":
		e.Op = Add
	case Retract:
		*e = Event{Op: Retract, EventID: e.EventID, Timestamp: e.Timestamp, RetractedAt: e.RetractedAt, User: e.User}
	}
	if e.Op == Add {
		e.RetractedAt = time.Time{}
	}
}

func normalText(s string) string {
	s = strings.TrimSpace(s)
	if isPrintableASCII(s) {
		return s
	}
	return norm.NFC.String(s)
}

// normalName also replaces control characters, and the space around them, by one
// space. They are in names that people typed or pasted, and mean no more.
func normalName(s string) string {
	if !isPrintableASCII(s) && strings.IndexFunc(s, isBreak) >= 0 {
		s = breaks.ReplaceAllString(s, " ")
	}
	return normalText(s)
}

func isBreak(c rune) bool { return unicode.IsControl(c) || c == '\u2028' || c == '\u2029' }

var breaks = regexp.MustCompile(`[\pZ\p{Cc}]*[\p{Cc}\x{2028}\x{2029}][\pZ\p{Cc}]*`)

// isPrintableASCII is quick, and true of most texts.
func isPrintableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// normalAttributes drops empty values, which say nothing. If two names become
// one, the last in byte order wins.
func normalAttributes(in map[string]string) (out map[string]string) {
	if areNormal(in) {
		return in
	}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		value := normalName(in[name])
		if value == "" {
			continue
		}
		if out == nil {
			out = make(map[string]string, len(in))
		}
		out[normalText(name)] = value
	}
	return out
}

func areNormal(attributes map[string]string) bool {
	for name, value := range attributes {
		if value == "" || normalText(name) != name || normalName(value) != value {
			return false
		}
	}
	return len(attributes) > 0
}

// Validate checks a normalised event against the rules of the topic at the time
// now. It returns nil, or an [*Invalid] with the first rule broken.
func (e *Event) Validate(now time.Time) error {
	switch e.Op {
	case Add:
	case Retract:
		return e.validateRetraction(now)
	default:
		return invalid(InvalidOp, "op %.40q, want \"retract\" or none", string(e.Op))
	}
	if err := e.checkText(); err != nil {
		return err
	}
	if err := e.checkAttributes(); err != nil {
		return err
	}
	if err := e.checkAmount(); err != nil {
		return err
	}
	if err := checkTime(InvalidImportedAt, "imported_at", e.ImportedAt, now); err != nil {
		return err
	}
	return e.checkTimestamp(now)
}

func (e *Event) validateRetraction(now time.Time) error {
	if e.EventID == "" {
		return invalid(MissingEventID, "a retraction names the event_id and the timestamp of the event that it takes back")
	}
	if err := checkField("event_id", "", e.EventID, MaxID); err != nil {
		return err
	}
	if err := checkTime(InvalidRetractedAt, "retracted_at", e.RetractedAt, now); err != nil {
		return err
	}
	return e.checkTimestamp(now)
}

// checkTime checks an optional time.
func checkTime(reason Reason, name string, t, now time.Time) error {
	if !t.IsZero() && (t.UnixMilli() <= 0 || t.After(now.Add(MaxClockSkew))) {
		return invalid(reason, "%s %s, want a time after 1970 and at most %s ahead", name, t.Format(time.RFC3339),
			MaxClockSkew)
	}
	return nil
}

func (e *Event) checkText() error {
	switch {
	case e.User == "":
		return invalid(MissingUser, "user is absent or empty")
	case e.Item == "":
		return invalid(MissingItem, "item is absent or empty")
	}
	for _, f := range [...]struct {
		name, text string
		limit      int
	}{
		{"user", e.User, MaxID},
		{"item", e.Item, MaxID},
		{"event_id", e.EventID, MaxID},
		{"order_id", e.OrderID, MaxID},
		{"item_name", e.ItemName, MaxName},
	} {
		if err := checkField(f.name, "", f.text, f.limit); err != nil {
			return err
		}
	}
	return nil
}

// checkField checks a text whose name is made of two parts.
func checkField(name, of, text string, limit int) error {
	if len(text) > limit {
		return invalid(FieldTooLong, "%s%.64s has %d bytes, at most %d are accepted", name, of, len(text), limit)
	}
	if !isPrintableASCII(text) && strings.IndexFunc(text, unicode.IsControl) >= 0 {
		return invalid(ControlCharacter, "%s%.64s %.80q holds a control character", name, of, text)
	}
	return nil
}

func (e *Event) checkAttributes() error {
	if len(e.Attributes) > MaxAttributes {
		return invalid(InvalidAttributes, "%d attributes, at most %d are accepted", len(e.Attributes), MaxAttributes)
	}
	var first string // of those that break a rule, so that the reason is always the same
	var broken error
	for name, value := range e.Attributes {
		if err := checkAttribute(name, value); err != nil && (broken == nil || name < first) {
			first, broken = name, err
		}
	}
	return broken
}

func checkAttribute(name, value string) error {
	if name == "" {
		return invalid(InvalidAttributes, "an attribute has an empty name")
	}
	if err := checkField("attribute name", "", name, MaxAttributeName); err != nil {
		return err
	}
	return checkField("attribute ", name, value, MaxID)
}

func (e *Event) checkAmount() error {
	if e.Quantity == 0 || e.Quantity > MaxQuantity || e.Quantity < -MaxQuantity {
		return invalid(InvalidQuantity, "quantity %d, want an integer that is not 0, at most %d either way", e.Quantity,
			MaxQuantity)
	}
	if e.Currency != "" && !IsCurrency(e.Currency) {
		return invalid(InvalidCurrency, "currency %.20q is not an ISO 4217 code", e.Currency)
	}
	if e.UnitPrice != nil && *e.UnitPrice < 0 {
		return invalid(InvalidPrice, "unit_price %s is negative; a return has a negative quantity", e.UnitPrice)
	}
	switch {
	case e.Amount != nil && *e.Amount < 0 && e.Quantity > 0:
		return invalid(InvalidAmount, "amount %s is negative; a return has a negative quantity", e.Amount)
	case e.Amount == nil && e.UnitPrice != nil && *e.UnitPrice > MaxMicros/Micros(abs(e.Quantity)):
		return invalid(AmountTooLarge, "%d × %s, at most %s is accepted", e.Quantity, e.UnitPrice, MaxMicros)
	}
	return nil
}

func (e *Event) checkTimestamp(now time.Time) error {
	switch {
	case e.Timestamp.IsZero():
		return invalid(MissingTimestamp, "timestamp is absent")
	case e.Timestamp.Before(time.Unix(0, 0)):
		return invalid(InvalidTimestamp, "timestamp %s is before 1970", e.Timestamp.Format(time.RFC3339))
	case e.Timestamp.After(now.Add(MaxClockSkew)):
		return invalid(TimestampInFuture, "timestamp %s is more than %s ahead", e.Timestamp.Format(time.RFC3339),
			MaxClockSkew)
	}
	return nil
}
