package mapping

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"purchases/producer/purchase"
)

// level is what is wanted of the objects at one depth of Each: the outermost
// ones, the elements of its first array, and so on.
type level struct {
	tree       tree
	array      string // the member that holds the next level's objects, or empty
	elements   jsontext.Value
	cells      []string
	nested     []jsontext.Value
	attributes map[string]string
}

// tree says in which slots the values of members go.
type tree struct {
	slots    []int
	children map[string]*tree
}

func (p *Plan) newLevels() []level {
	each := p.mapping.each()
	levels := make([]level, len(each)+1)
	for i := range levels {
		levels[i] = level{attributes: map[string]string{}}
		if i < len(each) {
			levels[i].array = each[i]
		}
	}
	return levels
}

// memberSlot gives a path of members a slot, at all levels at which it may be.
func (e *Encoder) memberSlot(name []string) int {
	last := len(e.levels) - 1
	each := e.plan.mapping.each()
	slot := len(e.cells)
	e.cells, e.nested = append(e.cells, ""), append(e.nested, nil)
	for i := range e.levels {
		path := name
		switch {
		case last > 0 && name[0] == parent && len(name) > 1:
			if i == last {
				continue
			}
			path = name[1:]
		case i > 0 && hasPrefix(name, each[:i]):
			path = name[i:]
		}
		e.levels[i].tree.add(path, slot)
	}
	return slot
}

func hasPrefix(name, prefix []string) bool {
	return len(name) > len(prefix) && slices.Equal(name[:len(prefix)], prefix)
}

// add puts the slot at the end of the path.
func (t *tree) add(path []string, slot int) {
	for _, name := range path {
		if t.children == nil {
			t.children = map[string]*tree{}
		}
		if t.children[name] == nil {
			t.children[name] = &tree{}
		}
		t = t.children[name]
	}
	t.slots = append(t.slots, slot)
}

// readContract reads an object by the rules of the topic. One that breaks them,
// and that reads as a table's row would be read, is that event.
func (e *Encoder) readContract(text string, do func(error)) {
	e.reset()
	event, err := purchase.Decode([]byte(text))
	if err == nil {
		e.Event = event
		e.Event.ItemName = oneLine(event.ItemName)
		for name, value := range event.Attributes {
			event.Attributes[name] = oneLine(value)
		}
		e.Event.Normalize()
		do(nil)
		return
	}
	if err := e.object.check(text); err != nil {
		do(err)
		return
	}
	e.readLevel(0, jsontext.Value(text), func(err error) {
		if err != nil {
			e.reset()
			e.Event, e.Raw = event, []byte(text)
		}
		do(nil)
	})
}

// readLevel reads the events of an object.
func (e *Encoder) readLevel(depth int, text jsontext.Value, do func(error)) {
	if err := e.inherit(depth, text); err != nil {
		do(err)
		return
	}
	l := &e.levels[depth]
	if l.array == "" {
		e.reset()
		e.cells, e.nested = l.cells, l.nested
		for name, value := range l.attributes {
			e.attributes[name] = oneLine(value)
		}
		do(e.readCells())
		return
	}
	elements, err := elementsOf(l.array, l.elements)
	if err != nil {
		do(err)
	} else if len(elements) == 0 {
		do(ErrLeftOut)
	}
	for _, element := range elements {
		e.readLevel(depth+1, element, do)
	}
}

// inherit begins a level with what the one around it has, and reads its object.
func (e *Encoder) inherit(depth int, text jsontext.Value) error {
	l := &e.levels[depth]
	clear(l.attributes)
	l.elements = nil
	if depth == 0 {
		l.cells = append(l.cells[:0], make([]string, len(e.cells))...)
		l.nested = append(l.nested[:0], make([]jsontext.Value, len(e.nested))...)
	} else {
		around := &e.levels[depth-1]
		l.cells, l.nested = append(l.cells[:0], around.cells...), append(l.nested[:0], around.nested...)
		for name, value := range around.attributes {
			l.attributes[name] = value
		}
	}
	var o object
	return o.each(string(text), func(name string, value jsontext.Value) error {
		if name == l.array && l.array != "" {
			l.elements = slices.Clone(value)
		}
		if name == "attributes" && l.tree.children[name] == nil && value.Kind() != 'n' {
			return l.readAttributes(value)
		}
		if t := l.tree.children[name]; t != nil {
			return e.store(l, t, value)
		}
		return nil
	})
}

