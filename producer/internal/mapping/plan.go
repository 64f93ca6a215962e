package mapping

import (
	"fmt"
	"slices"
	"strings"
)

// Plan is a mapping made to fit one file. It may be used from several
// goroutines, each with its own [Encoder].
type Plan struct {
	mapping Mapping
	steps   []step
	columns map[string]int // of JSON lines: where a member's text goes
	json    bool
	asIs    bool
}

// step gives one field of an event its text.
type step struct {
	field    string
	column   int // or none
	fallback string
}

const none = -1

// Plan fits the mapping to a file with this header, or to JSON lines when the
// header is nil. It fails when a table lacks a column that the mapping names,
// or one for a field that every event must have.
func (m Mapping) Plan(header []string) (*Plan, error) {
	p, err := m.fit(header)
	if err != nil {
		return nil, err
	}
	return p, p.checkTexts()
}

func (m Mapping) fit(header []string) (*Plan, error) {
	if header == nil {
		return m.planJSON(), nil
	}
	names := make([]string, len(header))
	for i, name := range header {
		names[i] = strings.TrimSpace(name)
	}
	p := &Plan{mapping: m}
	for _, field := range m.tableFields(names) {
		s, err := m.step(field, names)
		if err != nil {
			return nil, err
		}
		p.steps = append(p.steps, s)
	}
	return p, p.checkRequired(names)
}

// tableFields are the fields that the mapping or the header names.
func (m Mapping) tableFields(names []string) []string {
	fields := m.named()
	for _, name := range names {
		if CheckField(name) == nil && !slices.Contains(fields, name) {
			fields = append(fields, name)
		}
	}
	return fields
}

func (m Mapping) step(field string, names []string) (step, error) {
	s := step{field: field, column: none, fallback: m.Defaults[field]}
	if text, ok := m.Constants[field]; ok {
		s.fallback = text
		return s, nil
	}
	name, mapped := m.Columns[field]
	if !mapped {
		name = field
	}
	s.column = slices.Index(names, name)
	switch {
	case s.column == none && mapped:
		return s, fmt.Errorf("no column %q for %s; the columns are %s", name, field, strings.Join(names, ", "))
	case s.column != none && slices.Contains(names[s.column+1:], name):
		return s, fmt.Errorf("two columns %q, for %s; rename one", name, field)
	}
	return s, nil
}

func (p *Plan) checkRequired(names []string) error {
	var missing []string
	for _, field := range []string{"user", "item", "timestamp"} {
		if !slices.ContainsFunc(p.steps, func(s step) bool { return s.field == field }) {
			missing = append(missing, field)
		}
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("no column for %s; add --map %s=COLUMN with one of %s",
		strings.Join(missing, ", "), missing[0], strings.Join(names, ", "))
}

func (m Mapping) planJSON() *Plan {
	p := &Plan{mapping: m, json: true, asIs: m.asIs(), columns: map[string]int{}}
	fields := m.named()
	for _, field := range Fields() {
		if !slices.Contains(fields, field) {
			fields = append(fields, field)
		}
	}
	for _, field := range fields {
		p.steps = append(p.steps, m.jsonStep(field, p.columns))
	}
	return p
}

func (m Mapping) jsonStep(field string, columns map[string]int) step {
	s := step{field: field, column: none, fallback: m.Defaults[field]}
	if text, ok := m.Constants[field]; ok {
		s.fallback = text
		return s
	}
	name, mapped := m.Columns[field]
	if !mapped {
		name = field
	}
	if _, known := columns[name]; !known {
		columns[name] = len(columns)
	}
	s.column = columns[name]
	return s
}

// checkTexts finds constants and defaults that every row would fail with.
func (p *Plan) checkTexts() error {
	e := p.NewEncoder()
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
