package transaction

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/IBM/sarama"

	"purchases/producer/testkit/crashpoint"
)

// inFlight is the messages of one transaction on their way to the broker.
type inFlight struct {
	left  atomic.Int64
	over  chan struct{} // closed when all are acknowledged, or the first has failed
	close sync.Once
	err   error // why the first failed; read it after over
}

func (f *inFlight) done(err error) {
	if left := f.left.Add(-1); err == nil && left > 0 {
		return
	}
	f.close.Do(func() {
		f.err = err
		close(f.over)
	})
}

// send hands the messages to the producer and waits until each of them is
// acknowledged.
func (p *Producer) send(ctx context.Context, messages []*sarama.ProducerMessage) error {
	if len(messages) == 0 {
		return nil
	}
	f := &inFlight{over: make(chan struct{})}
	f.left.Store(int64(len(messages)))
	for _, m := range messages {
		m.Metadata = f
		crashpoint.At("processor.produce.before")
		select {
		case p.async.Input() <- m:
			crashpoint.At("processor.produce.after")
		case <-f.over:
			return f.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	select {
	case <-f.over:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// drain takes what the producer reports until it is closed: sarama stops
// altogether when nobody does.
func (p *Producer) drain() {
	defer close(p.drained)
	successes, failures := p.async.Successes(), p.async.Errors()
	for successes != nil || failures != nil {
		select {
		case m, ok := <-successes:
			if !ok {
				successes = nil
				continue
			}
			crashpoint.At("processor.ack.before")
			m.Metadata.(*inFlight).done(nil)
			crashpoint.At("processor.ack.after")
		case failure, ok := <-failures:
			if !ok {
				failures = nil
				continue
			}
			failure.Msg.Metadata.(*inFlight).done(failure.Err)
		}
	}
}
