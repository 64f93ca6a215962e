package importing_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"

	"purchases/producer/internal/importing"
	"purchases/producer/internal/mapping"
	"purchases/producer/internal/publish"
	"purchases/producer/kafka"
	"purchases/producer/purchase"
	"purchases/producer/sample"
	"purchases/producer/testkit/measure"
)

// BenchmarkImport sends the rows of the sample, as CSV, to an embedded broker.
// Its limit is to send the same messages when they are there already.
func BenchmarkImport(b *testing.B) {
	content := sampleRows(b, measure.Events(b))
	ready := &collector{}
	importInto(b, content, ready)
	settings := newTopic(b)
	var work, limit measure.Work
	for b.Loop() {
		limit.Do(func() int { return sendRaw(b, settings, ready) })
		work.Do(func() int {
			to, err := publish.Open(b.Context(), settings, purchase.Topic)
			if err != nil {
				b.Fatal(err)
			}
			sent := importInto(b, content, to)
			if err := to.Close(); err != nil {
				b.Fatal(err)
			}
			return sent
		})
	}
	work.Report(b, &limit)
}

// sampleRows is the sample's text, its header and at most so many rows.
func sampleRows(b *testing.B, count int) string {
	text, err := sample.Open()
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = text.Close() }()
	all, err := io.ReadAll(text)
	if err != nil {
		b.Fatal(err)
	}
	lines := bytes.SplitAfter(all, []byte("\n"))
	return string(bytes.Join(lines[:min(count+1, len(lines))], nil))
}

func importInto(b *testing.B, content string, to importing.Sink) int {
	job := importing.Import{Sources: []importing.Source{text("sample.csv", content)}, Mapping: onlineRetail(b), Sink: to}
	tally, err := job.Run(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return int(tally.Sent)
}

func newTopic(b *testing.B) kafka.Settings {
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(8, purchase.Topic))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(broker.Close)
	return kafka.Settings{Bootstrap: broker.ListenAddrs()}
}

// sendRaw hands messages to sarama and counts acknowledgements, nothing else.
func sendRaw(b *testing.B, settings kafka.Settings, ready *collector) int {
	client, err := settings.Connect(context.Background(), publish.Configure(settings.Config()))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	producer, err := sarama.NewAsyncProducerFromClient(client)
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		for i, value := range ready.values {
			m := &sarama.ProducerMessage{Topic: purchase.Topic, Value: sarama.StringEncoder(value)}
			if ready.keys[i] != "" {
				m.Key = sarama.StringEncoder(ready.keys[i])
			}
			producer.Input() <- m
		}
	}()
	for range ready.values {
		select {
		case <-producer.Successes():
		case err := <-producer.Errors():
			b.Fatal(err)
		}
	}
	if err := producer.Close(); err != nil {
		b.Fatal(err)
	}
	return len(ready.values)
}

// BenchmarkToNobody is the import's own work, without Kafka: with columns alone,
// and with an expression for nearly every field.
func BenchmarkToNobody(b *testing.B) {
	content := sampleRows(b, 100_000)
	expressions := onlineRetail(b)
	for field, text := range map[string]string{
		"user": `CustomerID ?? ""`, "item": `StockCode ?? Description`, "timestamp": `InvoiceDate + ""`,
		"order_id": `InvoiceNo + ""`, "item_name": `Description ?? ""`, "unit_price": "UnitPrice * 1",
	} {
		expressions.Columns[field] = text
	}
	for name, m := range map[string]mapping.Mapping{"columns": onlineRetail(b), "expressions": expressions} {
		b.Run(name, func(b *testing.B) {
			var rows int64
			for b.Loop() {
				job := importing.Import{Sources: []importing.Source{text("sample.csv", content)}, Mapping: m, Sink: nobody}
				tally, err := job.Run(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				rows += tally.Sent
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

var nobody = sinkFunc(func(context.Context, []byte, []byte) error { return nil })
