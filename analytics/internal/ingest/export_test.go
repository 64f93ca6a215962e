package ingest

import (
	"github.com/IBM/sarama"

	"purchases/analytics/internal/batch"
)

// RunWithBudget is [Run] with a queue of so many bytes.
var RunWithBudget = run

// RunDespiteFullDisk is [Run] with another pause between two attempts.
var RunDespiteFullDisk = runDespiteFullDisk

// DecodeDeadLetters returns what the reader of a partition of dead letters decodes with.
func DecodeDeadLetters() func(*sarama.ConsumerMessage) batch.Record {
	return (&letterDecoder{own: []string{DefaultTopics.Events, DefaultTopics.DeadLetters}}).decode
}
