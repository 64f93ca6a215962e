package purchase

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// notJSON are the beginnings of values that are no JSON, and what they are.
var notJSON = []struct {
	begin  string
	reason Reason
	cause  string
}{
	{"\x00{", InvalidUTF8, "the value is UTF-16; write UTF-8"},
	{"{\x00", InvalidUTF8, "the value is UTF-16; write UTF-8"},
	{"\x00", SchemaRegistryFrame, "magic byte 0 and a schema id, as serializers of a schema registry write them"},
	{"\xef\xbb\xbf", ByteOrderMark, "the value begins with a UTF-8 byte order mark; leave it out"},
	{"\xff\xfe", ByteOrderMark, "the value begins with a UTF-16 byte order mark; write UTF-8 without one"},
	{"\xfe\xff", ByteOrderMark, "the value begins with a UTF-16 byte order mark; write UTF-8 without one"},
	{"\x1f\x8b", InvalidUTF8, "the value is gzip; let the producer compress batches, with compression.type"},
	{"\xac\xed", InvalidUTF8, "the value is a serialized Java object; write JSON"},
}

// notObject are the beginnings of JSON that is no event, after white space.
var notObject = []struct {
	begin  string
	reason Reason
	cause  string
}{
	{"[", JSONArray, "a JSON array; publish each event as a message of its own"},
	{`"`, JSONInString, "a JSON text; if it holds an event, that was encoded twice"},
	{"{'", InvalidJSON, "single quotes, as Python prints a dict; write JSON"},
	{"{", "", ""},
	{"<", InvalidJSON, "XML or HTML; write JSON"},
	{"eyJ", InvalidJSON, "base64 of JSON, by its beginning; write the JSON itself"},
	{"null", InvalidJSON, "the JSON value null, which is no event"},
	{"", InvalidJSON, "the value is not a JSON object"},
}

var errInvalidUTF8 = invalid(InvalidUTF8, "the value is not UTF-8")

// checkValue names what is no event at first sight.
func checkValue(value []byte) error {
	if value == nil {
		return invalid(EmptyValue, "the value is null, which is a tombstone for compaction")
	}
	for _, other := range notJSON {
		if bytes.HasPrefix(value, []byte(other.begin)) {
			return invalid(other.reason, "%s", other.cause)
		}
	}
	trimmed := bytes.TrimLeft(value, " \t\r\n")
	switch {
	case len(trimmed) == 0:
		return invalid(EmptyValue, "the value is empty")
	case len(value) > MaxValue:
		return invalid(TooLarge, "%d bytes, at most %d are accepted", len(value), MaxValue)
	case trimmed[0] != '{' && !utf8.Valid(value):
		return errInvalidUTF8
	}
	for _, other := range notObject {
		if bytes.HasPrefix(trimmed, []byte(other.begin)) {
			if other.reason == "" {
				return nil
			}
			return invalid(other.reason, "%s", other.cause)
		}
	}
	return nil
}

// jsonCause says where JSON ends to be JSON, without the decoder's own words
// around it.
func jsonCause(err error) string {
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) && syntactic.Err != nil {
		return fmt.Sprintf("not JSON at byte %d: %v", syntactic.ByteOffset, syntactic.Err)
	}
	return "not JSON: " + err.Error()
}
