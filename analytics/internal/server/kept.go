package server

import (
	"sync"
	"time"

	"purchases/analytics/internal/freshness"
)

const (
	keptFor  = time.Second // after which an answer says too little of the present
	mostKept = 256         // answers, each of at most firstBytes
)

// kept holds the answers to what has been asked since the stored offsets moved
// last: many who ask the same at the same time cost as much as one.
type kept struct {
	mu      sync.Mutex
	tag     string                // of the stored offsets
	answers map[string]keptAnswer // by what was asked
}

type keptAnswer struct {
	fresh *freshness.Freshness
	body  []byte
}

// find returns the answer, if there is one for these offsets that is not old.
func (k *kept) find(now *freshness.Freshness, asked string) (keptAnswer, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	a, ok := k.answers[asked]
	return a, ok && k.tag == now.Tag() && now.AsOf.Sub(a.fresh.AsOf) < keptFor
}

func (k *kept) keep(fresh *freshness.Freshness, asked string, body []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if tag := fresh.Tag(); k.tag != tag || len(k.answers) >= mostKept {
		k.tag, k.answers = tag, map[string]keptAnswer{}
	}
	k.answers[asked] = keptAnswer{fresh, body}
}
