package instant

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// epochSerial is the serial number of 1970-01-01 in a spreadsheet.
const epochSerial = 25_569

// readNumber reads a count since 1970, or a serial number.
func readNumber(name, text string, zone *time.Location) (Instant, bool, error) {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(value) || strings.ContainsAny(text, "xXpP_") {
		return Instant{}, false, nil
	}
	if fits := bySize(value); fits != "" && fits != name {
		return Instant{}, false, fmt.Errorf("is too large or too small for the layout %s; "+
			"its size is that of %s: give --time-layout %[2]s", name, fits)
	}
	if name == Excel {
		return fromSerial(value, zone)
	}
	whole, fraction, ok := split(text)
	if !ok {
		return Instant{}, false, errNoNumber
	}
	unit := map[string]time.Duration{Unix: time.Second, UnixMilli: time.Millisecond, UnixMicro: time.Microsecond}[name]
	perSecond := int64(time.Second / unit)
	t := time.Unix(whole/perSecond, whole%perSecond*int64(unit)).Add(time.Duration(fraction * float64(unit)))
	return Instant{Time: t.UTC()}, true, nil
}

// bySize is the only layout in which the number is a day between 1954 and 2447
// as a serial, or between 1973 and 5138 as a count; else it is empty.
func bySize(value float64) string {
	switch value = math.Abs(value); {
	case value >= 2e4 && value < 2e5:
		return Excel
	case value >= 1e8 && value < 1e11:
		return Unix
	case value >= 1e11 && value < 1e14:
		return UnixMilli
	case value >= 1e14 && value < 1e17:
		return UnixMicro
	}
	return ""
}

// fromSerial rounds to the second: serials of times are no whole fractions.
func fromSerial(value float64, zone *time.Location) (Instant, bool, error) {
	if bySize(value) != Excel {
		return Instant{}, false, fmt.Errorf("is not the serial number of a day after 1954")
	}
	seconds := math.Round((value - epochSerial) * 86_400)
	return resolve(time.Unix(int64(seconds), 0).UTC(), zone), true, nil
}

// split returns the whole and the fraction of a decimal number without an
// exponent.
func split(text string) (whole int64, fraction float64, ok bool) {
	digits, decimals, has := strings.Cut(text, ".")
	whole, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	if has && decimals != "" {
		fraction, err = strconv.ParseFloat("0."+decimals, 64)
	}
	if strings.HasPrefix(digits, "-") {
		fraction = -fraction
	}
	return whole, fraction, err == nil
}

// usual are layouts that files have, in the order of trying. Where two differ
// only in whether the day or the month comes first, both are told.
var usual = []string{
	RFC3339, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M",
	"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%d %H:%M:%S %Z", "%Y-%m-%d %H:%M",
	"%Y-%m-%d %H:%M %z", "%Y-%m-%d %I:%M:%S %p", "%Y-%m-%d %I:%M %p", "%Y-%m-%d", "%Y/%m/%d %H:%M:%S",
	"%Y/%m/%d %H:%M", "%Y/%m/%d", "%Y.%m.%d %H:%M:%S", "%Y.%m.%d", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M",
	"%d.%m.%Y", "%d.%m.%y %H:%M", "%d.%m.%y", "%d.%m.%Y, %H:%M:%S", "%d.%m.%Y, %H:%M", "%m/%d/%Y %H:%M:%S",
	"%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%d/%m/%Y %I:%M:%S %p",
	"%m/%d/%Y %I:%M %p", "%d/%m/%Y %I:%M %p", "%m/%d/%Y, %I:%M:%S %p", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y %H:%M",
	"%d/%m/%y %H:%M", "%m/%d/%y", "%d/%m/%y", "%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%d-%m-%Y",
	"%d-%b-%Y %H:%M:%S", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y %H:%M:%S", "%d %b %Y %H:%M", "%d %b %Y", "%d %B %Y",
	"%b %d, %Y %I:%M:%S %p %Z", "%b %d, %Y %I:%M:%S %p", "%b %d, %Y, %I:%M %p", "%b %d, %Y %H:%M:%S", "%b %d, %Y",
	"%B %d, %Y %H:%M", "%B %d, %Y", "%a, %d %b %Y %H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %Z",
	"%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S %Z %Y", "%a %b %d %H:%M:%S %z %Y", "%Y%m%d", "%Y%m%d%H%M%S",
	"%Y%m%dT%H%M%SZ", "%Y%m%d %H%M%S", "%Y%m%d %H:%M:%S",
}

// advice names the layouts that the text fits.
func (r *Reader) advice(text string) string {
	if value, err := strconv.ParseFloat(text, 64); err == nil {
		if name := bySize(value); name != "" && (len(text) != 8 || !strings.HasPrefix(text, "20")) {
			return "--time-layout " + name + " fits it"
		}
	}
	var fitting []string
	for _, name := range usual {
		l, err := newLayout(name)
		if err != nil || len(fitting) == 2 {
			continue
		}
		if _, ok, named := l.read(text, time.UTC); ok || named != nil {
			if len(fitting) == 0 || dayAndMonth.Replace(name) == fitting[0] {
				fitting = append(fitting, name)
			}
		}
	}
	switch len(fitting) {
	case 0:
		return "name its own with --time-layout"
	case 1:
		return fmt.Sprintf("--time-layout %q fits it", fitting[0])
	}
	return fmt.Sprintf("--time-layout %q (month first) or %q (day first) fits it", fitting[0], fitting[1])
}

var dayAndMonth = strings.NewReplacer("%d", "%m", "%m", "%d")