// store keeps a member's value, or those inside it.
func (e *Encoder) store(l *level, t *tree, value jsontext.Value) error {
	if value.Kind() == '{' && t.children != nil {
		var inner object
		err := inner.each(string(value), func(name string, value jsontext.Value) error {
			if inside := t.children[name]; inside != nil {
				return e.store(l, inside, value)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if value.Kind() == 'n' {
		return nil
	}
	for _, slot := range t.slots {
		l.cells[slot], l.nested[slot] = "", nil
		switch value.Kind() {
		case '{', '[':
			l.nested[slot] = slices.Clone(value)
		case '"':
			l.cells[slot], _ = unquote(value)
		case '0':
			l.cells[slot] = e.plan.mapping.Style.FromJSON(string(value))
		default:
			l.cells[slot] = string(value)
		}
	}
	return nil
}

func (l *level) readAttributes(value jsontext.Value) error {
	if value.Kind() != '{' {
		return fmt.Errorf("attributes is %.60q, want an object", string(value))
	}
	var inner object
	return inner.each(string(value), func(name string, value jsontext.Value) error {
		switch value.Kind() {
		case '{', '[':
			return fmt.Errorf("%s%.60s is a JSON %s, want a string or a number", attributePrefix, name, kindName(value))
		case 'n':
		case '"':
			l.attributes[name], _ = unquote(value)
		default:
			l.attributes[name] = string(value)
		}
		return nil
	})
}

// elementsOf are the objects of the array that a member of Each holds.
func elementsOf(name string, value jsontext.Value) (all []jsontext.Value, err error) {
	switch value.Kind() {
	case '{':
		return []jsontext.Value{value}, nil
	case '[':
	default:
		return nil, fmt.Errorf("%.60q, which --each names, is not an array in this object", name)
	}
	decoder := jsontext.NewDecoder(bytes.NewReader(value))
	if _, err := decoder.ReadToken(); err != nil {
		return nil, brief(err)
	}
	for decoder.PeekKind() != ']' {
		element, err := decoder.ReadValue()
		if err != nil {
			return all, brief(err)
		}
		if element.Kind() != '{' {
			return all, fmt.Errorf("an element of %.60q is not a JSON object", name)
		}
		all = append(all, slices.Clone(element))
	}
	return all, nil
}

// object reads one JSON object at a time, member by member.
type object struct {
	decoder jsontext.Decoder
	text    []byte
}

// check fails on what is not one JSON object.
func (o *object) check(text string) error {
	return o.each(text, func(string, jsontext.Value) error { return nil }, jsontext.AllowDuplicateNames(true))
}

// each calls do with the name and the value of each member of the object that
// the text holds. Both are valid during the call.
func (o *object) each(text string, do func(name string, value jsontext.Value) error,
	options ...jsontext.Options) error {
	o.text = append(o.text[:0], text...)
	o.decoder.Reset(bytes.NewBuffer(o.text), options...)
	start, err := o.decoder.ReadToken()
	if err != nil {
		return brief(err)
	}
	if start.Kind() != '{' {
		return errors.New("not a JSON object")
	}
	if err := o.members(do); err != nil {
		return err
	}
	if _, err := o.decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("text follows the JSON object")
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

func unquote(value jsontext.Value) (text string, ok bool) {
	b, err := jsontext.AppendUnquote(nil, value)
	return string(b), err == nil
}

func kindName(value jsontext.Value) string {
	if value.Kind() == '{' {
		return "object"
	}
	return "array"
}
