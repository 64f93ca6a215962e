package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"purchases/producer/internal/expression"
	"purchases/producer/internal/instant"
)

// Plan is a mapping made to fit one file. It may be used from several
// goroutines, each with its own [Encoder].
type Plan struct {
	mapping Mapping
	shape   Shape
	steps   []step
	where   *source
	ids     []source
	fill    []int // columns
	order   int   // the column of order_id, or none
	times   *instant.Reader
	asIs    bool
	least   int // cells that a row of a table must have
}

// step gives one field of an event its text.
type step struct {
	field    string
	from     *source // nil for a constant, and for a default alone
	fallback string
}

// source is a column or member, or an expression.
type source struct {
	text string
	name []string // or nil
	expr *expression.Expression
}

const none = -1

// Plan fits the mapping to a file. It fails when the file lacks a name that the
// mapping needs, or one for a field that every event must have; before it does
// on JSON, the caller has added the members of the whole file.
func (m Mapping) Plan(shape Shape) (*Plan, error) {
	if err := m.checkEach(shape); err != nil {
		return nil, err
	}
	p := &Plan{mapping: m, shape: shape, order: none, asIs: shape.Members != nil && m.asIs()}
	var err error
	if p.times, err = instant.NewReader(m.TimeLayouts, m.Zone); err != nil {
		return nil, err
	}
	if err := p.findSteps(); err != nil {
		return nil, err
	}
	if err := p.findConditions(); err != nil {
		return nil, err
	}
	if err := p.findFill(); err != nil {
		return nil, err
	}
	return p, p.checkTexts()
}

func (m Mapping) checkEach(shape Shape) error {
	switch {
	case m.Each == "":
		return nil
	case shape.Members == nil:
		return errors.New("--each is for JSON; a table already has rows")
	case !shape.has(m.each()):
		return fmt.Errorf("no line has a member %.60q, for --each; the members are %s", m.Each, list(shape.names()))
	}
	return nil
}

// Missing returns the names that the mapping needs and the file has not shown.
func (m Mapping) Missing(shape Shape) (names []string) {
	p := &Plan{mapping: m, shape: shape}
	if each := m.each(); each != nil && !shape.has(each) {
		names = append(names, m.Each)
	}
	texts := slices.Clone(m.ID)
	for _, field := range m.named() {
		if column, ok := m.Columns[field]; ok {
			texts = append(texts, column)
		}
	}
	if m.Where != "" {
		texts = append(texts, m.Where)
	}
	for _, text := range texts {
		s, err := p.source(text)
		if err != nil {
			names = append(names, text)
			continue
		}
		names = append(names, p.missing(s)...)
	}
	for _, field := range required {
		if !slices.Contains(m.named(), field) && !m.asIs() && !shape.has([]string{field}) {
			names = append(names, field)
		}
	}
	return names
}

func (p *Plan) findSteps() error {
	for _, field := range p.fields() {
		s := step{field: field, fallback: p.mapping.Defaults[field]}
		text, constant := p.mapping.Constants[field]
		if constant {
			s.fallback = text
			p.steps = append(p.steps, s)
			continue
		}
		column, mapped := p.mapping.Columns[field]
		if !mapped {
			column = field
		}
		from, err := p.find(column, field, mapped)
		if err != nil {
			return err
		}
		s.from = from
		if s.from != nil || s.fallback != "" {
			p.steps = append(p.steps, s)
		}
	}
	return p.checkRequired()
}

// fields are those that the mapping or the file names.
func (p *Plan) fields() []string {
	fields := p.mapping.named()
	for _, field := range Fields() {
		column, err := p.shape.column(field)
		if !slices.Contains(fields, field) && (p.shape.Members != nil || column >= 0 || err != nil) {
			fields = append(fields, field)
		}
	}
	for _, name := range p.shape.Header {
		if strings.HasPrefix(name, attributePrefix) && CheckField(name) == nil && !slices.Contains(fields, name) {
			fields = append(fields, name)
		}
	}
	return fields
}

