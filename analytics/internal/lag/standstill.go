package lag

import (
	"slices"
	"time"

	"purchases/producer/kafka"
)

// Standstill is a partition with lag, and since when its stored offset has not
// moved while Kafka answered.
type Standstill struct {
	Position
	Since time.Time
	Open  *kafka.OpenTransaction // that blocks the partition; nil without one
}

// behind returns the partitions with lag, as standing still from now on.
func behind(positions []Position, ends Ends, now time.Time) (list []Standstill) {
	for _, p := range positions {
		if n := ends.Lag(p); n != nil && *n > 0 {
			list = append(list, Standstill{Position: p, Since: now, Open: ends[p.Partition].Open})
		}
	}
	return list
}

// carryOver keeps since when partitions stand still that have not moved since before.
func carryOver(before, now []Standstill) {
	for i := range now {
		at := slices.IndexFunc(before, func(s Standstill) bool {
			return s.Partition == now[i].Partition && s.NextOffset == now[i].NextOffset
		})
		if at >= 0 {
			now[i].Since = before[at].Since
		}
	}
}
