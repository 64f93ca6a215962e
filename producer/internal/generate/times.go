package generate

import (
	"sort"
	"time"
)

// Times says when the event at place n of the stream happens. The number in
// [0, 1) is at hand for chance. Later places do not get earlier times.
type Times func(n int64, chance float64) time.Time

// Live stamps every event with the clock.
func Live() Times {
	return func(int64, float64) time.Time { return time.Now() }
}

// Spread places count events between start and end, in the rhythm of a shop's
// day: few at night, most in the afternoon and the evening (UTC).
func Spread(start, end time.Time, count int64) Times {
	start = start.UTC()
	midnight := start.Truncate(day)
	first, last := business(start.Sub(midnight)), business(end.Sub(midnight))
	return func(n int64, chance float64) time.Time {
		part := (float64(n) + chance) / float64(count)
		return midnight.Add(clock(first + time.Duration(part*float64(last-first))))
	}
}

const day = 24 * time.Hour

// hours holds how busy each hour of the day is.
var hours = [24]int{2, 1, 1, 1, 1, 2, 4, 8, 12, 16, 18, 20, 24, 24, 26, 28, 30, 32, 34, 36, 32, 24, 14, 6}

// busy returns how busy the day is up to an hour.
func busy(hour int) (sum int) {
	for _, weight := range hours[:hour] {
		sum += weight
	}
	return sum
}

// business turns the time since midnight into business time, which passes
// quickly in a busy hour and slowly at night; a day has 24 hours of both.
func business(t time.Duration) time.Duration {
	days, rest := t/day, t%day
	hour := int(rest / time.Hour)
	passed := float64(busy(hour)) + float64(hours[hour])*float64(rest%time.Hour)/float64(time.Hour)
	return days*day + time.Duration(passed/float64(busy(24))*float64(day))
}

// clock is the inverse of business.
func clock(b time.Duration) time.Duration {
	days, rest := b/day, b%day
	passed := float64(rest) / float64(day) * float64(busy(24))
	hour := sort.Search(23, func(h int) bool { return float64(busy(h+1)) > passed })
	within := (passed - float64(busy(hour))) / float64(hours[hour])
	return days*day + time.Duration(hour)*time.Hour + time.Duration(within*float64(time.Hour))
}
