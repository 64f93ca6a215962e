package purchase

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Micros is an amount of money in millionths of the currency's unit: 2.55 GBP
// is 2,550,000. Decimal text converts to it and back without rounding.
type Micros int64

// MaxMicros is the largest amount, 9,223,372,036,854.775807 units of the
// currency; that with the other sign is the lowest.
const MaxMicros Micros = 1<<63 - 1

const (
	microsDigits  = 6
	microsPerUnit = 1_000_000
	maxExponent   = 30
)

var (
	errNotDecimal   = errors.New("not a decimal number")
	errTooPrecise   = errors.New("more than 6 decimals")
	errMicrosTooBig = errors.New("too large")
)

// ParseMicros reads a decimal number in JSON's grammar, such as "2.55", "-3"
// or "1e-05". It fails rather than round: on more than six decimals, on
// anything that is not a number, and beyond the range of int64.
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

// splitExponent cuts "1.5e-3" into "1.5" and -3. An exponent whose size
// exceeds maxExponent is cut to it, which is out of range all the same.
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

// scale returns digits × 10^power as an integer, or fails where it is none.
func scale(digits string, power int) (Micros, error) {
	digits = strings.TrimLeft(digits, "0")
	for power < 0 && strings.HasSuffix(digits, "0") {
		digits, power = digits[:len(digits)-1], power+1
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

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// String writes the amount as a decimal number with two to six decimals, as
// few as it needs: "2.55", "0.001", "-12.00".
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

// MarshalJSONTo writes the amount as a decimal string, which no reader can
// turn into a float by accident.
func (m Micros) MarshalJSONTo(enc *jsontext.Encoder) error {
	return enc.WriteToken(jsontext.String(m.String()))
}

// UnmarshalJSONFrom reads a decimal number or a string that holds one.
func (m *Micros) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	token, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if k := token.Kind(); k != '"' && k != '0' {
		return fmt.Errorf("is a JSON %v, want a decimal string or number", k)
	}
	text := strings.TrimSpace(token.String())
	if *m, err = ParseMicros(text); err != nil {
		return fmt.Errorf("%.40q: %w", text, err)
	}
	return nil
}
