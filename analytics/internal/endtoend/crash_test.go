package endtoend_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"purchases/analytics/internal/testkit/process"
	"purchases/producer/testkit/crashpoint"
)

// crashPoints is how many the two programs have. Each is found in their source,
// so that none can be added without being tried here.
const crashPoints = 20

func findCrashPoints(t *testing.T) (points []string) {
	t.Helper()
	call := regexp.MustCompile(`\b(?:crashpoint\.At|p\.step)\("([^"]+)"\)`)
	for _, module := range []string{"../../../processor", "../.."} {
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

// isOfPrune says whether the point is one of TestPruneKilledAtEachStep.
func isOfPrune(point string) bool { return strings.HasPrefix(point, "prune.") }

// A program that is killed at any step of its transaction, and then started
// again, loses and doubles nothing.
func TestKilledAtEachStep(t *testing.T) {
	home := newPublished(t)
	points := slices.DeleteFunc(slices.DeleteFunc(findCrashPoints(t), isOfReplay), isOfPrune)
	if len(points) != crashPoints {
		t.Errorf("%d crash points, want %d: %v", len(points), crashPoints, points)
	}
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			p := &published{machine: newMachineOn(t, home.cluster)}
			p.crash(point)
			p.check()
		})
	}
}

// crash runs the pipeline until the program that has the point has died there
// in its first transaction, and another time after others.
func (p *published) crash(point string) {
	p.t.Helper()
	program, _, _ := strings.Cut(point, ".")
	args := []string{"--batch-size", "20", "--linger", "5ms"}
	if program == "analytics" {
		defer p.launch("processor", "run", args...).Kill()
		defer p.stream()() // what is there already would be one transaction
		args = nil
	} else {
		p.publish(400)
	}
	for _, hit := range []string{":1", ":4"} {
		p.dies(p.doomed(point+hit, program, "run", args...))
	}
}

// doomed starts a program that kills itself at the point.
func (p *published) doomed(at, program, command string, args ...string) *process.Process {
	p.t.Helper()
	c := p.command(program, command, args...)
	doom(p.t, c, at)
	return p.launched(program, c)
}

// doom has the command run a build that kills itself at the point.
func doom(t testing.TB, c *exec.Cmd, at string) {
	t.Helper()
	folder, err := current.mortal()
	if err != nil {
		t.Fatal(err)
	}
	c.Path = filepath.Join(folder, filepath.Base(c.Path))
	c.Env = append(c.Env, crashpoint.Variable+"="+at)
}

func (p *published) dies(doomed *process.Process) {
	p.t.Helper()
	p.until("the program dies at its crash point", func() bool { return !doomed.Running() })
	if !doomed.EndedBy(syscall.SIGKILL) {
		p.t.Fatalf("it did not die at the crash point: %v", doomed.Err())
	}
}
