package query

import (
	"testing"
	"time"
)

func TestEveryZoneHasAClock(t *testing.T) {
	for _, name := range []string{
		"UTC", "Europe/London", "Europe/Paris", "America/Los_Angeles", "America/Sao_Paulo", "Asia/Kolkata", "Asia/Kathmandu",
		"Australia/Lord_Howe", "Pacific/Apia", "Africa/Monrovia", "America/Argentina/Buenos_Aires", "Africa/Casablanca",
		"Etc/GMT-14",
	} {
		c, ok := clockOf(name)
		if !ok {
			t.Errorf("%s has no clock", name)
			continue
		}
		location, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for at := time.Date(1972, 6, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2090; at = at.Add(97*time.Hour + 31*time.Minute) {
			_, want := at.In(location).Zone()
			if got := c.offsetAt(at.UnixMilli()); got != int64(want) {
				t.Fatalf("%s at %s: offset %d, want %d", name, at, got, want)
			}
		}
	}
	for _, name := range []string{"", "Local", "Mars/Olympus", "../etc/passwd"} {
		if _, ok := clockOf(name); ok {
			t.Errorf("%q has a clock", name)
		}
	}
}

// offsetAt is the test's own way to read a clock.
func (c clock) offsetAt(ms int64) (offset int64) {
	for _, s := range c {
		if s.Since <= ms {
			offset = s.Offset
		}
	}
	return offset
}

func TestMomentsOfDays(t *testing.T) {
	tests := []struct{ zone, param, text, at, day string }{
		{"UTC", "start", "2024-10-27", "2024-10-27T00:00:00Z", "2024-10-27"},
		{"UTC", "end", "2024-10-27", "2024-10-28T00:00:00Z", "2024-10-27"},
		{"Europe/London", "start", "2024-10-27", "2024-10-26T23:00:00Z", "2024-10-27"},
		{"Europe/London", "end", "2024-10-27", "2024-10-28T00:00:00Z", "2024-10-27"},
		{"Asia/Kathmandu", "start", "2024-10-27", "2024-10-26T18:15:00Z", "2024-10-27"},
		{"America/Los_Angeles", "start", "2024-03-10", "2024-03-10T08:00:00Z", "2024-03-10"},
		{"America/Sao_Paulo", "start", "2018-11-04", "2018-11-04T03:00:00Z", "2018-11-04"}, // its midnight does not exist
		{"Europe/London", "start", "2024-10-26T23:00:00Z", "2024-10-26T23:00:00Z", "2024-10-27"},
		{"Europe/London", "end", "2024-10-28T01:00:00+01:00", "2024-10-28T00:00:00Z", "2024-10-27"},
		{"Europe/London", "start", "2024-10-27T10:15:00Z", "2024-10-27T10:15:00Z", ""},
	}
	for _, tt := range tests {
		c, _ := clockOf(tt.zone)
		arg := Arg{Value: tt.text, Type: ParamType(tt.param)}
		at, day := arg.moment(c)
		if got := time.UnixMilli(at.(int64)).UTC().Format(time.RFC3339); got != tt.at {
			t.Errorf("%s %s %s is %s, want %s", tt.zone, tt.param, tt.text, got, tt.at)
		}
		got := ""
		if day != nil {
			got = time.Unix(day.(int64)*86400, 0).UTC().Format(time.DateOnly)
		}
		if got != tt.day {
			t.Errorf("%s %s %s is of the day %q, want %q", tt.zone, tt.param, tt.text, got, tt.day)
		}
	}
}

func TestQuartersCoverAllTime(t *testing.T) {
	c, _ := clockOf("Europe/London")
	for i := range c[1:] {
		if quarter(c.past(i)) != quarter(c[i+1].Since) {
			t.Errorf("stretch %d ends at %d, the next begins at %d", i, c.past(i), c[i+1].Since)
		}
	}
}
