package store

import "database/sql/driver"

// currencies numbers the currencies in use, of which there are few, and keeps
// the sums of each.
type currencies struct {
	numbers map[string]int
	values  []driver.Value
	last    int // most events have one currency
}

func newCurrencies() *currencies { return &currencies{numbers: map[string]int{}} }

func (c *currencies) number(code string) int {
	if c.last < len(c.values) && c.values[c.last] == code {
		return c.last
	}
	n, ok := c.numbers[code]
	if !ok {
		n = len(c.values)
		c.numbers[code] = n
		c.values = append(c.values, code)
	}
	c.last = n
	return n
}
