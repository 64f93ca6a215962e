package purchase_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"purchases/producer/purchase"
)

const (
	manual = "../../docs/events.md"
	schema = "../../docs/events.schema.json"
)

func file(t testing.TB, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func section(t testing.TB, title string) string {
	t.Helper()
	_, rest, found := strings.Cut(file(t, manual), "\n## "+title+"\n")
	if !found {
		t.Fatalf("%s has no section %q", manual, title)
	}
	text, _, _ := strings.Cut(rest, "\n## ")
	return text
}

var firstCell = regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\|")

// rows are the names in the first column of a section's table.
func rows(t testing.TB, title string) (names []string) {
	for _, row := range firstCell.FindAllStringSubmatch(section(t, title), -1) {
		names = append(names, row[1])
	}
	slices.Sort(names)
	return names
}

func TestManualHasEachReason(t *testing.T) {
	code, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	ast.Inspect(code, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && spec.Type.(*ast.Ident).Name == "Reason" {
			reason, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Error(err)
			}
			reasons = append(reasons, reason)
		}
		return true
	})
	slices.Sort(reasons)
	if got := rows(t, "Reasons"); !slices.Equal(got, reasons) {
		t.Errorf("the manual has the reasons\n%v, the code\n%v", got, reasons)
	}
	for _, reason := range reasons {
		if !slices.ContainsFunc(broken, func(b brokenEvent) bool { return string(b.reason) == reason }) {
			t.Errorf("no example breaks %s", reason)
		}
	}
}

// known are the members that Decode knows: it refuses to read them twice.
func known(names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		_, err := purchase.Decode([]byte(`{"` + name + `":null,"` + name + `":null}`))
		return err == nil || !strings.HasPrefix(err.Error(), string(purchase.DuplicateName))
	})
}

func TestManualAndSchemaHaveEachMember(t *testing.T) {
	var found struct{ Properties map[string]any }
	if err := json.Unmarshal([]byte(file(t, schema)), &found); err != nil {
		t.Fatal(err)
	}
	members := rows(t, "Fields")
	if inSchema := slices.Sorted(maps.Keys(found.Properties)); !slices.Equal(members, inSchema) {
		t.Errorf("the manual has the members\n%v, the schema\n%v", members, inSchema)
	}
	if !known(members) || len(members) != purchase.MemberCount {
		t.Errorf("the code reads %d members, the manual has %v", purchase.MemberCount, members)
	}
}

// beyondSchema are the rules that JSON Schema cannot express, or not in full.
var beyondSchema = []purchase.Reason{
	purchase.DuplicateName, purchase.InvalidTimestamp, purchase.TimestampInFuture, purchase.InvalidImportedAt,
	purchase.InvalidRetractedAt,
	purchase.MissingUser, purchase.InvalidQuantity, purchase.InvalidPrice, purchase.AmountTooLarge,
	purchase.InvalidCurrency,
	purchase.InvalidType, purchase.FieldTooLong, purchase.ControlCharacter, purchase.TooLarge,
}

func TestSchemaAgreesWithDecode(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	compiled, err := compiler.Compile(schema)
	if err != nil {
		t.Fatal(err)
	}
	check := func(value []byte) error {
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
		if err != nil {
			return err
		}
		return compiled.Validate(instance)
	}
	for _, tt := range accepted() {
		if err := check([]byte(tt.json)); err != nil {
			t.Errorf("the schema refuses %s: %v", tt.json, err)
		}
	}
	for name := range golden {
		if err := check([]byte(file(t, "testdata/"+name))); err != nil {
			t.Errorf("the schema refuses %s: %v", name, err)
		}
	}
	for _, b := range broken {
		if !slices.Contains(beyondSchema, b.reason) && check(b.value) == nil {
			t.Errorf("the schema accepts %.200s, which is %s", b.value, b.reason)
		}
	}
	example := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(file(t, manual), -1)
	for _, text := range example {
		e, err := purchase.Decode([]byte(text[1]))
		e.Normalize()
		if err == nil {
			err = e.Validate(now.AddDate(1, 0, 0))
		}
		if err != nil || check([]byte(text[1])) != nil {
			t.Errorf("the manual's example %s: %v, %v", text[1], err, check([]byte(text[1])))
		}
	}
	if len(example) < 2 {
		t.Errorf("%d examples in %s", len(example), manual)
	}
}

func TestRegisteredSchemaIsTheManuals(t *testing.T) {
	if purchase.JSONSchema != file(t, schema) {
		t.Errorf("schemas/purchase.json differs from %s; copy it", schema)
	}
}
