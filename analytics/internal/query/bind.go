package query

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"
)

// Arg is the value of one parameter: nil, int64 or string.
type Arg struct {
	Name  string
	Value any
	Type  ParamType
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
		arg := Arg{Name: p.Name, Value: p.Default, Type: p.Type}
		if text, given := values[p.Name]; given {
			value, err := p.parse(text)
			if err != nil {
				return nil, err
			}
			arg.Value = value
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
	case StartParam, EndParam:
		return "a date such as 2011-12-31, or an instant such as 2011-12-31T18:00:00Z"
	case ChoiceParam:
		return "one of " + strings.Join(p.Choices, ", ")
	case ZoneParam:
		return "a time zone such as Europe/London"
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
	case StartParam, EndParam:
		if _, _, err := parseInstant(text); err != nil {
			return nil, wrong
		}
	case ChoiceParam:
		if !slices.Contains(p.Choices, text) {
			return nil, wrong
		}
	case ZoneParam:
		if _, ok := clockOf(text); !ok {
			return nil, wrong
		}
	}
	if !utf8.ValidString(text) {
		return nil, wrong
	}
	return text, nil
}

// parseInstant says of the text whether it is a date, which is then midnight UTC,
// or an instant.
func parseInstant(text string) (at time.Time, isDate bool, err error) {
	if at, err = time.Parse(time.DateOnly, text); err == nil {
		return at, true, nil
	}
	at, err = time.Parse(time.RFC3339, text)
	return at, false, err
}

// Bound are the values that reach SQLite, see [ParamType]. It reads from the
// database by which clock it counts days, where a value depends on that.
func (q *Query) Bound(ctx context.Context, db sqlx.QueryerContext, args Args) (bound []Arg, err error) {
	var reporting clock
	if args.needClock() {
		if reporting, err = reportingClock(ctx, db); err != nil {
			return nil, fmt.Errorf("run query %s: %w", q.Name, err)
		}
	}
	used := sqlToken.FindAllString(q.SQL, -1)
	unused := func(b Arg) bool { return !slices.Contains(used, ":"+b.Name) }
	return slices.DeleteFunc(args.bound(reporting), unused), nil
}

func (a Args) bound(reporting clock) []Arg {
	days := reporting
	for _, arg := range a {
		if zone, given := arg.Value.(string); given && arg.Type == ZoneParam {
			days, _ = clockOf(zone) // parse has tried it
		}
	}
	var bound []Arg
	for _, arg := range a {
		bound = append(bound, arg.bound(days, slices.Equal(days, reporting))...)
	}
	return bound
}

func (a *Arg) bound(c clock, isReporting bool) []Arg {
	switch a.Type {
	case ZoneParam:
		same := int64(0)
		if isReporting {
			same = 1
		}
		return []Arg{{Name: a.Name, Value: c.quarters()}, {Name: a.Name + zoneIsReporting, Value: same}}
	case StartParam, EndParam:
		at, day := a.moment(c)
		return []Arg{{Name: a.Name, Value: at}, {Name: a.Name + wholeDay, Value: day}}
	}
	return []Arg{{Name: a.Name, Value: a.Value}}
}

// moment returns the instant of a start or an end, and its day where it bounds
// whole days, each nil if there is none.
func (a *Arg) moment(c clock) (at, day any) {
	text, given := a.Value.(string)
	if !given {
		return nil, nil
	}
	local, isDate, _ := parseInstant(text) // parse has tried it
	ms := local.UnixMilli()
	isEnd := a.Type == EndParam
	if isDate && isEnd {
		local = local.AddDate(0, 0, 1)
	}
	if isDate {
		ms = c.instant(local)
	}
	if d, whole := c.day(ms); whole && isEnd {
		return ms, d - 1
	} else if whole {
		return ms, d
	}
	return ms, nil
}

// needClock says whether a value means something else in another zone.
func (a Args) needClock() bool {
	return slices.ContainsFunc(a, func(arg Arg) bool {
		return arg.Type == ZoneParam || arg.Type == StartParam || arg.Type == EndParam
	})
}
