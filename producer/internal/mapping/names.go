package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Shape is what is known of a file's names.
type Shape struct {
	// Header has the names of a table's columns; nil for JSON.
	Header []string
	// Members has those of JSON objects; nil for a table.
	Members *Members
}

func (s Shape) has(name []string) bool {
	if s.Members != nil {
		return s.Members.has(name)
	}
	i, err := s.column(strings.Join(name, "."))
	return i >= 0 && err == nil
}

// names are the columns, or the members of the outermost objects.
func (s Shape) names() []string {
	if s.Members != nil {
		return s.Members.top
	}
	return s.Header
}

// column finds a column by its name, exactly or else in its bare form.
func (s Shape) column(name string) (int, error) {
	for _, same := range []func(string) bool{
		func(other string) bool { return other == name },
		func(other string) bool { return bare(other) == bare(name) },
	} {
		first := slices.IndexFunc(s.Header, same)
		if first < 0 {
			continue
		}
		if slices.ContainsFunc(s.Header[first+1:], same) {
			return none, fmt.Errorf("two columns %.60q; rename one", s.Header[first])
		}
		return first, nil
	}
	return none, nil
}

// bare is a name without case, spaces, _ and -.
func bare(name string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '_', '-', '\u00a0':
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// Names that are shown are cut, because a file can have any.
const (
	maxNames    = 40
	maxNameSize = 60
)

// list shows names in an error or a report.
func list(names []string) string {
	var shown []string
	for _, name := range names[:min(len(names), maxNames)] {
		shown = append(shown, fmt.Sprintf("%.*q", maxNameSize, name))
	}
	if more := len(names) - maxNames; more > 0 {
		shown = append(shown, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(shown, ", ")
}

// parent is the name by which expressions reach the object around an element.
const parent = "parent"

// Members collects the names of the members of JSON objects.
type Members struct {
	each []string
	top  []string // of the outermost objects, in the order of appearance
	seen map[string]bool
	any  bool // whatever is not seen is expected
}

// NewMembers returns an empty collection for objects that are read with a
// mapping's Each.
func (m Mapping) NewMembers() *Members { return &Members{each: m.each(), seen: map[string]bool{}} }

func (m Mapping) each() []string {
	if m.Each == "" {
		return nil
	}
	return strings.Split(m.Each, ".")
}

// separator stands between the names of nested members, which may have dots.
const separator = "\x00"

func (s *Members) has(name []string) bool { return s.any || s.seen[strings.Join(name, separator)] }

// Add adds the members of one object, if the text is one, and says whether any
// of them is new.
func (s *Members) Add(text string) bool {
	before := len(s.seen)
	var object map[string]any
	if json.Unmarshal([]byte(text), &object, jsontext.AllowDuplicateNames(true)) != nil {
		return false
	}
	for name := range object {
		if !slices.Contains(s.top, name) && len(s.top) < maxTop {
			s.top = append(s.top, name)
		}
	}
	slices.Sort(s.top)
	s.level(object, s.each, "")
	return len(s.seen) > before
}

// These bound the names that are kept of objects that use them as values.
const (
	maxTop   = 1000
	maxDepth = 8
)

// level adds the names by which the mapping may call the members of an object
// at one level of Each.
func (s *Members) level(object map[string]any, each []string, path string) {
	s.add("", object)
	if path != "" {
		s.add(path+separator, object)
	}
	if len(each) == 0 {
		return
	}
	s.add(parent+separator, object)
	elements, ok := object[each[0]].([]any)
	if !ok {
		elements = []any{object[each[0]]}
	}
	for _, element := range elements {
		if inner, ok := element.(map[string]any); ok {
			s.level(inner, each[1:], strings.TrimPrefix(path+separator+each[0], separator))
		}
	}
}

func (s *Members) add(prefix string, object map[string]any) {
	for name, value := range object {
		if len(s.seen) > maxTop*10 {
			return
		}
		s.seen[prefix+name] = true
		if inner, ok := value.(map[string]any); ok && strings.Count(prefix, separator) < maxDepth {
			s.add(prefix+name+separator, inner)
		}
	}
}

// Expect takes every name for a member that a later object will have.
func (s *Members) Expect() { s.any = true }

// Any says that any object has been added.
func (s *Members) Any() bool { return len(s.seen) > 0 }
