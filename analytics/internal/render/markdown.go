package render

import (
	"io"
	"strings"

	"purchases/analytics/internal/query"
)

type markdownWriter struct {
	w       io.Writer
	columns []query.Column
}

func (m *markdownWriter) begin() error {
	var names, rules []string
	for _, c := range m.columns {
		names = append(names, c.Name)
		rule := "---"
		if numeric(c) {
			rule = "---:"
		}
		rules = append(rules, rule)
	}
	if err := m.line(names); err != nil {
		return err
	}
	return m.line(rules)
}

func (m *markdownWriter) row(row query.Row) error {
	cells := make([]string, len(row))
	for i, value := range row {
		cells[i] = escapeMarkdown(text(value))
	}
	return m.line(cells)
}

func (m *markdownWriter) end() error { return nil }

func (m *markdownWriter) line(cells []string) error {
	_, err := io.WriteString(m.w, "| "+strings.Join(cells, " | ")+" |\n")
	return err
}

// escapeMarkdown keeps text from being read as markup or as the end of its cell.
func escapeMarkdown(s string) string {
	return markdownMarks.Replace(oneLine(s))
}

var markdownMarks = strings.NewReplacer(
	`\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "~", `\~`, "[", `\[`, "<", `\<`, "&", `\&`)
