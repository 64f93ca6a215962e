package main

import (
	"bytes"
	"strings"
	"testing"

	"purchases/producer/cmdline"
)

func TestCompletionKnowsQueriesParametersAndChoices(t *testing.T) {
	for line, want := range map[string]string{
		"query top-it":                      "top-items\t",
		"query top-items --curr":            "--currency\t",
		"query sales-over-time --every mon": "month\t",
		"query top-items --output ndj":      "ndjson\t",
		"stat":                              "status\t",
	} {
		var out, errs bytes.Buffer
		args := append([]string{"analytics", "complete", "--"}, strings.Split(line, " ")...)
		if code := cmdline.Run(t.Context(), app(), args, &out, &errs); code != 0 || !strings.HasPrefix(out.String(), want) {
			t.Errorf("%q: exit %d, %q, want %q; %s", line, code, &out, want, &errs)
		}
	}
}
