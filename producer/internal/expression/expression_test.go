package expression_test

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"purchases/producer/internal/expression"
	"purchases/producer/internal/number"
	"purchases/producer/purchase"
)

// row is what the expressions of the tests read.
var row = map[string]any{
	"Date": "2024-05-01", "Time": "13:04:05", "Price": "10.10", "Qty": "3", "Tax": "1.90", "Empty": "", "Status": "paid",
	"Net Sales": "$9.00", "customer.id": "c1", "Flag": "true", "Zero": "0.00",
	"lines": []any{map[string]any{"sku": "A", "n": 2.0}, map[string]any{"sku": "B", "n": 3.0}},
}

func compile(t *testing.T, text string, adds bool) *expression.Program {
	t.Helper()
	e, err := expression.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	p, err := e.Compile(expression.Cells{
		Slot: func(name []string) int {
			names = append(names, strings.Join(name, "."))
			return len(names) - 1
		},
		Cell: func(slot int) any { return row[names[slot]] },
	}, number.Style{}, adds)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTexts(t *testing.T) {
	for text, want := range map[string]string{
		`Date + " " + Time`:              "2024-05-01 13:04:05",
		`Date + "T" + Time + "Z"`:        "2024-05-01T13:04:05Z",
		`customer.id`:                    "c1",
		`customer?.id ?? "guest"`:        "c1",
		`Empty ?? Status`:                "paid",
		`Empty ?? Missing ?? "none"`:     "none",
		`Price * Qty`:                    "30.3",
		`Price * Qty + Tax`:              "32.2",
		`number(Price) + number(Tax)`:    "12",
		`Price + Tax`:                    "10.101.90",
		`Price / Qty`:                    "3.366667",
		`-Qty`:                           "-3",
		`1.1 * 3`:                        "3.3",
		`0.1 + 0.2`:                      "0.3",
		`row["Net Sales"] * 2`:           "18",
		`$env["Net Sales"]`:              "$9.00",
		`Status == "paid" ? Price : Tax`: "10.10",
		`lower("ABC") + upper(Status)`:   "abcPAID",
		`lines[1].sku`:                   "B",
		`len(lines)`:                     "2",
		`sum(map(lines, .n))`:            "5",
		`let p = Price * 2; p + 1`:       "21.2",
		`split(Date, "-")[0]`:            "2024",
		`Qty * Qty + " pieces"`:          "9 pieces",
		`Zero == 0`:                      "true",
		`Status in ["open", "paid"]`:     "true",
		`Status not in ["open", "paid"]`: "false",
		`Flag and not Empty`:             "true",
		`Qty > 2.5 and Qty <= 3`:         "true",
		`Date < "2024-06-01"`:            "true",
		`Price > Tax`:                    "true",
		`Status contains "ai"`:           "true",
		`Status matches "^p.*d$"`:        "true",
		`abs(-3) + 0`:                    "3",
		`blank(Empty) or blank(Status)`:  "true",
		`count(lines, .n > 2)`:           "1",
		`Empty == ""`:                    "true",
		`Missing != ""`:                  "false",
	} {
		if got, err := compile(t, text, false).Text(); err != nil || got != want {
			t.Errorf("%s gives %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestAdding(t *testing.T) {
	for text, want := range map[string]string{
		`Price + Tax`:       "12",
		`Price + Tax + Qty`: "15",
		`Price + " EUR"`:    "10.10 EUR",
	} {
		if got, err := compile(t, text, true).Text(); err != nil || got != want {
			t.Errorf("%s gives %q, %v; want %q", text, got, err, want)
		}
	}
}

// The fast way of computing gives what the exact one gives.
func TestCalculationsAreExact(t *testing.T) {
	any64 := rapid.OneOf(rapid.Int64Range(-1e13, 1e13), rapid.Int64(), rapid.Int64Range(-3, 3))
	rapid.Check(t, func(t *rapid.T) {
		a, b := purchase.Micros(any64.Draw(t, "a")), purchase.Micros(any64.Draw(t, "b"))
		x, y := big.NewRat(int64(a), 1_000_000), big.NewRat(int64(b), 1_000_000)
		for operator, exact := range map[string]func(z, x, y *big.Rat) *big.Rat{
			"+": (*big.Rat).Add, "-": (*big.Rat).Sub, "*": (*big.Rat).Mul, "/": (*big.Rat).Quo,
		} {
			if operator == "/" && b == 0 {
				continue
			}
			e, err := expression.Parse("x " + operator + " y")
			if err != nil {
				t.Fatal(err)
			}
			cells := []any{a.String(), b.String()}
			p, err := e.Compile(expression.Cells{
				Slot: func(name []string) int { return int(name[0][0] - 'x') },
				Cell: func(slot int) any { return cells[slot] },
			}, number.Style{}, true)
			if err != nil {
				t.Fatal(err)
			}
			want := number.Style{}.Write(exact(new(big.Rat), x, y))
			if got, err := p.Text(); err != nil || got != want {
				t.Fatalf("%s %s %s gives %s, %v; want %s", a, operator, b, got, err, want)
			}
		}
	})
}

func TestErrorsAreOneLine(t *testing.T) {
	for _, text := range []string{`Status * 2`, `Price / Zero`, `Empty - 1`, `Status and Flag`, `lines`, `Status in Date`,
		`number("1e999999999")`, `text(1, 2)`} {
		_, err := compile(t, text, false).Text()
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %q", text, err)
		}
	}
	for _, text := range []string{`a +`, `Net Sales`, `now()`, `"open`} {
		if _, err := expression.Parse(text); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %q", text, err)
		}
	}
}

func TestMissing(t *testing.T) {
	for text, want := range map[string]string{
		`Date + Time`: "", `Dat + Time`: "Dat", `a ?? b`: "a b", `a ?? Date`: "", `Date ?? a`: "", `a ?? ""`: "",
		`a ?? b ?? Date`:        "",
		`filter(lines, .x > y)`: "y", `let x = Date; x + z`: "z", `row["Net Sales"] + row["Nett"]`: "Nett",
		`lower(a.b)`: "a.b", `customer.id`: "",
	} {
		e, err := expression.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(e.Missing(func(name []string) bool { _, ok := row[strings.Join(name, ".")]; return ok }), " ")
		if got != want {
			t.Errorf("%s misses %q, want %q", text, got, want)
		}
	}
}
