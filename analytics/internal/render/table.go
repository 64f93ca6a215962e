package render

import (
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	pretty "github.com/jedib0t/go-pretty/v6/text"

	"purchases/analytics/internal/query"
	"purchases/producer/purchase"
)

const (
	gap              = 2 // spaces between columns
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
	money   int         // the column of the currency, -1 for none

	// What the layout has done so far.
	broken         bool // names, at their underscores
	textFloor      int  // width to which texts may be shortened, 0 for not at all
	zeros, leftOut []string
}

func (t *tableWriter) begin() error { return nil }

func (t *tableWriter) row(row query.Row) error {
	if t.numbers == nil {
		t.numbers = make([][]float64, len(row))
	}
	cells := make([]string, len(row))
	for i, value := range row {
		cells[i] = t.cell(i, row)
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

// end writes the table; one row of many columns, and rows that are too wide for
// the terminal, with one value a line.
func (t *tableWriter) end() error {
	t.cohort()
	t.alignDecimals()
	all, cells := slices.Clone(t.columns), make([][]string, len(t.cells))
	for i, row := range t.cells {
		cells[i] = slices.Clone(row)
	}
	if len(t.cells) == 1 && len(t.columns) >= verticalFrom {
		return t.write(t.vertical())
	}
	t.addBars()
	names, widths, fits := t.layout()
	if !fits { // then nothing needs to be left out
		t.columns, t.cells = all, cells
		return t.write(t.vertical())
	}
	return t.write(t.horizontal(names, widths), t.notShown())
}

func (t *tableWriter) write(parts ...string) error {
	for _, part := range parts {
		if part == "" {
			continue
		}
		if _, err := io.WriteString(t.w, part+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// notShown says which columns the table lacks.
func (t *tableWriter) notShown() string {
	var parts []string
	if t.options.Cohort != "" {
		slices.Reverse(t.leftOut) // its last column goes first
	}
	if len(t.leftOut) > 0 {
		parts = append(parts, "not shown for lack of room: "+strings.Join(t.leftOut, ", "))
	}
	if len(t.zeros) > 0 {
		parts = append(parts, "not shown, all 0 or none: "+strings.Join(t.zeros, ", "))
	}
	if len(parts) == 0 {
		return ""
	}
	lines := strings.Split(pretty.WrapSoft("("+strings.Join(parts, "; ")+")", t.options.Width), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func (t *tableWriter) horizontal(names []string, widths []int) string {
	out := t.newTable()
	out.AppendHeader(t.header(names, widths))
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

func (t *tableWriter) header(names []string, widths []int) table.Row {
	row := make(table.Row, len(names))
	for i, name := range names {
		lines := strings.Split(name, "\n")
		for j := range lines {
			lines[j] = pretty.Snip(lines[j], widths[i], ellipsis)
		}
		row[i] = t.bold(strings.Join(lines, "\n"))
	}
	return row
}

func (t *tableWriter) bold(s string) string {
	if !t.options.Bold {
		return s
	}
	return boldOn + strings.ReplaceAll(s, "\n", boldOff+"\n"+boldOn) + boldOff
}

// vertical writes one value a line, its name before it, and an empty line
// between two rows.
func (t *tableWriter) vertical() string {
	var names, numbers int
	for i, c := range t.columns {
		names = max(names, len(c.Name))
		for _, cells := range t.cells {
			if numeric(c) {
				numbers = max(numbers, len(cells[i]))
			}
		}
	}
	rows := make([]string, len(t.cells))
	for i, cells := range t.cells {
		rows[i] = t.lines(cells, names, numbers)
	}
	return strings.Join(rows, "\n\n")
}

// lines are those of one row. The names take up so much room, and numbers end
// in the same place.
func (t *tableWriter) lines(cells []string, names, numbers int) string {
	lines := make([]string, len(cells))
	for i, c := range t.columns {
		value := cells[i]
		switch room := t.options.Width - names - len(": "); {
		case numeric(c):
			value = pretty.AlignRight.Apply(value, numbers)
		case t.options.Width > 0:
			value = pretty.Snip(value, max(room, narrowestText), ellipsis)
		}
		name := t.bold(c.Name) + ":" + strings.Repeat(" ", names-len(c.Name)+1)
		lines[i] = strings.TrimRight(name+value, " ")
	}
	return strings.Join(lines, "\n")
}

// Cell is the form of one of a row's values in a table.
func Cell(columns []query.Column, row query.Row, i int) string {
	return (&tableWriter{columns: columns, money: currencyColumn(columns)}).cell(i, row)
}

// cell is the form of a value for people.
func (t *tableWriter) cell(i int, row query.Row) string {
	switch v := row[i].(type) {
	case purchase.Micros:
		if t.money >= 0 {
			currency, _ := row[t.money].(string)
			return group(round(v, currency))
		}
	case nil:
		return ""
	case string:
		if t.columns[i].Type == query.Time {
			v = strings.Replace(v, ".000Z", "Z", 1)
		}
		return oneLine(v)
	case query.Percentage:
		return group(v.String()) + "%"
	}
	return group(text(row[i]))
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
