package cmdline

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestComplete(t *testing.T) {
	for line, want := range map[string]string{
		"q":                                "query",
		"query top":                        "top-items top-users",
		"query ":                           "top-items top-users",
		"query top-items --l":              "--log-level --log-format --limit",
		"query --limit 5 top-items --a":    "--all",
		"query top-items --to ":            "east west",
		"query top-items --to w":           "west",
		"query top-items --limit ":         "",
		"query top-users --to ":            "",
		"query top-items --to west --limi": "--limit",
	} {
		var out, errs bytes.Buffer
		app := shop()
		SetChoices(app, func(command []string, flag string) []string {
			if slices.Equal(command, []string{"query", "top-items"}) && flag == "to" {
				return []string{"east", "west"}
			}
			return nil
		})
		code := Run(t.Context(), app, append([]string{"shop", "complete", "--"}, strings.Split(line, " ")...), &out, &errs)
		var got []string
		for line := range strings.Lines(out.String()) {
			text, _, _ := strings.Cut(line, "\t")
			got = append(got, text)
		}
		if code != 0 || strings.Join(got, " ") != want {
			t.Errorf("%q: exit %d, %q, want %q; %s", line, code, got, want, &errs)
		}
	}
}

func TestCompletionScriptsAndManual(t *testing.T) {
	for args, want := range map[string]string{
		"completion bash": "complete -o filenames -F _shop shop",
		"completion zsh":  "#compdef shop",
		"completion fish": "complete -c shop",
		"man":             ".SH NAME",
	} {
		if code, stdout, stderr := run(t.Context(), strings.Fields(args)...); code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit %d, %q, %q", args, code, stdout, stderr)
		}
	}
	if code, _, stderr := run(t.Context(), "completion", "csh"); code != 2 ||
		!strings.Contains(stderr, "bash, zsh or fish") {
		t.Errorf("csh: exit %d, %q", code, stderr)
	}
}
