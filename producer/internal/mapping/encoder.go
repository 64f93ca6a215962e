package mapping

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"purchases/producer/internal/expression"
	"purchases/producer/internal/instant"
	"purchases/producer/internal/number"
	"purchases/producer/internal/rows"
	"purchases/producer/purchase"
)

// ErrLeftOut is the outcome of a row that the condition leaves out.
var ErrLeftOut = errors.New("left out")

// Encoder makes events of rows. It is not safe for concurrent use.
type Encoder struct {
	// Event is the event that was read last.
	Event purchase.Event
	// Raw is what was read last where that is no event by the contract, but goes
	// to the topic as it is, for its reader to judge; else it is nil.
	Raw []byte
	// Instant is how the timestamp was read.
	Instant instant.Instant

	plan       *Plan
	setters    []setter
	values     []value
	where      *expression.Program
	ids        []value
	attributes map[string]string
	unitPrice  money
	amount     money

	cells  []string // of the table's row, or by the slots of the levels
	object object
	levels []level
	nested []jsontext.Value // by slot, where the member is an object or array
}

// money is an amount of the event and what it came with.
type money struct {
	micros purchase.Micros
	number number.Number
	given  bool
}

// value is a source that is ready to be read.
type value struct {
	slot    int
	program *expression.Program // or nil
	none    bool
}

// NewEncoder returns an encoder of the plan.
func (p *Plan) NewEncoder() (*Encoder, error) {
	e := &Encoder{plan: p, attributes: map[string]string{}}
	if p.shape.Members != nil {
		e.levels = p.newLevels()
	}
	for _, s := range p.steps {
		v, err := e.value(s.from, isNumeric(s.field))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.field, err)
		}
		e.values, e.setters = append(e.values, v), append(e.setters, e.setter(s.field))
	}
	for i := range p.ids {
		v, err := e.value(&p.ids[i], false)
		if err != nil {
			return nil, fmt.Errorf("--id: %w", err)
		}
		e.ids = append(e.ids, v)
	}
	return e, e.compileWhere()
}

func isNumeric(field string) bool {
	return field == "quantity" || field == "unit_price" || field == "amount"
}

func (e *Encoder) compileWhere() error {
	if e.plan.where == nil {
		return nil
	}
	condition, err := expression.Parse(e.plan.mapping.Where)
	if err != nil {
		return fmt.Errorf("--where: %w", err)
	}
	e.where, err = condition.Compile(expression.Cells{Slot: e.slot, Cell: e.cell}, e.plan.mapping.Style, false)
	return err
}

func (e *Encoder) value(s *source, adds bool) (v value, err error) {
	switch {
	case s == nil:
		return value{none: true}, nil
	case s.expr == nil:
		return value{slot: e.slot(s.name)}, nil
	}
	v.program, err = s.expr.Compile(expression.Cells{Slot: e.slot, Cell: e.cell}, e.plan.mapping.Style, adds)
	return v, err
}

// slot is where the texts of a column or member are found, or none.
func (e *Encoder) slot(name []string) int {
	if e.levels != nil {
		return e.memberSlot(name)
	}
	i, err := e.plan.shape.column(strings.Join(name, "."))
	if err != nil {
		return none
	}
	return i
}

// cell is what expressions read.
func (e *Encoder) cell(slot int) any {
	if slot < 0 || e.plan.mapping.isNull(e.cells[slot]) && (e.nested == nil || e.nested[slot] == nil) {
		return ""
	}
	if e.nested == nil || e.nested[slot] == nil {
		return e.cells[slot]
	}
	var all any
	_ = json.Unmarshal(e.nested[slot], &all)
	return all
}

// read returns the text of a value, and nothing for an empty cell.
func (e *Encoder) read(v *value) (string, error) {
	switch {
	case v.program != nil:
		return v.program.Text()
	case v.none || v.slot < 0:
		return "", nil
	case e.nested != nil && e.nested[v.slot] != nil:
		return "", fmt.Errorf("is a JSON %s, want a string or a number", kindName(e.nested[v.slot]))
	case e.plan.mapping.isNull(e.cells[v.slot]):
		return "", nil
	}
	return e.cells[v.slot], nil
}

// Read reads the events of a row, which is well formed: one, or as many as the
// array has that Each names. After each it calls do, with nil for an event or
// something raw, with [ErrLeftOut], or with what is wrong with it.
func (e *Encoder) Read(row *rows.Row, do func(error)) {
	switch {
	case e.levels != nil && e.plan.asIs:
		e.readContract(row.Cells[0], do)
	case e.levels != nil:
		e.readLevel(0, jsontext.Value(row.Cells[0]), do)
	case row.Present < e.plan.least:
		do(fmt.Errorf("%d cells, the header has %d, and user, item or timestamp is among those that are missing",
			row.Present, len(e.plan.shape.Header)))
	default:
		e.reset()
		e.cells = row.Cells
		do(e.readCells())
	}
}

func (e *Encoder) reset() {
	clear(e.attributes)
	e.Event = purchase.Event{Quantity: 1}
	e.Raw, e.Instant = nil, instant.Instant{}
	e.unitPrice, e.amount = money{}, money{}
}

// readCells makes the event of the cells.
func (e *Encoder) readCells() error {
	if e.where != nil {
		ok, err := e.where.True()
		if err != nil {
			return fmt.Errorf("--where: %w", err)
		}
		if !ok {
			return ErrLeftOut
		}
	}
	for i := range e.values {
		text, err := e.read(&e.values[i])
		if err != nil {
			return fmt.Errorf("%s: %w", e.plan.steps[i].field, err)
		}
		if blank(text) {
			text = e.plan.steps[i].fallback
		}
		if blank(text) {
			continue
		}
		if err := e.setters[i](text); err != nil {
			return err
		}
	}
	return e.finish()
}

// finish settles what several fields have to say: the sign and the currency.
func (e *Encoder) finish() error {
	for i, m := range []*money{&e.unitPrice, &e.amount} {
		if !m.given {
			continue
		}
		if e.Event.Currency == "" && len(m.number.Currencies) == 1 {
			e.Event.Currency = m.number.Currencies[0]
		}
		if err := m.number.Fits(e.Event.Currency); err != nil {
			return fmt.Errorf("%s %s %w", [...]string{"unit_price", "amount"}[i], m.micros, err)
		}
		if m.micros < 0 {
			e.Event.Quantity = min(e.Event.Quantity, -e.Event.Quantity)
			m.micros = -m.micros
		}
	}
	if e.unitPrice.given {
		e.Event.UnitPrice = &e.unitPrice.micros
	}
	if e.amount.given {
		e.Event.Amount = &e.amount.micros
	}
	if len(e.attributes) > 0 {
		e.Event.Attributes = e.attributes
	}
	e.Event.Normalize()
	return nil
}

// Identified returns the texts that identify the row in place of its content,
// or nil where nothing does.
func (e *Encoder) Identified() ([]string, error) {
	var texts []string
	for i := range e.ids {
		text, err := e.read(&e.ids[i])
		if err != nil {
			return nil, fmt.Errorf("--id: %w", err)
		}
		texts = append(texts, strings.TrimSpace(text))
	}
	if len(texts) > 0 && strings.Join(texts, "") == "" {
		return nil, errors.New("--id: its columns are empty")
	}
	return texts, nil
}

// JSON says that the rows are objects of JSON.
func (e *Encoder) JSON() bool { return e.levels != nil }
