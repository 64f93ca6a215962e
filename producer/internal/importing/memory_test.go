package importing_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"purchases/producer/internal/importing"
)

// A sink that is slow holds up the reading, by bytes and not by rows.
func TestLongRowsDoNotPileUp(t *testing.T) {
	const rows, size, limit = 120, 1 << 20, 40 << 20
	row := []byte("u,i,2026-01-01T00:00:00Z," + strings.Repeat("x", size) + "\n")
	header := "user,item,timestamp,note\n"
	source := &counter{r: io.MultiReader(strings.NewReader(header), bytes.NewReader(bytes.Repeat(row, rows)))}
	sink := &slow{read: &source.n, row: int64(len(row))}
	job := importing.Import{
		Sources: []importing.Source{{Name: "a.csv",
			Open: func() (io.ReadCloser, error) { return io.NopCloser(source), nil }}},
		Sink: sink,
	}
	tally, err := job.Run(t.Context())
	if err != nil || tally.Sent != rows {
		t.Fatalf("%d sent, %v", tally.Sent, err)
	}
	if sink.most > limit {
		t.Errorf("%d MB were read and not sent, want at most %d MB", sink.most>>20, limit>>20)
	}
}

type counter struct {
	r io.Reader
	n atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// slow notes how far the reading is ahead of it.
type slow struct {
	read       *atomic.Int64
	row        int64
	sent, most int64
}

func (s *slow) Send(context.Context, []byte, []byte) error {
	time.Sleep(5 * time.Millisecond)
	s.most = max(s.most, s.read.Load()-s.sent)
	s.sent += s.row
	return nil
}
