package number

import (
	"strings"
	"unicode/utf8"

	"purchases/producer/purchase"
)

// symbols are the signs of currencies, the longer ones first. One that several
// countries use names none of them, and only contradicts others.
var symbols = []struct {
	sign  string
	codes []string
}{
	{"US$", []string{"USD"}}, {"CA$", []string{"CAD"}}, {"AU$", []string{"AUD"}}, {"NZ$", []string{"NZD"}},
	{"HK$", []string{"HKD"}}, {"MX$", []string{"MXN"}}, {"R$", []string{"BRL"}}, {"C$", []string{"CAD"}},
	{"A$", []string{"AUD"}}, {"S$", []string{"SGD"}},
	{"$", []string{"USD", "CAD", "AUD", "NZD", "HKD", "SGD", "MXN", "ARS", "CLP", "COP", "TWD"}},
	{"€", []string{"EUR"}}, {"£", []string{"GBP"}}, {"¥", []string{"JPY", "CNY"}}, {"₹", []string{"INR"}},
	{"₽", []string{"RUB"}}, {"₺", []string{"TRY"}}, {"₩", []string{"KRW"}}, {"₪", []string{"ILS"}},
	{"₫", []string{"VND"}}, {"฿", []string{"THB"}}, {"₴", []string{"UAH"}}, {"₱", []string{"PHP"}},
	{"₦", []string{"NGN"}}, {"zł", []string{"PLN"}}, {"Kč", []string{"CZK"}}, {"Ft", []string{"HUF"}},
	{"Fr.", []string{"CHF"}}, {"kr.", []string{"DKK", "SEK", "NOK", "ISK"}}, {"kr", []string{"SEK", "NOK", "DKK", "ISK"}},
}

// cutCurrency takes a currency off the beginning or the end.
func cutCurrency(text string) (rest string, codes []string) {
	for _, s := range symbols {
		if rest, ok := strings.CutPrefix(text, s.sign); ok {
			return rest, s.codes
		}
		if rest, ok := strings.CutSuffix(text, s.sign); ok {
			return rest, s.codes
		}
	}
	if len(text) <= 3 {
		return text, nil
	}
	if code, ok := isCode(text[:3], text[3:]); ok {
		return text[3:], []string{code}
	}
	at := len(text) - 3
	if code, ok := isCode(text[at:], text[:at]); ok {
		return text[:at], []string{code}
	}
	return text, nil
}

// isCode says that three letters are a currency's code and no part of a word.
func isCode(code, beside string) (string, bool) {
	code = strings.ToUpper(code)
	for _, c := range code {
		if c < 'A' || c > 'Z' {
			return "", false
		}
	}
	first, _ := utf8.DecodeRuneInString(beside)
	last, _ := utf8.DecodeLastRuneInString(beside)
	if isLetter(first) && isLetter(last) {
		return "", false
	}
	return code, purchase.IsCurrency(code)
}

func isLetter(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' }
