package query

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// FileError says what is wrong in a query's file, and where.
type FileError struct {
	File string
	Line int // from 1
	Err  error
}

func (e *FileError) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

func (e *FileError) Unwrap() error { return e.Err }

// reserved names are taken on the command line or in a URL.
const reserved = " check db format h help o output plot queries safe_csv wait_for watch "

var (
	fileName   = regexp.MustCompile(`^([a-z][a-z0-9-]*)\.sql$`)
	identifier = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	choiceWord = regexp.MustCompile(`^[\w-]+$`)
	typeForm   = regexp.MustCompile(`^(\w+)(?:\s*\(([^()]*)\))?$`)
	rangeForm  = regexp.MustCompile(`^(-?\d+)\s*\.\.\s*(-?\d+)$`)
)

// entry is one entry of the header, such as "param limit: integer | ...".
type entry struct {
	line    int
	key     string // "param limit"
	content string
}

// Parse reads the text of a query's file. The error is a [*FileError].
func Parse(file, text string) (Query, error) {
	name := fileName.FindStringSubmatch(file)
	if name == nil {
		return Query{}, &FileError{file, 1,
			errors.New("the name of a query's file is made of a-z, 0-9 and -, and begins with a letter")}
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return Query{}, &FileError{file, 1, errors.New("the file is not UTF-8 text")}
	}
	p := parser{query: Query{Name: name[1]}, lines: map[string]int{}}
	line, err := p.parse(strings.TrimPrefix(text, "\ufeff"))
	if err != nil {
		return Query{}, &FileError{file, line, err}
	}
	return p.query, nil
}

type parser struct {
	query Query
	lines map[string]int // of the entries that must be there once
}

// parse returns the line of the error.
func (p *parser) parse(text string) (int, error) {
	entries, sql, sqlLine, line, err := split(text)
	if err != nil {
		return line, err
	}
	for _, e := range entries {
		if err := p.add(e); err != nil {
			return e.line, err
		}
	}
	p.query.SQL = sql
	if line, err := p.checkSQL(sqlLine); err != nil {
		return line, err
	}
	return p.checkHeader()
}

// split cuts the file into the entries of its header and its SQL, which begins
// at sqlLine. The header ends at the first line that is no comment.
func split(text string) (entries []entry, sql string, sqlLine, errLine int, err error) {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i, line := range lines {
		comment, ok := strings.CutPrefix(line, "--")
		if !ok {
			return entries, strings.Join(lines[i:], "\n"), i + 1, 0, nil
		}
		content := strings.TrimSpace(comment)
		key, value, hasKey := strings.Cut(content, ":")
		switch {
		case content == "":
		case strings.HasPrefix(comment, "   ") && len(entries) > 0:
			last := &entries[len(entries)-1]
			last.content = strings.TrimSpace(last.content + " " + content)
		case !hasKey:
			return nil, "", 0, i + 1, fmt.Errorf("want title:, group:, description:, param NAME:, column NAME:, bars:, "+
				"chart:, optional: or example:, got %q", content)
		default:
			entries = append(entries, entry{i + 1, strings.Join(strings.Fields(key), " "), strings.TrimSpace(value)})
		}
	}
	return entries, "", len(lines), 0, nil
}

func (p *parser) add(e entry) error {
	if first, again := p.lines[e.key]; again {
		return fmt.Errorf("%q is already in line %d", e.key, first)
	}
	p.lines[e.key] = e.line
	kind, name, named := strings.Cut(e.key, " ")
	switch {
	case kind == "title" && !named:
		p.query.Title = e.content
	case kind == "group" && !named:
		p.query.Group = e.content
	case kind == "optional" && !named:
		for word := range strings.SplitSeq(e.content, ",") {
			p.query.Optional = append(p.query.Optional, strings.TrimSpace(word))
		}
	case kind == "description" && !named:
		p.query.Description = e.content
	case kind == "bars" && !named:
		p.query.Bars = e.content
	case kind == "chart" && !named:
		var err error
		p.query.Chart, err = parseChart(e.content)
		return err
	case kind == "example" && !named:
		p.query.Example = e.content
	case kind == "param" && named:
		return p.addParam(name, e.content)
	case kind == "column" && named:
		return p.addColumn(name, e.content)
	default:
		return fmt.Errorf("unknown entry %q: want title, group, description, param NAME, column NAME, bars, chart, "+
			"optional or example", e.key)
	}
	return nil
}

func (p *parser) addParam(name, content string) error {
	form, description, _ := strings.Cut(content, "|")
	form, value, hasDefault := strings.Cut(form, "=")
	param := Param{Name: name, Description: strings.TrimSpace(description)}
	switch {
	case !identifier.MatchString(name):
		return fmt.Errorf("param %q: a name is made of a-z, 0-9 and _, and begins with a letter", name)
	case strings.Contains(reserved, " "+name+" "):
		return fmt.Errorf("param %s: the name is taken by an option of every query", name)
	}
	if err := param.setType(strings.TrimSpace(form)); err != nil {
		return fmt.Errorf("param %s: %w", name, err)
	}
	if hasDefault {
		var err error
		if param.Default, err = param.parse(strings.TrimSpace(value)); err != nil {
			return fmt.Errorf("default of param %w", err)
		}
	}
	p.query.Params = append(p.query.Params, param)
	return nil
}

