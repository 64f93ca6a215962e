package identity

import (
	"encoding/binary"

	"github.com/google/uuid"
)

const (
	shards    = 256
	firstSize = 64 // slots of a shard, a power of two
)

// Counter counts equal contents by the id that the first event with each has.
// It keeps 8 bytes of each different one in open hash tables that are three
// eighths to three quarters full, hence 11 to 21 bytes an event (210 MB for ten
// million at most), and a number for those that come again.
//
// Among ten million contents the chance that any two share these 8 bytes is
// 3 in a million. They would share a count, and so still have different ids;
// only an import in another order could give one of them another id.
type Counter struct {
	shards [shards]shard
	again  map[uint64]uint64
}

// shard is the contents whose first byte is the same: tables that grow one by
// one need no room for a copy of all.
type shard struct {
	slots []uint64 // 0 is free
	used  int
}

// NewCounter returns a counter that has seen nothing.
func NewCounter() *Counter { return &Counter{again: map[uint64]uint64{}} }

// Next returns how many times it was called with this first id before.
func (c *Counter) Next(first uuid.UUID) uint64 {
	// Of the halves together every bit differs, also where one has the version.
	key := max(binary.BigEndian.Uint64(first[:8])^binary.BigEndian.Uint64(first[8:]), 1)
	if c.shards[key>>56].add(key) {
		return 0
	}
	c.again[key]++
	return c.again[key]
}

// add says whether the key is new.
func (s *shard) add(key uint64) bool {
	if 4*s.used >= 3*len(s.slots) {
		s.grow()
	}
	for i := key; ; i++ {
		switch slot := &s.slots[i&uint64(len(s.slots)-1)]; *slot {
		case key:
			return false
		case 0:
			*slot = key
			s.used++
			return true
		}
	}
}

// grow doubles the table.
func (s *shard) grow() {
	old := s.slots
	s.slots = make([]uint64, max(firstSize, 2*len(old)))
	s.used = 0
	for _, key := range old {
		if key != 0 {
			s.add(key)
		}
	}
}
