// Package query reads canned queries, one file each, and answers them: a
// comment header says what a query is for and which parameters and columns it
// has, and one SELECT with named parameters follows.
//
//	-- title: Top items
//	-- group: items
//	-- description: The items that sold most.
//	-- param by: choice(units, revenue) = units | What to rank by.
//	-- param limit: integer(1..10000) = 10 | How many rows.
//	-- param since: date | First day, UTC.
//	-- column item: text | The item.
//	-- column revenue: money | In the currency of the row.
//	-- example: --by revenue --limit 5
//	SELECT ...
//
// A line that begins with three spaces or more after its "--" continues with the
// line before it. A parameter without a default is optional and NULL when it
// is not given. What a user gives reaches SQLite only as a bound parameter.
//
// The package formats nothing for people and does not protect the database from
// a query's author: run queries on a connection that cannot write.
package query

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/xrash/smetrics"
)

// Query is one canned query.
type Query struct {
	// Name is the name of the file without ".sql".
	Name string
	// Title says in a few words what the answer is. Never empty.
	Title string
	// Group is the word under which the query is listed: one of [Groups] for the
	// program's own, "own" where a file has none.
	Group string
	// Description says more, in whole sentences; empty when the file has none.
	Description string
	Params      []Param
	// Columns are those of the answer, in its order. Never empty.
	Columns []Column
	// Bars names the column of numbers to compare at a glance, where the
	// parameter "by" does not; empty when the file has none.
	Bars string
	// Optional are columns that a table may lack where it is narrow, the first
	// one first.
	Optional []string
	// Chart says how a page draws the answer.
	Chart Chart
	// Example is a command line's flags, such as "--limit 5", which Bind
	// accepts; empty when the file has none.
	Example string
	// SQL is the SELECT.
	SQL string
	// Own says that the query is a person's own and not the program's.
	Own bool
}

// Groups are those of the program's own queries, in the order of a list.
func Groups() []string { return []string{"sales", "items", "users", "quality", "pipeline"} }

// ParamType is what a parameter accepts.
type ParamType string

// The types of parameters.
const (
	TextParam    ParamType = "text"    // any UTF-8 text
	IntegerParam ParamType = "integer" // from Min to Max
	DateParam    ParamType = "date"    // YYYY-MM-DD, bound as that text
	ChoiceParam  ParamType = "choice"  // one of Choices, bound as text
	// StartParam and EndParam accept a date of the query's zone, which is the one
	// of its zone parameter or else the reporting zone, or an RFC 3339 instant.
	// They are bound as milliseconds since 1970 UTC, an end exclusive, and with
	// the suffix _day as days since 1970 on that zone's calendar, an end
	// inclusive, or NULL where the instant is inside of a day.
	StartParam ParamType = "start"
	EndParam   ParamType = "end"
	// ZoneParam accepts an IANA time zone; without one it is the reporting zone.
	// It is bound as a JSON array with an element for each stretch of time in
	// which the zone's clock does not change, [first, past, offset], in quarters
	// of an hour since 1970 UTC and seconds ahead of UTC, and with the suffix
	// _is_reporting as whether it is the reporting zone's clock.
	ZoneParam ParamType = "zone"
)

// Suffixes of what is bound beside a parameter.
const (
	wholeDay        = "_day"
	zoneIsReporting = "_is_reporting"
)

// Param is a named parameter of a query.
type Param struct {
	Name        string
	Type        ParamType
	Min, Max    int64    // of an integer, both inclusive
	Choices     []string // of a choice
	Default     any      // int64 or string; nil makes the parameter optional
	Description string
}

// ColumnType is what a column holds. Every column may hold NULL as well.
type ColumnType string

