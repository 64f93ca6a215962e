package mapping_test

import (
	"errors"
	"io"
	"testing"

	"purchases/producer/internal/mapping"
	"purchases/producer/internal/rows"
	"purchases/producer/sample"
)

// BenchmarkRowToJSON reads the sample and makes its messages on one goroutine.
func BenchmarkRowToJSON(b *testing.B) {
	b.ReportAllocs()
	events := 0
	for b.Loop() {
		events += encodeAll(b)
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}

func encodeAll(b *testing.B) (events int) {
	reader, err := rows.Options{}.Open(sample.Name, sample.Compressed())
	if err != nil {
		b.Fatal(err)
	}
	defer reader.Close()
	plan, err := mapping.OnlineRetail().Plan(reader.Header())
	if err != nil {
		b.Fatal(err)
	}
	encoder := plan.NewEncoder()
	var row rows.Row
	var out []byte
	for {
		if err := reader.Next(&row); errors.Is(err, io.EOF) {
			return events
		} else if err != nil {
			b.Fatal(err)
		}
		if out, _, err = encoder.Append(out[:0], &row); err != nil {
			b.Fatal(err)
		}
		events++
	}
}
