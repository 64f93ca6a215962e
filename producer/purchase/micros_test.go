package purchase_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"purchases/producer/purchase"
)

func TestParseMicros(t *testing.T) {
	for text, want := range map[string]purchase.Micros{
		"0": 0, "-0": 0, "2.55": 2_550_000, "-3": -3_000_000, "0.001": 1000, "0.000001": 1,
		"1e-05": 10, "1E+2": 100_000_000, "1.50000000000000": 1_500_000, "10e-7": 1, "0e99": 0,
		"9223372036854.775807": math.MaxInt64, "-9223372036854.775807": -math.MaxInt64,
		"00012": 12_000_000, "0.30000000000000004": 300_000, "-19.989999999999998": -19_990_000,
		"33.33333333333333":      33_333_333,
		"9223372036854.77580749": math.MaxInt64,
	} {
		if got, err := purchase.ParseMicros(text); err != nil || got != want {
			t.Errorf("ParseMicros(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestParseMicrosRefuses(t *testing.T) {
	for _, text := range []string{
		"", "-", "+1", ".5", "5.", "1.2.3", "--1", "1e", "1e+-3", "1e--3", "e5", "0x10", "1_000", "1 000", "١", "NaN", "Inf",
		"0.0000001", "1e-7", "1.23456789012345e-9", "1.2345678901234", "9223372036854.7758079", "9223372036854.775808",
		"1e30", "1e999999999999999999999",
	} {
		if got, err := purchase.ParseMicros(text); err == nil {
			t.Errorf("ParseMicros(%q) = %s", text, got)
		}
	}
}

func TestMicrosString(t *testing.T) {
	for m, want := range map[purchase.Micros]string{
		0: "0.00", 1: "0.000001", 1000: "0.001", 2_550_000: "2.55", -12_000_000: "-12.00", -10: "-0.00001",
		math.MaxInt64: "9223372036854.775807", math.MinInt64: "-9223372036854.775808",
	} {
		if got := m.String(); got != want {
			t.Errorf("%d: %q, want %q", int64(m), got, want)
		}
	}
}

func TestMicrosRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := purchase.Micros(rapid.Int64Min(-math.MaxInt64).Draw(t, "micros"))
		if got, err := purchase.ParseMicros(m.String()); err != nil || got != m {
			t.Fatalf("ParseMicros(%q) = %d, %v, want %d", m, got, err, m)
		}
	})
}

// Exact rational numbers are the measure of ParseMicros. They have too few
// digits to come from floating-point arithmetic.
func TestParseMicrosIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{1,8}(\.[0-9]{1,6})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "text")
		exact, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%q is not a number", text)
		}
		exact.Mul(exact, big.NewRat(1_000_000, 1))
		representable := exact.IsInt() && exact.Num().IsInt64() && exact.Num().Int64() != math.MinInt64
		got, err := purchase.ParseMicros(text)
		if (err == nil) != representable {
			t.Fatalf("ParseMicros(%q) = %d, %v, exactly it is %s micros", text, got, err, exact)
		}
		if err == nil && big.NewInt(int64(got)).Cmp(exact.Num()) != 0 {
			t.Fatalf("ParseMicros(%q) = %d, want %s", text, got, exact)
		}
	})
}
