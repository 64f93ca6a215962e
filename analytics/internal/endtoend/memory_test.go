package endtoend_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Messages of 900 kB, more of them than a program may have in memory: what waits
// is bounded by bytes, not by messages. Every other one becomes a dead letter.
func TestBigMessagesDoNotPileUp(t *testing.T) {
	const messages, limit = 300, 250 << 20
	t.Parallel()
	m := newMachine(t)
	file := filepath.Join(m.dir, "big.jsonl")
	writeBigEvents(t, file, messages)
	for _, command := range [][]string{{"producer", "import", file}, {"processor", "run", "--drain"}} {
		c := m.command(command[0], command[1], command[2:]...)
		switch _, peak := m.timed(c); {
		case peak == 0 && runtime.GOOS != "linux":
			t.Skip("not tested: only Linux says how much memory a process has had")
		case peak == 0 || peak > limit:
			t.Errorf("%v took up to %d MB of memory, want at most %d MB", command, peak>>20, limit>>20)
		}
	}
}

// writeBigEvents writes events that do not compress, half of them without a user.
func writeBigEvents(t *testing.T, path string, count int) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(file)
	random := rand.New(rand.NewPCG(1, 2))
	var note strings.Builder
	for note.Len() < 2_000_000 {
		fmt.Fprintf(&note, "%016x", random.Uint64())
	}
	for n := range count {
		user := []string{fmt.Sprint("user-", n), ""}[n%2]
		start := random.IntN(1_000_000)
		fmt.Fprintf(w, `{"user":%q,"item":"i","timestamp":"2026-01-01T00:00:00Z","note":"%s"}`+"\n", user,
			note.String()[start:start+900_000])
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}
