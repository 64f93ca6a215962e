package progress

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLine(t *testing.T) {
	for _, tt := range []struct {
		done, total int64
		elapsed     time.Duration
		want        string
	}{
		{500, 0, 2 * time.Second, "import: 500 rows, 250 rows/s"},
		{500, 2000, 2 * time.Second, "import: 500 of 2000 rows (25%), 250 rows/s, 6s left"},
		{0, 2000, 5 * time.Second, "import: 0 of 2000 rows (0%), 0 rows/s"},
		{2000, 2000, time.Second, "import: 2000 of 2000 rows (100%), 2000 rows/s, 0s left"},
		{2500, 2000, time.Second, "import: 2500 of 2000 rows (125%), 2500 rows/s"},
	} {
		if got := line("import", "rows", tt.done, tt.total, tt.elapsed); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestLinesEveryFewSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		b := New(&out, "generate", 100, "events")
		b.Add(10)
		time.Sleep(lineInterval + time.Second)
		b.Set(60)
		time.Sleep(lineInterval)
		b.Finish()
		b.Finish()
		want := "generate: 10 of 100 events (10%), 2 events/s, 45s left\n" +
			"generate: 60 of 100 events (60%), 6 events/s, 7s left\n"
		if out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	})
}

func TestShortWorkSaysNothing(t *testing.T) {
	var out bytes.Buffer
	b := New(&out, "generate", 0, "events")
	b.Add(1)
	b.Finish()
	if out.Len() > 0 {
		t.Errorf("got %q", out.String())
	}
}

func TestAddFromSeveralGoroutines(t *testing.T) {
	b := New(io.Discard, "generate", 0, "events")
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for range 1000 {
				b.Add(1)
			}
		})
	}
	workers.Wait()
	b.Finish()
	if got := b.done.Load(); got != 8000 {
		t.Errorf("%d done, want 8000", got)
	}
}

func TestNoteStandsBehindWhatIsDone(t *testing.T) {
	var out bytes.Buffer
	l := &lines{w: &out, label: "replay", unit: "records", began: time.Now()}
	l.show(5, "partitions at 1 2 %")
	if text := out.String(); !strings.HasPrefix(text, "replay: 5 records, ") ||
		!strings.HasSuffix(text, "/s, partitions at 1 2 %\n") {
		t.Errorf("the line is %q", text)
	}
	out.Reset()
	bar := newTerminal(&out, "replay", 10, "records")
	bar.show(5, "partitions at 1 2 %")
	if !strings.Contains(out.String(), "replay, partitions at 1 2 %") {
		t.Errorf("the bar shows %q", out.String())
	}
}

func TestTerminalShowsABarAndRemovesIt(t *testing.T) {
	for _, total := range []int64{0, 200} {
		var out bytes.Buffer
		bar := newTerminal(&out, "import", total, Bytes)
		bar.show(100, "")
		if !strings.Contains(out.String(), "import") {
			t.Errorf("total %d: the bar shows %q", total, out.String())
		}
		bar.close()
		if text := out.String(); strings.Contains(text[strings.LastIndex(text, "\r")+1:], "import") {
			t.Errorf("total %d: the bar stays: %q", total, text)
		}
	}
}
