// Package number reads numbers as people, shops and spreadsheets write them:
// with signs, parentheses, currencies, thousands separators, and a decimal
// point or comma. It gives back plain decimal text, and no float touches it.
package number

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode"

	"purchases/producer/purchase"
)

// Style is how numbers are written. The zero value has a decimal point.
type Style struct {
	// DecimalComma says that a comma stands before the decimals.
	DecimalComma bool
}

// Number is a number and what stands beside it.
type Number struct {
	// Text is the number in JSON's grammar, such as "-1234.50".
	Text string
	// Currencies are the codes that the number's own sign may stand for: one
	// for "EUR" and "€", several for "$", none where there is no sign.
	Currencies []string
}

// ErrNone is the error of a dash that stands for no number.
var ErrNone = errors.New("is only a dash")

var (
	errNoNumber = errors.New("is not a number")
	errComma    = errors.New("reads like a number with a decimal comma; give --decimal-comma")
	errPoint    = errors.New("reads like a number with a decimal point, but --decimal-comma is given")
	errGroups   = errors.New("is not a number: its thousands are not groups of three digits")
)

// Read reads a number. The error says what the text is instead.
func (s Style) Read(text string) (Number, error) {
	if isPlain(text) {
		if s.DecimalComma && strings.Contains(text, ".") {
			return s.slow(text)
		}
		return Number{Text: text}, nil
	}
	return s.slow(text)
}

// isPlain says that the text is digits with at most a minus and a point in
// between, as most numbers are.
func isPlain(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	points := 0
	for i := range len(digits) {
		switch c := digits[i]; {
		case c == '.' && i > 0 && i < len(digits)-1:
			points++
		case c < '0' || c > '9':
			return false
		}
	}
	return digits != "" && points <= 1
}

func (s Style) slow(text string) (Number, error) {
	body, negative, currencies, err := peel(text)
	if err != nil {
		return Number{}, err
	}
	plain, err := s.plain(body)
	if err != nil {
		return Number{}, err
	}
	if negative {
		plain = "-" + plain
	}
	return Number{Text: plain, Currencies: currencies}, nil
}

// peel takes signs, parentheses and the currency off both ends.
func peel(text string) (body string, negative bool, currencies []string, err error) {
	signs := 0
	for before := ""; before != text; {
		text = strings.TrimFunc(text, isSpace)
		before = text
		if isDash(text) {
			return "", false, nil, ErrNone
		}
		switch rest, sign := cutSign(text); {
		case sign != 0:
			signs++
			text, negative = rest, sign < 0
			continue
		}
		if currencies == nil {
			text, currencies = cutCurrency(text)
		}
	}
	if signs > 1 || text == "" {
		return "", false, nil, errNoNumber
	}
	return text, negative, currencies, nil
}

func isSpace(r rune) bool {
	return unicode.IsSpace(r) || r == '\u200e' || r == '\u200f' || r == '\ufeff'
}

func isDash(text string) bool {
	switch text {
	case "-", "–", "—", "−":
		return true
	}
	return false
}

// cutSign returns -1 or 1 for a sign, and 0 for none. Parentheses and a minus
// at the end are those of accountants.
func cutSign(text string) (rest string, sign int) {
	for _, minus := range []string{"-", "−", "﹣", "－"} {
		if rest, ok := strings.CutPrefix(text, minus); ok {
			return rest, -1
		}
		if rest, ok := strings.CutSuffix(text, minus); ok {
			return rest, -1
		}
	}
	if rest, ok := strings.CutPrefix(text, "+"); ok {
		return rest, 1
	}
	if strings.HasPrefix(text, "(") && strings.HasSuffix(text, ")") {
		return text[1 : len(text)-1], -1
	}
	return text, 0
}

// plain reads digits, thousands and decimals.
func (s Style) plain(body string) (string, error) {
	mantissa, exponent := cutExponent(body)
	point, other := ".", ","
	if s.DecimalComma || spacedComma(mantissa) {
		point, other = ",", "."
	}
	whole, fraction, has := strings.Cut(mantissa, point)
	digits, ok := ungroup(whole, other)
	switch {
	case ok && allDigits(fraction) && digits+fraction != "":
	case looksLike(mantissa, other, point):
		if s.DecimalComma {
			return "", errPoint
		}
		return "", errComma
	case !ok && allDigits(fraction) && allDigits(strings.ReplaceAll(whole, other, "")):
		return "", errGroups
	default:
		return "", errNoNumber
	}
	if digits == "" {
		digits = "0"
	}
	if has && fraction != "" {
		digits += "." + fraction
	}
	return digits + exponent, nil
}

