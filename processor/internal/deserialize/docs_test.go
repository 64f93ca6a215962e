package deserialize_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"purchases/processor/internal/deserialize"
	"purchases/producer/purchase"
)

func TestManualHasEachReason(t *testing.T) {
	manual, err := os.ReadFile("../../../docs/schema-registry.md")
	if err != nil {
		t.Fatal(err)
	}
	var found []purchase.Reason
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| .*\\.? \\|$").FindAllSubmatch(manual, -1) {
		found = append(found, purchase.Reason(row[1]))
	}
	want := []purchase.Reason{
		deserialize.UnknownSchema, deserialize.UnsupportedSchema, deserialize.NotOfItsSchema,
		deserialize.RegistryNotConfigured,
	}
	for _, reason := range want {
		if !slices.Contains(found, reason) {
			t.Errorf("the manual lacks %s", reason)
		}
	}
}
