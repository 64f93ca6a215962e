package query

import (
	"fmt"
	"strings"
	"time"
)

// Years whose shifts of a zone are worth knowing: those of events.
const (
	firstYear = 1972 // before it, a few zones were off by minutes
	pastYear  = 2100
)

// shifts returns what is bound for a time zone, see [Arg]. It is not ok for a
// name that is none and for a zone that was ever off by a part of an hour:
// sums by hours of UTC cannot be put together to its days.
func shifts(name string) (bound string, ok bool) {
	location, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return "", false
	}
	var list []string
	end := time.Date(pastYear, 1, 1, 0, 0, 0, 0, time.UTC)
	for at := time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC); at.Before(end); {
		_, offset := at.In(location).Zone()
		_, next := at.In(location).ZoneBounds()
		if !next.IsZero() && !next.After(at) { // ZoneBounds may not look past the end of a year
			next = at.Add(24 * time.Hour)
		}
		if next.IsZero() || next.After(end) {
			next = end
		}
		if offset%3600 != 0 || next.Unix()%3600 != 0 {
			return "", false
		}
		first, past := at.Unix()/3600, next.Unix()/3600
		if len(list) == 0 {
			first = 0
		}
		list = append(list, fmt.Sprintf("[%d,%d,%d]", first, past, offset/3600))
		at = next
	}
	return "[" + strings.Join(list, ",") + "]", true
}
