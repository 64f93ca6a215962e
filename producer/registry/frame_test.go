package registry_test

import (
	"bytes"
	"testing"

	"github.com/google/uuid"

	"purchases/producer/registry"
)

func TestParse(t *testing.T) {
	guid := uuid.MustParse("0b6dc5a5-94f1-4d2a-8f3c-b3f3d5a4c111")
	number := registry.ID{Number: 258}
	for name, c := range map[string]struct {
		value, header []byte
		framed, bad   bool
		id            registry.ID
		payload       string
	}{
		"JSON":       {value: []byte(`{"a":1}`)},
		"number":     {value: []byte("\x00\x00\x00\x01\x02rest"), framed: true, id: number, payload: "rest"},
		"no payload": {value: []byte("\x00\x00\x00\x01\x02"), framed: true, id: number},
		"too short":  {value: []byte("\x00\x00\x00\x01")},
		"UTF-16":     {value: []byte("\x00{\x00\"\x00a")},
		"negative":   {value: []byte("\x00\x80\x00\x00\x01x"), framed: true, bad: true},
		"header, number": {value: []byte("rest"), header: []byte("\x00\x00\x00\x01\x02"), framed: true, id: number,
			payload: "rest"},
		"header, GUID": {value: []byte("\x00est"), header: append([]byte{1}, guid[:]...), framed: true,
			id: registry.ID{GUID: guid}, payload: "\x00est"},
		"header, JSON": {value: []byte(`{"a":1}`), header: append([]byte{1}, guid[:]...)},
		"header, binary {": {value: []byte("{est"), header: []byte("\x00\x00\x00\x01\x02"), framed: true, id: number,
			payload: "{est"},
		"header, cut off":   {value: []byte("rest"), header: []byte{1, 2, 3}, framed: true, bad: true},
		"header, empty":     {value: []byte("rest"), header: []byte{}, framed: true, bad: true},
		"header, tombstone": {header: []byte("\x00\x00\x00\x01\x02")},
	} {
		t.Run(name, func(t *testing.T) {
			f, framed, err := registry.Parse(c.value, c.header)
			if framed != c.framed || (err != nil) != c.bad {
				t.Fatalf("framed %t, %v", framed, err)
			}
			if framed && err == nil && (f.ID != c.id || string(f.Payload) != c.payload) {
				t.Errorf("id %s, payload %q", f.ID, f.Payload)
			}
		})
	}
}

func TestStrip(t *testing.T) {
	for value, want := range map[string]string{
		"\x00\x00\x00\x00\x07{}": "{}", "{}": "{}", "": "", "\x00\x00\x00\x00\x07\x02a": "\x00\x00\x00\x00\x07\x02a",
		"\x00{": "\x00{",
	} {
		if got := registry.Strip([]byte(value)); string(got) != want {
			t.Errorf("Strip of %q = %q", value, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01\x02rest"), []byte(nil))
	f.Add([]byte("rest"), []byte("\x00\x00\x00\x01\x02\x04\x00\x00"))
	f.Fuzz(func(t *testing.T, value, header []byte) {
		frame, framed, err := registry.Parse(value, header)
		if framed && err == nil && !bytes.HasSuffix(value, frame.Payload) {
			t.Errorf("the payload %q is not of the value", frame.Payload)
		}
		if framed && err == nil && !frame.InHeader &&
			!bytes.Equal(append(registry.Append(nil, frame.ID.Number), frame.Payload...), value) {
			t.Errorf("Append does not write what Parse reads")
		}
	})
}
