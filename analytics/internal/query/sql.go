package query

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// sqlToken matches one token of SQL, as far as it matters here: comments and
// quoted text hide what is inside them.
var sqlToken = regexp.MustCompile("(?s)" + strings.Join([]string{
	`--[^\n]*|/\*.*?(?:\*/|$)`,                    // comments
	"'[^']*'" + `|"[^"]*"` + "|`[^`]*`|\\[[^]]*]", // quoted
	`[:@$?][\w$]*`,                                // parameters
	`[\w$]+`, `\s+`, `.`}, "|"))

// checkSQL makes sure that the text is one SELECT and uses the declared
// parameters, all of them and no others. It returns the line of the error.
func (p *parser) checkSQL(firstLine int) (int, error) {
	line, words, ended := firstLine, 0, false
	unused := map[string]bool{}
	for _, param := range p.query.Params {
		unused[param.Name] = true
	}
	for _, token := range sqlToken.FindAllString(p.query.SQL, -1) {
		switch {
		case blank(token):
			line += strings.Count(token, "\n")
			continue
		case ended:
			return line, errors.New("a query must be one statement; text follows its semicolon")
		case words == 0 && !strings.EqualFold(token, "SELECT") && !strings.EqualFold(token, "WITH"):
			return line, fmt.Errorf("a query begins with SELECT or WITH, not with %q", token)
		case token == ";":
			ended = true
		case strings.ContainsAny(token[:1], ":@$?"):
			if err := p.use(token, unused); err != nil {
				return line, err
			}
		}
		words++
		line += strings.Count(token, "\n")
	}
	if words == 0 {
		return line, errors.New("the file has no SELECT after its header")
	}
	for _, param := range p.query.Params {
		if unused[param.Name] {
			return p.lines["param "+param.Name], fmt.Errorf("param %s is not used: write :%[1]s in the SELECT", param.Name)
		}
	}
	return 0, nil
}

func (p *parser) use(token string, unused map[string]bool) error {
	name := token[1:]
	if token[0] != ':' || name == "" {
		return fmt.Errorf("parameter %q: write it as :name", token)
	}
	name = p.declared(name)
	if _, declared := unused[name]; !declared {
		return fmt.Errorf("%s is not declared: add `-- param %s: TYPE | ...` to the header", token, name)
	}
	unused[name] = false
	return nil
}

// declared returns the parameter that the name belongs to, which has a suffix
// where it is what is bound beside a parameter.
func (p *parser) declared(name string) string {
	for _, param := range p.query.Params {
		switch {
		case param.Type == ZoneParam && name == param.Name+zoneIsReporting,
			(param.Type == StartParam || param.Type == EndParam) && name == param.Name+wholeDay:
			return param.Name
		}
	}
	return name
}
