package render

import (
	"math/big"
	"slices"
	"strings"

	iso "github.com/bojanz/currency"

	"purchases/analytics/internal/query"
	"purchases/producer/purchase"
)

const (
	microsDigits  = 6
	microsPerUnit = 1_000_000
	defaultDigits = 2 // decimals of a currency that is not known
)

// currencyColumn is the column that says what a row's money is; -1 for none.
func currencyColumn(columns []query.Column) int {
	return slices.IndexFunc(columns, func(c query.Column) bool { return c.Name == "currency" })
}

// round writes money with the decimals of its currency (ISO 4217), a half away
// from zero.
func round(m purchase.Micros, currency string) string {
	digits := defaultDigits
	if known, ok := iso.GetDigits(currency); ok {
		digits = int(known)
	}
	text := big.NewRat(int64(m), microsPerUnit).FloatString(min(digits, microsDigits))
	if strings.Trim(text, "-0.") == "" {
		text = strings.TrimPrefix(text, "-")
	}
	return text
}

// alignDecimals has the points of a column's numbers stand below each other.
// Numbers get zeros behind their last decimal, and money spaces: its decimals
// are its currency's.
func (t *tableWriter) alignDecimals() {
	for i, c := range t.columns {
		if c.Type != query.Number && c.Type != query.Money {
			continue
		}
		most := 0
		for _, cells := range t.cells {
			most = max(most, fraction(cells[i]))
		}
		for _, cells := range t.cells {
			cells[i] = pad(cells[i], most, c.Type == query.Money)
		}
	}
}

// pad gives a number a fraction of the length, which the point is part of.
func pad(number string, length int, blank bool) string {
	missing := length - fraction(number)
	if missing == 0 || number == "" || strings.Trim(number, "-0123456789,.") != "" {
		return number
	}
	if blank {
		return number + strings.Repeat(" ", missing)
	}
	if missing == length {
		number += "."
		missing--
	}
	return number + strings.Repeat("0", missing)
}

// fraction is the length of a number's point and decimals.
func fraction(number string) int {
	if i := strings.IndexByte(number, '.'); i >= 0 {
		return len(number) - i
	}
	return 0
}
