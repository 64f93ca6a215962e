package expression

import (
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"

	"purchases/producer/internal/number"
	"purchases/producer/purchase"
)

// maxExponent bounds what 1e999999999 would take to write out.
const maxExponent = 30

// numbers computes with texts and numbers.
type numbers struct {
	style number.Style
	adds  bool
}

// functions are those that operators become, and those that people may call.
func (m *numbers) functions(cell func(int) any) conf.FunctionsTable {
	table := conf.FunctionsTable{}
	add := func(name string, arguments int, f func(a ...any) (any, error)) {
		table[name] = &builtin.Function{Name: name, Func: func(a ...any) (any, error) {
			if len(a) != arguments {
				return nil, fmt.Errorf("%s takes %d arguments, got %d", name, arguments, len(a))
			}
			return f(a...)
		}}
	}
	add("__cell", 1, func(a ...any) (any, error) { return cell(a[0].(int)), nil })
	add("__true", 1, func(a ...any) (any, error) { return truth(a[0]) })
	add("__equal", 2, func(a ...any) (any, error) { return m.equal(a[0], a[1]), nil })
	add("__less", 2, func(a ...any) (any, error) { return m.less(a[0], a[1]) })
	add("__in", 2, func(a ...any) (any, error) { return m.in(a[0], a[1]) })
	add("__first", 2, func(a ...any) (any, error) {
		if isBlank(a[0]) {
			return a[1], nil
		}
		return a[0], nil
	})
	add("__add", 2, func(a ...any) (any, error) { return m.add(a[0], a[1]) })
	add("__subtract", 2, func(a ...any) (any, error) { return m.calculate(a, subtract, (*big.Rat).Sub) })
	add("__multiply", 2, func(a ...any) (any, error) { return m.calculate(a, multiply, (*big.Rat).Mul) })
	add("__divide", 2, func(a ...any) (any, error) { return m.divide(a) })
	add("number", 1, func(a ...any) (any, error) { return m.number(a[0]) })
	add("abs", 1, func(a ...any) (any, error) {
		n, err := m.number(a[0])
		if err != nil {
			return nil, err
		}
		return n.Abs(n), nil
	})
	add("text", 1, func(a ...any) (any, error) { return m.text(a[0]) })
	add("blank", 1, func(a ...any) (any, error) { return isBlank(a[0]), nil })
	return table
}

func isBlank(value any) bool {
	text, ok := value.(string)
	return value == nil || ok && strings.TrimSpace(text) == ""
}

// isNumber says that a value is a number by its type.
func isNumber(value any) bool {
	switch value.(type) {
	case int, float64, *big.Rat, purchase.Micros:
		return true
	}
	return false
}

// number reads a value as a number. An empty cell is none.
func (m *numbers) number(value any) (*big.Rat, error) {
	text := ""
	switch v := value.(type) {
	case *big.Rat:
		return new(big.Rat).Set(v), nil
	case purchase.Micros:
		return big.NewRat(int64(v), microsPerUnit), nil
	case int:
		return new(big.Rat).SetInt64(int64(v)), nil
	case float64:
		text = strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		read, err := m.style.Read(v)
		if err != nil {
			return nil, fmt.Errorf("%s %w", describe(v), err)
		}
		text = read.Text
	}
	if _, exponent, ok := strings.Cut(text, "e"); ok {
		if n, err := strconv.Atoi(exponent); err != nil || n > maxExponent || n < -maxExponent {
			return nil, fmt.Errorf("%s is too large or too fine a number", describe(value))
		}
	}
	if n, ok := new(big.Rat).SetString(text); ok {
		return n, nil
	}
	return nil, fmt.Errorf("%s is not a number", describe(value))
}

// calculate tries the fast way first, which is right where it says so.
func (m *numbers) calculate(
	a []any, fast func(x, y purchase.Micros) (purchase.Micros, bool), exact func(z, x, y *big.Rat) *big.Rat,
) (any, error) {
	if x, ok := m.micros(a[0]); ok {
		if y, ok := m.micros(a[1]); ok {
			if result, ok := fast(x, y); ok {
				return result, nil
			}
		}
	}
	x, err := m.number(a[0])
	if err != nil {
		return nil, err
	}
	y, err := m.number(a[1])
	if err != nil {
		return nil, err
	}
	return exact(x, x, y), nil
}

func (m *numbers) divide(a []any) (any, error) {
	if y, err := m.number(a[1]); err == nil && y.Sign() == 0 {
		return nil, fmt.Errorf("%s is divided by 0", describe(a[0]))
	}
	return m.calculate(a, quotient, (*big.Rat).Quo)
}

// add adds numbers and joins texts. Where a number is meant, and where one side
// was calculated, texts that are numbers are added.
func (m *numbers) add(a, b any) (any, error) {
	if m.adds || isNumber(a) || isNumber(b) {
		if sum, err := m.calculate([]any{a, b}, sum, (*big.Rat).Add); err == nil {
			return sum, nil
		}
	}
	left, err := m.text(a)
	if err != nil {
		return nil, err
	}
	right, err := m.text(b)
	return left + right, err
}

// equal compares as numbers where one side is one, else as texts.
func (m *numbers) equal(a, b any) bool {
	if isNumber(a) || isNumber(b) {
		x, errX := m.number(a)
		y, errY := m.number(b)
		return errX == nil && errY == nil && x.Cmp(y) == 0
	}
	left, errLeft := m.text(a)
	right, errRight := m.text(b)
	if errLeft != nil || errRight != nil {
		return reflect.DeepEqual(a, b)
	}
	return left == right
}

// less compares as numbers where both sides are numbers, else as texts.
func (m *numbers) less(a, b any) (bool, error) {
	x, errX := m.number(a)
	y, errY := m.number(b)
	if errX == nil && errY == nil {
		return x.Cmp(y) < 0, nil
	}
	left, err := m.text(a)
	if err != nil {
		return false, err
	}
	right, err := m.text(b)
	return left < right, err
}

func (m *numbers) in(value, list any) (bool, error) {
	switch list := list.(type) {
	case []any:
		for _, element := range list {
			if m.equal(value, element) {
				return true, nil
			}
		}
		return false, nil
	case map[string]any:
		name, err := m.text(value)
		_, ok := list[name]
		return ok, err
	}
	return false, fmt.Errorf("%s is not a list", describe(list))
}

// text is how a value stands in a cell.
func (m *numbers) text(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case purchase.Micros:
		return m.style.FromJSON(strings.TrimSuffix(strings.TrimRight(v.String(), "0"), ".")), nil
	case float64, *big.Rat:
		n, err := m.number(v)
		if err != nil {
			return "", err
		}
		return m.style.Write(n), nil
	}
	return "", fmt.Errorf("gives a list or an object, want a text or a number")
}

func truth(value any) (bool, error) {
	switch v := value.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	case string:
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "true":
			return true, nil
		case "false", "":
			return false, nil
		}
	}
	return false, fmt.Errorf("%s is neither true nor false", describe(value))
}
