package broker_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purchases/producer/internal/broker"
)

// damages are what happens to a file with five parts of these sizes.
var damages = map[string]struct {
	damage func(content []byte, parts []int) []byte
	lost   int // the part that is lost, or -1
	kept   int // files with what was cut out
}{
	"nothing":              {func(b []byte, _ []int) []byte { return b }, -1, 0},
	"torn at the end":      {func(b []byte, parts []int) []byte { return b[:len(b)-parts[4]/2] }, 4, 1},
	"a few bytes too many": {func(b []byte, _ []int) []byte { return append(b, b[:7]...) }, -1, 1},
	"zeros at the end":     {func(b []byte, _ []int) []byte { return append(b, make([]byte, 4096)...) }, -1, 1},
	"torn in the middle":   {tearMiddle, 2, 1},
	"one bit in the middle": {func(b []byte, parts []int) []byte {
		b[offset(parts, 3)-1] ^= 1
		return b
	}, 2, 1},
	"a head in the middle": {func(b []byte, parts []int) []byte {
		copy(b[offset(parts, 2):], strings.Repeat("\xff", 12))
		return b
	}, 2, 1},
}

func offset(parts []int, n int) (at int) {
	for _, size := range parts[:n] {
		at += size
	}
	return at
}

// tearMiddle leaves the first half of the third part.
func tearMiddle(b []byte, parts []int) []byte {
	from := offset(parts, 2)
	return append(bytes.Clone(b[:from+parts[2]/2]), b[from+parts[2]:]...)
}

func (p *process) change(file string, change func([]byte) []byte) {
	p.t.Helper()
	content, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, change(content), 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// logParts are the sizes of the last five entries of a log, and what is before.
func logParts(b []byte) (before int, parts []int) {
	for at := 0; at < len(b); {
		size := 8 + int(binary.LittleEndian.Uint32(b[at:]))
		parts = append(parts, size)
		at += size
	}
	n := len(parts) - 5
	return offset(parts, n), parts[n:]
}

// damageLog damages the last five entries.
func damageLog(b []byte, damage func([]byte, []int) []byte) []byte {
	before, parts := logParts(b)
	return append(bytes.Clone(b[:before]), damage(bytes.Clone(b[before:]), parts)...)
}

// TestDamagedOffsets wants all other offsets, and what is committed afterwards
// to be behind nothing torn: kfake would read neither.
func TestDamagedOffsets(t *testing.T) {
	for name, tt := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			first := startProcess(t, dir, 0)
			for p := range int32(5) {
				ok(t, first.commit(p, 100))
			}
			first.kill()
			first.change(filepath.Join(dir, "groups.log"), func(b []byte) []byte { return damageLog(b, tt.damage) })

			second := startProcess(t, dir, 0)
			wantOffsets(t, second.client, tt.lost, 100)
			wantKept(t, dir, tt.kept)
			ok(t, second.commit(5, 200))
			second.kill()
			third := startProcess(t, dir, 0)
			defer third.kill()
			wantOffsets(t, third.client, tt.lost, 100)
			if got := third.committed(5); got != 200 {
				t.Errorf("the offset that was committed after the damage is %d, want 200", got)
			}
		})
	}
}

func wantOffsets(t *testing.T, c *client, lost int, want int64) {
	t.Helper()
	for p := range 5 {
		if got := c.committed(int32(p)); (got == want) == (p == lost) {
			t.Errorf("partition %d has the offset %d; that of partition %d is lost", p, got, lost)
		}
	}
}

func TestDamagedProducers(t *testing.T) {
	for name, tt := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			first := startProcess(t, dir, 0)
			for i := range 5 {
				_, err := first.initProducer(fmt.Sprint("transactional", i))
				ok(t, err)
			}
			first.kill()
			first.change(filepath.Join(dir, "pids.log"), func(b []byte) []byte { return damageLog(b, tt.damage) })

			second := startProcess(t, dir, 0)
			defer second.kill()
			for i := range 5 {
				epoch, err := second.initProducer(fmt.Sprint("transactional", i))
				if ok(t, err); (epoch == 1) == (i == tt.lost) {
					t.Errorf("producer %d has the epoch %d; that of producer %d is lost", i, epoch, tt.lost)
				}
			}
			wantKept(t, dir, tt.kept)
		})
	}
}

// batchParts are the sizes of a segment's batches.
func batchParts(b []byte) (parts []int) {
	for at := 0; at < len(b); {
		size := 12 + int(binary.BigEndian.Uint32(b[at+8:]))
		parts = append(parts, size)
		at += size
	}
	return parts
}

