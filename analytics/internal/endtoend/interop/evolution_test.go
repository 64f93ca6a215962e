package interop

import (
	"maps"
	"testing"

	"purchases/producer/purchase"
)

// Versions of one subject that testdata/evolve.py writes in each format. Each message
// is read by the schema that it names, whatever came later, and fields go by name.
var evolved = map[string]bought{
	"first":    {Item: "tea", ItemName: "Tea", Quantity: 1, Amount: none},
	"explicit": {Item: "tea", ItemName: "Tea", Quantity: 5, Amount: none},
	// One more of the first version, after the second: its quantity has no default.
	"old":          {Item: "tea", ItemName: "Tea", Quantity: 1, Amount: none},
	"renamed-name": {Item: "tea", Quantity: 1, Amount: none},
	"other":        {Item: "85123", ItemName: "Tea", Quantity: 4, Amount: none},
}

// added is the quantity of a message that leaves the new field to its default: the
// serializer of Avro writes it, a message of Protobuf has it, and in JSON Schema it is
// a remark.
var added = map[string]int64{"avro": 3, "protobuf": 3, "json": 1}

// evolvedLetters are a message whose user has another name, and one of a wrong type.
var evolvedLetters = map[string]purchase.Reason{"renamed": purchase.MissingUser, "wrong": purchase.InvalidType}

func TestSchemaEvolution(t *testing.T) {
	onEach(t, func(s *shop) {
		s.python("evolve.py")
		s.must("processor", "run", "--drain")
		events, reasons := map[string]bought{}, map[string]purchase.Reason{}
		for format, quantity := range added {
			versions := maps.Clone(evolved)
			versions["added"] = bought{Item: "tea", ItemName: "Tea", Quantity: quantity, Amount: none}
			for version, want := range versions {
				events[format+"-"+version] = want
			}
			for version, reason := range evolvedLetters {
				reasons[format+"-"+version] = reason
			}
		}
		s.compare(events, reasons)
	})
}
