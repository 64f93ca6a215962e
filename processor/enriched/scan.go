package enriched

import (
	"bytes"
	"math"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/currency"

	"purchases/producer/purchase"
)

// Flat is an event without pointers and maps, for readers of many events a
// second. Its text is a part of the message.
type Flat struct {
	ID                     uuid.UUID // see [Event.ID]
	User, Item             []byte
	ItemName, OrderID      []byte // empty when there is none
	Currency               []byte // empty when there is none
	Attributes             []byte // JSON object as Encode writes it, nil when there are none
	Quantity, UnitPrice    int64  // UnitPrice in micros, 0 without HasPrice
	HasPrice               bool
	Timestamp, ProcessedAt int64 // milliseconds since 1970 UTC
	SourceTopic            []byte
	SourcePartition        int32
	SourceOffset           int64
}

// Scan reads what [Event.Encode] writes, in a tenth of the time of [Decode] and
// without allocating. It returns false where the value is anything else, or in
// any doubt; what Decode says is then right. What Scan accepts, Decode accepts
// as the same event.
func (f *Flat) Scan(value []byte) bool {
	*f = Flat{}
	s := scanner{rest: value}
	s.want(`{"schema":` + strconv.Itoa(Schema) + `,"event_id":"`)
	id := s.text(purchase.MaxID)
	s.want(`,"kind":"`)
	isReturn := !s.has(`purchase","user":"`)
	if isReturn {
		s.want(`return","user":"`)
	}
	f.User = s.text(purchase.MaxID)
	s.want(`,"item":"`)
	f.Item = s.text(purchase.MaxID)
	if s.has(`,"item_name":"`) {
		f.ItemName = s.text(purchase.MaxName)
	}
	s.want(`,"quantity":`)
	f.Quantity = s.integer(math.MinInt64, math.MaxInt64)
	f.scanMoney(&s)
	if s.has(`,"order_id":"`) {
		f.OrderID = s.text(purchase.MaxID)
	}
	s.want(`,"timestamp":"`)
	happened := s.time()
	if s.has(`,"attributes":`) {
		f.Attributes = s.attributes()
	}
	s.want(`,"processed_at":"`)
	processed := s.time()
	f.scanSource(&s)
	if s.failed || len(s.rest) > 0 || len(id) == 0 || len(f.User) == 0 || len(f.Item) == 0 {
		return false
	}
	f.ID = flatID(id)
	f.Timestamp, f.ProcessedAt = happened.UnixMilli(), processed.UnixMilli()
	return isReturn == (f.Quantity < 0) && f.amountIsValid() && f.Timestamp >= 0 && !happened.After(processed.Add(purchase.MaxClockSkew))
}

func (f *Flat) scanMoney(s *scanner) {
	if f.HasPrice = s.has(`,"unit_price_micros":`); f.HasPrice {
		f.UnitPrice = s.integer(0, math.MaxInt64)
	}
	if !s.has(`,"currency":"`) {
		return
	}
	f.Currency = s.text(purchase.MaxID)
	if _, err := currency.ParseISO(string(f.Currency)); err != nil {
		s.failed = true
	}
}

func (f *Flat) scanSource(s *scanner) {
	s.want(`,"source":{"topic":"`)
	f.SourceTopic = s.text(purchase.MaxName)
	s.want(`,"partition":`)
	f.SourcePartition = int32(s.integer(math.MinInt32, math.MaxInt32))
	s.want(`,"offset":`)
	f.SourceOffset = s.integer(math.MinInt64, math.MaxInt64)
	s.want(`}}`)
}

func (f *Flat) amountIsValid() bool {
	pieces := max(f.Quantity, -f.Quantity)
	return pieces > 0 && pieces <= purchase.MaxQuantity && f.UnitPrice <= int64(purchase.MaxAmount)/pieces
}

func flatID(text []byte) uuid.UUID {
	if len(text) == 36 {
		if id, err := uuid.ParseBytes(text); err == nil {
			return id
		}
	}
	return ID(string(text))
}

// scanner reads along a message. After a failure the rest means nothing.
type scanner struct {
	rest   []byte
	failed bool
}

// has skips the text if it comes next.
func (s *scanner) has(text string) bool {
	if len(s.rest) < len(text) || string(s.rest[:len(text)]) != text {
		return false
	}
	s.rest = s.rest[len(text):]
	return true
}

func (s *scanner) want(text string) {
	if !s.has(text) {
		s.failed = true
	}
}

// text reads up to the closing quote and skips it. It takes no escapes and no
// control characters.
func (s *scanner) text(limit int) []byte {
	ascii := true
	for i, c := range s.rest {
		switch {
		case c == '"':
			text := s.rest[:i]
			s.rest = s.rest[i+1:]
			if i > limit || (!ascii && !plain(text)) {
				s.failed = true
			}
			return text
		case c < ' ' || c == '\\' || c == unicode.MaxASCII:
			s.failed = true
			return nil
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	s.failed = true
	return nil
}

// plain says whether the text is UTF-8 without control characters.
func plain(text []byte) bool { return utf8.Valid(text) && bytes.IndexFunc(text, unicode.IsControl) < 0 }

// integer reads a number of up to 18 digits.
func (s *scanner) integer(lowest, highest int64) int64 {
	negative := s.has("-")
	n, digits := int64(0), 0
	for digits < len(s.rest) && s.rest[digits]-'0' < 10 && digits < 19 {
		n = n*10 + int64(s.rest[digits]-'0')
		digits++
	}
	if digits == 0 || digits > 18 || (s.rest[0] == '0' && (digits > 1 || negative)) {
		s.failed = true
		return 0
	}
	s.rest = s.rest[digits:]
	if negative {
		n = -n
	}
	if n < lowest || n > highest {
		s.failed = true
	}
	return n
}

// time reads a time in UTC. The standard library is lenient with hours of one
// digit and with commas, and Decode is not (https://go.dev/issue/54580).
func (s *scanner) time() (t time.Time) {
	const seconds = "2006-01-02T15:04:05"
	text := s.text(purchase.MaxID)
	strict := len(text) > len(seconds) && text[len(seconds)-6] == ':' && text[len(seconds)] != ',' && text[len(text)-1] == 'Z'
	if !strict || t.UnmarshalText(text) != nil {
		s.failed = true
	}
	return t
}

// attributes reads an object of texts with at least one member, the names in
// order, and returns it as it stands.
func (s *scanner) attributes() []byte {
	start, last := s.rest, []byte(nil)
	for n := 0; !s.failed; n++ {
		if n == 0 {
			s.want(`{"`)
		} else if s.has("}") {
			return start[:len(start)-len(s.rest)]
		} else {
			s.want(`,"`)
		}
		name := s.text(purchase.MaxAttributeName)
		s.want(`:"`)
		s.text(purchase.MaxID)
		if n == purchase.MaxAttributes || bytes.Compare(name, last) <= 0 {
			s.failed = true
		}
		last = name
	}
	return nil
}
