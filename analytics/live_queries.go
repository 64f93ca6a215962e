package main

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"purchases/analytics/internal/query"
)

// lookEvery is how often a folder of queries is looked at while somebody asks.
const lookEvery = time.Second

// liveQueries are the program's own queries and those of a folder, which are
// read again when one of its files has changed.
type liveQueries struct {
	folder string
	log    *slog.Logger

	mu        sync.Mutex
	catalogue query.Catalogue
	version   int // counts what has been read
	files     string
	looked    time.Time
}

func newLiveQueries(folder string, catalogue query.Catalogue, log *slog.Logger) *liveQueries {
	l := &liveQueries{folder: folder, catalogue: catalogue, log: log, looked: time.Now()}
	l.files, _ = describeFiles(folder) // it was read a moment ago; an error shows at the next look
	return l
}

// current returns the queries, and a number that changes with them.
func (l *liveQueries) current() (query.Catalogue, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.folder == "" || time.Since(l.looked) < lookEvery {
		return l.catalogue, l.version
	}
	l.looked = time.Now()
	files, err := describeFiles(l.folder)
	if err == nil && files != l.files {
		l.read(files)
	}
	return l.catalogue, l.version
}

func (l *liveQueries) read(files string) {
	catalogue, faults := allQueries(l.folder)
	for _, fault := range faults {
		l.log.Warn("query ignored", "cause", fault)
	}
	l.catalogue, l.files = catalogue, files
	l.version++
	l.log.Info("queries have changed", "folder", l.folder, "queries", len(catalogue))
}

// describeFiles differs when a file of the folder has come, gone or changed.
func describeFiles(folder string) (string, error) {
	if folder == "" {
		return "", nil
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", fmt.Errorf("check the folder of queries: %w", err)
	}
	var b strings.Builder
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil {
			fmt.Fprintf(&b, "%s %d %d\n", info.Name(), info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String(), nil
}
