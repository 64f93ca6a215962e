package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each message of the table in docs/operations.md stands in the code, and each
// metric is one that the code defines.
func TestOperationsNamesWhatTheCodeSays(t *testing.T) {
	text, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "## When you see this")
	messages := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(table, -1)
	if len(messages) < 5 {
		t.Fatalf("only %d messages", len(messages))
	}
	code := sources(t)
	for _, m := range messages {
		if !strings.Contains(code, m[1]) {
			t.Errorf("no program says %q", m[1])
		}
	}
	for _, m := range regexp.MustCompile("`(?:processor|producer)_([a-z_]+)").FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(code, `"`+m[1]+`"`) {
			t.Errorf("there is no metric of the name %s", m[1])
		}
	}
}

// sources is the code of processor and producer without tests; texts that a
// line break divides are joined.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, root := range []string{".", "../producer"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return regexp.MustCompile(`"\s*\+\s*"`).ReplaceAllString(all.String(), "")
}
