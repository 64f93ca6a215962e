package retract

import (
	"bufio"
	"fmt"
	"io"
	"time"

	"purchases/producer/purchase"
)

// ReadList reads JSON lines that name events by event_id and timestamp, as
// events themselves do, and returns their retractions, issued at that time. A
// user becomes the key; other members are ignored, and so are blank lines. The
// error names the first line that is wrong.
func ReadList(r io.Reader, at time.Time) ([]purchase.Event, error) {
	var list []purchase.Event
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, purchase.MaxValue)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		e, err := readLine(lines.Bytes(), at)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		list = append(list, e)
	}
	return list, lines.Err()
}

func readLine(line []byte, at time.Time) (purchase.Event, error) {
	e, err := purchase.Decode(line)
	if err != nil {
		return e, err
	}
	e.Op, e.RetractedAt = purchase.Retract, at
	e.Normalize()
	return e, e.Validate(at)
}
