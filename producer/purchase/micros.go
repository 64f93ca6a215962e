package purchase

import (
	"errors"
	"strconv"
	"strings"
)

// Micros is an amount of money in millionths of the currency's unit: 2.55 GBP
// is 2,550,000.
type Micros int64

// MaxMicros is the largest amount: 9,223,372,036,854.775807 units of the currency.
// The lowest is -MaxMicros.
const MaxMicros Micros = 1<<63 - 1

const (
	microsDigits  = 6
	microsPerUnit = 1_000_000
	maxExponent   = 30
)

var (
	errNotDecimal   = errors.New("not a decimal number such as 12.50")
	errTooPrecise   = errors.New("more than 6 decimals")
	errMicrosTooBig = errors.New("too large")
)

// floatDigits is the number of significant digits from which on a number with
// more than six decimals is the result of floating-point arithmetic.
const floatDigits = 15

// ParseMicros reads a decimal number in JSON's grammar, such as "2.55", "-3" or
// "1e-05". Leading zeros are allowed. A number of 15 or more significant digits,
// such as 19.989999999999998, is the result of floating-point arithmetic and is
// rounded to six decimals. Any other number with more than six decimals is an
// error, and so is a number beyond the range of Micros.
func ParseMicros(text string) (Micros, error) {
	digits, negative := strings.CutPrefix(text, "-")
	mantissa, exponent, err := splitExponent(digits)
	if err != nil {
		return 0, err
	}
	whole, fraction, hasPoint := strings.Cut(mantissa, ".")
	if whole == "" || (hasPoint && fraction == "") || !allDigits(whole) || !allDigits(fraction) {
		return 0, errNotDecimal
	}
	n, err := scale(whole+fraction, exponent-len(fraction)+microsDigits)
	if err != nil {
		return 0, err
	}
	if negative {
		n = -n
	}
	return n, nil
}

// splitExponent cuts "1.5e-3" into "1.5" and -3. It cuts an exponent to
// maxExponent, which is out of range as well.
func splitExponent(s string) (mantissa string, exponent int, err error) {
	i := strings.IndexAny(s, "eE")
	if i < 0 {
		return s, 0, nil
	}
	digits := strings.TrimPrefix(s[i+1:], "+")
	digits, negative := strings.CutPrefix(digits, "-")
	if digits == "" || !allDigits(digits) || strings.HasPrefix(s[i+1:], "+-") {
		return "", 0, errNotDecimal
	}
	for _, c := range digits {
		exponent = min(exponent*10+int(c-'0'), maxExponent)
	}
	if negative {
		exponent = -exponent
	}
	return s[:i], exponent, nil
}

// scale returns digits × 10^power. It fails if that is not an integer.
func scale(digits string, power int) (Micros, error) {
	digits = strings.TrimLeft(digits, "0")
	for power < 0 && strings.HasSuffix(digits, "0") {
		digits, power = digits[:len(digits)-1], power+1
	}
	if power < 0 && len(digits) >= floatDigits && -power < len(digits) {
		return round(digits, power)
	}
	switch {
	case digits == "":
		return 0, nil
	case power < 0:
		return 0, errTooPrecise
	case len(digits)+power > 19:
		return 0, errMicrosTooBig
	}
	var n uint64
	for i := range len(digits) {
		n = n*10 + uint64(digits[i]-'0')
	}
	for range power {
		n *= 10
	}
	if n > uint64(MaxMicros) {
		return 0, errMicrosTooBig
	}
	return Micros(n), nil
}

// round returns the integer nearest to digits × 10^power. It rounds halves up.
func round(digits string, power int) (Micros, error) {
	whole := len(digits) + power
	n, err := scale(digits[:whole], 0)
	if err != nil || digits[whole] < '5' {
		return n, err
	}
	if n == MaxMicros {
		return 0, errMicrosTooBig
	}
	return n + 1, nil
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// String writes the amount as a decimal number with the fewest decimals that are
// exact, but at least two: "2.55", "0.001", "-12.00".
func (m Micros) String() string { return string(m.append(nil)) }

func (m Micros) append(b []byte) []byte {
	n := uint64(m)
	if m < 0 {
		b, n = append(b, '-'), -n
	}
	b = strconv.AppendUint(b, n/microsPerUnit, 10)
	b = append(b, '.')
	point := len(b)
	for unit := uint64(microsPerUnit / 10); unit > 0; unit /= 10 {
		b = append(b, byte('0'+n/unit%10))
	}
	for len(b) > point+2 && b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}
