package enriched

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"purchases/producer/purchase"
)

// scanner reads along a message. After a failure the rest means nothing.
type scanner struct {
	value  []byte
	at     int
	failed bool
}

// has skips the text if it comes next.
func (s *scanner) has(text string) bool {
	end := s.at + len(text)
	if end > len(s.value) || string(s.value[s.at:end]) != text {
		return false
	}
	s.at = end
	return true
}

func (s *scanner) want(text string) {
	if !s.has(text) {
		s.failed = true
	}
}

// optional reads a member whose beginning is given, if that comes next.
func (s *scanner) optional(begin string, limit int) []byte {
	if !s.has(begin) {
		return nil
	}
	return s.text(limit)
}

// text reads up to the closing quote and skips it. It takes no escapes, no
// control characters, and nothing that is not normal.
func (s *scanner) text(limit int) []byte {
	rest := s.value[s.at:]
	first := printable(rest)
	end := first
	for end < len(rest) && rest[end] >= utf8.RuneSelf {
		end++
		end += printable(rest[end:])
	}
	if end == len(rest) || rest[end] != '"' {
		s.failed = true
		return nil
	}
	text := rest[:end]
	s.at += end + 1
	if end > limit || end > first && !isNormal(text) || end > 0 && (text[0] == ' ' || text[end-1] == ' ') {
		s.failed = true
	}
	return text
}

// printable is how many bytes stand before the first that is not printable
// ASCII, or is a quote or a backslash.
func printable(b []byte) (n int) {
	for ; n+8 <= len(b); n += 8 {
		if found := special(binary.LittleEndian.Uint64(b[n:])); found != 0 {
			return n + bits.TrailingZeros64(found)/8
		}
	}
	for n < len(b) && special(uint64(b[n]))&0x80 == 0 {
		n++
	}
	return n
}

// special looks for bytes that end what is printable in eight at once: the
// lowest bit that it sets is the top one of the first such byte. What is above
// that may be wrong, because the subtractions borrow from higher bytes.
func special(eight uint64) uint64 {
	const each = 0x0101010101010101
	control := eight - each*' '
	deleted := (eight ^ each*unicode.MaxASCII) - each
	quote := (eight ^ each*'"') - each
	backslash := (eight ^ each*'\\') - each
	return (eight | control | deleted | quote | backslash) & (each << 7)
}

// isNormal says whether the text is UTF-8 without control characters, in NFC and
// without white space at its edges.
func isNormal(text []byte) bool {
	return utf8.Valid(text) && bytes.IndexFunc(text, unicode.IsControl) < 0 &&
		norm.NFC.IsNormal(text) && len(bytes.TrimSpace(text)) == len(text)
}

// integer reads a number of up to 18 digits, which is enough for all but the
// largest amounts.
func (s *scanner) integer(lowest, highest int64) int64 {
	negative := s.has("-")
	n, digits := int64(0), 0
	rest := s.value[s.at:]
	for digits < len(rest) && rest[digits]-'0' < 10 && digits < 19 {
		n = n*10 + int64(rest[digits]-'0')
		digits++
	}
	if digits == 0 || digits > 18 || (rest[0] == '0' && (digits > 1 || negative)) {
		s.failed = true
		return 0
	}
	s.at += digits
	if negative {
		n = -n
	}
	if n < lowest || n > highest {
		s.failed = true
	}
	return n
}

// time reads a time in UTC and whole milliseconds, as [Enrich] makes them, and
// the closing quote. It returns milliseconds since 1970.
func (s *scanner) time() int64 {
	year := s.digits(4)
	s.want("-")
	month := time.Month(s.digits(2))
	s.want("-")
	day := s.digits(2)
	s.want("T")
	hour := s.digits(2)
	s.want(":")
	minute := s.digits(2)
	s.want(":")
	second := s.digits(2)
	millis := s.millis()
	s.want(`Z"`)
	t := time.Date(year, month, day, hour, minute, second, 0, time.UTC)
	if hour > 23 || minute > 59 || second > 59 || t.Month() != month {
		s.failed = true // Date takes a 30 February for another day
	}
	return t.UnixMilli() + millis
}

// optionalTime reads a member whose beginning is given, if that comes next: a
// time after 1970. It returns 0 where it is absent.
func (s *scanner) optionalTime(begin string) int64 {
	if !s.has(begin) {
		return 0
	}
	t := s.time()
	if t <= 0 {
		s.failed = true
	}
	return t
}

// digits reads a number of n digits.
func (s *scanner) digits(n int) (value int) {
	if len(s.value)-s.at < n {
		s.failed = true
		return 0
	}
	for _, c := range s.value[s.at : s.at+n] {
		if c-'0' > 9 {
			s.failed = true
		}
		value = value*10 + int(c-'0')
	}
	s.at += n
	return value
}

// millis reads up to three decimals of a second, if a point comes next.
func (s *scanner) millis() (value int64) {
	if !s.has(".") {
		return 0
	}
	unit := int64(100)
	for ; unit > 0 && s.at < len(s.value) && s.value[s.at]-'0' <= 9; unit /= 10 {
		value += unit * int64(s.value[s.at]-'0')
		s.at++
	}
	if unit == 100 {
		s.failed = true
	}
	return value
}

// attributes reads the member of that name, if it comes next: an object of texts
// with at least one member, the names in order. It returns the object as it stands.
func (s *scanner) attributes() []byte {
	if !s.has(`,"attributes":`) {
		return nil
	}
	start, last := s.at, []byte(nil)
	for n := 0; !s.failed; n++ {
		if n == 0 {
			s.want(`{"`)
		} else if s.has("}") {
			return s.value[start:s.at]
		} else {
			s.want(`,"`)
		}
		name := s.text(purchase.MaxAttributeName)
		s.want(`:"`)
		text := s.text(purchase.MaxID)
		if len(text) == 0 || n == purchase.MaxAttributes || bytes.Compare(name, last) <= 0 {
			s.failed = true
		}
		last = name
	}
	return nil
}
