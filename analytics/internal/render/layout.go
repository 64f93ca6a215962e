package render

import (
	"strings"

	pretty "github.com/jedib0t/go-pretty/v6/text"

	"purchases/analytics/internal/query"
)

// layout fits the columns to the terminal, in this order: names are broken at
// their underscores, texts are shortened, the widest first, and then names. A
// number or a time is never shortened: it says when that is not enough.
func (t *tableWriter) layout() (names []string, widths []int, fits bool) {
	for _, c := range t.columns {
		names = append(names, c.Name)
	}
	widths = t.widths(names)
	if t.options.Width == 0 || sum(widths) <= t.options.Width {
		return names, widths, true
	}
	for i, name := range names {
		names[i] = strings.ReplaceAll(name, "_", "\n")
	}
	widths = t.widths(names)
	texts, all := make([]int, len(widths)), make([]int, len(widths))
	for i, c := range t.columns {
		texts[i] = widths[i]
		all[i] = max(t.widest(i), narrowestName)
		if !numeric(c) && c.Type != query.Time {
			texts[i], all[i] = min(widths[i], narrowestText), min(all[i], narrowestText)
		}
	}
	t.shrink(widths, texts)
	t.shrink(widths, all)
	return names, widths, sum(widths) <= t.options.Width
}

// shrink takes from the widest column that is above its floor until the table
// fits or none is.
func (t *tableWriter) shrink(widths, floors []int) {
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

// alignDecimals gives the numbers of a column as many decimals as the one that
// has most, so that their points stand below each other.
func (t *tableWriter) alignDecimals() {
	for i, c := range t.columns {
		if c.Type != query.Number {
			continue
		}
		most := 0
		for _, cells := range t.cells {
			most = max(most, decimals(cells[i]))
		}
		for _, cells := range t.cells {
			missing := most - decimals(cells[i])
			if missing == 0 || strings.Trim(cells[i], "-0123456789,.") != "" || cells[i] == "" {
				continue
			}
			if missing == most {
				cells[i] += "."
			}
			cells[i] += strings.Repeat("0", missing)
		}
	}
}

func decimals(number string) int {
	_, fraction, _ := strings.Cut(number, ".")
	return len(fraction)
}
