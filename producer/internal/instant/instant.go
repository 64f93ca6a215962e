// Package instant reads points in time as files write them: RFC 3339, layouts
// of strftime and of package time, counts of seconds since 1970, and the serial
// numbers of spreadsheets. A local time gets its offset from a zone, and no
// abbreviation of a zone is guessed at.
package instant

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ncruces/go-strftime"
)

// Names of layouts.
const (
	RFC3339   = "rfc3339"
	Unix      = "unix"
	UnixMilli = "unix-ms"
	UnixMicro = "unix-us"
	Excel     = "excel" // days since 1899-12-30, local time
)

// Instant is a point in time and how sure it is.
type Instant struct {
	Time time.Time
	// Local says that the text named no zone.
	Local bool
	// Skipped says that the local time does not exist, because clocks went
	// forward over it. It is read as if they had not.
	Skipped bool
	// Repeated says that the local time exists twice, because clocks went back
	// over it. It is read as the first of the two.
	Repeated bool
}

// Reader reads the times of one file. It is safe for concurrent use.
type Reader struct {
	zone    *time.Location
	layouts []layout
	names   []string
}

// layout is one of the forms that a time may have.
type layout struct {
	name   string   // of a number: Unix to Excel
	forms  []string // of package time
	offset bool     // the forms have an offset
	abbrev bool     // the forms have a zone's abbreviation
}

// NewReader returns a reader of times in any of these layouts, the first that
// fits; none means RFC 3339, also without a zone. A nil zone means UTC.
func NewReader(names []string, zone *time.Location) (*Reader, error) {
	if zone == nil {
		zone = time.UTC
	}
	r := &Reader{zone: zone, names: names}
	for _, name := range names {
		l, err := newLayout(name)
		if err != nil {
			return nil, err
		}
		r.layouts = append(r.layouts, l)
	}
	if len(names) == 0 {
		r.names = []string{RFC3339}
		r.layouts = []layout{{forms: []string{time.RFC3339}, offset: true}, {forms: []string{"2006-01-02T15:04:05"}}}
	}
	return r, nil
}

func newLayout(name string) (layout, error) {
	switch {
	case name == RFC3339:
		return layout{forms: []string{time.RFC3339}, offset: true}, nil
	case name == Unix || name == UnixMilli || name == UnixMicro || name == Excel:
		return layout{name: name}, nil
	case name == "%s":
		return layout{name: Unix}, nil
	case strings.Contains(name, "%"):
		return fromStrftime(name)
	case time.Unix(0, 0).UTC().Format(name) == name:
		return layout{}, fmt.Errorf("--time-layout %q has no fields; "+
			"write %%Y-%%m-%%d %%H:%%M:%%S or, as Go does, 2006-01-02 15:04:05", name)
	}
	return fromGo(name), nil
}

func fromGo(form string) layout {
	return layout{
		forms:  []string{form},
		offset: strings.Contains(form, "-07") || strings.Contains(form, "Z07"),
		abbrev: strings.Contains(form, "MST"),
	}
}

// lenient are directives in the forms of theirs that take one digit as well as
// two. Package time reads decimals of a second without being asked.
var lenient = strings.NewReplacer(
	"%%", "%%", ".%f", "", ",%f", "", ".%L", "", ".%N", "",
	"%F", "%Y-%-m-%-d", "%T", "%H:%-M:%-S", "%X", "%H:%-M:%-S", "%R", "%H:%-M",
	"%D", "%-m/%-d/%y", "%x", "%-m/%-d/%y", "%r", "%-I:%-M:%-S %p",
	"%d", "%-d", "%m", "%-m", "%I", "%-I", "%l", "%-I", "%M", "%-M", "%S", "%-S", "%k", "%H", "%-H", "%H",
)

func fromStrftime(name string) (layout, error) {
	form, err := strftime.Layout(lenient.Replace(name))
	if err != nil {
		return layout{}, fmt.Errorf("--time-layout %q: %s", name, strings.TrimPrefix(err.Error(), "strftime: "))
	}
	l := fromGo(form)
	if before, after, ok := strings.Cut(form, "-0700"); ok {
		l.forms = []string{before + "Z0700" + after, before + "Z07:00" + after}
	}
	return l, nil
}

