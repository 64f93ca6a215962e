package endtoend_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/readonly"
	"purchases/analytics/internal/render"
	"purchases/analytics/internal/sqlfiles"
	"purchases/analytics/internal/testkit/shop"
	"purchases/processor/enriched"
	"purchases/producer/testkit/measure"
)

// benchOptions are the flags of the benchmarks of queries.
type benchOptions struct {
	load     time.Duration // of requests, and as long without any
	requests int           // a second
}

const ingestRate = 20_000 // events a second, while the queries are asked

// busyShop is `analytics run` with a database of so many events, while events
// go on to come.
type busyShop struct {
	*machine
	url string
}

func newBusyShop(b *testing.B, events int64) *busyShop {
	b.Helper()
	m := newMachine(b)
	if err := copyFile(filled(b, events), m.database()); err != nil {
		b.Fatal(err)
	}
	s := &busyShop{m, "http://" + m.serve("run") + "/api/v1/"}
	s.keepSelling(shopOpens)
	m.until("events are stored", func() bool { return s.stored() > 0 })
	return s
}

// shopOpens is when the events of a filled database end and others begin to come.
var shopOpens = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// filled returns a database with so many events, which is made once.
func filled(b *testing.B, events int64) (path string) {
	b.Helper()
	path = filepath.Join(filepath.Dir(current.binaries), fmt.Sprintf("shop-%d.db", events))
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if err := shop.Fill(b.Context(), path, events, shopOpens); err != nil {
		b.Fatal(err)
	}
	return path
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}

// keepSelling publishes events at the rate until the benchmark ends.
func (s *busyShop) keepSelling(start time.Time) {
	client, err := kgo.NewClient(kgo.SeedBrokers(s.cluster.Addresses...), kgo.DefaultProduceTopic(s.events()),
		kgo.ProducerLinger(5*time.Millisecond))
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		made, sells := int64(0), shop.New(start, 86_400*ingestRate, shop.Large)
		for began := time.Now(); ctx.Err() == nil; time.Sleep(time.Millisecond) {
			for due := int64(time.Since(began).Seconds() * ingestRate); made < due; made++ {
				e := sells.Next(enriched.Source{Topic: s.purchases(), Offset: made})
				value, err := e.Encode()
				if err != nil {
					s.t.Error(err)
					return
				}
				client.Produce(ctx, &kgo.Record{Key: []byte(e.User), Value: value}, nil)
			}
		}
	})
	s.t.Cleanup(func() { cancel(); done.Wait(); client.Close() })
}

// stored is how many records have been stored from the log.
func (s *busyShop) stored() (n int64) {
	db, err := database.OpenReader(s.database())
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.Get(&n, `SELECT ifnull(sum(records), 0) FROM internal_partitions`); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// rate is how many records are stored a second while work is done.
func (s *busyShop) rate(work func()) float64 {
	before, began := s.stored(), time.Now()
	work()
	return float64(s.stored()-before) / time.Since(began).Seconds()
}

// ask reads a whole answer.
func (s *busyShop) ask(client *http.Client, path string) error {
	response, err := client.Get(s.url + path)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %.200s", path, response.Status, body)
	}
	return err
}

// BenchmarkQueries answers each canned query with its defaults, as JSON, one at
// a time, while events come in; first of a tenth of the events, then of all.
// x-of-a-tenth compares the medians of the two. It does so beside the server,
// which keeps answers and would mostly be measured at that.
func BenchmarkQueries(b *testing.B) {
	catalogue, _ := query.Load(sqlfiles.Queries())
	tenth := map[string]time.Duration{}
	all := int64(measure.Events(b))
	for _, events := range []int64{all / 10, all} {
		b.Run(fmt.Sprintf("events=%d", events), func(b *testing.B) {
			s := newBusyShop(b, events)
			pool, err := readonly.Open(s.database(), 1)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = pool.Close() }()
			for _, q := range catalogue {
				b.Run(q.Name, func(b *testing.B) {
					median := ask(b, pool, q)
					if before, ok := tenth[q.Name]; ok && events == all {
						b.ReportMetric(float64(median)/float64(before), "x-of-a-tenth")
					}
					tenth[q.Name] = median
				})
			}
		})
	}
}

func ask(b *testing.B, pool *readonly.Pool, q query.Query) (median time.Duration) {
	var times []time.Duration
	for b.Loop() {
		began := time.Now()
		if err := answerOnce(b.Context(), pool, q); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	median = percentile(times, 50)
	b.ReportMetric(0, "ns/op") // the mean says little beside these
	b.ReportMetric(milliseconds(median), "p50-ms")
	b.ReportMetric(milliseconds(percentile(times, 99)), "p99-ms")
	return median
}

func answerOnce(ctx context.Context, pool *readonly.Pool, q query.Query) (err error) {
	snapshot, err := pool.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	args, err := q.Bind(nil)
	if err != nil {
		return err
	}
	rows, err := q.Run(ctx, snapshot, args)
	if err != nil {
		return err
	}
	_, err = render.Write(io.Discard, render.JSON,
		render.Answer{Query: q.Name, Args: args, Columns: rows.Columns(), Rows: rows.All()}, render.Options{})
	return err
}

func percentile(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)-1)*percent/100]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// BenchmarkLoad asks all canned queries in turn, so many requests a second,
// while events come in, and compares the rate at which these are stored with
// the rate when nobody asks.
func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		s := newBusyShop(b, int64(measure.Events(b)))
		alone := s.rate(func() { time.Sleep(current.bench.load) })
		var times []time.Duration
		var failed int64
		loaded := s.rate(func() { times, failed = s.load(b) })
		slices.Sort(times)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(len(times))/current.bench.load.Seconds(), "requests/s")
		b.ReportMetric(float64(failed), "errors")
		b.ReportMetric(milliseconds(percentile(times, 50)), "p50-ms")
		b.ReportMetric(milliseconds(percentile(times, 99)), "p99-ms")
		b.ReportMetric(alone, "stored/s-alone")
		b.ReportMetric(loaded, "stored/s")
		b.ReportMetric(100*(1-loaded/alone), "%-slower")
	}
}

// load sends the requests at their times, whether or not those before have been
// answered; the time of one counts from when it was due.
func (s *busyShop) load(b *testing.B) (times []time.Duration, failures int64) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	catalogue, _ := query.Load(sqlfiles.Queries())
	times = make([]time.Duration, int(current.bench.load.Seconds()*float64(current.bench.requests)))
	var failed atomic.Int64
	var done sync.WaitGroup
	began := time.Now()
	for i := range times {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(current.bench.requests))
		time.Sleep(time.Until(due))
		done.Go(func() {
			if err := s.ask(client, "queries/"+catalogue[i%len(catalogue)].Name); err != nil && failed.Add(1) < 10 {
				b.Log(strings.TrimSpace(err.Error()))
			}
			times[i] = time.Since(due)
		})
	}
	done.Wait()
	return times, failed.Load()
}
