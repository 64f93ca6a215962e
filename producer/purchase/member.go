package purchase

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// The functions here read the JSON of one value, which is valid.

// unquote returns the text of a JSON string.
func unquote(value string) string {
	if strings.IndexByte(value, '\\') < 0 {
		return value[1 : len(value)-1]
	}
	text, _ := jsontext.AppendUnquote(nil, value)
	return string(text)
}

// kindOf says what a value is.
func kindOf(value string) string {
	switch value[0] {
	case '"':
		return "a text"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	}
	return "a number"
}

// shown quotes a value in one line of sane length.
func shown(value string) string {
	const most = 60
	if len(value) > most {
		value = strings.ToValidUTF8(value[:most], "") + "..."
	}
	return strings.Map(func(c rune) rune {
		if c < ' ' {
			return ' '
		}
		return c
	}, value)
}

func readText(value string) (string, error) {
	switch value[0] {
	case '"':
		return unquote(value), nil
	case 'n':
		return "", nil
	}
	return "", fmt.Errorf("%s, want a text", kindOf(value))
}

// readID also reads a whole number, whose digits are the id.
func readID(value string) (string, error) {
	if kindOf(value) == "a number" {
		return wholeNumber(value)
	}
	return readText(value)
}

// exactDigits is how many digits of a whole number every float64 holds.
const exactDigits = 15

func wholeNumber(number string) (string, error) {
	whole, fraction, isFraction := strings.Cut(number, ".")
	switch {
	case strings.ContainsAny(number, "eE") || strings.Trim(fraction, "0") != "" || whole == "-0":
		return "", errors.New("not a whole number; write it as a text")
	case isFraction && len(whole) > exactDigits:
		return "", errors.New("a floating-point number that may have lost digits; write it as a text")
	}
	return whole, nil
}

// readAttribute also reads whole numbers and booleans.
func readAttribute(value string) (string, error) {
	if value == "true" || value == "false" {
		return value, nil
	}
	return readID(value)
}

// decimal returns the digits of a number, or of a text that holds one, and ""
// for null.
func decimal(value string) (string, error) {
	switch kindOf(value) {
	case "a number":
		return value, nil
	case "a text":
		return strings.TrimSpace(unquote(value)), nil
	case "null":
		return "", nil
	}
	return "", fmt.Errorf("%s, want a number", kindOf(value))
}

func readQuantity(value string) (int64, error) {
	text, err := decimal(value)
	if err != nil || value == "null" {
		return 1, err
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	m, err := ParseMicros(text)
	switch {
	case errors.Is(err, errMicrosTooBig):
		return 0, fmt.Errorf("at most %d is accepted", MaxQuantity)
	case err != nil:
		return 0, fmt.Errorf("%w, want a whole number", err)
	case m%microsPerUnit != 0:
		return 0, errors.New("not a whole number")
	}
	return int64(m / microsPerUnit), nil
}

func readMoney(value string) (*Micros, error) {
	text, err := decimal(value)
	if err != nil || value == "null" {
		return nil, err
	}
	m, err := ParseMicros(text)
	if err != nil {
		return nil, err
	}
	return &m, nil
}
