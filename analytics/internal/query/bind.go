package query

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Arg is the value of one parameter: nil, int64 or string.
//
// A time zone is bound as a JSON array with an element for each stretch of time
// in which its clock is the same: [first hour, first hour after it, shift], in
// hours since 1970 UTC and hours ahead of UTC.
type Arg struct {
	Name  string
	Value any
	zone  string // what is bound instead of the name of a zone
}

// Args has a value for every parameter of a query, in the query's order.
type Args []Arg

// ParamError says which parameter was given wrongly and what is accepted.
type ParamError struct {
	Param string
	Value string
	Want  string // such as "an integer from 1 to 10"
	// Allowed lists the values where there are few: those of a choice.
	Allowed []string
}

func (e *ParamError) Error() string { return fmt.Sprintf("%s %q: want %s", e.Param, e.Value, e.Want) }

// UnknownParamError says that a query has no such parameter.
type UnknownParamError struct {
	Query, Param string
	Known        []string
}

func (e *UnknownParamError) Error() string {
	known := "no parameters"
	if len(e.Known) > 0 {
		known = "only " + strings.Join(e.Known, ", ")
	}
	return fmt.Sprintf("%s: %s does not have this parameter, it has %s", e.Param, e.Query, known)
}

// Bind turns the text that a user gave into the query's arguments; parameters
// that are absent get their defaults. The error is a [*ParamError] or an
// [*UnknownParamError].
func (q *Query) Bind(values map[string]string) (Args, error) {
	var names []string
	var args Args
	for i := range q.Params {
		p := &q.Params[i]
		names = append(names, p.Name)
		arg := Arg{Name: p.Name, Value: p.Default}
		if text, given := values[p.Name]; given {
			value, err := p.parse(text)
			if err != nil {
				return nil, err
			}
			arg.Value = value
		}
		if name, given := arg.Value.(string); given && p.Type == ZoneParam {
			arg.zone, _ = shifts(name) // parse has tried it
		}
		args = append(args, arg)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(names, name) {
			return nil, &UnknownParamError{q.Name, name, names}
		}
	}
	return args, nil
}

// Want says what the parameter accepts, such as "an integer from 1 to 10".
func (p *Param) Want() string {
	switch p.Type {
	case IntegerParam:
		return fmt.Sprintf("an integer from %d to %d", p.Min, p.Max)
	case DateParam:
		return "a date such as 2011-12-31"
	case ChoiceParam:
		return "one of " + strings.Join(p.Choices, ", ")
	case ZoneParam:
		return "a time zone such as Europe/London whose clock is whole hours from UTC"
	}
	return "UTF-8 text"
}

func (p *Param) parse(text string) (any, error) {
	wrong := &ParamError{p.Name, text, p.Want(), p.Choices}
	switch p.Type {
	case IntegerParam:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < p.Min || n > p.Max {
			return nil, wrong
		}
		return n, nil
	case DateParam:
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return nil, wrong
		}
	case ChoiceParam:
		if !slices.Contains(p.Choices, text) {
			return nil, wrong
		}
	case ZoneParam:
		if _, ok := shifts(text); !ok {
			return nil, wrong
		}
	}
	if !utf8.ValidString(text) {
		return nil, wrong
	}
	return text, nil
}

// Bound are the values that reach SQLite.
func (a Args) Bound() []Arg {
	bound := make([]Arg, len(a))
	for i, arg := range a {
		bound[i] = Arg{Name: arg.Name, Value: arg.Value}
		if arg.zone != "" {
			bound[i].Value = arg.zone
		}
	}
	return bound
}
