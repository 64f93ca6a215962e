package expression

import (
	"math/bits"

	"purchases/producer/purchase"
)

// Most numbers of a file have at most six decimals and are far from the limit of
// 64 bits. These functions compute with them, and say where a result is not such
// a number, so that another way has to be taken.

const microsPerUnit = 1_000_000

// micros reads a value as such a number.
func (m *numbers) micros(value any) (purchase.Micros, bool) {
	switch v := value.(type) {
	case purchase.Micros:
		return v, true
	case int:
		return purchase.Micros(v) * microsPerUnit, v > -microsPerUnit && v < microsPerUnit
	case string:
		read, err := m.style.Read(v)
		if err != nil {
			return 0, false
		}
		micros, err := purchase.ParseMicros(read.Text)
		return micros, err == nil
	}
	return 0, false
}

func sum(x, y purchase.Micros) (purchase.Micros, bool) {
	z := x + y
	return z, (z > x) == (y > 0)
}

func subtract(x, y purchase.Micros) (purchase.Micros, bool) {
	z := x - y
	return z, (z < x) == (y > 0)
}

func multiply(x, y purchase.Micros) (purchase.Micros, bool) {
	high, low := bits.Mul64(size(x), size(y))
	return signed(low/microsPerUnit, x, y), high == 0 && low%microsPerUnit == 0
}

func quotient(x, y purchase.Micros) (purchase.Micros, bool) {
	high, low := bits.Mul64(size(x), microsPerUnit)
	if y == 0 || high != 0 {
		return 0, false
	}
	return signed(low/size(y), x, y), low%size(y) == 0 && low/size(y) <= uint64(purchase.MaxMicros)
}

func size(x purchase.Micros) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}

func signed(n uint64, x, y purchase.Micros) purchase.Micros {
	if (x < 0) != (y < 0) {
		return -purchase.Micros(n)
	}
	return purchase.Micros(n)
}
