package audit

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/purchase"
)

// Logs are the records of the three topics, those of a partition in order.
type Logs struct {
	Input, Events, Letters []*kgo.Record
}

// Processed checks that each input record has one result, and that it is the
// right one: an enriched event, or a dead letter with the right reason. The
// results of one input partition keep its order wherever they stand, and those
// of one key stand in one partition.
func Processed(l Logs) error {
	p := processed{
		inputs:  map[Position]*kgo.Record{},
		results: map[Position]Position{},
		latest:  map[stream]int64{},
		homes:   map[string]int32{},
	}
	for _, r := range l.Input {
		p.inputs[position(r)] = r
	}
	for _, r := range l.Events {
		p.event(r)
	}
	for _, r := range l.Letters {
		p.letter(r)
	}
	for at := range p.inputs {
		if _, ok := p.results[at]; !ok {
			p.add("input %v is lost", at)
		}
	}
	return p.err("results")
}

// stream is the results of one input partition in one output partition.
type stream struct {
	out    partition
	source partition
}

type processed struct {
	differences
	inputs  map[Position]*kgo.Record
	results map[Position]Position // by input
	latest  map[stream]int64      // source offset
	homes   map[string]int32      // partition by topic and key
}

// claim notes the result of an input record, which it returns, or nil when
// there is none.
func (p *processed) claim(r *kgo.Record, source Position) *kgo.Record {
	if other, twice := p.results[source]; twice {
		p.add("input %v has two results, %v and %v", source, other, position(r))
	}
	p.results[source] = position(r)
	s := stream{partition{r.Topic, r.Partition}, partition{source.Topic, source.Partition}}
	if latest, ok := p.latest[s]; ok && latest >= source.Offset {
		p.add("%v of input %v stands behind that of input offset %d", position(r), source, latest)
	}
	p.latest[s] = source.Offset
	if r.Key != nil {
		key := r.Topic + "\x00" + string(r.Key)
		if home, ok := p.homes[key]; ok && home != r.Partition {
			p.add("%v has the key %q, which partition %d has too", position(r), r.Key, home)
		}
		p.homes[key] = r.Partition
	}
	in := p.inputs[source]
	if in == nil {
		p.add("%v is the result of %v, which is not in the input", position(r), source)
	}
	return in
}

func (p *processed) event(r *kgo.Record) {
	event, err := enriched.Decode(r.Value, time.Now())
	if err != nil {
		p.add("%v: %v", position(r), err)
		return
	}
	in := p.claim(r, Position(event.Source))
	if in == nil {
		return
	}
	want, reason := judge(in, event.ProcessedAt)
	if reason != "" {
		p.add("%v is an event, but input %v is invalid: %s", position(r), position(in), reason)
		return
	}
	if value, err := want.Encode(); err != nil || !bytes.Equal(value, r.Value) || string(r.Key) != want.User {
		p.add("%v has key %q and value %q, want %q and %q (%v)", position(r), r.Key, r.Value, want.User, value, err)
	}
}

func (p *processed) letter(r *kgo.Record) {
	source, err := letterSource(r)
	if err != nil {
		p.add("%v: %v", position(r), err)
		return
	}
	in := p.claim(r, source)
	if in == nil {
		return
	}
	_, want := judge(in, r.Timestamp)
	if got := header(r, deadletter.HeaderReason); got != string(want) {
		p.add("%v has the reason %q, but for input %v it is %q", position(r), got, position(in), want)
	}
	if !bytes.Equal(r.Key, in.Key) || !bytes.Equal(r.Value, in.Value) {
		p.add("%v does not hold the key and the value of input %v", position(r), position(in))
	}
}

// judge says what becomes of an input record: an event, or a reason.
func judge(in *kgo.Record, now time.Time) (enriched.Event, purchase.Reason) {
	bought, err := purchase.Decode(in.Value)
	if err == nil {
		var event enriched.Event
		if event, err = enriched.Enrich(bought, enriched.Source(position(in)),
			purchase.DerivedID("", in.Partition, in.Offset), now); err == nil {
			return event, ""
		}
	}
	var invalid *purchase.Invalid
	if errors.As(err, &invalid) {
		return enriched.Event{}, invalid.Reason
	}
	return enriched.Event{}, purchase.Reason(err.Error())
}

func letterSource(r *kgo.Record) (Position, error) {
	n, err := strconv.ParseInt(header(r, deadletter.HeaderPartition), 10, 32)
	if err != nil {
		return Position{}, fmt.Errorf("header %s: %w", deadletter.HeaderPartition, err)
	}
	offset, err := strconv.ParseInt(header(r, deadletter.HeaderOffset), 10, 64)
	if err != nil {
		return Position{}, fmt.Errorf("header %s: %w", deadletter.HeaderOffset, err)
	}
	return Position{header(r, deadletter.HeaderTopic), int32(n), offset}, nil
}

// header returns the last header of the name.
func header(r *kgo.Record, name string) (value string) {
	for _, h := range r.Headers {
		if h.Key == name {
			value = string(h.Value)
		}
	}
	return value
}

// Same checks that a reader which read all the time saw, partition by
// partition, the records that a reader sees afterwards: none that was aborted,
// none twice, none out of order.
func Same(live, after []*kgo.Record) error {
	var d differences
	liveLogs, afterLogs := split(live), split(after)
	for p := range liveLogs {
		if afterLogs[p] == nil {
			d.add("%s/%d: all records that were read are gone", p.topic, p.n)
		}
	}
	for p, want := range afterLogs {
		got := liveLogs[p]
		if len(got) != len(want) {
			d.add("%s/%d: read %d records, there are %d", p.topic, p.n, len(got), len(want))
		}
		for i := range min(len(got), len(want)) {
			if got[i].Offset != want[i].Offset || !bytes.Equal(got[i].Value, want[i].Value) ||
				!bytes.Equal(got[i].Key, want[i].Key) {
				d.add("%s/%d: record %d was %v %.60q, is %v %.60q", p.topic, p.n, i,
					position(got[i]), got[i].Value, position(want[i]), want[i].Value)
				break // all that follow differ too
			}
		}
	}
	return d.err("reader")
}

func split(records []*kgo.Record) map[partition][]*kgo.Record {
	logs := map[partition][]*kgo.Record{}
	for _, r := range records {
		p := partition{r.Topic, r.Partition}
		logs[p] = append(logs[p], r)
	}
	return logs
}
