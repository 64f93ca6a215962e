package deadletter

import (
	"fmt"
	"math"
	"strconv"

	"purchases/processor/enriched"
	"purchases/producer/purchase"
)

// Expired is the reason of a letter that stands for no message: it says which
// offsets had expired before the processor read them.
const Expired purchase.Reason = "expired"

// HeaderOffsets holds, in a letter with the reason [Expired], how many offsets
// had expired, from the one in HeaderOffset on.
const HeaderOffsets = "purchases.offsets"

const stageRead = "read"

// NewExpired returns the letter of so many expired offsets, from the source's on.
// The same offsets of the topic with that id (KIP-516) always have the same
// letter.
func NewExpired(topicID string, from enriched.Source, offsets int64) *Letter {
	id := purchase.TextID(fmt.Sprintf("%s/%s/%d/%d/%d", Expired, topicID, from.Partition, from.Offset, offsets))
	return &Letter{
		Reason: Expired, Stage: stageRead, EventID: id.String(), RecordID: id, Source: from, Offsets: offsets,
		Detail: fmt.Sprintf("offsets %d to %d expired before they were processed", from.Offset, from.Offset+offsets-1),
	}
}

// parseOffsets reads the header of a letter with the reason Expired.
func (f *Flat) parseOffsets(text []byte) error {
	if string(f.Reason) != string(Expired) {
		return nil
	}
	n, err := strconv.ParseUint(string(text), 10, 63)
	if err == nil && (n == 0 || n > uint64(math.MaxInt64-f.SourceOffset)) {
		err = fmt.Errorf("%d offsets from %d on", n, f.SourceOffset)
	}
	if err != nil {
		return fmt.Errorf("header %s: %w", HeaderOffsets, err)
	}
	f.Offsets = int64(n)
	return nil
}
