package deadletter_test

import (
	"reflect"
	"strings"
	"testing"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
)

func TestExpiredLetter(t *testing.T) {
	from := enriched.Source{Topic: "purchases", Partition: 3, Offset: 40}
	want := deadletter.NewExpired("id", from, 60)
	got, m := parse(t, *want)
	if !reflect.DeepEqual(got, *want) || got.Offsets != 60 || m.Value != nil || m.Key != nil {
		t.Errorf("got %+v\nwant %+v", got, *want)
	}
	if got.Detail != "offsets 40 to 99 expired before they were processed" {
		t.Errorf("detail %q", got.Detail)
	}
	if again := deadletter.NewExpired("id", from, 60); again.RecordID != want.RecordID {
		t.Errorf("the same offsets have the letters %s and %s", want.RecordID, again.RecordID)
	}
	if other := deadletter.NewExpired("id", from, 61); other.RecordID == want.RecordID {
		t.Errorf("other offsets have the letter %s, too", other.RecordID)
	}
}

func TestExpiredLetterWithoutItsOffsets(t *testing.T) {
	whole := delivered(deadletter.NewExpired("id", enriched.Source{Topic: "purchases", Offset: 40}, 60).Message("t"))
	for _, value := range []string{"", "0", "-1", "many", "9223372036854775807"} {
		m := *whole
		m.Headers = nil
		for _, h := range whole.Headers {
			if string(h.Key) != deadletter.HeaderOffsets {
				m.Headers = append(m.Headers, h)
			}
		}
		offsets := header(deadletter.HeaderOffsets, value)
		m.Headers = append(m.Headers, &offsets)
		if _, err := deadletter.Parse(&m); err == nil || !strings.Contains(err.Error(), deadletter.HeaderOffsets) {
			t.Errorf("%q offsets: got %v, want an error that names the header", value, err)
		}
	}
}