// setType reads a type such as "integer(1..10)".
func (p *Param) setType(form string) error {
	parts := typeForm.FindStringSubmatch(form)
	bounded := strings.HasSuffix(form, ")")
	switch {
	case parts == nil:
	case parts[1] == string(ChoiceParam) && bounded:
		return p.setChoices(parts[2])
	case parts[1] == string(IntegerParam):
		p.Type, p.Min, p.Max = IntegerParam, math.MinInt64, math.MaxInt64
		if bounded {
			return p.setRange(parts[2])
		}
		return nil
	case slices.Contains([]ParamType{TextParam, DateParam, StartParam, EndParam, ZoneParam}, ParamType(parts[1])) &&
		!bounded:
		p.Type = ParamType(parts[1])
		return nil
	}
	return fmt.Errorf("unknown type %q: want text, integer, integer(MIN..MAX), date, start, end, zone or choice(A, B, ...)", form)
}

func (p *Param) setChoices(list string) error {
	p.Type = ChoiceParam
	for word := range strings.SplitSeq(list, ",") {
		word = strings.TrimSpace(word)
		if !choiceWord.MatchString(word) || slices.Contains(p.Choices, word) {
			return fmt.Errorf("choice %q is empty, duplicated or not a single word", word)
		}
		p.Choices = append(p.Choices, word)
	}
	return nil
}

func (p *Param) setRange(form string) error {
	bounds := rangeForm.FindStringSubmatch(form)
	if bounds == nil {
		return fmt.Errorf("cannot read the range %q: want MIN..MAX", form)
	}
	var errMin, errMax error
	p.Min, errMin = strconv.ParseInt(bounds[1], 10, 64)
	p.Max, errMax = strconv.ParseInt(bounds[2], 10, 64)
	if err := errors.Join(errMin, errMax); err != nil || p.Min > p.Max {
		return fmt.Errorf("the range %q is empty or beyond 64 bits", form)
	}
	return nil
}

func (p *parser) addColumn(name, content string) error {
	form, description, _ := strings.Cut(content, "|")
	t := ColumnType(strings.TrimSpace(form))
	if !identifier.MatchString(name) {
		return fmt.Errorf("column %q: a name is made of a-z, 0-9 and _, and begins with a letter", name)
	}
	switch t {
	case Text, Integer, Number, Money, Percent, Time:
	default:
		return fmt.Errorf("column %s: unknown type %q: want text, integer, number, money, percent or time", name, t)
	}
	p.query.Columns = append(p.query.Columns, Column{name, t, strings.TrimSpace(description)})
	return nil
}

func (p *parser) checkHeader() (int, error) {
	switch {
	case p.query.Title == "":
		return max(p.lines["title"], 1), errors.New("the query has no title; begin the file with `-- title: ...`")
	case len(p.query.Columns) == 0:
		return 1, errors.New("the header declares no column; add `-- column NAME: TYPE | ...` for each")
	case p.query.Bars != "" && !slices.ContainsFunc(p.query.Columns,
		func(c Column) bool { return c.Name == p.query.Bars }):
		return p.lines["bars"], fmt.Errorf("bars: there is no column %q", p.query.Bars)
	}
	for _, name := range p.query.Optional {
		if !slices.ContainsFunc(p.query.Columns, func(c Column) bool { return c.Name == name }) {
			return p.lines["optional"], fmt.Errorf("optional: there is no column %q", name)
		}
	}
	if p.query.Group == "" {
		p.query.Group = "own"
	}
	if err := p.query.setChart(); err != nil {
		return max(p.lines["chart"], 1), fmt.Errorf("chart: %w", err)
	}
	if err := p.query.checkExample(); err != nil {
		return p.lines["example"], fmt.Errorf("example: %w", err)
	}
	return 0, nil
}

func (q *Query) checkExample() error {
	values, err := parseExample(q.Example)
	if err == nil {
		_, err = q.Bind(values)
	}
	return err
}

// ExampleValues are the values that the example gives, for Bind.
func (q *Query) ExampleValues() map[string]string {
	values, _ := parseExample(q.Example) // it was checked
	return values
}

func parseExample(example string) (map[string]string, error) {
	values := map[string]string{}
	words := strings.Fields(example)
	for i := 0; i < len(words); i++ {
		name, value, hasValue := strings.Cut(words[i], "=")
		if !hasValue {
			if i++; i == len(words) {
				return values, fmt.Errorf("%s has no value", name)
			}
			value = words[i]
		}
		flag, isFlag := strings.CutPrefix(name, "--")
		if !isFlag {
			return values, fmt.Errorf("%q is not a flag such as --limit", name)
		}
		values[flag] = value
	}
	return values, nil
}
