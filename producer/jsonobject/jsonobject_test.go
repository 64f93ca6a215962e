package jsonobject_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"purchases/producer/jsonobject"
)

func TestMembers(t *testing.T) {
	w := jsonobject.Begin([]byte("before "))
	w.Text("text", `a "b"`)
	w.OptionalText("none", "")
	w.Int("int", -7)
	w.Time("time", time.Date(2026, 1, 2, 3, 4, 5, 60_000_000, time.UTC))
	w.Texts("texts", map[string]string{"b": "2", "a": "1"})
	w.Object("object")
	w.Int("inner", 1)
	w.EndObject()
	w.Object("empty")
	w.EndObject()
	w.Int("last", 0)
	b, err := w.End()
	const want = `before {"text":"a \"b\"","int":-7,"time":"2026-01-02T03:04:05.06Z","texts":{"a":"1","b":"2"},"object":{"inner":1},"empty":{},"last":0}`
	if err != nil || string(b) != want {
		t.Errorf("%s, %v\nwant %s", b, err, want)
	}
}

func TestTextComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.String().Draw(t, "text")
		w := jsonobject.Begin(nil)
		w.Text("a", want)
		b, err := w.End()
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]string
		if err := json.Unmarshal(b, &got); err != nil || got["a"] != want {
			t.Fatalf("%q came back from %s as %q, %v", want, b, got["a"], err)
		}
	})
}

func TestTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		second := rapid.Int64Range(-62_200_000_000, 253_500_000_000).Draw(t, "second") // before year 0 to after 9999
		unit := rapid.SampledFrom([]int64{1, 1e6, 1e7, 1e8, 1e9}).Draw(t, "unit")
		zone := rapid.SampledFrom([]*time.Location{time.UTC, time.FixedZone("", 3600)}).Draw(t, "zone")
		at := time.Unix(second, rapid.Int64Range(0, 999_999_999).Draw(t, "nanosecond")/unit*unit).In(zone)
		want, wantErr := at.AppendText(nil)
		w := jsonobject.Begin(nil)
		w.Time("at", at)
		b, err := w.End()
		if (err == nil) != (wantErr == nil) || err == nil && string(b) != `{"at":"`+string(want)+`"}` {
			t.Fatalf("%s, %v, want %s, %v", b, err, want, wantErr)
		}
	})
}

func TestFails(t *testing.T) {
	for name, add := range map[string]func(*jsonobject.Writer){
		"text that is no UTF-8": func(w *jsonobject.Writer) { w.Text("a", "\xff") },
		"a year of five digits": func(w *jsonobject.Writer) { w.Time("a", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)) },
	} {
		w := jsonobject.Begin(nil)
		add(&w)
		w.Int("after", 1)
		if b, err := w.End(); err == nil {
			t.Errorf("%s: %s, want an error", name, b)
		}
	}
}
