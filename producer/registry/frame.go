// Package registry reads and writes the frame that serializers of a schema registry
// put around a value, and asks a registry for schemas.
//
// It does not know what the payload means: the processor's decoders and the
// producer's encoders do.
package registry

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/google/uuid"
)

// Header names the record header that holds the id of the value's schema, in the
// newer form of the frame.
const Header = "__value_schema_id"

// The first byte of a frame.
const (
	magicNumber = 0 // a schema's number in 4 bytes follows
	magicGUID   = 1 // a schema's GUID in 16 bytes follows, in the header only
)

const numberSize = 4 // bytes

// ID names a schema of a registry. It has either a number or a GUID.
type ID struct {
	Number int32
	GUID   uuid.UUID
}

// String is the number or the GUID.
func (id ID) String() string {
	if id.GUID != uuid.Nil {
		return id.GUID.String()
	}
	return strconv.Itoa(int(id.Number))
}

// Frame is a value taken apart. Its parts share memory with the value.
type Frame struct {
	ID ID
	// InHeader says that the id is in the header.
	InHeader bool
	// Indexes, if not nil, are the bytes that the header has behind the id: the
	// message indexes of Protobuf. Without a header they begin the payload.
	Indexes []byte
	// Payload is what the schema describes.
	Payload []byte
}

// Parse takes a record's value apart. The header is that of the record, nil if it
// has none. It returns false for a value without a frame, which is one without a
// header that does not begin with byte 0, or one that is a JSON object.
func Parse(value, header []byte) (Frame, bool, error) {
	switch {
	case header != nil && value != nil && !isObject(value):
		f, err := parseHeader(header)
		f.Payload, f.InHeader = value, true
		return f, true, err
	case header != nil || len(value) <= numberSize || value[0] != magicNumber || isUTF16(value):
		return Frame{}, false, nil
	}
	number := binary.BigEndian.Uint32(value[1:])
	f := Frame{ID: ID{Number: int32(number & math.MaxInt32)}, Payload: value[1+numberSize:]}
	if number > math.MaxInt32 {
		return f, true, fmt.Errorf("the schema id %d is negative", number)
	}
	return f, true, nil
}

// isObject says that a value is JSON by itself. The first byte alone decides
// nearly always, but a binary payload may begin with it too.
func isObject(value []byte) bool { return len(value) > 0 && value[0] == '{' && json.Valid(value) }

// isUTF16 says that byte 0 is half of a brace.
func isUTF16(value []byte) bool { return bytes.HasPrefix(value, []byte("\x00{\x00")) }

func parseHeader(header []byte) (f Frame, err error) {
	switch {
	case len(header) > numberSize && header[0] == magicNumber && header[1] <= math.MaxInt8:
		f.ID.Number = int32(binary.BigEndian.Uint32(header[1:]))
		f.Indexes = header[1+numberSize:]
	case len(header) > len(f.ID.GUID) && header[0] == magicGUID:
		copy(f.ID.GUID[:], header[1:])
		f.Indexes = header[1+len(f.ID.GUID):]
	default:
		return f, fmt.Errorf("the header %s is %.40q, want byte 0 and 4 bytes of a schema id, or byte 1 and 16 bytes of a "+
			"GUID", Header, header)
	}
	if len(f.Indexes) == 0 {
		f.Indexes = nil
	}
	return f, nil
}

// Append appends the frame of a schema with that number to b. The payload follows.
func Append(b []byte, number int32) []byte {
	return binary.BigEndian.AppendUint32(append(b, magicNumber), uint32(number))
}

// Strip returns the payload of a value that holds a JSON object in a frame, and
// any other value as it is.
func Strip(value []byte) []byte {
	const begin = 1 + numberSize
	if len(value) > begin && value[0] == magicNumber && value[begin] == '{' {
		return value[begin:]
	}
	return value
}
