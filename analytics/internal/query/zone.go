package query

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// Years whose changes of the clock a zone that is no reporting zone needs.
const (
	firstYear = 1970
	pastYear  = 2100
)

// stretch is a time in which a zone's clock does not change. It ends where the
// next one begins.
type stretch struct {
	Since  int64 // milliseconds since 1970 UTC
	Offset int64 `db:"offset_seconds"` // ahead of UTC
}

// clock is a zone's stretches in order. The first one has no beginning.
type clock []stretch

// reportingClock reads the clock by which the database counts days.
func reportingClock(ctx context.Context, db sqlx.QueryerContext) (c clock, err error) {
	err = sqlx.SelectContext(ctx, db, &c, `SELECT since, offset_seconds FROM internal_zone_offsets ORDER BY since`)
	if err != nil {
		return nil, fmt.Errorf("read the reporting zone: %w", err)
	}
	if len(c) == 0 {
		c = clock{{Since: math.MinInt64}}
	}
	return c, nil
}

// clockOf is false for a name that is no zone of the tz database.
func clockOf(name string) (clock, bool) {
	location, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, false
	}
	at := time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC)
	end := time.Date(pastYear, 1, 1, 0, 0, 0, 0, time.UTC)
	var c clock
	for at.Before(end) {
		_, offset := at.In(location).Zone()
		if len(c) == 0 || c[len(c)-1].Offset != int64(offset) { // some changes leave the clock as it is
			c = append(c, stretch{at.UnixMilli(), int64(offset)})
		}
		_, next := at.In(location).ZoneBounds()
		if next.IsZero() {
			break
		}
		if !next.After(at) { // ZoneBounds may not look past the end of a year
			next = at.Add(24 * time.Hour)
		}
		at = next
	}
	c[0].Since = math.MinInt64
	return c, true
}

// past is where the stretch ends.
func (c clock) past(i int) int64 {
	if i+1 < len(c) {
		return c[i+1].Since
	}
	return math.MaxInt64
}

// instant is the first moment, in milliseconds since 1970 UTC, at which the clock
// shows the local time or, where it skips that, a later one.
func (c clock) instant(local time.Time) int64 {
	shown := local.UnixMilli()
	for i, s := range c {
		if at := shown - s.Offset*1000; at < c.past(i) {
			return max(at, s.Since)
		}
	}
	return shown // not reached: the last stretch has no end
}

// day is the number of days since 1970 on the clock's calendar, if the moment
// is the beginning of one.
func (c clock) day(ms int64) (day int64, ok bool) {
	for i, s := range c {
		if ms < c.past(i) {
			day = (ms + s.Offset*1000) / dayMillis
			return day, c.instant(time.Unix(day*dayMillis/1000, 0).UTC()) == ms
		}
	}
	return 0, false
}

const (
	dayMillis     = 24 * 60 * 60 * 1000
	quarterMillis = 15 * 60 * 1000
)

// quarters writes the stretches as [first quarter of an hour, first one after
// it, offset in seconds], which is what a zone is bound as.
func (c clock) quarters() string {
	list := make([]string, len(c))
	for i, s := range c {
		list[i] = fmt.Sprintf("[%d,%d,%d]", quarter(s.Since), quarter(c.past(i)), s.Offset)
	}
	return "[" + strings.Join(list, ",") + "]"
}

// quarter rounds up, so that a quarter belongs to the clock at its beginning.
func quarter(ms int64) int64 {
	switch {
	case ms == math.MinInt64 || ms == math.MaxInt64:
		return ms / quarterMillis
	case ms%quarterMillis > 0:
		return ms/quarterMillis + 1
	}
	return ms / quarterMillis
}
