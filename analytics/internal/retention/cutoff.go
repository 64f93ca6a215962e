package retention

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"purchases/analytics/internal/zone"
)

const (
	quarterHour = 15 * 60 * 1000 // milliseconds
	dayMillis   = 24 * 60 * 60 * 1000
	farBack     = 7 // days within which one begins as [Kept] wants
)

// Age is a number of whole days.
type Age int64

// ParseAge reads an age such as 90d.
func ParseAge(text string) (Age, error) {
	digits, isDays := strings.CutSuffix(text, "d")
	days, err := strconv.ParseInt(digits, 10, 32)
	if !isDays || err != nil || days < 1 {
		return 0, fmt.Errorf("%q is no age; write a number of days, such as 90d", text)
	}
	return Age(days), nil
}

// Before is what is kept where events of that age, counted back from now, are not.
func (a Age) Before(now time.Time, z *zone.Zone) (Kept, error) {
	return startOf(z, z.Calendar().Day(now.UnixMilli())-int64(a))
}

// ParseBefore reads an age such as 90d, or a day such as 2026-01-31, and returns
// what is kept where events before it are not.
func ParseBefore(text string, now time.Time, z *zone.Zone) (Kept, error) {
	if age, err := ParseAge(text); err == nil {
		return age.Before(now, z)
	}
	date, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return All, fmt.Errorf("%q is no age and no day; write one such as 90d or 2026-01-31", text)
	}
	day := date.Unix() / (24 * 60 * 60)
	if day > z.Calendar().Day(now.UnixMilli()) {
		return All, fmt.Errorf("%s has not begun in %s; name today or a day before", text, z.Name)
	}
	return startOf(z, day)
}

// startOf finds the last day up to the wanted one that begins as [Kept] wants.
// Nearly every day since 1970 does.
func startOf(z *zone.Zone, wanted int64) (Kept, error) {
	for day := wanted; day > wanted-farBack; day-- {
		if start, clean := begins(z, day); clean && start > 0 && start%quarterHour == 0 {
			return Kept{start, z.Calendar().Day(start)}, nil
		}
	}
	return All, fmt.Errorf("no day around %s begins with a quarter of an hour after 1970 in %s; name a later one",
		Kept{Day: wanted}.Date(), z.Name)
}

// begins is the first instant of the day or of a later one, and whether no instant
// after it is of an earlier day: clocks that go back at one minute past midnight
// give a day twice.
func begins(z *zone.Zone, day int64) (start int64, clean bool) {
	calendar := z.Calendar()
	for i, offset := range z.Offsets {
		start = max(offset.Since, day*dayMillis-offset.Seconds*1000)
		if i+1 == len(z.Offsets) || start < z.Offsets[i+1].Since {
			break
		}
	}
	for _, offset := range z.Offsets {
		if offset.Since > start && calendar.Day(offset.Since) < day {
			return start, false
		}
	}
	return start, true
}
