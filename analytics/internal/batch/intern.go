package batch

import "slices"

// None is the number of a name that an event does not have.
const None = -1

// Interner numbers the different values of one column of a batch, in the order
// of their first appearance.
type Interner[T comparable] struct {
	numbers map[T]int
	Values  []T
	last    int // neighbours often have the same
}

func newInterner[T comparable]() Interner[T] { return Interner[T]{numbers: map[T]int{}} }

// reset forgets all values and keeps the memory.
func (d *Interner[T]) reset() {
	clear(d.numbers)
	d.Values, d.last = d.Values[:0], 0
}

func (d *Interner[T]) intern(v T) int {
	if d.last < len(d.Values) && d.Values[d.last] == v {
		return d.last
	}
	n, ok := d.numbers[v]
	if !ok {
		n = len(d.Values)
		d.numbers[v] = n
		d.Values = append(d.Values, v)
	}
	d.last = n
	return n
}

// zeroed returns n zero values, in the memory of s if that is enough.
func zeroed[T any](s []T, n int) []T {
	s = slices.Grow(s[:0], n)[:n]
	clear(s)
	return s
}
