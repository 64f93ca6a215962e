package jsonobject

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Scanner reads along an object that a [Writer] wrote, in the order of its
// members. It takes no other spelling of the same JSON: then it fails, and what
// it returned means nothing. It does not allocate.
type Scanner struct {
	value  []byte
	at     int
	failed bool
}

// Scan begins at the start of the value.
func Scan(value []byte) Scanner { return Scanner{value: value} }

// Fail makes the scan fail.
func (s *Scanner) Fail() { s.failed = true }

// OK says whether the scan has not failed so far.
func (s *Scanner) OK() bool { return !s.failed }

// Done says whether the scan has come to the end of the value without failing.
func (s *Scanner) Done() bool { return !s.failed && s.at == len(s.value) }

// At is where the scan is, in bytes from the start of the value.
func (s *Scanner) At() int { return s.at }

// HasBytes skips the text if it comes next.
func (s *Scanner) HasBytes(text []byte) bool {
	if !bytes.HasPrefix(s.value[s.at:], text) {
		return false
	}
	s.at += len(text)
	return true
}

// Has skips the text if it comes next.
func (s *Scanner) Has(text string) bool {
	end := s.at + len(text)
	if end > len(s.value) || string(s.value[s.at:end]) != text {
		return false
	}
	s.at = end
	return true
}

// Want skips the text, and fails unless it comes next.
func (s *Scanner) Want(text string) {
	if !s.Has(text) {
		s.failed = true
	}
}

// OptionalText reads a member whose beginning is given, if that comes next.
func (s *Scanner) OptionalText(begin string, limit int) []byte {
	if !s.Has(begin) {
		return nil
	}
	return s.Text(limit)
}

// Text reads up to the closing quote, at most limit bytes, and skips the quote.
// It takes no escapes and no control characters, and only text in NFC without
// white space at its edges, as events have it.
func (s *Scanner) Text(limit int) []byte {
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

// isBreak says of a character that events have none or a space in its place.
func isBreak(c rune) bool { return unicode.IsControl(c) || c == '\u2028' || c == '\u2029' }

// isNormal says whether the text is UTF-8 without control characters, in NFC and
// without white space at its edges.
func isNormal(text []byte) bool {
	return utf8.Valid(text) && bytes.IndexFunc(text, isBreak) < 0 &&
		norm.NFC.IsNormal(text) && len(bytes.TrimSpace(text)) == len(text)
}

// Int reads a number of up to 18 digits between the two.
func (s *Scanner) Int(lowest, highest int64) int64 {
	negative := s.Has("-")
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

// Time reads a time in UTC and whole milliseconds and the closing quote. It returns milliseconds since 1970.
func (s *Scanner) Time() int64 {
	year := s.digits(4)
	s.Want("-")
	month := time.Month(s.digits(2))
	s.Want("-")
	day := s.digits(2)
	s.Want("T")
	hour := s.digits(2)
	s.Want(":")
	minute := s.digits(2)
	s.Want(":")
	second := s.digits(2)
	millis := s.millis()
	s.Want(`Z"`)
	t := time.Date(year, month, day, hour, minute, second, 0, time.UTC)
	if hour > 23 || minute > 59 || second > 59 || t.Month() != month {
		s.failed = true // Date takes a 30 February for another day
	}
	return t.UnixMilli() + millis
}

// OptionalTime reads a member whose beginning is given, if that comes next: a
// Time after 1970. It returns 0 where it is absent.
func (s *Scanner) OptionalTime(begin string) int64 {
	if !s.Has(begin) {
		return 0
	}
	t := s.Time()
	if t <= 0 {
		s.failed = true
	}
	return t
}

// digits reads a number of n digits.
func (s *Scanner) digits(n int) (value int) {
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
func (s *Scanner) millis() (value int64) {
	if !s.Has(".") {
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

// Texts reads an object of one to most texts, none of them empty, whose names
// are in order, and returns its JSON.
func (s *Scanner) Texts(most, longestName, longestText int) []byte {
	start, last := s.at, []byte(nil)
	for n := 0; !s.failed; n++ {
		if n == 0 {
			s.Want(`{"`)
		} else if s.Has("}") {
			return s.value[start:s.at]
		} else {
			s.Want(`,"`)
		}
		name := s.Text(longestName)
		s.Want(`:"`)
		text := s.Text(longestText)
		if len(text) == 0 || n == most || bytes.Compare(name, last) <= 0 {
			s.failed = true
		}
		last = name
	}
	return nil
}
