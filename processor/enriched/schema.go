package enriched

import _ "embed"

// JSONSchema is the JSON Schema of an event, to be registered with a schema registry.
//
//go:embed schema.json
var JSONSchema string
