package number_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"purchases/producer/internal/number"
	"purchases/producer/purchase"
)

func TestMoney(t *testing.T) {
	for text, want := range map[string]string{
		"2.5": "2.50", "-3": "-3.00", "0": "0.00", "1e2": "100.00", "1.5E+1": "15.00", "2e-2": "0.02", ".99": "0.99",
		"5.":    "5.00",
		"+5.00": "5.00", "$1,234.50": "1234.50", "19.99 EUR": "19.99", "EUR 19.99": "19.99", "eur19.99": "19.99",
		"€ 19.99": "19.99", "19.99€": "19.99",
		"US$ 7": "7.00", "-$4.50": "-4.50", "$-4.50": "-4.50", "$(4.50)": "-4.50", "(4.50)": "-4.50", "( 4.50 USD )": "-4.50",
		"−5.00": "-5.00", "5.00-": "-5.00",
		"1 299.00": "1299.00", "1\u00a0299.00": "1299.00", "1\u202f299.00": "1299.00", "1 299,00": "1299.00",
		"1'299.00": "1299.00", "1’299": "1299.00",
		"1,299": "1299.00", "12,34,567.00": "1234567.00", "1,234,567": "1234567.00", "1.00000000": "1.00",
		"0.000001":           "0.000001",
		"19.989999999999998": "19.99", "0.30000000000000004": "0.30", "kr 100": "100.00", "100 kr.": "100.00",
		"00012.50": "12.50",
		"12,50":    "!decimal comma", "1.299,00": "!decimal comma", "12.345,6": "!decimal comma", "1,29": "!decimal comma",
		"1,2345.00": "!thousands", "12,50 €": "!decimal comma",
		"": "!not a number", "NaN": "!not a number", "Inf": "!not a number", "0x1p4": "!not a number",
		"1_000": "!not a number", "FREE": "!not a number", "EUR": "!not a number",
		"1.2.3": "!not a number", "--5": "!not a number", "(-5)": "!not a number", "12 pcs": "!not a number",
		"١٢": "!not a number", "1e": "!not a number", "1 2": "!not a number", "12%": "!not a number",
		"-": "!dash", "–": "!dash", "0.0000001": "!more than 6 decimals", "99999999999999": "!too large",
		"1e999999999": "!too large", "1,234,56": "!thousands",
	} {
		check(t, number.Style{}, text, want)
	}
}

func TestMoneyWithDecimalComma(t *testing.T) {
	for text, want := range map[string]string{
		"12,50": "12.50", "1.299,00": "1299.00", "1.299": "1299.00", "1.234.567,8": "1234567.80", "1 299,00": "1299.00",
		"1'299,00": "1299.00", "7": "7.00",
		"-0,5": "-0.50", "(19,99 €)": "-19.99", ",99": "0.99", "€1.299": "1299.00", "1,5e2": "150.00",
		"12.50": "!decimal point", "1,299.00": "!decimal point", "0.5": "!decimal point", "1,2,3": "!not a number",
	} {
		check(t, number.Style{DecimalComma: true}, text, want)
	}
}

func check(t *testing.T, style number.Style, text, want string) {
	t.Helper()
	n, err := style.Read(text)
	var got purchase.Micros
	if err == nil {
		got, err = n.Micros()
	}
	if reason, bad := strings.CutPrefix(want, "!"); bad {
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q is %s, %v; want an error with %q", text, got, err, reason)
		}
		return
	}
	if err != nil || got.String() != want {
		t.Errorf("%q is %s, %v; want %s", text, got, err, want)
	}
}

func TestPieces(t *testing.T) {
	for text, want := range map[string]int64{"2": 2, "2.0": 2, "1.00": 1, "1,000": 1000, "+1": 1, "(2)": -2, "-1.0": -1,
		"1e3": 1000, "9000000000000": 9_000_000_000_000} {
		n, err := number.Style{}.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := n.Whole(); err != nil || got != want {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"0.453", "1.5", "99999999999999999999"} {
		n, err := number.Style{}.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := n.Whole(); err == nil {
			t.Errorf("%q is %d pieces", text, got)
		}
	}
}

func TestCurrencies(t *testing.T) {
	for text, want := range map[string]string{
		"19.99": "", "19.99 EUR": "EUR", "usd 5": "USD", "€5": "EUR", "5 £": "GBP", "US$5": "USD", "R$5": "BRL",
		"5 zł": "PLN", "CHF 5": "CHF",
	} {
		n, err := number.Style{}.Read(text)
		if err != nil || strings.Join(n.Currencies, " ") != want {
			t.Errorf("%q is in %v, %v; want %q", text, n.Currencies, err, want)
		}
	}
	dollars, err := number.Style{}.Read("$5")
	if err != nil || len(dollars.Currencies) < 2 {
		t.Fatalf("$ is %v, %v; it is the sign of several currencies", dollars.Currencies, err)
	}
	for code, fits := range map[string]bool{"": true, "USD": true, " cad ": true, "EUR": false} {
		if err := dollars.Fits(code); (err == nil) != fits {
			t.Errorf("$ with %q: %v", code, err)
		}
	}
}

func TestDashIsNoNumber(t *testing.T) {
	for _, text := range []string{"-", " - ", "—", "−"} {
		if _, err := (number.Style{}).Read(text); !errors.Is(err, number.ErrNone) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// An amount written in any of the ways is the amount.
func TestWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		micros := purchase.Micros(rapid.Int64Range(-1e15, 1e15).Draw(t, "micros"))
		comma := rapid.Bool().Draw(t, "comma")
		text := written(t, micros, comma)
		n, err := number.Style{DecimalComma: comma}.Read(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if got, err := n.Micros(); err != nil || got != micros {
			t.Fatalf("%q is %s, %v; want %s", text, got, err, micros)
		}
	})
}

func written(t *rapid.T, micros purchase.Micros, comma bool) string {
	point, groups := ".", []string{"", ",", " ", "'", "\u00a0"}
	if comma {
		point, groups = ",", []string{"", ".", " ", "’"}
	}
	text, negative := strings.CutPrefix(micros.String(), "-")
	whole, fraction, _ := strings.Cut(text, ".")
	group := rapid.SampledFrom(groups).Draw(t, "group")
	for at := len(whole) - 3; group != "" && at > 0; at -= 3 {
		whole = whole[:at] + group + whole[at:]
	}
	text = whole + point + fraction
	if negative {
		text = rapid.SampledFrom([]string{"-%", "−%", "(%)", "%-"}).Draw(t, "minus")
		text = strings.Replace(text, "%", whole+point+fraction, 1)
	}
	return strings.Replace(rapid.SampledFrom([]string{"%", " % ", "$%", "% EUR", "EUR %", "€ %"}).Draw(t, "currency"), "%",
		text, 1)
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{"1,234.50", "(5) EUR", "$-1", "1 299,00", "1e5", "−"} {
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text string, comma bool) {
		n, err := number.Style{DecimalComma: comma}.Read(text)
		if err != nil {
			return
		}
		if digits := strings.TrimLeft(n.Text, "-0123456789.e"); digits != "" || n.Text == "" {
			t.Fatalf("%q is %q", text, n.Text)
		}
		_, _ = n.Micros()
	})
}
