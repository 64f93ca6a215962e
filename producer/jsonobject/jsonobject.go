// Package jsonobject writes JSON objects member by member, and reads back what it
// wrote, for the contracts of topics that see many events a second.
//
// It is no JSON parser: what it does not know at once, it leaves to one.
package jsonobject

import (
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Writer appends one JSON object: members in the order of the calls, then End.
// Names must be plain: letters, digits and underscores.
type Writer struct {
	b     []byte
	err   error
	begun bool // a member of the innermost object
}

// Begin starts an object at the end of b.
func Begin(b []byte) Writer { return Writer{b: append(b, '{')} }

// End closes the object and returns it behind what was there before. It fails
// when a text was not UTF-8.
func (w *Writer) End() ([]byte, error) { return append(w.b, '}'), w.err }

// Text appends a member with a text.
func (w *Writer) Text(name, value string) {
	w.name(name)
	w.quote(value)
}

// OptionalText appends a member unless its text is empty.
func (w *Writer) OptionalText(name, value string) {
	if value != "" {
		w.Text(name, value)
	}
}

// Int appends a member with an integer.
func (w *Writer) Int(name string, value int64) {
	w.name(name)
	w.b = strconv.AppendInt(w.b, value, 10)
}

// Time appends a member with a time as RFC 3339 has it, with as many decimals as
// it needs. It fails on a year of more than four digits.
func (w *Writer) Time(name string, t time.Time) {
	w.name(name)
	b, err := appendTime(append(w.b, '"'), t)
	w.note(err)
	w.b = append(b, '"')
}

// OptionalTime appends a member unless its time is zero.
func (w *Writer) OptionalTime(name string, t time.Time) {
	if !t.IsZero() {
		w.Time(name, t)
	}
}

// Texts appends a member with an object of texts, in the order of their names,
// which may be any.
func (w *Writer) Texts(name string, values map[string]string) {
	w.Object(name)
	var few [4]string // what most events have, without an allocation
	names := few[:0]
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		w.comma()
		w.quote(name)
		w.b = append(w.b, ':')
		w.quote(values[name])
	}
	w.EndObject()
}

// Object appends a member with an object, whose members follow up to EndObject.
func (w *Writer) Object(name string) {
	w.name(name)
	w.b, w.begun = append(w.b, '{'), false
}

// EndObject closes what Object opened.
func (w *Writer) EndObject() { w.b, w.begun = append(w.b, '}'), true }

func (w *Writer) name(name string) {
	w.comma()
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, '"', ':')
}

func (w *Writer) comma() {
	if w.begun {
		w.b = append(w.b, ',')
	}
	w.begun = true
}

func (w *Writer) quote(s string) {
	if isPlain(s) {
		w.b = append(w.b, '"')
		w.b = append(w.b, s...)
		w.b = append(w.b, '"')
		return
	}
	b, err := jsontext.AppendQuote(w.b, s)
	w.note(err)
	w.b = b
}

// isPlain says that the text stands in JSON as it is.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func (w *Writer) note(err error) {
	if w.err == nil {
		w.err = err
	}
}
