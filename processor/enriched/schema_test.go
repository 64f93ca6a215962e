package enriched_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"purchases/processor/enriched"
	"purchases/producer/registry"
)

func TestEventsAreOfTheSchema(t *testing.T) {
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(enriched.JSONSchema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		value, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(instance); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		plain, err := enriched.Decode(value, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		framed, err := enriched.Decode(append(registry.Append(nil, 7), value...), time.Now())
		if err != nil || !reflect.DeepEqual(framed, plain) {
			t.Errorf("%s in a frame: %+v, %v", file, framed, err)
		}
	}
}

func TestScanReadsFrames(t *testing.T) {
	value, err := os.ReadFile("testdata/purchase.json")
	if err != nil {
		t.Fatal(err)
	}
	var plain, framed enriched.Flat
	value = bytes.TrimSpace(value)
	if !plain.Scan(value, time.Now()) || !framed.Scan(append(registry.Append(nil, 7), value...), time.Now()) ||
		!reflect.DeepEqual(plain, framed) {
		t.Errorf("plain %+v\nin a frame %+v", plain, framed)
	}
}
