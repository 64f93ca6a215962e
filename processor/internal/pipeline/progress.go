package pipeline

import (
	"sync"

	"purchases/producer/kafka"
)

// progress is what this process knows of the group's offsets without asking:
// those that it has committed itself. No member of the group moves an offset
// back, so a coordinator that gives an older one has lost some: those of
// transactions whose results are there.
type progress struct {
	mu    sync.Mutex
	topic kafka.Identity
	next  map[int32]int64 // the next offset of each partition
}

// of begins anew when the topic is not the one that the offsets are of.
func (p *progress) of(topic kafka.Identity) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.topic != topic {
		p.topic, p.next = topic, map[int32]int64{}
	}
}

func (p *progress) committed(partition int32, next int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next[partition] = next
}

// position is the next offset of the partition, 0 when this process has
// committed none.
func (p *progress) position(partition int32) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next[partition]
}