// TestDamagedSegment wants a segment's torn end to be cut off. Of damage that
// records follow, the error says where it is.
func TestDamagedSegment(t *testing.T) {
	for name, tt := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			first := startProcess(t, dir, 0)
			produceFive(t, first.client, topic)
			first.kill()
			file, at := filepath.Join(dir, "partitions", topic+"-0", "0.dat"), 0
			first.change(file, func(b []byte) []byte {
				parts := batchParts(b)
				at = offset(parts, 2)
				return tt.damage(b, parts)
			})
			if tt.lost == 2 {
				wantRefusal(t, dir, fmt.Sprintf("%s is damaged at byte %d, and records follow", file, at))
				return
			}
			wantGoesOn(t, dir, topic, tt.lost)
			wantKept(t, dir, tt.kept)
		})
	}
}

func produceFive(t *testing.T, c *client, topic string) {
	t.Helper()
	for i := range int64(5) {
		offset, err := c.produce(topic, 0, fmt.Sprint("value", i))
		if must(t, offset, err) != i {
			t.Fatalf("record %d has the offset %d", i, offset)
		}
	}
}

func wantRefusal(t *testing.T, dir, want string) {
	t.Helper()
	b, err := broker.Start(t.Context(), config(dir))
	if err == nil {
		stop(t, b)
		t.Fatal("it started")
	}
	if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q does not say %q in one line", err, want)
	}
	wantKept(t, dir, 0)
}

// wantGoesOn wants the next record behind the fifth, or in its place if it is
// lost, also after another kill.
func wantGoesOn(t *testing.T, dir, topic string, lost int) {
	t.Helper()
	next := int64(5)
	if lost == 4 {
		next = 4
	}
	second := startProcess(t, dir, 0)
	if offset, err := second.produce(topic, 0, "more"); err != nil || offset != next {
		t.Errorf("the next record has the offset %d, %v; want %d", offset, err, next)
	}
	second.kill()
	third := startProcess(t, dir, 0)
	defer third.kill()
	if got := third.nextOffset(topic, 0); got != next+1 {
		t.Errorf("after another kill the log ends at %d, want %d", got, next+1)
	}
}

// TestDamagedFirstSegment wants the end of a segment refused that another one
// follows.
func TestDamagedFirstSegment(t *testing.T) {
	dir, size := t.TempDir(), "1"
	first := startProcess(t, dir, 0)
	ok(t, first.createTopic("small", map[string]*string{"segment.bytes": &size}))
	produceFive(t, first.client, "small") // one segment each
	first.kill()
	folder := filepath.Join(dir, "partitions", "small-0")
	cut := func(b []byte) []byte { return b[:len(b)-1] }
	first.change(filepath.Join(folder, "4.dat"), cut)
	wantGoesOn(t, dir, "small", 4)
	first.change(filepath.Join(folder, "3.dat"), cut)
	b, err := broker.Start(t.Context(), config(dir))
	if err == nil {
		stop(t, b)
		t.Fatal("it started")
	}
	if want := filepath.Join(folder, "3.dat") + " is damaged at byte 0"; !strings.Contains(err.Error(), want) {
		t.Errorf("error %q does not say %q", err, want)
	}
}

// TestDamagedIndex wants the index made anew as it was.
func TestDamagedIndex(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"missing":            func([]byte) []byte { return nil },
		"torn at the end":    func(b []byte) []byte { return b[:len(b)-7] },
		"a line too few":     func(b []byte) []byte { return b[:len(b)-15] },
		"torn in the middle": func(b []byte) []byte { return append(bytes.Clone(b[:20]), b[30:]...) },
		"a line too many":    func(b []byte) []byte { return append(b, b[:15]...) },
		"zeros at the end":   func(b []byte) []byte { return append(b, make([]byte, 4096)...) },
		"one bit":            func(b []byte) []byte { b[22] ^= 1; return b },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			first := startProcess(t, dir, 0)
			publishTransactions(t, first.address)
			first.kill()
			file := filepath.Join(dir, "partitions", topic+"-0", "0.idx")
			var before []byte
			first.change(file, func(b []byte) []byte {
				before = bytes.Clone(b)
				return damage(b)
			})
			second := startProcess(t, dir, 0)
			second.kill()
			if after, err := os.ReadFile(file); err != nil || !bytes.Equal(after, before) {
				t.Errorf("the index is %x, %v; it was %x", after, err, before)
			}
		})
	}
}
