package instant_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"purchases/producer/internal/instant"
)

func read(t testing.TB, layout, zone, text string) (instant.Instant, error) {
	t.Helper()
	place, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	if layout != "" {
		names = strings.Split(layout, "|")
	}
	r, err := instant.NewReader(names, place)
	if err != nil {
		t.Fatal(err)
	}
	return r.Read(text)
}

func TestTimes(t *testing.T) {
	for _, test := range []struct{ layout, zone, text, want string }{
		{"", "UTC", "2024-06-01T10:00:00+02:00", "2024-06-01T08:00:00Z"},
		{"", "UTC", "2024-06-01T10:00:00.25Z", "2024-06-01T10:00:00.25Z"},
		{"", "Europe/Berlin", "2024-06-01T10:00:00", "2024-06-01T08:00:00Z"},
		{"rfc3339", "UTC", "2024-06-01T10:00:00Z", "2024-06-01T10:00:00Z"},
		{"02.01.2006 15:04", "Europe/Berlin", "31.12.2024 23:30", "2024-12-31T22:30:00Z"},
		{"%d.%m.%Y %H:%M", "Europe/Berlin", "1.1.2025 00:10", "2024-12-31T23:10:00Z"},
		{"%d.%m.%Y %H:%M", "UTC", "01.01.2025 9:10", "2025-01-01T09:10:00Z"},
		{"%Y-%m-%d %H:%M:%S", "UTC", "2024-05-01 13:04:05", "2024-05-01T13:04:05Z"},
		{"%Y-%m-%d %H:%M:%S.%f", "UTC", "2024-05-01 13:04:05.250000", "2024-05-01T13:04:05.25Z"},
		{"%Y-%m-%d %H:%M:%S.%f", "UTC", "2024-05-01 13:04:05", "2024-05-01T13:04:05Z"},
		{"%F %T %z", "UTC", "2024-05-01 10:00:00 +0200", "2024-05-01T08:00:00Z"},
		{"%F %T %z", "UTC", "2024-05-01 10:00:00 +02:00", "2024-05-01T08:00:00Z"},
		{"%F %T%z", "UTC", "2024-05-01 10:00:00Z", "2024-05-01T10:00:00Z"},
		{"%m/%d/%y %I:%M %p", "UTC", "5/1/24 1:04 PM", "2024-05-01T13:04:00Z"},
		{"%m/%d/%y %I:%M %p", "UTC", "5/1/24 1:04\u202fp.m.", "2024-05-01T13:04:00Z"},
		{"1/2/06 3:04 PM", "UTC", "5/1/24 1:04 am", "2024-05-01T01:04:00Z"},
		{"%Y%m%d%H%M%S", "UTC", "20240501130405", "2024-05-01T13:04:05Z"},
		{"%Y%m%d", "Asia/Tokyo", "20240501", "2024-04-30T15:00:00Z"},
		{"%B %d, %Y", "UTC", "May 1, 2024", "2024-05-01T00:00:00Z"},
		{"%Y-%m-%d %H:%M:%S|%Y-%m-%d", "UTC", "2024-05-01", "2024-05-01T00:00:00Z"},
		{"unix", "UTC", "1767225600", "2026-01-01T00:00:00Z"},
		{"unix", "Asia/Tokyo", "1767225600.125", "2026-01-01T00:00:00.125Z"},
		{"unix", "UTC", "0", "1970-01-01T00:00:00Z"},
		{"%s", "UTC", "1767225600.0", "2026-01-01T00:00:00Z"},
		{"unix-ms", "UTC", "1767225600123", "2026-01-01T00:00:00.123Z"},
		{"unix-us", "UTC", "1767225600123456", "2026-01-01T00:00:00.123456Z"},
		{"excel", "UTC", "45384.34789351852", "2024-04-02T08:20:58Z"},
		{"excel", "UTC", "45384", "2024-04-02T00:00:00Z"},
		{"excel", "Europe/Berlin", "45384.5", "2024-04-02T10:00:00Z"},
		{"%b %d, %Y %I:%M:%S %p %Z", "America/Los_Angeles", "Jan 1, 2024 12:03:52 AM PST", "2024-01-01T08:03:52Z"},
		{"Jan 2, 2006 3:04:05 PM MST", "America/Los_Angeles", "Jul 1, 2024 12:03:52 AM PDT", "2024-07-01T07:03:52Z"},
		{"%F %T %Z", "Europe/London", "2024-07-01 12:00:00 BST", "2024-07-01T11:00:00Z"},
		{"%F %T %Z", "UTC", "2024-07-01 12:00:00 UTC", "2024-07-01T12:00:00Z"},
		{"%F %T %Z", "America/New_York", "2024-07-01 12:00:00 GMT", "2024-07-01T12:00:00Z"},
	} {
		got, err := read(t, test.layout, test.zone, test.text)
		if text := got.Time.Format(time.RFC3339Nano); err != nil || text != test.want {
			t.Errorf("%q by %q in %s is %s, %v; want %s", test.text, test.layout, test.zone, text, err, test.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct{ layout, zone, text, want string }{
		{"", "UTC", "31.12.2024 23:30", `"%d.%m.%Y %H:%M" fits it`},
		{"", "UTC", "2024-12-31 23:30:00", `"%Y-%m-%d %H:%M:%S" fits it`},
		{"", "UTC", "03/04/2024", `"%m/%d/%Y" (month first) or "%d/%m/%Y" (day first) fits it`},
		{"", "UTC", "23/04/2024", `"%d/%m/%Y" fits it`},
		{"", "UTC", "1767225600123", "--time-layout unix-ms fits it"},
		{"", "UTC", "45384.35", "--time-layout excel fits it"},
		{"", "UTC", "20240501", `"%Y%m%d" fits it`},
		{"", "UTC", "yesterday", "name its own with --time-layout"},
		{"", "UTC", "2024-02-30T00:00:00Z", "name its own with --time-layout"},
		{"", "UTC", strings.Repeat("x", 5000), "does not fit"},
		{"%Y-%m-%d", "UTC", "2024-12-31 23:30", `"%Y-%m-%d %H:%M" fits it`},
		{"unix", "UTC", "1767225600123", "give --time-layout unix-ms"},
		{"unix-ms", "UTC", "1767225600", "give --time-layout unix"},
		{"unix-ms", "UTC", "1767225600123456", "give --time-layout unix-us"},
		{"unix", "UTC", "45384.5", "give --time-layout excel"},
		{"excel", "UTC", "1767225600", "give --time-layout unix"},
		{"excel", "UTC", "12", "not the serial number"},
		{"unix", "UTC", "NaN", "does not fit"},
		{"unix", "UTC", "1e9", "not a number"},
		{"%F %T %Z", "UTC", "2024-07-01 12:00:00 PST", "give --time-zone America/Los_Angeles"},
		{"%F %T %Z", "UTC", "2024-07-01 12:00:00 CEST", "give --time-zone Europe/Berlin"},
		{"%F %T %Z", "UTC", "2024-07-01 12:00:00 XYZ", "give --time-zone with the place"},
		{"%F %T %Z", "America/Los_Angeles", "2024-07-01 12:00:00 EDT", `"EDT", which America/Los_Angeles does not have`},
	} {
		got, err := read(t, test.layout, test.zone, test.text)
		if err == nil || !strings.Contains(err.Error(), test.want) || len(err.Error()) > 400 ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60q by %q is %v, %v; want %s", test.text, test.layout, got.Time, err, test.want)
		}
	}
}

func TestLayoutsThatAreNone(t *testing.T) {
	for _, name := range []string{"YYYY-MM-DD", "%Q", "%Y at 5", ""} {
		if _, err := instant.NewReader([]string{name}, nil); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Clocks that were put forward and back.
func TestChangesOfTheClock(t *testing.T) {
	for _, test := range []struct {
		zone, text, want  string
		skipped, repeated bool
	}{
		{"Europe/London", "2024-03-31 00:59:59", "2024-03-31T00:59:59Z", false, false},
		{"Europe/London", "2024-03-31 01:30:00", "2024-03-31T01:30:00Z", true, false},
		{"Europe/London", "2024-03-31 02:00:00", "2024-03-31T01:00:00Z", false, false},
		{"Europe/London", "2024-10-27 00:59:59", "2024-10-26T23:59:59Z", false, false},
		{"Europe/London", "2024-10-27 01:30:00", "2024-10-27T00:30:00Z", false, true},
		{"Europe/London", "2024-10-27 02:00:00", "2024-10-27T02:00:00Z", false, false},
		{"America/New_York", "2024-03-10 02:30:00", "2024-03-10T07:30:00Z", true, false},
		{"America/New_York", "2024-11-03 01:30:00", "2024-11-03T05:30:00Z", false, true},
		{"Australia/Lord_Howe", "2024-04-07 01:45:00", "2024-04-06T14:45:00Z", false, true},
		{"Pacific/Apia", "2011-12-30 12:00:00", "2011-12-30T22:00:00Z", true, false},
		{"Asia/Tokyo", "2024-03-31 01:30:00", "2024-03-30T16:30:00Z", false, false},
	} {
		got, err := read(t, "%F %T", test.zone, test.text)
		if text := got.Time.Format(time.RFC3339); err != nil || text != test.want || got.Skipped != test.skipped ||
			got.Repeated != test.repeated || !got.Local {
			t.Errorf("%s in %s is %s, %+v, %v; want %+v", test.text, test.zone, text, got, err, test)
		}
	}
}

// A local time is read as an instant at which the clock showed it, unless it is
// said to be skipped.
func TestClockShowsWhatWasRead(t *testing.T) {
	zones := []string{"Europe/London", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu",
		"Africa/Casablanca"}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		text := time.Unix(rapid.Int64Range(0, 1_900_000_000).Draw(t, "time"), 0).UTC().Format(time.DateTime)
		r, err := instant.NewReader([]string{"%F %T"}, zone)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Read(text)
		if shown := got.Time.In(zone).Format(time.DateTime); err != nil || shown != text && !got.Skipped || shown == text &&
			got.Skipped {
			t.Fatalf("%s is %+v, %v, when clocks show %s", text, got, err, shown)
		}
	})
}
