package retention_test

import (
	"testing"
	"time"

	"purchases/analytics/internal/retention"
	"purchases/analytics/internal/zone"
)

var now = time.Date(2026, 5, 1, 23, 30, 0, 0, time.UTC)

func load(t *testing.T, name string) *zone.Zone {
	t.Helper()
	z, err := zone.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestParseBefore(t *testing.T) {
	for _, test := range []struct{ text, zone, date, since string }{
		{"90d", "UTC", "2026-01-31", "2026-01-31T00:00:00Z"},
		{"1d", "UTC", "2026-04-30", "2026-04-30T00:00:00Z"},
		{"1d", "Europe/Paris", "2026-05-01", "2026-04-30T22:00:00Z"}, // it is the second there
		{"2026-01-31", "Europe/Paris", "2026-01-31", "2026-01-30T23:00:00Z"},
		{"2026-03-30", "Europe/Paris", "2026-03-30", "2026-03-29T22:00:00Z"}, // summer time began the day before
		{"2026-01-31", "Asia/Kathmandu", "2026-01-31", "2026-01-30T18:15:00Z"},
		{"2010-11-07", "America/St_Johns", "2010-11-06", "2010-11-06T02:30:00Z"}, // the clock went back over midnight
		{"2011-11-07", "America/St_Johns", "2011-11-07", "2011-11-07T03:30:00Z"},
		{"2011-12-30", "Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"}, // a day that it left out
		{"2026-05-01", "UTC", "2026-05-01", "2026-05-01T00:00:00Z"},
	} {
		kept, err := retention.ParseBefore(test.text, now, load(t, test.zone))
		if err != nil || kept.Date() != test.date || kept.Time().Format(time.RFC3339) != test.since {
			t.Errorf("%s in %s: %s from %s on, %v; want %s, %s", test.text, test.zone, kept.Date(), kept.Time(), err, test.date,
				test.since)
		}
	}
}

func TestParseBeforeRefuses(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"90", `"90" is no age and no day; write one such as 90d or 2026-01-31`},
		{"0d", `"0d" is no age and no day; write one such as 90d or 2026-01-31`},
		{"-1d", `"-1d" is no age and no day; write one such as 90d or 2026-01-31`},
		{"2026-02-30", `"2026-02-30" is no age and no day; write one such as 90d or 2026-01-31`},
		{"2026-05-02", `2026-05-02 has not begun in UTC; name today or a day before`},
		{"99999d", `no day around 1752-07-17 begins with a quarter of an hour after 1970 in UTC; name a later one`},
	} {
		if kept, err := retention.ParseBefore(test.text, now, load(t, "UTC")); err == nil || err.Error() != test.want {
			t.Errorf("%s: %v, %v; want %s", test.text, kept, err, test.want)
		}
	}
}

// Every instant from the start of what is kept on is of its day or of a later one,
// and no instant before is.
func TestKeptDayHasNoEventsBefore(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Paris", "America/St_Johns", "America/Sao_Paulo", "Pacific/Apia",
		"Africa/Monrovia", "Asia/Kathmandu"} {
		z := load(t, name)
		for day := int64(1000); day < 20000; day += 7 {
			date := time.Unix(day*86400, 0).UTC().Format(time.DateOnly)
			kept, err := retention.ParseBefore(date, now, z)
			if err != nil {
				if name != "Africa/Monrovia" {
					t.Error(err)
				}
				continue
			}
			calendar := z.Calendar()
			for ms := kept.Since - 30*3600_000; ms < kept.Since+30*3600_000; ms += 30_000 {
				if got := calendar.Day(ms); (got >= kept.Day) != (ms >= kept.Since) {
					t.Fatalf("%s: %d is of day %d, and kept are %+v", name, ms, got, kept)
				}
			}
		}
	}
}
