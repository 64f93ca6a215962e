package server

import (
	"cmp"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"purchases/analytics/internal/answer"
	"purchases/analytics/internal/render"
)

// media are the formats of an answer with their types, the default first. A
// table is for terminals, and would be held in memory whole.
var media = []struct {
	format      render.Format
	extension   string // of a file, and of a URL
	disposition string
	contentType string
	accepted    []string // in an Accept header
}{
	{render.JSON, "json", "inline", "application/json", []string{"application/json"}},
	{render.NDJSON, "ndjson", "attachment", "application/x-ndjson",
		[]string{"application/x-ndjson", "application/ndjson", "application/jsonl"}},
	{render.CSV, "csv", "attachment", "text/csv; charset=utf-8; header=present", []string{"text/csv"}},
	{render.Markdown, "md", "inline", "text/markdown; charset=utf-8", []string{"text/markdown"}},
}

// form is how an answer is written.
type form struct {
	format       render.Format
	contentType  string
	moneyNumbers bool // money as JSON numbers
}

// takeForm takes the parameters of the form out of the values.
func takeForm(r *http.Request, values map[string]string) (f form, err error) {
	chosen, given := values[formatParameter]
	if f.format, f.contentType, err = negotiate(r, chosen, given); err != nil {
		return f, err
	}
	switch money, given := values[moneyParameter]; {
	case money == "number":
		f.moneyNumbers = true
	case given && money != "string":
		return f, wrongParameter(moneyParameter, "money "+strconv.Quote(clip(money))+": want string or number", "string",
			"number")
	}
	delete(values, formatParameter)
	delete(values, moneyParameter)
	return f, nil
}

// cutFormat reads a name such as top-items.csv.
func cutFormat(name string) (base, format string) {
	for _, m := range media {
		if base, found := strings.CutSuffix(name, "."+m.extension); found {
			return base, string(m.format)
		}
	}
	return name, ""
}

// describe says the type of an answer, and the name of its file.
func (f form) describe(h http.Header, name string) {
	h.Set("Content-Type", f.contentType)
	for _, m := range media {
		if m.format == f.format {
			h.Set("Content-Disposition", fmt.Sprintf("%s; filename=%q", m.disposition, cmp.Or(name, "sql")+"."+m.extension))
		}
	}
}

// key tells apart what has different answers.
func (f form) key(q answer.Question) string {
	return fmt.Sprintf("%s %q %v", q.Query.Name, q.Args, f)
}

// write writes an answer in its form.
func (f form) write(out io.Writer, q answer.Question, found *result) error {
	_, err := render.Write(out, f.format, render.Answer{
		Query: q.Query.Name, Args: q.Args, Columns: found.columns, Freshness: found.fresh, Rows: found.all(),
	}, render.Options{MoneyNumbers: f.moneyNumbers})
	return err
}

// wantsPage says whether the client, such as a browser, likes HTML best and
// has not chosen a format in the URL.
func wantsPage(r *http.Request) bool {
	if !strings.Contains(strings.Join(r.Header.Values("Accept"), ","), "text/html") || r.URL.Query().Has(formatParameter) {
		return false
	}
	if _, format := cutFormat(r.PathValue("name")); format != "" {
		return false
	}
	html := acceptable(r.Header.Values("Accept"), []string{"text/html"})
	for _, m := range media {
		if acceptable(r.Header.Values("Accept"), m.accepted) >= html {
			return false
		}
	}
	return true
}

// redirectToPage leads a browser from a URL of the API to the page with the same
// parameters.
func redirectToPage(w http.ResponseWriter, r *http.Request, path string) error {
	w.Header().Add("Vary", "Accept")
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, (&url.URL{Path: path, RawQuery: r.URL.RawQuery}).String(), http.StatusSeeOther)
	return nil
}

// negotiate chooses the format: by the parameter format or else by Accept.
func negotiate(r *http.Request, parameter string, given bool) (format render.Format, contentType string, err error) {
	if given {
		var names []string
		for _, m := range media {
			names = append(names, string(m.format))
			if string(m.format) == parameter {
				return m.format, m.contentType, nil
			}
		}
		return "", "", wrongParameter("format", "format "+strconv.Quote(clip(parameter))+": want one of "+
			strings.Join(names, ", "), names...)
	}
	best, quality := -1, 0.0
	for i, m := range media {
		if q := acceptable(r.Header.Values("Accept"), m.accepted); q > quality {
			best, quality = i, q
		}
	}
	if best < 0 {
		var types []string
		for _, m := range media {
			types = append(types, m.accepted[0])
		}
		p := newProblem(http.StatusNotAcceptable, "not-acceptable", "Unknown format", "the formats are "+
			strings.Join(types, ", "))
		p.Allowed = types
		return "", "", p
	}
	return media[best].format, media[best].contentType, nil
}

// acceptable is the quality, 0 to 1, that the Accept header gives to the best
// of the types (RFC 9110, section 12.5.1).
func acceptable(accept, types []string) float64 {
	header := strings.Join(accept, ",")
	if strings.TrimSpace(header) == "" {
		return 1
	}
	best, precision := 0.0, -1
	for part := range strings.SplitSeq(header, ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		major, _, _ := strings.Cut(types[0], "/")
		match := slices.Index([]string{"*/*", major + "/*"}, kind)
		if slices.Contains(types, kind) {
			match = 2
		}
		if match < 0 || match < precision {
			continue
		}
		q := 1.0
		if text, given := params["q"]; given {
			if q, err = strconv.ParseFloat(text, 64); err != nil || q < 0 || q > 1 {
				q = 0
			}
		}
		best, precision = q, match
	}
	return best
}
