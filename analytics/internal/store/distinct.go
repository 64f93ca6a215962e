package store

import "slices"

// distinct numbers the different values of one column of a batch, in the order
// of their first appearance.
type distinct[T comparable] struct {
	numbers map[T]int
	values  []T
	last    int // neighbours often have the same
}

// none is the number where a column has no value.
const none = -1

func newDistinct[T comparable]() distinct[T] { return distinct[T]{numbers: map[T]int{}} }

// reset forgets all values and keeps the memory.
func (d *distinct[T]) reset() {
	clear(d.numbers)
	d.values, d.last = d.values[:0], 0
}

func (d *distinct[T]) number(v T) int { return d.hinted(v, &d.last) }

// hinted looks first where the hint says, and leaves there what it found.
func (d *distinct[T]) hinted(v T, hint *int) int {
	if *hint < len(d.values) && d.values[*hint] == v {
		return *hint
	}
	n, ok := d.numbers[v]
	if !ok {
		n = len(d.values)
		d.numbers[v] = n
		d.values = append(d.values, v)
	}
	*hint = n
	return n
}

// zeroed returns n zero values, in the memory of s if that is enough.
func zeroed[T any](s []T, n int) []T {
	s = slices.Grow(s[:0], n)[:n]
	clear(s)
	return s
}
