package render

import (
	"io"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	pretty "github.com/jedib0t/go-pretty/v6/text"

	"purchases/analytics/internal/query"
	"purchases/producer/purchase"
)

const (
	gap              = 2 // spaces between columns
	narrowestText    = 8 // columns of the terminal that a shortened text keeps
	verticalFrom     = 6 // columns from which a single row is shown one value a line
	boldOn, boldOff  = "\x1b[1m", "\x1b[0m"
	ellipsis         = "…"
	replacementGlyph = '\ufffd'
)

// tableWriter collects the rows, because the widths depend on all of them.
type tableWriter struct {
	w       io.Writer
	columns []query.Column
	options Options
	cells   [][]string
	numbers [][]float64 // of each column, for its bars
}

func (t *tableWriter) begin() error { return nil }

func (t *tableWriter) row(row query.Row) error {
	if t.numbers == nil {
		t.numbers = make([][]float64, len(row))
	}
	cells := make([]string, len(row))
	for i, value := range row {
		cells[i] = cell(value)
		t.observe(i, value)
		t.numbers[i] = append(t.numbers[i], number(value))
	}
	t.cells = append(t.cells, cells)
	return nil
}

// observe aligns a column of any type like its values.
func (t *tableWriter) observe(i int, value any) {
	if t.columns[i].Type != query.Any || value == nil {
		return
	}
	t.columns[i].Type = query.Text
	switch value.(type) {
	case int64, float64:
		t.columns[i].Type = query.Number
	}
}

func (t *tableWriter) end() error {
	t.addBars()
	out := t.horizontal
	if len(t.cells) == 1 && len(t.columns) >= verticalFrom {
		out = t.vertical
	}
	_, err := io.WriteString(t.w, out()+"\n")
	return err
}

func (t *tableWriter) horizontal() string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.Name
	}
	if w := t.options.Width; w > 0 && sum(t.widths(names)) > w {
		for i, name := range names {
			names[i] = strings.ReplaceAll(name, "_", "\n")
		}
	}
	widths := t.fit(t.widths(names))
	out := t.newTable()
	out.AppendHeader(t.header(names))
	for _, cells := range t.cells {
		row := make(table.Row, len(cells))
		for i, c := range cells {
			row[i] = pretty.Snip(c, widths[i], ellipsis)
		}
		out.AppendRow(row)
	}
	return out.Render()
}

func (t *tableWriter) newTable() table.Writer {
	style := table.Style{Box: table.StyleBoxLight, Options: table.OptionsNoBordersAndSeparators}
	style.Box.PaddingLeft, style.Box.PaddingRight = "", ""
	style.Box.MiddleVertical = strings.Repeat(" ", gap)
	style.Box.MiddleSeparator = strings.Repeat(style.Box.MiddleHorizontal, gap)
	style.Options.SeparateColumns = true
	style.Options.SeparateHeader = t.options.Width > 0
	var configs []table.ColumnConfig
	for i, c := range t.columns {
		config := table.ColumnConfig{Number: i + 1, VAlignHeader: pretty.VAlignBottom}
		if numeric(c) {
			config.Align, config.AlignHeader = pretty.AlignRight, pretty.AlignRight
		}
		configs = append(configs, config)
	}
	out := table.NewWriter()
	out.SetStyle(style)
	out.SetColumnConfigs(configs)
	out.SuppressTrailingSpaces()
	return out
}

func (t *tableWriter) header(names []string) table.Row {
	row := make(table.Row, len(names))
	for i, name := range names {
		row[i] = t.bold(name)
	}
	return row
}

func (t *tableWriter) bold(s string) string {
	if !t.options.Bold {
		return s
	}
	return boldOn + strings.ReplaceAll(s, "\n", boldOff+"\n"+boldOn) + boldOff
}

// vertical writes one value a line, its name before it.
func (t *tableWriter) vertical() string {
	var names, values int
	for i, c := range t.columns {
		names, values = max(names, len(c.Name)), max(values, width(t.cells[0][i], numeric(c)))
	}
	var lines []string
	for i, c := range t.columns {
		value := t.cells[0][i]
		switch room := t.options.Width - names - len(": "); {
		case numeric(c):
			value = pretty.AlignRight.Apply(value, values)
		case t.options.Width > 0:
			value = pretty.Snip(value, max(room, narrowestText), ellipsis)
		}
		name := t.bold(c.Name) + ":" + strings.Repeat(" ", names-len(c.Name)+1)
		lines = append(lines, strings.TrimRight(name+value, " "))
	}
	return strings.Join(lines, "\n")
}

// width is that of a number, and 0 of text, which is not aligned with numbers.
func width(value string, isNumber bool) int {
	if !isNumber {
		return 0
	}
	return len(value)
}

// widths are those of the columns, in columns of the terminal, with the gaps.
func (t *tableWriter) widths(names []string) []int {
	widths := make([]int, len(names))
	for i, name := range names {
		widths[i] = pretty.LongestLineLen(name)
		for _, cells := range t.cells {
			widths[i] = max(widths[i], pretty.StringWidthWithoutEscSequences(cells[i]))
		}
		widths[i] += gap
	}
	return widths
}

// fit takes from the widest text until the table fits the terminal or no text
// can give more; numbers are never shortened. It returns widths without gaps.
func (t *tableWriter) fit(widths []int) []int {
	for t.options.Width > 0 && sum(widths) > t.options.Width {
		widest := -1
		for i, c := range t.columns {
			if shrinks := !numeric(c) && c.Type != query.Time && widths[i] > narrowestText+gap; shrinks && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	for i := range widths {
		widths[i] -= gap
	}
	return widths
}

func sum(widths []int) int {
	total := -gap // after the last column there is none
	for _, w := range widths {
		total += w
	}
	return total
}

// cell is the form of a value in a table for people.
func cell(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return oneLine(v)
	case query.Percentage:
		return group(v.String()) + "%"
	}
	return group(text(value))
}

// number is good enough for the length of a bar.
func number(value any) float64 {
	switch v := value.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	case query.Percentage:
		return float64(v)
	case purchase.Micros:
		return float64(v)
	}
	return 0
}

// group puts commas between the thousands of a decimal number.
func group(number string) string {
	digits, negative := strings.CutPrefix(number, "-")
	whole, fraction, hasFraction := strings.Cut(digits, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if hasFraction {
		whole += "." + fraction
	}
	if negative {
		whole = "-" + whole
	}
	return whole
}

// oneLine keeps text from breaking the table or driving the terminal: line
// breaks and tabs become spaces, other characters that do not print a sign.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return replacementGlyph
		}
		return r
	}, s)
}
