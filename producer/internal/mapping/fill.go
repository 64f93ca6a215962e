package mapping

import (
	"errors"
	"fmt"
	"strings"

	"purchases/producer/internal/rows"
)

func (p *Plan) findFill() error {
	if len(p.mapping.Fill) == 0 {
		return nil
	}
	if p.shape.Members != nil {
		return errors.New("--fill is for tables; for the lines of an order in JSON, use --each")
	}
	for _, name := range p.mapping.Fill {
		columns := p.columnsOf(name)
		if len(columns) == 0 && !p.mapping.FillOptional {
			return fmt.Errorf("--fill %.60q is neither a field with a column nor a column; the columns are %s",
				name, list(p.shape.Header))
		}
		p.fill = append(p.fill, columns...)
	}
	p.order = p.bareColumn("order_id")
	return nil
}

// columnsOf are the columns of a field, or the column of this name.
func (p *Plan) columnsOf(name string) (columns []int) {
	for _, s := range p.steps {
		if s.field != name || s.from == nil {
			continue
		}
		names := [][]string{s.from.name}
		if s.from.expr != nil {
			names = s.from.expr.Names()
		}
		for _, n := range names {
			if i, _ := p.shape.column(strings.Join(n, ".")); i >= 0 {
				columns = append(columns, i)
			}
		}
		return columns
	}
	if i, _ := p.shape.column(name); i >= 0 {
		return []int{i}
	}
	return nil
}

// Filler fills the empty cells of one row after the other.
type Filler struct {
	plan  *Plan
	last  []string // by the place in plan.fill
	order string
}

// NewFiller returns nil where nothing is to be filled.
func (p *Plan) NewFiller() *Filler {
	if len(p.fill) == 0 {
		return nil
	}
	return &Filler{plan: p, last: make([]string, len(p.fill))}
}

// Fill is called with each row, in the order of the file.
func (f *Filler) Fill(row *rows.Row) {
	if row.Malformed != nil {
		return
	}
	if at := f.plan.order; at >= 0 {
		if order := row.Cells[at]; !f.plan.mapping.isNull(order) && order != f.order {
			f.order = order
			clear(f.last)
		}
	}
	for i, column := range f.plan.fill {
		if f.plan.mapping.isNull(row.Cells[column]) {
			row.Cells[column] = f.last[i]
		} else {
			f.last[i] = row.Cells[column]
		}
	}
}
