package importing

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"purchases/producer/internal/identity"
	"purchases/producer/internal/mapping"
	"purchases/producer/internal/rows"
	"purchases/producer/purchase"
)

// overhead is what a record takes besides key and value, at most.
const overhead = 64

// outcome is what has become of a row.
type outcome uint8

const (
	sent outcome = iota
	malformed
	leftOut
	unfinished
)

// message is that of an event, or says why a row has none.
type message struct {
	line       int
	key, value []byte
	outcome    outcome
	problem    error // what is malformed or unfinished, or why it will be a dead letter

	local, skipped, repeated bool // its timestamp

	// idAt is where in value the derived event_id stands; 0 where the event
	// has an id of its own. first is the id of the first event with this content.
	idAt    int
	first   uuid.UUID
	content []byte // nil where columns identify the row, so that nothing counts
}

// encoder makes messages. It is not safe for concurrent use.
type encoder struct {
	*mapping.Encoder
	ids        *identity.Deriver
	options    *Import
	importedAt string
	scratch    []byte
}

var errUnfinished = errors.New("the file ends inside this row or without the line end after it: " +
	"left out, because it may be written on; --complete takes it")

// append makes the messages of a row behind what space holds, in which they stay.
func (e *encoder) append(space []byte, row *rows.Row, complete bool, add func(message)) []byte {
	switch {
	case row.Unfinished && !complete && !e.wholeObject(row):
		add(message{line: row.Line, outcome: unfinished, problem: errUnfinished})
		return space
	case row.Malformed != nil:
		add(message{line: row.Line, outcome: malformed, problem: row.Malformed})
		return space
	}
	e.Read(row, func(err error) {
		m := message{line: row.Line, local: e.Instant.Local, skipped: e.Instant.Skipped, repeated: e.Instant.Repeated}
		if err == nil {
			space, err = e.write(space, &m)
		}
		switch {
		case errors.Is(err, mapping.ErrLeftOut):
			m.outcome = leftOut
		case err != nil:
			m.outcome, m.problem = malformed, err
		case m.value == nil:
			return // nothing to take back
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
	if e.options.Judge && !e.options.Undo {
		m.problem = e.judge()
	}
	return space, nil
}

const (
	idStart   = `{"event_id":"`
	undoStart = `{"op":"retract","event_id":"`
	idLength  = 36
)

// importedAt is the end of a message, which says when the import began.
func importedAt(began time.Time) string {
	return `,"imported_at":"` + began.UTC().Format("2006-01-02T15:04:05.999Z07:00") + `"}`
}

// writeEvent writes the JSON form that the contract gives the event, with the id
// before and the import's time after what the id is derived from.
func (e *encoder) writeEvent(space []byte, m *message) (out []byte, err error) {
	begin := len(space)
	space = append(space, e.Event.User...)
	if e.Event.User != "" {
		m.key = space[begin:len(space):len(space)]
	}
	begin = len(space)
	e.Event.ImportedAt = time.Time{} // ours comes at the end
	if e.Event.EventID != "" || e.Event.Op != purchase.Add {
		space, err = e.Event.AppendJSON(space)
	} else {
		space, err = e.writeDerived(space, m)
	}
	if err != nil {
		return space, err
	}
	if e.options.Undo {
		return e.writeRetraction(space, m)
	}
	if e.Event.Op == purchase.Add {
		space = append(space[:len(space)-1], e.importedAt...)
	}
	m.value = space[begin:len(space):len(space)]
	return space, nil
}

// writeDerived writes an event with the id that comes from its content.
func (e *encoder) writeDerived(space []byte, m *message) ([]byte, error) {
	begin := len(space)
	space = append(space, idStart...)
	space = append(space, make([]byte, idLength)...)
	space = append(space, '"')
	content := len(space)
	space, err := e.Event.AppendJSON(space)
	if err != nil {
		return space, err
	}
	space[content] = ','
	m.idAt, m.content = len(idStart), space[content+1:len(space)-1]
	texts, err := e.Identified()
	if texts == nil {
		m.first = e.ids.ID(m.content, 0)
	} else {
		e.scratch = identity.AppendTexts(e.scratch[:0], texts)
		m.first, m.content = e.ids.ID(e.scratch, 0), nil
	}
	writeID(space[begin+m.idAt:], m.first)
	return space, err
}

func writeID(to []byte, id uuid.UUID) {
	var text [idLength]byte
	hex.Encode(text[:8], id[:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:], id[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	copy(to, text[:])
}

// writeRetraction writes the message that takes an event back. One whose id or
// timestamp is not valid never counted, and a retraction in a file stays one.
func (e *encoder) writeRetraction(space []byte, m *message) ([]byte, error) {
	if e.Event.Op != purchase.Add {
		return space, nil
	}
	id := e.Event.EventID
	if m.idAt > 0 {
		id, m.idAt = m.first.String(), len(undoStart)
	}
	retraction := purchase.Event{
		Op: purchase.Retract, EventID: id, User: e.Event.User, Timestamp: e.Event.Timestamp,
		RetractedAt: e.options.Began.UTC().Truncate(time.Millisecond),
	}
	if retraction.Validate(e.options.Began) != nil {
		return space, nil
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
	if user := strings.TrimSpace(e.Event.User); user != "" {
		m.key = []byte(user)
	}
	begin := len(space)
	text := bytes.TrimSpace(e.Raw)
	if !bytes.Contains(text, []byte(`"event_id"`)) {
		m.idAt, m.content, m.first = len(idStart), text, e.ids.ID(text, 0)
		space = append(space, idStart...)
		space = append(append(space, m.first.String()...), '"')
		if text = bytes.TrimSpace(text[1:]); text[0] != '}' {
			space = append(space, ',')
		}
	}
	space = append(space, text...)
	m.value = space[begin:len(space):len(space)]
	return space, nil
}

// judge is what the reader of the topic will say about the message.
func (e *encoder) judge() (err error) {
	if e.Raw != nil {
		_, err = purchase.Decode(e.Raw)
	} else {
		err = e.Event.Validate(e.options.Began)
	}
	if err != nil {
		return fmt.Errorf("would be a dead letter: %w", err)
	}
	return nil
}
