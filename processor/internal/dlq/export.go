package dlq

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// line is a letter as a line of JSON. Of the three forms of the value one is
// there: the JSON object itself, which people edit, text, or bytes.
type line struct {
	Letter      string         `json:"dead_letter"` // position, such as 0/17
	Reason      string         `json:"reason,omitzero"`
	Detail      string         `json:"detail,omitzero"`
	Stage       string         `json:"stage,omitzero"`
	EventID     string         `json:"event_id,omitzero"`
	Source      string         `json:"source,omitzero"` // topic/partition/offset on the topic of purchases
	RejectedAt  time.Time      `json:"rejected_at,omitzero"`
	Key         *string        `json:"key,omitzero"`
	Headers     []header       `json:"headers,omitempty"`
	Cut         bool           `json:"cut,omitzero"` // the value, the key or the headers are not whole
	Value       jsontext.Value `json:"value,omitzero"`
	ValueText   *string        `json:"value_text,omitzero"`
	ValueBase64 []byte         `json:"value_base64,omitzero"`
}

type header struct {
	Name  string `json:"name"`
	Value string `json:"value"` // bytes that are no UTF-8 are replaced
}

// WriteLine writes the letter as one line of JSON.
func WriteLine(w io.Writer, l *Letter) error {
	out := line{
		Letter: l.Position.String(), Reason: string(l.Reason), Detail: l.Detail, Stage: l.Stage, EventID: l.EventID,
		Source: l.Source.String(), RejectedAt: l.RejectedAt, Cut: l.Cut,
	}
	if l.Key != nil {
		key := valid(l.Key)
		out.Key = &key
	}
	for _, h := range l.Headers {
		out.Headers = append(out.Headers, header{valid(h.Key), valid(h.Value)})
	}
	out.setValue(l.Value)
	text, err := json.Marshal(&out)
	if err != nil {
		return fmt.Errorf("write the dead letter %s: %w", l.Position, err)
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

func (o *line) setValue(value []byte) {
	switch {
	case value == nil:
	case isObject(value):
		o.Value = jsontext.Value(bytes.Clone(value))
		_ = o.Value.Compact() // it is valid
	case utf8.Valid(value):
		text := string(value)
		o.ValueText = &text
	default:
		o.ValueBase64 = value
	}
}

// value is the one that the line carries, nil for a null value.
func (o *line) value() []byte {
	switch {
	case len(o.Value) > 0:
		return o.Value
	case o.ValueText != nil:
		return []byte(*o.ValueText)
	}
	return o.ValueBase64
}

func isObject(value []byte) bool {
	return jsontext.Value(value).IsValid() && bytes.HasPrefix(bytes.TrimLeft(value, " \t\r\n"), []byte("{"))
}

func valid(b []byte) string { return string(bytes.ToValidUTF8(b, []byte("\uFFFD"))) }

// Edited are values by the position of the letter that they replace.
type Edited map[Position][]byte

// ReadEdited reads lines as [WriteLine] writes them. Only the position and the
// value count.
func ReadEdited(r io.Reader) (Edited, error) {
	dec := jsontext.NewDecoder(r)
	edited := Edited{}
	for n := 1; ; n++ {
		var in line
		switch err := json.UnmarshalDecode(dec, &in); {
		case errors.Is(err, io.EOF):
			return edited, nil
		case err != nil:
			return nil, fmt.Errorf("read the edited dead letter %d: %w", n, err)
		}
		position, err := ParsePosition(in.Letter)
		if err != nil {
			return nil, fmt.Errorf("read the edited dead letter %d: dead_letter: %w", n, err)
		}
		if _, twice := edited[position]; twice {
			return nil, fmt.Errorf("read the edited dead letter %d: %s appears twice", n, position)
		}
		edited[position] = in.value()
	}
}