func cutExponent(body string) (mantissa, exponent string) {
	i := strings.IndexAny(body, "eE")
	if i <= 0 {
		return body, ""
	}
	digits := strings.TrimPrefix(strings.TrimPrefix(body[i+1:], "+"), "-")
	if digits == "" || !allDigits(digits) {
		return body, ""
	}
	return body[:i], "e" + strings.TrimPrefix(body[i+1:], "+")
}

// spacedComma says that spaces are between the thousands, so that a comma which
// is not before three digits can only be a decimal one: 1 299,00.
func spacedComma(text string) bool {
	whole, fraction, ok := strings.Cut(text, ",")
	return ok && len(fraction) != 3 && allDigits(fraction) &&
		strings.ContainsFunc(whole, isSpace) && !strings.Contains(whole, ".")
}

// ungroup takes the separators out of 1,234,567 and 12,34,567.
func ungroup(whole, separator string) (digits string, ok bool) {
	if allDigits(whole) {
		return whole, true
	}
	for _, sep := range []string{separator, "'", "’", " ", "\u00a0", "\u202f", "\u2009"} {
		groups := strings.Split(whole, sep)
		if len(groups) > 1 && areGroups(groups) {
			return strings.Join(groups, ""), true
		}
	}
	return "", false
}

func areGroups(groups []string) bool {
	middle := 3
	if len(groups) > 2 {
		middle = len(groups[1])
	}
	for i, group := range groups {
		switch {
		case !allDigits(group), i == 0 && (group == "" || len(group) > 3):
			return false
		case i == len(groups)-1 && len(group) != 3:
			return false
		case i > 0 && i < len(groups)-1 && (len(group) != middle || middle < 2 || middle > 3):
			return false
		}
	}
	return true
}

// looksLike says that the text is a number with the other decimal mark.
func looksLike(text, point, separator string) bool {
	at := strings.LastIndex(text, point)
	if at < 0 || strings.Contains(text[at+1:], separator) || !allDigits(text[at+1:]) {
		return false
	}
	_, ok := ungroup(text[:at], separator)
	return ok
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// floatDigits is how many digits tell that a number was a binary fraction: no
// price has so many, and 19.989999999999998 is how a float writes 19.99.
const floatDigits = 15

// Micros is the number as money. One of more than six decimals that has at
// least 15 significant digits was a float, and is rounded to six.
func (n Number) Micros() (purchase.Micros, error) {
	money, err := purchase.ParseMicros(n.Text)
	if err == nil || significant(n.Text) < floatDigits {
		return money, err
	}
	exact, ok := new(big.Rat).SetString(n.Text)
	if !ok {
		return 0, err
	}
	return purchase.ParseMicros(exact.FloatString(6))
}

func significant(text string) int {
	mantissa, _ := cutExponent(text)
	return len(strings.TrimLeft(strings.ReplaceAll(strings.TrimPrefix(mantissa, "-"), ".", ""), "0"))
}

// Whole is the number as a count of pieces.
func (n Number) Whole() (int64, error) {
	if whole, err := strconv.ParseInt(n.Text, 10, 64); err == nil {
		return whole, nil
	}
	micros, err := purchase.ParseMicros(n.Text)
	switch {
	case err != nil && !strings.Contains(n.Text, "."):
		return 0, errors.New("is too large")
	case err != nil || micros%1_000_000 != 0:
		return 0, errors.New("is not an integer: a piece has no fractions")
	}
	return int64(micros / 1_000_000), nil
}

// Fits says why the number's own currency contradicts another one, or nil.
func (n Number) Fits(code string) error {
	if len(n.Currencies) == 0 || code == "" {
		return nil
	}
	for _, own := range n.Currencies {
		if strings.EqualFold(own, strings.TrimSpace(code)) {
			return nil
		}
	}
	return fmt.Errorf("is in %s, but the currency is %.20q", strings.Join(n.Currencies, " or "), code)
}

// Write writes a number as a cell of this style has it, rounded to six decimals.
func (s Style) Write(n *big.Rat) string {
	text := n.FloatString(6)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return s.FromJSON(text)
}

// FromJSON writes a number that has a decimal point as a cell of this style.
func (s Style) FromJSON(text string) string {
	if s.DecimalComma {
		return strings.Replace(text, ".", ",", 1)
	}
	return text
}
