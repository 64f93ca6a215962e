package render

import (
	"slices"
	"strings"

	pretty "github.com/jedib0t/go-pretty/v6/text"

	"purchases/analytics/internal/query"
)

// Widths of the terminal that a text keeps when it is shortened: where there is
// room, and where there is not.
const comfortableText, narrowestText = 16, 8

// layout fits the columns to the terminal, in this order: names are broken at
// their underscores, columns of nothing but zeros are left out, texts are
// shortened a little, optional columns are left out, texts are shortened more.
// A name, a number, a time or a topic is never shortened: it says when all of
// that is not enough.
func (t *tableWriter) layout() (names []string, widths []int, fits bool) {
	names = t.names()
	widths = t.widths(names)
	for _, step := range []func() bool{t.breakNames, t.leaveOutZeros, t.shorten(comfortableText), t.leaveOutOptional,
		t.shorten(narrowestText)} {
		for t.options.Width > 0 && sum(widths) > t.options.Width && step() {
			names = t.names()
			widths = t.widths(names)
			t.shrink(names, widths)
		}
	}
	return names, widths, t.options.Width == 0 || sum(widths) <= t.options.Width
}

func (t *tableWriter) names() []string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.Name
		if t.broken {
			names[i] = strings.ReplaceAll(c.Name, "_", "\n")
		}
	}
	return names
}

// Each step of the layout changes something and says whether it did.

func (t *tableWriter) breakNames() bool {
	before := t.broken
	t.broken = true
	return !before
}

func (t *tableWriter) shorten(floor int) func() bool {
	return func() bool {
		before := t.textFloor
		t.textFloor = floor
		return before != floor
	}
}

func (t *tableWriter) leaveOutZeros() bool {
	for i, c := range t.columns {
		if numeric(c) && !isPlace(c) &&
			!slices.ContainsFunc(t.cells, func(cells []string) bool { return strings.ContainsAny(cells[i], "123456789") }) {
			t.zeros = append(t.zeros, c.Name)
			t.remove(i)
			return true
		}
	}
	return false
}

// isPlace says whether a column names a place in a log, where 0 is one like others.
func isPlace(c query.Column) bool {
	return c.Name == "partition" || strings.HasSuffix(c.Name, "offset")
}

func (t *tableWriter) leaveOutOptional() bool {
	if len(t.options.Optional) == 0 {
		return false
	}
	name := t.options.Optional[0]
	t.options.Optional = t.options.Optional[1:]
	if i := slices.IndexFunc(t.columns, func(c query.Column) bool { return c.Name == name }); i >= 0 {
		t.leftOut = append(t.leftOut, name)
		t.remove(i)
	}
	return true
}

func (t *tableWriter) remove(i int) {
	t.columns = slices.Delete(t.columns, i, i+1)
	for row := range t.cells {
		t.cells[row] = slices.Delete(t.cells[row], i, i+1)
	}
}

// shrink takes from the widths of texts what is too much.
func (t *tableWriter) shrink(names []string, widths []int) {
	if t.textFloor == 0 {
		return
	}
	floors := slices.Clone(widths)
	for i, c := range t.columns {
		if !numeric(c) && c.Type != query.Time && c.Name != "topic" {
			floors[i] = max(min(widths[i], t.textFloor), pretty.LongestLineLen(names[i]))
		}
	}
	t.shrinkTo(widths, floors)
}

// shrinkTo takes from the widest column that is above its floor until the table
// fits or none is.
func (t *tableWriter) shrinkTo(widths, floors []int) {
	for sum(widths) > t.options.Width {
		widest := -1
		for i := range widths {
			if widths[i] > floors[i] && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
	}
}

// widths are those of the columns, in columns of the terminal.
func (t *tableWriter) widths(names []string) []int {
	widths := make([]int, len(names))
	for i, name := range names {
		widths[i] = max(pretty.LongestLineLen(name), t.widest(i))
	}
	return widths
}

// widest is the width of the column's widest value.
func (t *tableWriter) widest(column int) (most int) {
	for _, cells := range t.cells {
		most = max(most, pretty.StringWidthWithoutEscSequences(cells[column]))
	}
	return most
}

// sum is the width of a table, with the gaps between its columns.
func sum(widths []int) int {
	total := gap * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	return total
}
