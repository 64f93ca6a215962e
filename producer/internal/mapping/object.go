package mapping

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"purchases/producer/internal/rows"
)

// object reads one JSON object at a time, member by member.
type object struct {
	decoder jsontext.Decoder
	text    []byte
}

// each calls do with the name and the value of each member of the object that
// the line holds. Both are valid during the call.
func (o *object) each(line string, do func(name string, value jsontext.Value) error, options ...jsontext.Options) error {
	o.text = append(o.text[:0], line...)
	o.decoder.Reset(bytes.NewBuffer(o.text), options...)
	start, err := o.decoder.ReadToken()
	if err != nil {
		return brief(err)
	}
	if start.Kind() != '{' {
		return errors.New("the line is not a JSON object")
	}
	if err := o.members(do); err != nil {
		return err
	}
	if _, err := o.decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("the line goes on after its JSON object")
	}
	return nil
}

func (o *object) members(do func(string, jsontext.Value) error) error {
	for {
		token, err := o.decoder.ReadToken()
		if err != nil {
			return brief(err)
		}
		if token.Kind() == '}' {
			return nil
		}
		name := token.String()
		value, err := o.decoder.ReadValue()
		if err != nil {
			return brief(err)
		}
		if err := do(name, value); err != nil {
			return err
		}
	}
}

// brief is the decoder's error without the name of its package.
func brief(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("the JSON object does not end")
	}
	return errors.New(strings.TrimPrefix(err.Error(), "jsontext: "))
}

// pass appends the line's own object as a message, with the row's id where it
// has none.
func (o *object) pass(b []byte, row *rows.Row) (out []byte, value int, err error) {
	user, own := "", false
	var members []byte
	err = o.each(row.Cells[0], func(name string, value jsontext.Value) error {
		text, isText := unquote(value)
		switch {
		case name == "event_id" && (value.Kind() == 'n' || isText && blank(text)):
			return nil
		case name == "event_id":
			own = true
		case name == "user":
			user = text
		}
		members = append(members, ',')
		members, _ = jsontext.AppendQuote(members, name)
		members = append(append(members, ':'), value...)
		return nil
	}, jsontext.AllowDuplicateNames(true))
	if err != nil {
		return b, 0, err
	}
	if !own {
		id := fmt.Appendf(nil, `,"event_id":"%s"`, row.ID)
		members = append(id, members...)
	}
	out = append(b, user...)
	value = len(out)
	members[0] = '{'
	return append(append(out, members...), '}'), value, nil
}

func unquote(value jsontext.Value) (text string, ok bool) {
	if value.Kind() != '"' {
		return "", false
	}
	b, err := jsontext.AppendUnquote(nil, value)
	return string(b), err == nil
}

// readObject puts the members that the plan asks for into the encoder's cells,
// and the attributes into its event.
func (e *Encoder) readObject(line string) error {
	clear(e.cells)
	return e.object.each(line, func(name string, value jsontext.Value) (err error) {
		if column, wanted := e.plan.columns[name]; wanted {
			e.cells[column], err = cell(name, value)
			return err
		}
		if name == "attributes" {
			return e.readAttributes(value)
		}
		return nil
	})
}

func (e *Encoder) readAttributes(value jsontext.Value) error {
	switch value.Kind() {
	case 'n':
		return nil
	case '{':
	default:
		return fmt.Errorf("attributes is a JSON %s, want an object", kindName(value))
	}
	var inner object
	return inner.each(string(value), func(name string, value jsontext.Value) (err error) {
		e.event.Attributes[name], err = cell(attributePrefix+name, value)
		return err
	})
}

// cell is the text of a member that is a string, a number or a boolean, and
// empty for null.
func cell(name string, value jsontext.Value) (string, error) {
	switch value.Kind() {
	case 'n':
		return "", nil
	case '{', '[':
		return "", fmt.Errorf("%s is a JSON %s, want a string or a number", name, kindName(value))
	case '"':
		text, _ := unquote(value)
		return text, nil
	}
	return string(value), nil
}

func kindName(value jsontext.Value) string {
	switch value.Kind() {
	case '{':
		return "object"
	case '[':
		return "array"
	}
	return value.Kind().String()
}
