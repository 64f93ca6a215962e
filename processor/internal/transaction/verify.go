package transaction

import (
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"
)

// ErrStale means that the work began from an offset that the group had left
// behind already.
var ErrStale = errors.New("the committed offset is not the one that the session started from")

// offsetVerifyingClient is the client that sarama's producer works with. It compares the
// committed offset with the one that the work began from, at the only moment
// at which it can be read for sure: when its successor has been written and
// the transaction has not ended yet.
//
// A coordinator that was paused or cut off may not know for a while that there
// is a new one, and answers any question from what it knew. It cannot write,
// though, because that takes the other replicas. So what has accepted the
// successor knows the latest committed offset, and nobody else can commit one
// for the partition before this transaction ends: Open has fenced them.
//
// Sarama's CommitTxn asks its client for the group's coordinator, writes the
// offset there, and asks for the transaction's coordinator to end it. The last
// of these questions is that moment.
type offsetVerifyingClient struct {
	sarama.Client
	expected *Offset        // nil when there is nothing to compare
	group    *sarama.Broker // has accepted the offset, once another coordinator is asked for
	err      error
	closing  sync.Once
}

// Close may be called at the same time by the watchdog; sarama's own would panic.
func (w *offsetVerifyingClient) Close() (err error) {
	w.closing.Do(func() { err = w.Client.Close() })
	return err
}

// expect has the next commit compare.
func (w *offsetVerifyingClient) expect(o *Offset) { w.expected, w.group, w.err = o, nil, nil }

// Coordinator is sarama's question before it writes the offset.
func (w *offsetVerifyingClient) Coordinator(group string) (*sarama.Broker, error) {
	broker, err := w.Client.Coordinator(group)
	w.group = broker
	return broker, err
}

// TransactionCoordinator is sarama's question before it adds the group to the
// transaction and before it ends it.
func (w *offsetVerifyingClient) TransactionCoordinator(id string) (*sarama.Broker, error) {
	if w.expected != nil && w.group != nil && w.err == nil {
		if w.err = w.compare(w.expected); w.err == nil {
			w.expected = nil
		}
	}
	if w.err != nil {
		return nil, w.err
	}
	return w.Client.TransactionCoordinator(id)
}

func (w *offsetVerifyingClient) compare(o *Offset) error {
	committed, err := w.committed(o)
	switch {
	case err != nil:
		return fmt.Errorf("read the committed offset of %s/%d: %w", o.Topic, o.Partition, err)
	case committed != o.Previous:
		return fmt.Errorf("%s/%d: started from offset %d, but %d is committed: %w; a deposed group coordinator returned "+
			"the old one",
			o.Topic, o.Partition, o.Previous, committed, ErrStale)
	}
	return nil
}

// committed asks the coordinator that has accepted the successor for the
// offset that stays committed until the transaction ends.
func (w *offsetVerifyingClient) committed(o *Offset) (int64, error) {
	request := sarama.NewOffsetFetchRequest(w.Config().Version, o.Group.GroupID,
		map[string][]int32{o.Topic: {o.Partition}})
	response, err := w.group.FetchOffset(request)
	if err != nil {
		return 0, err
	}
	block := response.GetBlock(o.Topic, o.Partition)
	switch groupErr := response.GroupError(); {
	case groupErr == sarama.ErrGroupIDNotFound:
		return NoOffset, nil
	case groupErr != sarama.ErrNoError:
		return 0, groupErr
	case block == nil:
		return 0, sarama.ErrIncompleteResponse
	case block.Err != sarama.ErrNoError:
		return 0, block.Err
	}
	return block.Offset, nil
}
