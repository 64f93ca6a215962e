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
	plan, err := onlineRetail(b).Plan(mapping.Shape{Header: reader.Header()})
	if err != nil {
		b.Fatal(err)
	}
	encoder, err := plan.NewEncoder()
	if err != nil {
		b.Fatal(err)
	}
	var row rows.Row
	var out []byte
	for {
		if err := reader.Next(&row); errors.Is(err, io.EOF) {
			return events
		} else if err != nil {
			b.Fatal(err)
		}
		encoder.Read(&row, func(err error) {
			if err == nil {
				out, err = encoder.Event.AppendJSON(out[:0])
			}
			if err != nil {
				b.Fatal(err)
			}
			events++
		})
	}
}