// find returns nil for a field's own name that the file does not have.
func (p *Plan) find(text, field string, mapped bool) (*source, error) {
	s := source{text: text, name: []string{text}}
	if mapped {
		var err error
		if s, err = p.source(text); err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
	}
	if p.shape.Members == nil {
		if _, err := p.shape.column(strings.Join(s.name, ".")); err != nil && s.name != nil {
			return nil, fmt.Errorf("%w, for %s", err, field)
		}
	}
	if !mapped {
		if p.shape.Members == nil && !p.shape.has(s.name) {
			return nil, nil
		}
		return &s, nil
	}
	if lacking := p.missing(s); len(lacking) > 0 {
		return nil, p.lackError(lacking, field)
	}
	return &s, nil
}

func (p *Plan) lackError(lacking []string, purpose string) error {
	if p.shape.Members != nil {
		return fmt.Errorf("no line has a member %s, for %s; the members are %s",
			list(lacking), purpose, list(p.shape.Members.top))
	}
	return fmt.Errorf("no column %s for %s; the columns are %s", list(lacking), purpose, list(p.shape.Header))
}

// source reads what stands behind FIELD=: a name that the file has, else an
// expression.
func (p *Plan) source(text string) (source, error) {
	text = strings.TrimSpace(text)
	if p.shape.has([]string{text}) {
		return source{text: text, name: []string{text}}, nil
	}
	parsed, err := expression.Parse(text)
	if err != nil && strings.ContainsAny(text, `+*/"'()?<>=`) {
		return source{}, fmt.Errorf("%.80q is neither a column nor an expression (%w); the columns are %s; "+
			"in an expression, row[\"Net Sales\"] is a column that is not one word", text, err, list(p.shape.names()))
	}
	if err != nil {
		return source{text: text, name: []string{text}}, nil
	}
	if name := parsed.Name(); name != nil {
		return source{text: text, name: name}, nil
	}
	return source{text: text, expr: parsed}, nil
}

func (p *Plan) missing(s source) []string {
	switch {
	case s.expr != nil:
		return s.expr.Missing(p.shape.has)
	case p.shape.has(s.name):
		return nil
	}
	return []string{strings.Join(s.name, ".")}
}

func (p *Plan) findConditions() error {
	if p.mapping.Where != "" {
		where, err := p.find(p.mapping.Where, "--where", true)
		if err != nil {
			return err
		}
		p.where = where
	}
	for _, text := range p.mapping.ID {
		id, err := p.find(text, "--id", true)
		if err != nil {
			return err
		}
		p.ids = append(p.ids, *id)
	}
	return nil
}

func (p *Plan) checkRequired() error {
	var missing []string
	for _, field := range required {
		if !p.gives(field) {
			missing = append(missing, field)
		} else if i := p.bareColumn(field); i >= p.least {
			p.least = i + 1
		}
	}
	switch {
	case missing == nil:
		return nil
	case p.shape.Members != nil:
		return fmt.Errorf("no line has a member for %s; add --map %s=MEMBER with one of %s",
			strings.Join(missing, ", "), missing[0], list(p.shape.Members.top))
	}
	return fmt.Errorf("no column for %s; add --map %s=COLUMN with one of %s",
		strings.Join(missing, ", "), missing[0], list(p.shape.Header))
}

// gives says that a step gives the field its text, in any of the rows.
func (p *Plan) gives(field string) bool {
	return p.asIs || slices.ContainsFunc(p.steps, func(s step) bool {
		return s.field == field && (s.from == nil || s.fallback != "" || p.shows(s))
	})
}

// bareColumn is where a field comes from alone, or none.
func (p *Plan) bareColumn(field string) int {
	for _, s := range p.steps {
		if s.field == field && s.from != nil && s.from.name != nil && p.shape.Members == nil && s.fallback == "" {
			i, _ := p.shape.column(strings.Join(s.from.name, "."))
			return i
		}
	}
	return none
}

// checkTexts finds constants and defaults that every row would fail with.
func (p *Plan) checkTexts() error {
	e, err := p.NewEncoder()
	if err != nil {
		return err
	}
	e.reset()
	for i, s := range p.steps {
		if blank(s.fallback) {
			continue
		}
		if err := e.setters[i](s.fallback); err != nil {
			return fmt.Errorf("constant or default: %w", err)
		}
	}
	return nil
}
