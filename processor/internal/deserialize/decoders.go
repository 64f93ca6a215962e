package deserialize

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"purchases/producer/registry"
)

const (
	// DefaultUnknownAfter is the usual Decoders.UnknownAfter.
	DefaultUnknownAfter = 10 * time.Second

	maxSchemas   = 1000 // in memory
	maxRequests  = 8    // at the same time
	maxFetched   = 500  // ids in one Fetch
	unknownFor   = time.Minute
	retryUnknown = time.Second
	retryLongest = 10 * time.Second // between attempts while the registry is away
)

// Decoders holds the decoders of the schemas that were met. Many goroutines may use
// it; each asks for one id at a time only once.
type Decoders struct {
	// Registry is asked for schemas.
	Registry *registry.Client
	// UnknownAfter is for how long to ask for an id that the registry does not
	// know: a schema may be there later than the first message with it. 0 is not at all.
	UnknownAfter time.Duration
	// Log gets that the registry is away, and that it is back.
	Log *slog.Logger

	requests singleflight.Group
	mu       sync.RWMutex
	schemas  map[registry.ID]outcome
	away     bool
	outages  int // so far
}

// outcome is what became of asking for a schema.
type outcome struct {
	decode  decoder
	err     error     // the reason of dead letters with this id
	expires time.Time // of an id that the registry does not know; else zero
}

func (d *Decoders) get(id registry.ID) (decoder, bool, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	found, known := d.schemas[id]
	return found.decode, known, found.err
}

// put remembers an outcome in the place of any other, if there is no room.
func (d *Decoders) put(id registry.ID, o outcome) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.schemas == nil {
		d.schemas = map[registry.ID]outcome{}
	}
	for other := range d.schemas {
		if len(d.schemas) < maxSchemas {
			break
		}
		delete(d.schemas, other)
	}
	d.schemas[id] = o
}

// forgetUnknown lets ids be asked for again that were unknown a while ago.
func (d *Decoders) forgetUnknown(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, o := range d.schemas {
		if !o.expires.IsZero() && now.After(o.expires) {
			delete(d.schemas, id)
		}
	}
}

// Fetch returns when the schema of the first message is in memory, known or not. It
// waits for as long as the registry is away. It also asks for the schemas of the
// other messages. Its only error is that of ctx.
func (d *Decoders) Fetch(ctx context.Context, messages []*sarama.ConsumerMessage) error {
	d.forgetUnknown(time.Now())
	ids, pause := d.missing(messages), retryUnknown
	unknownSince := map[registry.ID]time.Time{}
	for len(ids) > 0 {
		unknown, away := d.ask(ctx, ids)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		d.tell(away)
		d.giveUp(unknown, unknownSince, time.Now())
		first := ids[0]
		if ids = d.missing(messages); len(ids) == 0 || ids[0] != first {
			return nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		if away != nil {
			pause = min(2*pause, retryLongest)
		}
	}
	return nil
}

// giveUp notes since when the registry does not know an id, and remembers that it
// does not when it was asked for long enough.
func (d *Decoders) giveUp(unknown []registry.ID, since map[registry.ID]time.Time, now time.Time) {
	for _, id := range unknown {
		if since[id].IsZero() {
			since[id] = now
		}
		if now.Sub(since[id]) >= d.UnknownAfter {
			err := invalid(UnknownSchema, "schema %s: the registry does not have it, or a schema that it refers to", id)
			d.put(id, outcome{err: err, expires: now.Add(unknownFor)})
		}
	}
}

// missing are the ids of schemas that are not in memory, in the order of the messages.
func (d *Decoders) missing(messages []*sarama.ConsumerMessage) (ids []registry.ID) {
	seen := map[registry.ID]bool{}
	for _, m := range messages {
		f, framed, err := frame(m)
		if !framed || err != nil || seen[f.ID] {
			continue
		}
		seen[f.ID] = true
		if _, known, _ := d.get(f.ID); !known {
			if ids = append(ids, f.ID); len(ids) == maxFetched {
				break
			}
		}
	}
	return ids
}

// ask asks for all the ids. It returns those that the registry does not know, and
// why the registry is away, if it is.
func (d *Decoders) ask(ctx context.Context, ids []registry.ID) (unknown []registry.ID, away error) {
	var mu sync.Mutex
	var all errgroup.Group
	all.SetLimit(maxRequests)
	for _, id := range ids {
		all.Go(func() error {
			err := d.askOne(ctx, id)
			if !errors.Is(err, registry.ErrNotFound) {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			unknown = append(unknown, id)
			return nil
		})
	}
	away = all.Wait()
	return unknown, away
}

// askOne returns [registry.ErrNotFound], or why the registry is away.
func (d *Decoders) askOne(ctx context.Context, id registry.ID) error {
	answer := d.requests.DoChan(id.String(), func() (any, error) {
		return d.Registry.Schema(context.WithoutCancel(ctx), id) // others may wait for the same
	})
	select {
	case <-ctx.Done():
		return ctx.Err()
	case got := <-answer:
		return d.settle(id, got)
	}
}

func (d *Decoders) settle(id registry.ID, got singleflight.Result) error {
	switch {
	case errors.Is(got.Err, registry.ErrHostile):
		d.put(id, outcome{err: invalid(UnsupportedSchema, "%v", got.Err)})
		return nil
	case got.Err != nil:
		return got.Err
	}
	decode, err := newDecoder(got.Val.(*registry.Schema))
	d.put(id, outcome{decode: decode, err: err})
	return nil
}

// tell logs each change between a registry that answers and one that is away.
func (d *Decoders) tell(away error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case away != nil && !d.away:
		d.outages++
		d.Log.Warn("the schema registry is unreachable; partitions with new schemas wait for it", "outage", d.outages,
			"cause", away)
	case away == nil && d.away:
		d.Log.Info("the schema registry is reachable again", "outage", d.outages)
	}
	d.away = away != nil
}
