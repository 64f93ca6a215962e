package server

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"purchases/analytics/internal/render"
)

// media are the formats of an answer with their types, the default first. A
// table is for terminals, and would be held in memory whole.
var media = []struct {
	format      render.Format
	contentType string
	accepted    []string // in an Accept header
}{
	{render.JSON, "application/json", []string{"application/json"}},
	{render.NDJSON, "application/x-ndjson", []string{"application/x-ndjson", "application/ndjson", "application/jsonl"}},
	{render.CSV, "text/csv; charset=utf-8; header=present", []string{"text/csv"}},
	{render.Markdown, "text/markdown; charset=utf-8", []string{"text/markdown"}},
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
		return "", "", wrongParameter("format", "format "+strconv.Quote(clip(parameter))+": want one of "+strings.Join(names, ", "), names...)
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
		p := newProblem(http.StatusNotAcceptable, "not-acceptable", "There is no such format", "an answer comes as "+strings.Join(types, ", "))
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
