package purchase

import _ "embed"

// The schemas of an event, to be registered with a schema registry. Field names
// are those of the JSON form.
var (
	//go:embed schemas/purchase.avsc
	AvroSchema string
	//go:embed schemas/purchase.proto
	ProtobufSchema string
	//go:embed schemas/purchase.json
	JSONSchema string
)
