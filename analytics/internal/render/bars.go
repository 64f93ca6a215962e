package render

import (
	"slices"
	"strings"

	"purchases/analytics/internal/query"
)

const (
	widestBar    = 24 // columns of the terminal
	narrowestBar = 6
)

// addBars puts a column of bars after the last, in what is left of the
// terminal's width. The longest bar is the largest value; one that is negative
// or none has no bar.
func (t *tableWriter) addBars() {
	ranked := slices.IndexFunc(t.columns, func(c query.Column) bool { return c.Name == t.options.Bar && numeric(c) })
	if ranked < 0 || len(t.cells) < 2 {
		return
	}
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.Name
	}
	length := min(t.options.Width-sum(t.widths(names))-gap, widestBar)
	if length < narrowestBar {
		return
	}
	var largest float64
	for _, v := range t.numbers[ranked] {
		largest = max(largest, v)
	}
	for i, v := range t.numbers[ranked] {
		t.cells[i] = append(t.cells[i], bar(v, largest, length))
	}
	t.columns = append(t.columns, query.Column{Type: query.Text})
}

// bar is drawn in eighths of a character.
func bar(value, largest float64, length int) string {
	if value <= 0 || largest <= 0 {
		return ""
	}
	eighths := max(int(value/largest*float64(length)*8+0.5), 1)
	parts := []string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}
	return strings.Repeat("█", eighths/8) + parts[eighths%8]
}
