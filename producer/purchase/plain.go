package purchase

import (
	"strings"
	"time"
)

// plain reads the JSON that nearly every writer writes: the members of an event,
// each at most once, texts without escapes, numbers without exponents. It gives
// up on everything else, right or wrong, and leaves that to the decoder, which
// is the only one to say what an event may look like.
type plain struct {
	text string // valid UTF-8
	at   int
	seen uint16 // members, by their bit
}

// members have their bits in plain.seen by their order.
var members = [...]string{
	"event_id", "user", "item", "item_name", "quantity", "unit_price", "amount", "currency", "order_id", "timestamp", "attributes",
	"imported_at", "op", "retracted_at",
}

// decodePlain returns what [Decode] would, or false where that needs more than
// this. The event's texts share the memory of the value.
func decodePlain(value string) (e Event, ok bool) {
	p := plain{text: value}
	e.Quantity = 1
	if !p.next('{') {
		return e, false
	}
	for {
		name, ok := p.name()
		if !ok || !p.first(name) || !p.member(&e, name) {
			return e, false
		}
		if p.next('}') {
			break
		}
		if !p.next(',') {
			return e, false
		}
	}
	p.skipSpace()
	return e, p.at == len(p.text)
}

func (p *plain) first(name string) bool {
	for i, known := range members {
		if name == known {
			bit := uint16(1) << i
			again := p.seen&bit != 0
			p.seen |= bit
			return !again
		}
	}
	return false
}

func (p *plain) member(e *Event, name string) (ok bool) {
	switch name {
	case "event_id":
		e.EventID, ok = p.string()
	case "user":
		e.User, ok = p.string()
	case "item":
		e.Item, ok = p.string()
	case "item_name":
		e.ItemName, ok = p.string()
	case "quantity":
		e.Quantity, ok = p.int()
	case "unit_price":
		e.UnitPrice, ok = p.price()
	case "amount":
		e.Amount, ok = p.price()
	case "currency":
		e.Currency, ok = p.string()
	case "order_id":
		e.OrderID, ok = p.string()
	case "timestamp":
		e.Timestamp, ok = p.time()
	case "attributes":
		e.Attributes, ok = p.strings()
	case "imported_at":
		e.ImportedAt, ok = p.time()
	case "op":
		var op string
		op, ok = p.string()
		e.Op = Op(op)
	case "retracted_at":
		e.RetractedAt, ok = p.time()
	}
	return ok
}

func (p *plain) name() (string, bool) {
	name, ok := p.string()
	return name, ok && p.next(':')
}

// string reads a text without escapes and control characters.
func (p *plain) string() (string, bool) {
	if !p.next('"') {
		return "", false
	}
	rest := p.text[p.at:]
	for i := range len(rest) {
		switch c := rest[i]; {
		case c == '"':
			p.at += i + 1
			return rest[:i], true
		case c == '\\' || c < ' ':
			return "", false
		}
	}
	return "", false
}

// int reads an integer other than 0 of at most 18 digits.
func (p *plain) int() (n int64, ok bool) {
	digits, negative := strings.CutPrefix(p.number(), "-")
	if len(digits) == 0 || len(digits) > 18 || digits[0] == '0' || !allDigits(digits) {
		return 0, false
	}
	for _, c := range []byte(digits) {
		n = 10*n + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

func (p *plain) price() (*Micros, bool) {
	p.skipSpace()
	if p.at < len(p.text) && p.text[p.at] == '"' {
		text, ok := p.string()
		if !ok {
			return nil, false
		}
		return plainMicros(strings.TrimSpace(text))
	}
	number := p.number()
	if digits := strings.TrimPrefix(number, "-"); len(digits) > 1 && digits[0] == '0' && digits[1] != '.' {
		return nil, false // a leading zero is not JSON
	}
	return plainMicros(number)
}

func plainMicros(text string) (*Micros, bool) {
	m, err := ParseMicros(text)
	return &m, err == nil
}

// number returns the characters of a number that has no exponent.
func (p *plain) number() string {
	p.skipSpace()
	start := p.at
	for p.at < len(p.text) {
		if c := p.text[p.at]; (c < '0' || c > '9') && c != '-' && c != '.' {
			break
		}
		p.at++
	}
	return p.text[start:p.at]
}

// time reads an RFC 3339 time. Package time is less strict than the decoder, in
// ways that the form excludes here.
func (p *plain) time() (t time.Time, ok bool) {
	text, ok := p.string()
	if !ok || len(text) < len("2006-01-02T15:04:05Z") || text[13] != ':' || text[19] == ',' || !isPlainZone(text[19:]) {
		return t, false
	}
	t, err := time.Parse(time.RFC3339, text)
	return t, err == nil
}

// isPlainZone says that the text ends with Z or an offset of less than 24 hours.
func isPlainZone(text string) bool {
	if strings.HasSuffix(text, "Z") {
		return true
	}
	at := len(text) - len("+00:00")
	return at >= 0 && text[at+1:at+3] < "24" && text[at+4] < '6'
}

func (p *plain) strings() (map[string]string, bool) {
	texts := map[string]string{}
	if !p.next('{') {
		return nil, false
	}
	if p.next('}') {
		return texts, true
	}
	for {
		name, ok := p.name()
		if !ok {
			return nil, false
		}
		if _, twice := texts[name]; twice {
			return nil, false
		}
		if texts[name], ok = p.string(); !ok {
			return nil, false
		}
		if p.next('}') {
			return texts, true
		}
		if !p.next(',') {
			return nil, false
		}
	}
}

// next consumes the character, after any space, if it comes next.
func (p *plain) next(c byte) bool {
	p.skipSpace()
	if p.at == len(p.text) || p.text[p.at] != c {
		return false
	}
	p.at++
	return true
}

func (p *plain) skipSpace() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return
		}
	}
}
