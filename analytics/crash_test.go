package main_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// crashPoints is how many the two programs have. Each is found in their source,
// so that none can be added without being tried here.
const crashPoints = 20

func findCrashPoints(t *testing.T) (points []string) {
	t.Helper()
	call := regexp.MustCompile(`\b(?:crashpoint\.At|p\.step)\("([^"]+)"\)`)
	for _, module := range []string{"../processor", "../analytics"} {
		err := filepath.WalkDir(module, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			for _, match := range call.FindAllStringSubmatch(string(source), -1) {
				points = append(points, match[1])
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(points)
	return slices.Compact(points)
}

// isOfReplay says whether the point is one of TestReplayKilledAtEachStep.
func isOfReplay(point string) bool { return strings.HasPrefix(point, "replay.") }

// A program that is killed at any step of its transaction, and then started
// again, gives the output and the statistics of one that was never killed.
func TestKilledAtEachStep(t *testing.T) {
	bootstrap := trialCluster(t)
	undisturbed := newTrial(t, bootstrap)
	undisturbed.generate()
	undisturbed.drain()
	undisturbed.wantExactlyOnce()
	want := undisturbed.statistics()

	points := slices.DeleteFunc(findCrashPoints(t), isOfReplay)
	if len(points) != crashPoints {
		t.Errorf("%d crash points, want %d: %v", len(points), crashPoints, points)
	}
	for _, point := range points {
		for _, hit := range []string{"1", "6"} { // in the first transaction, and after others
			t.Run(point+"#"+hit, func(t *testing.T) {
				t.Parallel()
				r := newTrial(t, bootstrap)
				r.crash(point + ":" + hit)
				r.drain()
				r.wantExactlyOnce()
				if got := r.statistics(); got != want {
					t.Errorf("the statistics are\n%s\nwant\n%s", got, want)
				}
			})
		}
	}
}

// crash runs the pipeline until the program that has the point dies there.
func (r *trial) crash(at string) {
	r.t.Helper()
	if strings.HasPrefix(at, "processor.") {
		r.generate()
		r.start(at, r.processor()...).wantKilled(r.t)
		return
	}
	doomed := r.start(at, r.analytics()...)
	doomed.awaitLog(r.t, "storing events", 1)
	processor := r.start("", r.processor()...)
	r.generate("--rate", "1000") // what is there already would be one transaction
	doomed.wantKilled(r.t)
	processor.kill()
}
