package page

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	iso "github.com/bojanz/currency"

	"purchases/analytics/internal/query"
	"purchases/producer/purchase"
)

const (
	microsPerUnit = 1_000_000
	unknownDigits = 2 // decimals of a currency that is not known
)

func digits(currency string) int {
	if known, ok := iso.GetDigits(currency); ok {
		return int(known)
	}
	return unknownDigits
}

// money writes an amount with the decimals of its currency, a half away from
// zero, and separated thousands.
func money(m purchase.Micros, currency string) string {
	text := big.NewRat(int64(m), microsPerUnit).FloatString(digits(currency))
	if strings.Trim(text, "-0.") == "" {
		text = strings.TrimPrefix(text, "-")
	}
	return group(text)
}

// count writes an integer with separated thousands.
func count(n int64) string { return group(strconv.FormatInt(n, 10)) }

// group separates the thousands of a decimal number, and gives it a real minus.
func group(number string) string {
	sign, number := "", number
	if strings.HasPrefix(number, "-") {
		sign, number = "−", number[1:]
	}
	whole, fraction, _ := strings.Cut(number, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return sign + whole
}

// short writes a round number of an axis: 12.5 k, 3 M.
func short(v float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e12, " T"}, {1e9, " G"}, {1e6, " M"}, {1e3, " k"}} {
		if math.Abs(v) >= unit.size {
			return strings.Replace(strconv.FormatFloat(v/unit.size, 'f', -1, 64)+unit.name, "-", "−", 1)
		}
	}
	return strings.Replace(strconv.FormatFloat(v, 'f', -1, 64), "-", "−", 1)
}

// text writes a value for people.
func text(value any, currency string) string {
	switch v := value.(type) {
	case nil:
		return ""
	case int64:
		return count(v)
	case purchase.Micros:
		return money(v, currency)
	case query.Percentage:
		return strconv.FormatFloat(float64(v), 'f', 1, 64) + " %"
	case float64:
		return group(strconv.FormatFloat(v, 'f', -1, 64))
	case []byte:
		return fmt.Sprintf("%x", v)
	}
	return fmt.Sprint(value)
}

// plain is text for a column: what names something, such as an offset or a
// year, has no separated thousands.
func plain(value any, c query.Column, currency string) string {
	if n, ok := value.(int64); ok &&
		(c.Name == "offset" || c.Name == "partition" || strings.HasSuffix(c.Name, "_offset")) {
		return strconv.FormatInt(n, 10)
	}
	return text(value, currency)
}

// number is a value as a number; false where it is none.
func number(value any) (float64, bool) {
	switch v := value.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	case purchase.Micros:
		return float64(v) / microsPerUnit, true
	case query.Percentage:
		return float64(v), true
	}
	return 0, false
}

// words makes a title of a column's name.
func words(name string) string {
	name = strings.ReplaceAll(name, "_", " ")
	if name == "" {
		return ""
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// ago says how long before now a moment was.
func ago(at, now time.Time) string {
	d := max(now.Sub(at), 0)
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{365 * 24 * time.Hour, "y"}, {24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}} {
		if d >= unit.size {
			return fmt.Sprintf("%d %s ago", d/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%d s ago", d/time.Second)
}
