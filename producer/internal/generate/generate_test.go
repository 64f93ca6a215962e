package generate_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"purchases/producer/internal/generate"
	"purchases/producer/purchase"
)

var (
	start = time.Date(2026, 1, 1, 5, 30, 0, 0, time.UTC)
	end   = start.Add(72 * time.Hour)
)

const count = 20_000

func config(seed uint64) generate.Config {
	return generate.Config{Seed: seed, Users: 100, Items: 50, Times: generate.Spread(start, end, count)}
}

func messages(t testing.TB, c generate.Config, n int) []generate.Message {
	t.Helper()
	g, err := generate.New(c)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]generate.Message, n)
	for i := range all {
		if all[i], err = g.Next(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func decode(t testing.TB, m generate.Message) purchase.Event {
	t.Helper()
	e, err := purchase.Decode(m.Value)
	if err == nil {
		e.Normalize()
		err = e.Validate(end)
	}
	if err != nil {
		t.Fatalf("%s: %v", m.Value, err)
	}
	return e
}

func TestSameSeedSameBytes(t *testing.T) {
	c := config(7)
	c.InvalidRatio, c.DuplicateRatio = 0.1, 0.1
	a, b := messages(t, c, count), messages(t, c, count)
	for i := range a {
		if !bytes.Equal(a[i].Value, b[i].Value) || !bytes.Equal(a[i].Key, b[i].Key) {
			t.Fatalf("message %d is %s, then %s", i, a[i].Value, b[i].Value)
		}
	}
	c.Seed = 8
	if other := messages(t, c, 1); bytes.Equal(a[0].Value, other[0].Value) {
		t.Errorf("another seed gives the same message %s", other[0].Value)
	}
}

func TestEventsLookLikeAShop(t *testing.T) {
	ids, prices, countries := map[string]bool{}, map[string]purchase.Micros{}, map[string]string{}
	lines, sold := map[string]int{}, map[string]int{}
	returns, last := 0, start
	for _, m := range messages(t, config(1), count) {
		e := decode(t, m)
		if string(m.Key) != e.User {
			t.Fatalf("key %q of user %q", m.Key, e.User)
		}
		if ids[e.EventID] {
			t.Fatalf("event_id %s comes twice", e.EventID)
		}
		ids[e.EventID] = true
		wantSame(t, prices, e.Item, *e.UnitPrice)
		wantSame(t, countries, e.User, e.Attributes["country"])
		if e.Timestamp.Before(last) || e.Timestamp.After(end) {
			t.Fatalf("timestamp %s after %s, want in order up to %s", e.Timestamp, last, end)
		}
		last = e.Timestamp
		lines[e.OrderID]++
		sold[e.Item]++
		if e.Quantity < 0 {
			returns++
		}
	}
	for order, n := range lines {
		if n > 8 {
			t.Errorf("order %s has %d lines", order, n)
		}
	}
	if len(lines) > count/2 {
		t.Errorf("%d orders of %d lines: orders should have several", len(lines), count)
	}
	if returns < count/100 || returns > count*3/100 {
		t.Errorf("%d returns in %d, want about 2 %%", returns, count)
	}
	if sold["item-00001"] < 5*sold["item-00050"] {
		t.Errorf("the first item sold %d times, the last %d", sold["item-00001"], sold["item-00050"])
	}
}

func wantSame[V comparable](t *testing.T, known map[string]V, name string, value V) {
	t.Helper()
	if before, ok := known[name]; ok && before != value {
		t.Fatalf("%s has %v, before it had %v", name, value, before)
	}
	known[name] = value
}

func TestSpreadHasADaysRhythm(t *testing.T) {
	times := generate.Spread(start, end, count)
	byHour := map[int]int{}
	for n := range int64(count) {
		byHour[times(n, 0.5).Hour()]++
	}
	if byHour[3] == 0 || byHour[19] < 10*byHour[3] {
		t.Errorf("%d events at 3, %d at 19 o'clock", byHour[3], byHour[19])
	}
}

func TestSpreadFillsItsSpan(t *testing.T) {
	for _, span := range []time.Duration{time.Minute, 90 * time.Minute, 30 * time.Hour, 240 * time.Hour} {
		times := generate.Spread(start, start.Add(span), count)
		first, last := times(0, 0), times(count-1, 1)
		if d := first.Sub(start).Abs(); d > time.Millisecond {
			t.Errorf("span %s begins at %s", span, first)
		}
		if d := last.Sub(start.Add(span)).Abs(); d > time.Millisecond {
			t.Errorf("span %s ends at %s", span, last)
		}
	}
}

func TestInvalidEventsCoverTheRules(t *testing.T) {
	c := config(3)
	c.InvalidRatio = 1
	seen := map[purchase.Reason]bool{}
	for _, m := range messages(t, c, 40) {
		e, err := purchase.Decode(m.Value)
		if err == nil {
			e.Normalize()
			err = e.Validate(end)
		}
		var invalid *purchase.Invalid
		if !errors.As(err, &invalid) || m.Kind != generate.Invalid {
			t.Fatalf("%s is valid", m.Value)
		}
		seen[invalid.Reason] = true
	}
	for _, reason := range []purchase.Reason{
		purchase.EmptyValue, purchase.InvalidUTF8, purchase.InvalidJSON, purchase.DuplicateName, purchase.InvalidType,
		purchase.MissingUser, purchase.MissingItem, purchase.MissingTimestamp, purchase.InvalidTimestamp,
		purchase.TimestampInFuture,
		purchase.InvalidQuantity, purchase.InvalidPrice, purchase.AmountTooLarge, purchase.InvalidCurrency,
		purchase.InvalidAttributes,
		purchase.FieldTooLong, purchase.ControlCharacter, purchase.InvalidAmount, purchase.InvalidOp, purchase.MissingEventID,
		purchase.InvalidImportedAt, purchase.InvalidRetractedAt, purchase.ByteOrderMark, purchase.JSONArray,
		purchase.JSONInString, purchase.Envelope,
	} {
		if !seen[reason] {
			t.Errorf("no event is invalid as %s", reason)
		}
	}
}

func TestDuplicatesRepeatAnEarlierMessage(t *testing.T) {
	c := config(5)
	c.InvalidRatio, c.DuplicateRatio = 0.2, 0.2
	earlier := map[string]string{}
	kinds := map[generate.Kind]int{}
	for _, m := range messages(t, c, count) {
		kinds[m.Kind]++
		switch key, known := earlier[string(m.Value)]; {
		case m.Kind == generate.Duplicate && (!known || key != string(m.Key)):
			t.Fatalf("%s repeats nothing", m.Value)
		case m.Kind == generate.Valid && known:
			t.Fatalf("%s is a duplicate and not said to be one", m.Value)
		case m.Kind == generate.Valid:
			earlier[string(m.Value)] = string(m.Key)
		}
	}
	for _, kind := range []generate.Kind{generate.Invalid, generate.Duplicate} {
		if part := float64(kinds[kind]) / count; part < 0.18 || part > 0.22 {
			t.Errorf("kind %d is %.3f of all, want 0.2", kind, part)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	for i, change := range []func(*generate.Config){
		func(c *generate.Config) { c.Users = 0 },
		func(c *generate.Config) { c.Items = -1 },
		func(c *generate.Config) { c.InvalidRatio = -0.1 },
		func(c *generate.Config) { c.DuplicateRatio = 1.1 },
		func(c *generate.Config) { c.InvalidRatio, c.DuplicateRatio = 0.6, 0.6 },
		func(c *generate.Config) { c.Times = nil },
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			c := config(1)
			change(&c)
			if _, err := generate.New(c); err == nil {
				t.Errorf("New accepted %+v", c)
			}
		})
	}
}

func BenchmarkNext(b *testing.B) {
	g, err := generate.New(config(1))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Next(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
