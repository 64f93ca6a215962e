package store

import (
	"cmp"
	"database/sql/driver"
	"fmt"
	"slices"

	"purchases/analytics/internal/sources"
)

// block names some consecutive records of a partition that the processor read.
type block struct {
	Partition
	number int64
}

// sourceMarks notes whose results a batch holds. Neighbouring records mostly
// come from the same block, so the last one is at hand.
type sourceMarks struct {
	blocks  map[block]*sources.Bits
	current block
	bits    *sources.Bits
}

func newSourceMarks() *sourceMarks { return &sourceMarks{blocks: map[block]*sources.Bits{}} }

// mark notes that the batch holds the result of the record's source. What this
// program could not read says of none.
func (m *sourceMarks) mark(p Partition, r *Record) {
	source, offset := Partition{r.Event.SourceTopic, r.Event.SourcePartition}, r.Event.SourceOffset
	if x := r.Rejection; x != nil {
		source, offset = Partition{x.SourceTopic, x.SourcePartition}, x.SourceOffset
	}
	if source.Topic != "" && source.Topic != p.Topic && offset >= 0 {
		m.set(source, offset)
	}
}

func (m *sourceMarks) set(p Partition, offset int64) {
	if b := (block{p, sources.Block(offset)}); m.bits == nil || m.current != b {
		m.current, m.bits = b, m.blocks[b]
		if m.bits == nil {
			m.bits = &sources.Bits{}
			m.blocks[b] = m.bits
		}
	}
	m.bits.Set(offset)
}

// saveSources adds the batch's marks to the stored ones.
func (w *Writer) saveSources(b *Batch) error {
	blocks := make([]block, 0, len(b.sources.blocks))
	for of := range b.sources.blocks {
		blocks = append(blocks, of)
	}
	slices.SortFunc(blocks, func(a, b block) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition.Partition, b.Partition.Partition), cmp.Compare(a.number, b.number))
	})
	for _, of := range blocks {
		if err := w.saveBlock(of, b.sources.blocks[of]); err != nil {
			return fmt.Errorf("note the results of %s: %w", of.Partition, err)
		}
	}
	return nil
}

func (w *Writer) saveBlock(of block, bits *sources.Bits) error {
	var stored [1]driver.Value
	if _, err := w.sql.findSources.row(stored[:], of.Topic, int64(of.Partition.Partition), of.number); err != nil {
		return err
	}
	if known, ok := stored[0].([]byte); ok {
		bits.Add(known)
	}
	_, err := w.sql.saveSources.exec(of.Topic, int64(of.Partition.Partition), of.number, bits[:])
	return err
}
