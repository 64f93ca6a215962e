package purchase

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Milliseconds since 1970 that cannot be mistaken for seconds or microseconds:
// from March 1973 to November 5138.
const (
	minMillis = 100_000_000_000
	maxMillis = 100_000_000_000_000
)

// readTime reads an instant: RFC 3339 in any of the spellings that [lenientTime]
// knows, or milliseconds since 1970 as a number or its digits.
func readTime(value string) (time.Time, error) {
	switch kindOf(value) {
	case "a number":
		return parseMillis(value)
	case "null":
		return time.Time{}, nil
	case "an array":
		return time.Time{}, errors.New("an array, as Jackson writes times without a zone; write a text with Z or an offset")
	case "a text":
	default:
		return time.Time{}, fmt.Errorf("%s, want a text such as 2026-01-02T03:04:05Z", kindOf(value))
	}
	t, err := parseTime(strings.TrimSpace(unquote(value)))
	if err == nil && t.IsZero() {
		err = errors.New("the zero time of Go and .NET")
	}
	return t, err
}

func parseMillis(number string) (time.Time, error) {
	m, err := ParseMicros(number)
	ms := int64(m / microsPerUnit)
	switch {
	case errors.Is(err, errMicrosTooBig) || ms >= maxMillis:
		return time.Time{}, errors.New("microseconds or nanoseconds, by its size; write milliseconds since 1970")
	case err != nil:
		return time.Time{}, errors.New("not RFC 3339, such as 2026-01-02T03:04:05Z")
	case ms < minMillis:
		return time.Time{}, errors.New("seconds, by its size; write milliseconds since 1970")
	}
	return time.UnixMilli(ms).UTC(), nil
}

func parseTime(text string) (time.Time, error) {
	if t, ok := parseRFC3339(text); ok {
		return t, nil
	}
	if number, _, _ := strings.Cut(text, "."); number != "" && allDigits(number) {
		return parseMillis(text)
	}
	return lenientTime(text)
}

// parseRFC3339 is stricter than package time, which takes one digit for an hour
// and a zone of 24 hours.
func parseRFC3339(text string) (t time.Time, ok bool) {
	const shortest = len("2006-01-02T15:04:05Z")
	if len(text) < shortest || text[13] != ':' || text[19] == ',' {
		return t, false
	}
	if zone := text[len(text)-len("+00:00"):]; zone[5] != 'Z' && (zone[1:3] >= "24" || zone[4] > '5') {
		return t, false
	}
	t, err := time.Parse(time.RFC3339, text)
	return t, err == nil
}

// timeForm has the parts date, hour and minute, second, fraction, zone, region.
var timeForm = regexp.MustCompile(
	`^(\d{4}-\d\d-\d\d)(?:[Tt ]+(\d\d:\d\d)(:\d\d)?([.,]\d+)? ?([Zz]|UTC|GMT|[+-]\d\d(?::?\d\d)?)?(\[[^\]]+\])?)?$`)

// lenientTime reads what other languages write for RFC 3339: a space for T, small
// letters, no seconds, a comma for the point, +0000, +00, UTC, or the region
// behind the offset. It says what is wrong with the rest.
func lenientTime(text string) (time.Time, error) {
	part := timeForm.FindStringSubmatch(text)
	switch {
	case part == nil:
		return time.Time{}, errors.New("not RFC 3339, such as 2026-01-02T03:04:05Z")
	case part[2] == "":
		return time.Time{}, errors.New("a date without a time of day; write RFC 3339, such as 2026-01-02T03:04:05Z")
	case part[5] == "":
		return time.Time{}, errors.New("no zone, as Python writes naive times and Java a LocalDateTime; append Z or an offset")
	case part[3] == ":60":
		return time.Time{}, errors.New("a leap second; write second 59")
	}
	second, fraction := part[3], strings.Replace(part[4], ",", ".", 1)
	if second == "" {
		second = ":00"
	}
	t, ok := parseRFC3339(part[1] + "T" + part[2] + second + fraction + zone(part[5]))
	if !ok {
		return time.Time{}, errors.New("not a time of the calendar")
	}
	return t, nil
}

// zone writes a zone as RFC 3339 has it.
func zone(text string) string {
	switch {
	case len(text) == len("+00"):
		if text[0] == '+' || text[0] == '-' {
			return text + ":00"
		}
		return "Z" // UTC, GMT
	case len(text) == len("+0000"):
		return text[:3] + ":" + text[3:]
	}
	return strings.ToUpper(text)
}
