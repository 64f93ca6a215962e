package mapping

import (
	"fmt"
	"slices"
	"strings"
)

// Report says in one line which columns the plan uses for what, and which it
// does not use.
func (p *Plan) Report() string {
	var used []string
	for _, s := range p.steps {
		switch {
		case s.from != nil && !p.shows(s):
		case s.from != nil:
			used = append(used, fmt.Sprintf("%s from %.80s", s.field, p.shownSource(*s.from)))
		case s.fallback != "":
			used = append(used, fmt.Sprintf("%s is %.60q", s.field, s.fallback))
		}
	}
	text := strings.Join(used, ", ")
	if p.asIs && text == "" {
		text = "no member is a field of a purchase; --map names them, and --each an array that holds them"
	}
	if unused := p.unused(); len(unused) > 0 {
		text += "; unused: " + list(unused)
	}
	return text
}

// shows says that the file has what the step reads.
func (p *Plan) shows(s step) bool { return s.from.expr != nil || p.shape.has(s.from.name) }

func (p *Plan) shownSource(s source) string {
	if s.expr != nil {
		return s.text
	}
	name := strings.Join(s.name, ".")
	if p.shape.Members == nil {
		i, _ := p.shape.column(name)
		name = p.shape.Header[i]
	}
	return fmt.Sprintf("%q", name)
}

// unused are the columns, or the members of the outermost objects, that nothing
// reads.
func (p *Plan) unused() (names []string) {
	used := map[string]bool{}
	for _, name := range p.names() {
		if p.shape.Members != nil {
			used[name[0]] = true
			if name[0] == parent && len(name) > 1 {
				used[name[1]] = true
			}
		} else if i, _ := p.shape.column(strings.Join(name, ".")); i >= 0 {
			used[p.shape.Header[i]] = true
		}
	}
	if p.shape.Members != nil {
		for _, own := range append(p.mapping.each(), "attributes", "op", "imported_at", "retracted_at") {
			used[own] = true
		}
	}
	for i, name := range p.shape.names() {
		if !used[name] && !slices.Contains(p.fill, i) {
			names = append(names, name)
		}
	}
	return names
}

// names are all names that the plan reads.
func (p *Plan) names() (all [][]string) {
	sources := slices.Clone(p.ids)
	if p.where != nil {
		sources = append(sources, *p.where)
	}
	for _, s := range p.steps {
		if s.from != nil {
			sources = append(sources, *s.from)
		}
	}
	for _, s := range sources {
		if s.expr != nil {
			all = append(all, s.expr.Names()...)
		} else {
			all = append(all, s.name)
		}
	}
	return all
}

// Priced says that the plan gives events a unit price or an amount.
func (p *Plan) Priced() bool {
	return slices.ContainsFunc(p.steps, func(s step) bool {
		return (s.field == "unit_price" || s.field == "amount") && (s.from == nil || p.shows(s))
	})
}

// Ambiguous returns names that both an element of Each and the object around it
// have, and that the plan takes from the element.
func (p *Plan) Ambiguous() (names []string) {
	if p.shape.Members == nil || p.mapping.Each == "" {
		return nil
	}
	for _, name := range p.names() {
		text, element := strings.Join(name, "."), append(p.mapping.each(), name...)
		around := append([]string{parent}, name...)
		if p.shape.Members.has(around) && p.shape.Members.has(element) && !slices.Contains(names, text) {
			names = append(names, text)
		}
	}
	return names
}
