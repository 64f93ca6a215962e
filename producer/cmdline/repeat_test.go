package cmdline

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// A warning like one before it is held back, whatever its cause, but not that of
// another partition or another outage.
func TestRepeatsAreHeldBack(t *testing.T) {
	var lines bytes.Buffer
	log := slog.New(limitRepeats(slog.NewTextHandler(&lines, nil)))
	for _, cause := range []string{"a", "b"} {
		for n := range 3 {
			log.Warn("away", "outage", n, "cause", cause)
			log.Warn("late", "partition", n, "cause", cause)
		}
		log.Warn("odd", "cause", cause)
		log.Info("back")
	}
	for text, want := range map[string]int{"away": 3, "late": 3, "odd": 1, "back": 2} {
		if got := strings.Count(lines.String(), "msg="+text); got != want {
			t.Errorf("%q was said %d times, want %d:\n%s", text, got, want, &lines)
		}
	}
}
