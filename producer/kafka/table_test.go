package kafka

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table into docs/kafka.md")

const (
	manual     = "../../docs/kafka.md"
	tableBegin = "<!-- the table of properties, from producer/kafka/property.go -->\n"
	tableEnd   = "<!-- end of the table -->\n"
)

// The manual shows the table that the code works by.
func TestManualShowsTheTable(t *testing.T) {
	content, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(content), tableBegin)
	shown, after, ends := strings.Cut(rest, tableEnd)
	if !begins || !ends {
		t.Fatalf("%s lacks the table's marks", manual)
	}
	if *update {
		if err := os.WriteFile(manual, []byte(before+tableBegin+markdown()+tableEnd+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if shown != markdown() {
		t.Errorf("%s shows another table; run go test ./kafka -run Manual -update in producer/", manual)
	}
}

func markdown() string {
	var out strings.Builder
	out.WriteString("| Property | Effect |\n|---|---|\n")
	for _, p := range known() {
		names := "`" + strings.Join(append([]string{p.name}, p.aliases...), "`, `") + "`"
		fmt.Fprintf(&out, "| %s | %s |\n", names, p.effect())
	}
	return out.String()
}

func (p property) effect() string {
	switch p.use {
	case fixed:
		return fmt.Sprintf("Only `%s` is accepted: %s.", strings.Join(p.values, "` or `"), p.note)
	case ignored:
		return fmt.Sprintf("Ignored, with a warning: %s.", p.note)
	case refused:
		return fmt.Sprintf("Refused: %s.", p.note)
	}
	if p.secret {
		return "Secret, never on the command line: " + p.note + "."
	}
	return strings.ToUpper(p.note[:1]) + p.note[1:] + "."
}

func TestTableIsSound(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range known() {
		for _, name := range append([]string{p.name}, p.aliases...) {
			if seen[name] || seen[environment(name)] {
				t.Errorf("%s is there twice", name)
			}
			seen[name], seen[environment(name)] = true, true
			if !p.secret && secretName(name) && !strings.HasSuffix(name, ".url") && !strings.HasSuffix(name, ".source") &&
				p.use == honoured && !strings.Contains(name, "client.id") {
				t.Errorf("%s sounds like a secret and is not marked as one", name)
			}
		}
		if (p.use == fixed) != (len(p.values) > 0) || p.note == "" {
			t.Errorf("%s: values %v, note %q", p.name, p.values, p.note)
		}
	}
}

// sources are the places where a property can be set.
func sources(t *testing.T) map[string]func(name, text string) (values, error) {
	return map[string]func(name, text string) (values, error){
		"file": func(name, text string) (values, error) {
			path := filepath.Join(t.TempDir(), "client.properties")
			if err := os.WriteFile(path, []byte(name+"="+text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			v, _, err := fromFile(path)
			return v, err
		},
		"environment": func(name, text string) (values, error) {
			return fromEnvironment(func(variable string) string {
				if variable == environment(name) {
					return text
				}
				return ""
			})
		},
		"-X": func(name, text string) (values, error) { return fromPairs([]string{name + "=" + text}) },
	}
}

// Each property, by each of its names and in each place, is treated as the
// table says.
func TestPropertiesDoWhatTheTableSays(t *testing.T) {
	for _, p := range known() {
		for _, name := range append([]string{p.name}, p.aliases...) {
			for place, read := range sources(t) {
				for _, text := range append(slices.Clone(p.values), "other-value") {
					v, err := read(name, text)
					if place == "-X" && p.secret {
						if err == nil || !strings.Contains(err.Error(), environment(name)) || strings.Contains(err.Error(), text) {
							t.Errorf("-X %s is a secret: error %v", name, err)
						}
						continue
					}
					if err != nil || v.text(p.name) != text {
						t.Errorf("%s in %s: %q, %v", name, place, v.text(p.name), err)
						continue
					}
					p.wantUse(t, v, text)
				}
			}
		}
	}
}

// wantUse compares what becomes of the value with the table.
func (p property) wantUse(t *testing.T, v values, text string) {
	t.Helper()
	warnings, err := v.check()
	refuses := p.use == refused || p.use == fixed && !slices.Contains(p.values, text)
	warns := p.use == ignored
	if (err != nil) != refuses || (len(warnings) > 0) != warns {
		t.Errorf("%s=%s: warnings %q, error %v; the table says: %s", p.name, text, warnings, err, p.effect())
	}
	for _, said := range append(warnings, fmt.Sprint(err)) {
		if (refuses || warns) && strings.Contains(said, p.name) && !strings.Contains(said, p.note) {
			t.Errorf("%s: %q does not give the reason: %s", p.name, said, p.note)
		}
		if p.secret && strings.Contains(said, text) {
			t.Errorf("%s: it shows the secret: %q", p.name, said)
		}
	}
}
