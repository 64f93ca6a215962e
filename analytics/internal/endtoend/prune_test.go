package endtoend_test

import (
	"slices"
	"testing"
)

// A prune that dies at any step, beside a program that keeps storing, leaves a
// database that is right, and the next one comes to its end.
func TestPruneKilledAtEachStep(t *testing.T) {
	t.Parallel()
	const steps = 2
	points := slices.DeleteFunc(findCrashPoints(t), func(p string) bool { return !isOfPrune(p) })
	if len(points) != steps {
		t.Errorf("%d crash points, want %d: %v", len(points), steps, points)
	}
	l, original := drained(t, 500)
	for _, at := range append(points, "prune.step:2") {
		path := copyOf(t, original)
		prune := []string{"prune", "--yes", "--before", "2023-11-16", "--db", path}
		l.crash(at, prune...)
		if err := l.hasAll(path); err != nil {
			t.Errorf("after %s: %v", at, err)
		}
		l.says(prune...)
		if err := l.hasAll(path); err != nil {
			t.Errorf("after %s and another prune: %v", at, err)
		}
		want(t, l.says("prune", "--dry-run", "--before", "2023-11-16", "--db", path), "has no events from before 2023-11-16")
	}
}

func TestPruneWhileEverythingRuns(t *testing.T) {
	t.Parallel()
	l, path := drained(t, 1000)
	l.running(path)
	l.send(300)
	for _, day := range []string{"2023-11-16", "2023-11-17", "2023-11-19"} {
		l.crash("prune.step", "prune", "--yes", "--before", day, "--db", path)
		l.send(100)
		want(t, l.says("prune", "--before", "2023-11-16", "--yes", "--db", path), "from before "+day)
	}
	l.becomesRight(path)
	want(t, l.says("verify", "--db", path), "of the events are pruned")
}

// A replay brings pruned events back from a log that has them all, and refuses one
// that has not: they are nowhere else.
func TestReplayOfAPrunedDatabase(t *testing.T) {
	t.Parallel()
	l, path := drained(t, 500)
	l.says("prune", "--yes", "--before", "2023-11-16", "--db", path)
	want(t, l.says("replay", "--yes", "--db", path), "pruned    155 events from before 2023-11-16", " 0 differences")
	want(t, l.says("verify", "--db", path), "verified: 500 events", "and Kafka agrees\n")
	l.says("prune", "--yes", "--before", "2023-11-16", "--db", path)
	l.trim(1)
	for _, flag := range []string{"--keep-missing", "--check-only"} {
		want(t, l.says1("replay", "--yes", flag, "--db", path),
			"the log has lost some of 155 events from before 2023-11-16, which were pruned, so no copy of them is left")
	}
	if err := l.hasAll(path); err != nil {
		t.Error(err)
	}
}
