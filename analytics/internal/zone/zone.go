// Package zone knows the calendar of a time zone: which day it is there at an
// instant. It takes the time zone database that the program carries, never the
// machine's, so that every machine gives the same days. A database keeps the
// offsets of its reporting zone, so that SQL gives the same days as well.
package zone

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"strings"
	"time"
)

//go:generate sh -c "cp $(go env GOROOT)/lib/time/zoneinfo.zip . && sed -n 's/^DATA=//p' $(go env GOROOT)/lib/time/update.bash >version.txt"

//go:embed zoneinfo.zip
var archive []byte

//go:embed version.txt
var version string

// DataVersion is the version of the time zone database that the program
// carries, such as 2025c.
func DataVersion() string { return strings.TrimSpace(version) }

// UTC is the reporting zone of a database that was given no other.
const UTC = "UTC"

const (
	dayMillis = 24 * 60 * 60 * 1000
	// lastYear bounds the offsets: from it on the last one stays.
	lastYear = 2100
)

// Zone is a time zone.
type Zone struct {
	Name string
	// Offsets are in order, the first since the beginning of time; neighbours differ.
	Offsets []Offset
}

// Offset is how far local time is ahead of UTC from an instant on.
type Offset struct {
	Since   int64 `db:"since"`          // milliseconds since 1970 UTC
	Seconds int64 `db:"offset_seconds"` // negative west of Greenwich
}

// Location loads the zone of the name, such as Europe/Paris or UTC. The
// machine's own zone (Local) has no name here.
func Location(name string) (*time.Location, error) {
	if name == UTC {
		return time.UTC, nil
	}
	files, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, fmt.Errorf("read the time zone database: %w", err)
	}
	i := slices.IndexFunc(files.File, func(f *zip.File) bool { return f.Name == name && !strings.HasSuffix(name, "/") })
	if i < 0 {
		return nil, fmt.Errorf("time zone %.60q is unknown; use a name of the tz database, such as Europe/Paris", name)
	}
	file, err := files.File[i].Open()
	if err != nil {
		return nil, fmt.Errorf("read time zone %q: %w", name, err)
	}
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("read time zone %q: %w", name, err)
	}
	location, err := time.LoadLocationFromTZData(name, data)
	if err != nil {
		return nil, fmt.Errorf("read time zone %q: %w", name, err)
	}
	return location, nil
}

// Load returns the zone of the name, see [Location].
func Load(name string) (*Zone, error) {
	location, err := Location(name)
	if err != nil {
		return nil, err
	}
	return &Zone{Name: name, Offsets: offsets(location)}, nil
}

func offsets(location *time.Location) (list []Offset) {
	for at := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < lastYear; {
		local := at.In(location)
		_, seconds := local.Zone()
		start, end := local.ZoneBounds()
		if n := len(list); n == 0 {
			list = append(list, Offset{math.MinInt64, int64(seconds)})
		} else if list[n-1].Seconds != int64(seconds) {
			list = append(list, Offset{start.UnixMilli(), int64(seconds)})
		}
		switch {
		case end.IsZero():
			return list
		case end.After(at):
			at = end
		default: // ZoneBounds may not look past the end of a year
			at = at.Add(24 * time.Hour)
		}
	}
	return list
}

// Calendar finds days in a zone. It remembers where it looked last, and is not
// safe for concurrent use.
type Calendar struct {
	zone                *Zone
	since, until, shift int64 // milliseconds; shift holds from since on, before until
}

// Calendar returns one of the zone.
func (z *Zone) Calendar() *Calendar { return &Calendar{zone: z} }

// Zone is whose days these are.
func (c *Calendar) Zone() *Zone { return c.zone }

// Day is the number of the local day at an instant, which is in milliseconds
// since 1970 UTC: days since 1970-01-01 on the zone's calendar.
func (c *Calendar) Day(ms int64) int64 {
	if ms < c.since || ms >= c.until {
		c.find(ms)
	}
	local := ms + c.shift
	day := local / dayMillis
	if local%dayMillis < 0 {
		day--
	}
	return day
}

func (c *Calendar) find(ms int64) {
	all := c.zone.Offsets
	i := sort.Search(len(all), func(i int) bool { return all[i].Since > ms }) - 1
	c.since, c.until, c.shift = all[i].Since, math.MaxInt64, all[i].Seconds*1000
	if i+1 < len(all) {
		c.until = all[i+1].Since
	}
}

// Month is the number of the month that a day is in: months since January 1970.
func Month(day int64) int64 {
	year, month, _ := time.Unix(day*24*60*60, 0).UTC().Date()
	return int64(year-1970)*12 + int64(month) - 1
}