// Read reads a time. The error is one line, and names a layout that would fit
// where there is one.
func (r *Reader) Read(text string) (Instant, error) {
	found, err := r.read(text)
	if err != nil {
		if spelled := spelling.Replace(text); spelled != text {
			if again, errAgain := r.read(spelled); errAgain == nil {
				return again, nil
			}
		}
	}
	return found, err
}

// spelling is how package time writes noon and midnight, and the spaces that
// programs put before them.
var spelling = strings.NewReplacer("\u202f", " ", "\u00a0", " ",
	"a.m.", "AM", "p.m.", "PM", "am", "AM", "pm", "PM", "Am", "AM", "Pm", "PM")

func (r *Reader) read(text string) (Instant, error) {
	var named error
	for i := range r.layouts {
		found, ok, err := r.layouts[i].read(text, r.zone)
		if ok {
			return found, nil
		}
		if err != nil && named == nil {
			named = err
		}
	}
	if named != nil {
		return Instant{}, fmt.Errorf("timestamp %.60q %w", text, named)
	}
	return Instant{}, fmt.Errorf("timestamp %.60q does not fit the layout %.60q; %s",
		text, strings.Join(r.names, ", "), r.advice(text))
}

// read says whether the text fits. An error tells more than that it does not.
func (l *layout) read(text string, zone *time.Location) (found Instant, ok bool, err error) {
	if l.name != "" {
		return readNumber(l.name, text, zone)
	}
	for _, form := range l.forms {
		var t time.Time
		switch {
		case l.abbrev && !l.offset:
			if t, err = time.ParseInLocation(form, text, zone); err == nil {
				err = checkAbbreviation(t, zone)
				return Instant{Time: t.UTC()}, err == nil, err
			}
		case l.offset:
			if t, err = time.Parse(form, text); err == nil {
				return Instant{Time: t.UTC()}, true, nil
			}
		default:
			if t, err = time.ParseInLocation(form, text, time.UTC); err == nil {
				return resolve(t, zone), true, nil
			}
		}
	}
	return Instant{}, false, nil
}

// checkAbbreviation fails on the zone that package time makes up, with the
// offset 0, for an abbreviation that the zone does not have.
func checkAbbreviation(t time.Time, zone *time.Location) error {
	name, _ := t.Zone()
	if t.Location() == zone || t.Location() == time.UTC || strings.HasPrefix(name, "GMT") || name == "UT" || name == "Z" {
		return nil
	}
	if zone != time.UTC {
		return fmt.Errorf("has the zone %.10q, which %s does not have", name, zone)
	}
	return fmt.Errorf("has the zone %.10q, which is not an instant; give --time-zone %s", name, usualZone(name))
}

func usualZone(abbreviation string) string {
	for zone, names := range map[string]string{
		"America/Los_Angeles": "PST PDT", "America/Denver": "MST MDT",
		"America/Chicago": "CST CDT", "America/New_York": "EST EDT",
		"Europe/Berlin": "CET CEST", "Europe/London": "BST", "Europe/Athens": "EET EEST", "Asia/Kolkata": "IST",
		"Asia/Tokyo": "JST", "Australia/Sydney": "AEST AEDT",
	} {
		for _, name := range strings.Fields(names) {
			if name == abbreviation {
				return zone
			}
		}
	}
	return "with the place that it stands for, such as Europe/Paris"
}

const day = 24 * time.Hour

// resolve reads a clock's time, given in UTC, as one in the zone.
func resolve(wall time.Time, zone *time.Location) Instant {
	if zone == time.UTC {
		return Instant{Time: wall, Local: true}
	}
	early, late := offset(wall.Add(-day), zone), offset(wall.Add(day), zone)
	first, second := wall.Add(-early), wall.Add(-late)
	isFirst, isSecond := offset(first, zone) == early, offset(second, zone) == late
	switch {
	case isFirst || !isSecond:
		twice := isFirst && isSecond && early != late
		return Instant{Time: first, Local: true, Skipped: !isFirst, Repeated: twice}
	}
	return Instant{Time: second, Local: true}
}

func offset(t time.Time, zone *time.Location) time.Duration {
	_, seconds := t.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}

var errNoNumber = errors.New("is not a number")
