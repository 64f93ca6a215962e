package broker

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mender makes the files of a data directory whole before kfake reads them:
// kfake ignores or cuts off all that follows the first torn entry, and appends
// to a log behind a torn end.
type mender struct {
	log *slog.Logger
	now time.Time
}

func mend(dir string, log *slog.Logger) error {
	m := mender{log: log, now: time.Now()}
	for _, name := range []string{"groups.log", "pids.log"} {
		if err := m.mendLog(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	partitions := filepath.Join(dir, "partitions")
	folders, err := os.ReadDir(partitions)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("check the broker's data: %w", err)
	}
	for _, folder := range folders {
		if err := m.mendPartition(filepath.Join(partitions, folder.Name())); err != nil {
			return err
		}
	}
	return nil
}

// mendLog cuts torn entries out, wherever they are. What is written of an entry
// when the disk is full is torn and was never an acknowledged one.
func (m mender) mendLog(path string) error {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("check the broker's data: %w", err)
	}
	whole, torn := split(content, entrySize)
	if len(torn) == 0 {
		return nil
	}
	if err := m.keep(path, torn[0].from, join(content, torn)); err != nil {
		return err
	}
	return replace(path, join(content, whole))
}

// segment is a file of a partition's log.
type segment struct {
	path string
	base int64 // the first offset
}

// mendPartition mends the last segment, behind which nothing follows, and
// refuses damage before it. It ends with the first segment.
func (m mender) mendPartition(folder string) error {
	segments, err := segmentsOf(folder)
	if err != nil {
		return fmt.Errorf("check the broker's data: %w", err)
	}
	last := true
	for _, s := range slices.Backward(segments) {
		batches, err := m.mendSegment(s.path, last)
		if err != nil {
			return err
		}
		last = last && batches == 0
	}
	return nil
}

func segmentsOf(folder string) (segments []segment, err error) {
	files, err := os.ReadDir(folder)
	for _, file := range files {
		name, isSegment := strings.CutSuffix(file.Name(), ".dat")
		if base, err := strconv.ParseInt(name, 10, 64); isSegment && err == nil {
			segments = append(segments, segment{filepath.Join(folder, file.Name()), base})
		}
	}
	slices.SortFunc(segments, func(a, b segment) int { return cmp.Compare(a.base, b.base) })
	return segments, err
}

// mendSegment cuts off a torn end, which a broker that was killed while it wrote
// leaves. Damage that whole batches follow is of another kind: records that were
// acknowledged are gone, and only a copy has them.
func (m mender) mendSegment(path string, last bool) (batches int, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("check the broker's data: %w", err)
	}
	whole, torn := split(content, batchSize)
	if len(torn) > 0 {
		if at := torn[0]; !last || at.to < len(content) {
			return 0, fmt.Errorf("check the broker's data: %s is damaged at byte %d, and records follow that "+
				"were acknowledged; restore %s from a copy, or move it away and let the producers send all again",
				path, at.from, filepath.Dir(filepath.Dir(filepath.Dir(path))))
		}
		if err := m.cutOff(path, content, torn[0].from); err != nil {
			return 0, err
		}
	}
	return len(whole), m.mendIndex(strings.TrimSuffix(path, ".dat")+".idx", content, whole)
}

func (m mender) cutOff(path string, content []byte, from int) error {
	if err := m.keep(path, from, content[from:]); err != nil {
		return err
	}
	if err := os.Truncate(path, int64(from)); err != nil {
		return fmt.Errorf("cut off the torn end: %w", err)
	}
	return nil
}

// mendIndex makes an index anew that does not have a line for each batch. kfake
// takes the lines in order, whatever the batches are, and a batch without one for
// a batch of no transaction.
func (m mender) mendIndex(path string, content []byte, batches []span) error {
	index, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("check the broker's data: %w", err)
	}
	if len(index) == indexLine*len(batches) && isIndex(index) {
		return nil
	}
	m.log.Warn("the index does not fit its segment and is made anew", "file", path)
	var lines []byte
	for _, b := range batches {
		lines = append(lines, indexOf(content[b.from:b.to])...)
	}
	return replace(path, lines)
}

func isIndex(index []byte) bool {
	for line := range slices.Chunk(index, indexLine) {
		if !isIndexLine(line) {
			return false
		}
	}
	return true
}

// keep writes what is about to be cut out of the file to a file beside it.
func (m mender) keep(path string, from int, torn []byte) error {
	kept := path + ".damaged-" + m.now.UTC().Format("20060102T150405Z")
	m.log.Warn("an entry is torn, as a full disk or a kill leaves it, and is cut out",
		"file", path, "byte", from, "bytes", len(torn), "kept", kept)
	return writeFile(kept, torn, os.O_APPEND)
}

// replace gives the file another content, all or nothing.
func replace(path string, content []byte) error {
	temporary := path + ".tmp"
	if err := writeFile(temporary, content, os.O_TRUNC); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("mend the broker's data: %w", err)
	}
	return nil
}

func writeFile(path string, content []byte, flag int) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|flag, 0o600)
	if err == nil {
		_, err = file.Write(content)
		err = errors.Join(err, file.Sync(), file.Close())
	}
	if err != nil {
		return fmt.Errorf("mend the broker's data: %w", err)
	}
	return nil
}

func join(content []byte, parts []span) []byte {
	var joined bytes.Buffer
	for _, p := range parts {
		joined.Write(content[p.from:p.to])
	}
	return joined.Bytes()
}