// The types of columns. The type of a value in a [Row] stands after each.
const (
	Text    ColumnType = "text"    // string
	Integer ColumnType = "integer" // int64
	Money   ColumnType = "money"   // purchase.Micros; an integer of millionths in SQL
	Percent ColumnType = "percent" // [Percentage]; a number of hundredths in SQL
	Time    ColumnType = "time"    // string, a date or a time of ISO 8601 in UTC
	Number  ColumnType = "number"  // float64, or int64 where it is whole
	Any     ColumnType = "any"     // int64, float64, string or []byte; of a statement, not of a query's file
)

// Column is one column of an answer.
type Column struct {
	Name        string
	Type        ColumnType
	Description string // with the unit
}

// Catalogue is a set of queries in the order of their names.
type Catalogue []Query

// Ranked returns the name of the column to compare at a glance: the one that
// the parameter "by" means, as units means units_sold, or else Bars.
func (q *Query) Ranked(args Args) string {
	for _, arg := range args {
		by, _ := arg.Value.(string)
		for _, c := range q.Columns {
			if arg.Name == "by" && by != "" && (c.Name == by || strings.HasPrefix(c.Name, by+"_")) {
				return c.Name
			}
		}
	}
	return q.Bars
}

// Summary is the first sentence of the description, or the title where there is
// none.
func (q *Query) Summary() string {
	for i := range len(q.Description) {
		if rest := q.Description[i:]; rest == "." || strings.HasPrefix(rest, ". ") {
			return q.Description[:i+1]
		}
	}
	return cmp.Or(q.Description, q.Title)
}

// Load reads every file of fsys whose name ends in ".sql". A faulty file is a
// [*FileError] and does not keep the others from being read; any other error
// means that there was nothing to read.
func Load(fsys fs.FS) (Catalogue, []error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, []error{err}
	}
	var catalogue Catalogue
	var errs []error
	for _, entry := range entries {
		if entry.IsDir() || path.Ext(entry.Name()) != ".sql" {
			continue
		}
		q, err := load(fsys, entry.Name())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		catalogue = append(catalogue, q)
	}
	return catalogue.With(nil), errs
}

func load(fsys fs.FS, file string) (Query, error) {
	text, err := fs.ReadFile(fsys, file)
	if err != nil {
		return Query{}, &FileError{File: file, Line: 1, Err: err}
	}
	return Parse(file, string(text))
}

// With returns the queries of both catalogues; of two with one name it takes
// the one of other.
func (c Catalogue) With(other Catalogue) Catalogue {
	all := slices.Concat(other, c)
	slices.SortStableFunc(all, func(a, b Query) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(all, func(a, b Query) bool { return a.Name == b.Name })
}

// Find returns the query with the name.
func (c Catalogue) Find(name string) (Query, bool) {
	i := slices.IndexFunc(c, func(q Query) bool { return q.Name == name })
	if i < 0 {
		return Query{}, false
	}
	return c[i], true
}

// UnknownError says that no query has the name, and which names are near it.
type UnknownError struct {
	Name string
	Near []string // the likeliest first; empty where none is near
}

func (e *UnknownError) Error() string {
	if len(e.Near) == 0 {
		return fmt.Sprintf("unknown query %.100q.", e.Name)
	}
	return fmt.Sprintf("unknown query %.100q. Did you mean %s?", e.Name, strings.Join(e.Near, " or "))
}

// Nearest returns up to three names that a user may have meant by name, the
// likeliest first: names that contain it, then names that are spelled alike.
func (c Catalogue) Nearest(name string) []string {
	const most, near = 3, 0.8
	name = strings.ToLower(name)
	var names []string
	for _, q := range c {
		if likeness(q.Name, name) >= near {
			names = append(names, q.Name)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(likeness(b, name), likeness(a, name)) })
	return names[:min(most, len(names))]
}

// likeness is higher the more alike the names are. Jaro-Winkler's range is 0
// to 1; its prefix bonus is for what people misspell late.
func likeness(name, typed string) float64 {
	const boostThreshold, prefix = 0.7, 4
	score := smetrics.JaroWinkler(name, typed, boostThreshold, prefix)
	if typed != "" && strings.Contains(name, typed) {
		score++
	}
	return score
}
