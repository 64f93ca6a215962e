package kafka

import (
	"flag"
	"fmt"
	"os"
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
	out.WriteString("| Property | What the programs do |\n|---|---|\n")
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
			if !p.secret && secretName(name) && !strings.HasSuffix(name, ".url") && p.use == honoured && !strings.Contains(name, "client.id") {
				t.Errorf("%s sounds like a secret and is not marked as one", name)
			}
		}
		if (p.use == fixed) != (len(p.values) > 0) || p.note == "" {
			t.Errorf("%s: values %v, note %q", p.name, p.values, p.note)
		}
	}
}
