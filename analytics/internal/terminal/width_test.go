package terminal_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"purchases/analytics/internal/answer"
	"purchases/analytics/internal/example"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/readonly"
	"purchases/analytics/internal/render"
	"purchases/analytics/internal/sqlfiles"
	"purchases/analytics/internal/terminal"
)

// Every query's answer fits 80 columns as a table whose names and topics are
// whole.
func TestEightyColumns(t *testing.T) {
	const columns = 80
	path := filepath.Join(t.TempDir(), "example.db")
	if err := example.Make(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	pool, err := readonly.Open(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	catalogue, _ := query.Load(sqlfiles.Queries())
	for _, q := range catalogue {
		var out bytes.Buffer
		o := terminal.Output{Format: render.Table, Out: &out, Notes: &bytes.Buffer{},
			Fit: func() render.Options { return render.Options{Width: columns} }}
		asked, err := answer.Ask(catalogue, q.Name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Answer(t.Context(), pool, terminal.Question{Question: asked}); err != nil {
			t.Errorf("%s: %v", q.Name, err)
			continue
		}
		head, rows, isTable := strings.Cut(out.String(), "─")
		if !isTable && strings.Count(out.String(), "\n\n") > 0 {
			t.Errorf("%s is no table:\n%s", q.Name, out.String())
		}
		for line := range strings.Lines(out.String()) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > columns {
				t.Errorf("%s: a line of %d columns: %s", q.Name, n, line)
			}
		}
		if strings.Contains(head, "…") && isTable {
			t.Errorf("%s: a name is cut:\n%s", q.Name, head)
		}
		if slices.ContainsFunc(q.Columns, func(c query.Column) bool { return c.Name == "topic" }) && isTable &&
			!strings.Contains(rows, "analytics ") {
			t.Errorf("%s: a topic is cut:\n%s", q.Name, rows)
		}
	}
}
