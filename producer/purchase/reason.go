package purchase

import "fmt"

// Reason is the stable code of a broken rule. It goes into the dead letter's
// header and into the database, so a code keeps its meaning for ever.
type Reason string

// The rules that an event can break.
const (
	EmptyValue          Reason = "empty_value"           // no value, or an empty one
	TooLarge            Reason = "too_large"             // value over MaxValue bytes
	InvalidUTF8         Reason = "invalid_utf8"          // a byte sequence that is no UTF-8
	ByteOrderMark       Reason = "byte_order_mark"       // the value begins with a Unicode byte order mark
	SchemaRegistryFrame Reason = "schema_registry_frame" // the value begins with a schema's id
	JSONArray           Reason = "json_array"            // an array, perhaps of events
	JSONInString        Reason = "json_in_string"        // a text, perhaps of JSON
	Envelope            Reason = "envelope"              // an object that holds the event in one of its members
	InvalidJSON         Reason = "invalid_json"          // not one JSON object
	DuplicateName       Reason = "duplicate_name"        // an object names a member twice
	InvalidType         Reason = "invalid_type"          // a text field that is no JSON string
	MissingUser         Reason = "missing_user"          // absent, null or only white space
	MissingItem         Reason = "missing_item"          // absent, null or only white space
	MissingTimestamp    Reason = "missing_timestamp"     // absent or null
	MissingEventID      Reason = "missing_event_id"      // a retraction that names no event
	InvalidTimestamp    Reason = "invalid_timestamp"     // not RFC 3339 with a zone, or before 1970
	TimestampInFuture   Reason = "timestamp_in_future"   // more than MaxClockSkew ahead
	InvalidQuantity     Reason = "invalid_quantity"      // not an integer, 0, or over MaxQuantity
	InvalidPrice        Reason = "invalid_price"         // not a decimal ≥ 0 with at most 6 decimals
	InvalidAmount       Reason = "invalid_amount"        // not a decimal, or negative in a purchase
	AmountTooLarge      Reason = "amount_too_large"      // price, amount or quantity × price over MaxMicros
	InvalidCurrency     Reason = "invalid_currency"      // not an ISO 4217 code
	InvalidAttributes   Reason = "invalid_attributes"    // not a flat object of strings, or too many
	FieldTooLong        Reason = "field_too_long"        // over the field's limit in bytes
	InvalidOp           Reason = "invalid_op"            // an op that is neither purchase nor retract
	InvalidImportedAt   Reason = "invalid_imported_at"   // not a time as a timestamp is one
	InvalidRetractedAt  Reason = "invalid_retracted_at"  // not a time as a timestamp is one
	ControlCharacter    Reason = "control_character"     // a control character inside a text
)

// Invalid is the error of an event that breaks a rule.
type Invalid struct {
	Reason Reason
	// Detail says what was found and what is expected, in one line.
	Detail string
}

func (e *Invalid) Error() string { return string(e.Reason) + ": " + e.Detail }

func invalid(reason Reason, format string, args ...any) error {
	return &Invalid{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}
