package jsonobject_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"purchases/producer/jsonobject"
)

func TestScannerReadsWhatTheWriterWrote(t *testing.T) {
	normal := rapid.StringMatching(`[a-zA-Z0-9é漢🍰/<&'+-]{1,20}`)
	rapid.Check(t, func(t *rapid.T) {
		text, number := normal.Draw(t, "text"), rapid.Int64Range(-1e17, 1e17).Draw(t, "number")
		at := time.UnixMilli(rapid.Int64Range(1, 253_402_300_799_999).Draw(t, "at")).UTC()
		texts := rapid.MapOfN(normal, normal, 1, 5).Draw(t, "texts")
		w := jsonobject.Begin(nil)
		w.Text("text", text)
		w.Int("number", number)
		w.Time("at", at)
		w.Texts("texts", texts)
		value, err := w.End()
		if err != nil {
			t.Fatal(err)
		}
		s := jsonobject.Scan(value)
		s.Want(`{"text":"`)
		gotText := string(s.Text(100))
		s.Want(`,"number":`)
		gotNumber := s.Int(-1e17, 1e17)
		gotAt := s.OptionalTime(`,"at":"`)
		s.Want(`,"texts":`)
		s.Texts(5, 100, 100)
		s.Want(`}`)
		if !s.Done() || gotText != text || gotNumber != number || gotAt != at.UnixMilli() {
			t.Fatalf("%s is read as %q, %d, %d, done %t", value, gotText, gotNumber, gotAt, s.Done())
		}
	})
}

func TestScannerFails(t *testing.T) {
	for name, read := range map[string]func(*jsonobject.Scanner){
		`other"`:                func(s *jsonobject.Scanner) { s.Want("text") },
		`no end`:                func(s *jsonobject.Scanner) { s.Text(100) },
		`long"`:                 func(s *jsonobject.Scanner) { s.Text(3) },
		` edge"`:                func(s *jsonobject.Scanner) { s.Text(100) },
		"e\u0301\"":             func(s *jsonobject.Scanner) { s.Text(100) },
		"\u00a0x\"":             func(s *jsonobject.Scanner) { s.Text(100) },
		`\u0041"`:               func(s *jsonobject.Scanner) { s.Text(100) },
		`012`:                   func(s *jsonobject.Scanner) { s.Int(0, 100) },
		`7`:                     func(s *jsonobject.Scanner) { s.Int(0, 6) },
		`2026-02-30T00:00:00Z"`: func(s *jsonobject.Scanner) { s.Time() },
		`{"a":"","b":"x"}`:      func(s *jsonobject.Scanner) { s.Texts(5, 9, 9) },
		`{"b":"y","a":"x"}`:     func(s *jsonobject.Scanner) { s.Texts(5, 9, 9) },
	} {
		s := jsonobject.Scan([]byte(name))
		if read(&s); s.Done() {
			t.Errorf("%s is read", name)
		}
	}
}
