package zone_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"purchases/analytics/internal/zone"
)

func load(t *testing.T, name string) *zone.Zone {
	t.Helper()
	z, err := zone.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// Go's own calendar is the oracle, with zones whose offsets have seconds, half
// and quarter hours, and a day that was left out.
func TestDaysAreThoseOfTheZone(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Paris", "Europe/London", "America/Los_Angeles", "Asia/Kolkata",
		"Asia/Kathmandu",
		"Pacific/Apia", "Pacific/Kiritimati", "Australia/Lord_Howe", "Africa/Monrovia", "America/St_Johns"} {
		z := load(t, name)
		location, err := zone.Location(name)
		if err != nil {
			t.Fatal(err)
		}
		rapid.Check(t, func(t *rapid.T) {
			c := z.Calendar()
			for range 20 {
				ms := rapid.Int64Range(0, time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()).Draw(t, "ms")
				year, month, day := time.UnixMilli(ms).In(location).Date()
				want := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400
				if year < 1970 {
					want = -1
				}
				if got := c.Day(ms); got != want {
					t.Fatalf("%s at %d: day %d, want %d", name, ms, got, want)
				}
				if got, want := zone.Month(want), int64(year-1970)*12+int64(month)-1; got != want {
					t.Fatalf("%s at %d: month %d, want %d", name, ms, got, want)
				}
			}
		})
	}
}

func TestNeighbouringOffsetsDiffer(t *testing.T) {
	for _, name := range []string{"Europe/Paris", "Asia/Kolkata", "Etc/GMT+5", "America/Sao_Paulo"} {
		offsets := load(t, name).Offsets
		for i := 1; i < len(offsets); i++ {
			if offsets[i].Since <= offsets[i-1].Since || offsets[i].Seconds == offsets[i-1].Seconds {
				t.Errorf("%s: %v after %v", name, offsets[i], offsets[i-1])
			}
		}
	}
}

func TestUnknownZones(t *testing.T) {
	for _, name := range []string{"", "Local", "Europe", "Europe/", "europe/paris", "../etc/passwd", "Mars/Base"} {
		if _, err := zone.Load(name); err == nil || !strings.Contains(err.Error(), "is unknown") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestVersionOfTheData(t *testing.T) {
	if v := zone.DataVersion(); len(v) != 5 || v < "2025a" {
		t.Errorf("version %q", v)
	}
}
