package deserialize

import (
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
)

const maxMessageDepth = 32 // of messages declared in each other

var errIndexes = errors.New("its message indexes are truncated")

// messageIndexes reads the list that says which message of the schema this is: the
// place of a message in the file, of one declared inside it, and so on. A single 0
// stands for the first message.
func messageIndexes(b []byte) (indexes []int, rest []byte, err error) {
	count, size := binary.Varint(b)
	switch {
	case size <= 0:
		return nil, nil, errIndexes
	case count == 0:
		return []int{0}, b[size:], nil
	case count < 0 || count > maxMessageDepth:
		return nil, nil, fmt.Errorf("it has %d message indexes, want 1 to %d", count, maxMessageDepth)
	}
	for rest = b[size:]; int64(len(indexes)) < count; rest = rest[size:] {
		var index int64
		if index, size = binary.Varint(rest); size <= 0 {
			return nil, nil, errIndexes
		}
		indexes = append(indexes, int(index))
	}
	return indexes, rest, nil
}

// messageAt finds the message that the indexes name.
func messageAt(file protoreflect.FileDescriptor, indexes []int) (protoreflect.MessageDescriptor, error) {
	var found protoreflect.MessageDescriptor
	declared := file.Messages()
	for _, i := range indexes {
		if i < 0 || i >= declared.Len() {
			return nil, fmt.Errorf("its schema has no message with the indexes %v", indexes)
		}
		found = declared.Get(i)
		declared = found.Messages()
	}
	return found, nil
}
