package importing

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"purchases/producer/internal/identity"
	"purchases/producer/internal/instant"
	"purchases/producer/internal/mapping"
	"purchases/producer/internal/rows"
	"purchases/producer/purchase"
)

// overhead is what a record takes besides key and value, at most.
const overhead = 64

// message is that of an event, or says why a row has none.
type message struct {
	line       int
	key, value []byte
	malformed  error
	leftOut    bool
	unfinished error
	verdict    error // of the topic's rules, in a dry run
	instant    instant.Instant

	// id is where in value the derived event_id stands, which is that of the
	// first event with this content; 0 where the event has an id of its own.
	id      int
	content identity.Content
	counted bool // events with this content are told apart by counting
}

// encoder makes messages. It is not safe for concurrent use.
type encoder struct {
	*mapping.Encoder
	ids     *identity.Deriver
	options *Import
	scratch []byte
}

// append makes the messages of a row behind what space holds, in which they stay.
func (e *encoder) append(space []byte, row *rows.Row, complete bool, add func(message)) []byte {
	m := message{line: row.Line}
	switch {
	case row.Unfinished && !complete && !e.wholeObject(row):
		m.unfinished = errors.New("the file ends inside this row or without the line end after it: left out, because it may be written on; --complete takes it")
		add(m)
		return space
	case row.Malformed != nil:
		m.malformed = row.Malformed
		add(m)
		return space
	}
	e.Read(row, func(err error) {
		m := message{line: row.Line, instant: e.Instant}
		switch {
		case errors.Is(err, mapping.ErrLeftOut):
			m.leftOut = true
		case err != nil:
			m.malformed = err
		default:
			if space, m.malformed = e.write(space, &m); m.malformed == nil && m.value == nil {
				return // nothing to take back
			}
		}
		add(m)
	})
	return space
}

// wholeObject says that the row is JSON that ends: nothing can be added to it.
func (e *encoder) wholeObject(row *rows.Row) bool {
	return e.JSON() && row.Malformed == nil
}

func (e *encoder) write(space []byte, m *message) (out []byte, err error) {
	start := len(space)
	if e.Raw != nil {
		space, err = e.writeRaw(space, m)
	} else {
		space, err = e.writeEvent(space, m)
	}
	if size := len(m.key) + len(m.value) + overhead; err == nil && size > purchase.MaxValue {
		err = fmt.Errorf("its message would have %d bytes, Kafka takes at most %d", size, purchase.MaxValue)
	}
	if err != nil {
		return space[:start], err
	}
	if e.options.Judge {
		m.verdict = e.judge(m)
	}
	return space, nil
}

// The beginnings of messages whose id is derived.
const (
	idStart    = `{"event_id":"`
	idLength   = 36
	undoStart  = `{"op":"retract","event_id":"`
	importedAt = `,"imported_at":"`
)

// writeEvent writes the JSON form that the contract gives the event, with the id
// before and the import's time after what the id is derived from.
func (e *encoder) writeEvent(space []byte, m *message) ([]byte, error) {
	key := len(space)
	space = append(space, e.Event.User...)
	begin := len(space)
	derived := e.Event.EventID == "" && e.Event.Op == purchase.Add
	if derived {
		space = append(space, idStart...)
		space = append(space, make([]byte, idLength)...)
		space = append(space, '"')
	}
	content := len(space)
	e.Event.ImportedAt = time.Time{}
	space, err := e.Event.AppendJSON(space)
	if err != nil {
		return space, err
	}
	if derived {
		if err := e.identify(m, space[content:]); err != nil {
			return space, err
		}
		space[content] = ','
		m.id = len(idStart)
	}
	if e.Event.Op == purchase.Add {
		space = append(space[:len(space)-1], importedAt...)
		space = e.options.Began.UTC().AppendFormat(space, "2006-01-02T15:04:05.999Z07:00")
		space = append(space, `"}`...)
	}
	m.key, m.value = nonEmpty(space[key:begin:begin]), space[begin:len(space):len(space)]
	m.setID(e.ids, 0)
	if e.options.Undo {
		return e.writeRetraction(space[:begin], m, derived)
	}
	return space, nil
}

func nonEmpty(key []byte) []byte {
	if len(key) == 0 {
		return nil
	}
	return key
}

// identify notes what the id of the event is derived from.
func (e *encoder) identify(m *message, content []byte) error {
	texts, err := e.Identified()
	if err != nil {
		return err
	}
	m.counted = texts == nil
	if m.content = identity.OfEvent(content); texts != nil {
		m.content = identity.OfTexts(texts)
	}
	return nil
}

// setID writes the id of the event that k others with its content were before.
func (m *message) setID(ids *identity.Deriver, k uint64) {
	if m.id > 0 {
		writeID(m.value[m.id:], ids.ID(m.content, k))
	}
}

func writeID(to []byte, id uuid.UUID) { copy(to, id.String()) }

// writeRetraction replaces the message of an event by the one that takes it
// back. Nothing takes back an event without a timestamp, which never counted.
func (e *encoder) writeRetraction(space []byte, m *message, derived bool) ([]byte, error) {
	if e.Event.Timestamp.IsZero() || e.Event.Op != purchase.Add {
		*m = message{line: m.line}
		return space, nil
	}
	id := e.Event.EventID
	if derived {
		id = string(m.value[m.id : m.id+idLength])
		m.id = len(undoStart)
	}
	retraction := purchase.Event{
		Op: purchase.Retract, EventID: id, User: e.Event.User, Timestamp: e.Event.Timestamp,
		RetractedAt: e.options.Began.UTC().Truncate(time.Millisecond),
	}
	begin := len(space)
	space, err := retraction.AppendJSON(space)
	m.value = space[begin:len(space):len(space)]
	return space, err
}

// writeRaw writes what is an object, but no event by the contract: its reader
// will say what is wrong with it.
func (e *encoder) writeRaw(space []byte, m *message) ([]byte, error) {
	if e.options.Undo {
		return space, nil
	}
	begin := len(space)
	text := bytes.TrimSpace(e.Raw)
	if bytes.Contains(text, []byte(`"event_id"`)) {
		space = append(space, text...)
	} else {
		m.content, m.counted, m.id = identity.OfEvent(text), true, len(idStart)
		space = append(space, idStart...)
		space = append(append(space, make([]byte, idLength)...), '"')
		if inner := bytes.TrimSpace(text[1:]); !bytes.HasPrefix(inner, []byte("}")) {
			space = append(space, ',')
		}
		space = append(space, text[1:]...)
	}
	m.value = space[begin:len(space):len(space)]
	if user := strings.TrimSpace(e.Event.User); user != "" {
		m.key = []byte(user)
	}
	m.setID(e.ids, 0)
	return space, nil
}

// judge is what the reader of the topic will say about the message.
func (e *encoder) judge(m *message) error {
	event, err := purchase.Decode(m.value)
	if err == nil {
		event.Normalize()
		err = event.Validate(e.options.Began)
	}
	if err != nil {
		return fmt.Errorf("would be a dead letter: %w", err)
	}
	return nil
}
