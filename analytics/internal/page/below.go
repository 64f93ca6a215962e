package page

import (
	"cmp"
	"net/url"
	"strings"

	"purchases/analytics/internal/query"
)

// Form asks for the parameters of a query, or for a statement.
type Form struct {
	Action    string
	Fields    []Field
	Statement *string // of the SQL page
}

// Field is one parameter.
type Field struct {
	Name, Type, Value, Hint, Placeholder string
	Min, Max                             string
	Choices                              []string
}

// NewForm has a field for each parameter, with the values that were given.
func NewForm(q query.Query, values map[string]string) *Form {
	form := &Form{Action: "/queries/" + q.Name}
	for _, p := range q.Params {
		f := Field{Name: p.Name, Type: "text", Value: values[p.Name], Hint: Prose(p.Description), Placeholder: p.Want()}
		if _, given := values[p.Name]; !given && p.Default != nil {
			f.Value = text0(p.Default)
		}
		switch p.Type {
		case query.TextParam:
			f.Placeholder = ""
		case query.IntegerParam:
			f.Type, f.Min, f.Max = "number", text0(p.Min), text0(p.Max)
		case query.DateParam:
			f.Type = "date"
		case query.ChoiceParam:
			f.Type, f.Choices = "select", p.Choices
		case query.StartParam, query.EndParam:
			f.Placeholder = "2011-12-31"
		case query.ZoneParam:
			f.Placeholder = "Europe/Paris"
		}
		form.Fields = append(form.Fields, f)
	}
	return form
}

// NewSchema lists the tables and views: rows of name, type and SQL.
func NewSchema(rows []query.Row) *Below {
	b := &Below{}
	for _, row := range rows {
		b.Schema = append(b.Schema, SchemaTable{text0(row[0]), text0(row[1]), text0(row[2])})
	}
	return b
}

// Prose speaks of parameters instead of the command line's flags.
func Prose(text string) string { return strings.ReplaceAll(text, "--", "") }

// Below is what stands under the panels of a query's page.
type Below struct {
	JSON, CSV, Command, SQL string
	Schema                  []SchemaTable // of the SQL page
}

// SchemaTable is a table or view of the database.
type SchemaTable struct{ Name, Kind, SQL string }

// NewBelow has the other ways to the same answer.
func NewBelow(q query.Query, values map[string]string) *Below {
	params := url.Values{}
	command := "analytics query " + q.Name
	for _, p := range q.Params {
		if value, given := values[p.Name]; given && value != text0(cmp.Or(p.Default, any(""))) {
			params.Set(p.Name, value)
			command += " --" + p.Name + " " + quoted(value)
		}
	}
	path := "/api/v1/queries/" + q.Name
	return &Below{JSON: address(path+".json", params), CSV: address(path+".csv", params), Command: command,
		SQL: strings.TrimSpace(q.SQL)}
}

// quoted is a word of a shell's command line.
func quoted(s string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:,+", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !safe(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Group is a heading of the list of queries.
type Group struct {
	Name    string
	Queries []ListedQuery
}

// ListedQuery is a line of it.
type ListedQuery struct{ Name, Title, Description string }

// NewCatalogue lists queries by group.
func NewCatalogue(all query.Catalogue) (groups []Group) {
	for _, name := range append(query.Groups(), "own") {
		g := Group{Name: words(name)}
		for _, q := range all {
			if cmp.Or(q.Group, "own") == name {
				first, _, _ := strings.Cut(q.Description, ". ")
				g.Queries = append(g.Queries, ListedQuery{q.Name, q.Title, Prose(strings.TrimSuffix(first, "."))})
			}
		}
		if len(g.Queries) > 0 {
			groups = append(groups, g)
		}
	}
	return groups
}
