package publish_test

import (
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"purchases/producer/kafka"
	"purchases/producer/testkit/lossy"
)

// The broker has stored a batch, and its acknowledgement gets lost: the batch is
// sent again, and idempotence keeps one copy.
func TestLostAcknowledgementsDoubleNothing(t *testing.T) {
	var listener *lossy.Listener
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topic),
		kfake.ListenFn(func(network, address string) (net.Listener, error) {
			var err error
			listener, err = lossy.Listen(network, address)
			return listener, err
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	p := open(t, kafka.Settings{Bootstrap: cluster.ListenAddrs(), ClientID: "publisher"})
	const losses = 5
	listener.Lose("publisher", int16(kmsg.Produce), losses)
	sendNumbered(t, p, 20_000)
	if n := listener.Lost(); n != losses {
		t.Errorf("%d acknowledgements got lost, want %d", n, losses)
	}
	wantNumbered(t, read(t, kafka.Settings{Bootstrap: cluster.ListenAddrs()}), 20_000)
}
