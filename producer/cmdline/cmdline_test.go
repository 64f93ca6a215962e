package cmdline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
)

// shop is an app whose commands print the flags and arguments that they get.
func shop() *cli.App {
	show := func(c *cli.Context) error {
		fmt.Fprintf(c.App.Writer, "%s limit=%d all=%v to=%s %q\n", c.Command.Name, c.Int("limit"), c.Bool("all"),
			c.String("to"), c.Args().Slice())
		return nil
	}
	flags := func() []cli.Flag {
		return []cli.Flag{
			&cli.IntFlag{Name: "limit", Aliases: []string{"n"}},
			&cli.BoolFlag{Name: "all"},
			&cli.StringFlag{Name: "to"},
		}
	}
	return &cli.App{
		Name:  "shop",
		Flags: []cli.Flag{&cli.StringFlag{Name: "to"}},
		Commands: []*cli.Command{
			{Name: "query", Subcommands: []*cli.Command{
				{Name: "top-items", Flags: flags(), Action: show},
				{Name: "top-users", Flags: flags(), Action: show},
				{Name: "secret", Hidden: true, Action: show},
			}},
			{Name: "fail", Action: func(*cli.Context) error { return errors.New("disk is full") }},
			{Name: "misuse", Action: func(*cli.Context) error { return fmt.Errorf("wrapped: %w", Usagef("--at %d", 5)) }},
			{Name: "wait", Action: func(c *cli.Context) error { <-c.Context.Done(); return c.Context.Err() }},
			{Name: "waits", Action: func(c *cli.Context) error {
				<-c.Context.Done()
				return fmt.Errorf("after 7 rows: %w", c.Context.Err())
			}},
			{Name: "serve", Action: func(c *cli.Context) error { <-c.Context.Done(); return nil }},
		},
	}
}

func run(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = Run(ctx, shop(), append([]string{"shop"}, args...), &out, &errs)
	return code, out.String(), errs.String()
}

func TestExitCodesAndMessages(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		args   string
		code   int
		stderr string // the last line
	}{
		{"query top-items", 0, ""},
		{"serve", 0, ""},
		{"fail", 1, "shop: disk is full"},
		{"misuse", 2, "shop: wrapped: --at 5"},
		{"wait", 130, "shop: interrupted"},
		{"waits", 130, "shop: after 7 rows: context canceled"},
		{"", 2, "shop: name a command; see `shop --help`"},
		{"querry", 2, "shop: unknown command \"querry\" for `shop`. Did you mean \"query\"? See `shop --help`"},
		{"query", 2, "shop: name a command; see `shop query --help`"},
		{"query top-itms --limit 5", 2,
			"shop: unknown command \"top-itms\" for `shop query`. Did you mean \"top-items\"? See `shop query --help`"},
		{"query top-items --limit five", 2,
			"shop: invalid value \"five\" for flag -limit; see `shop query top-items --help`"},
		{"query top-items --limti 5", 2,
			"shop: unknown flag --limti for `shop query top-items`. Did you mean --limit? See `shop query top-items --help`"},
		{"query top-items --nonsense", 2,
			"shop: unknown flag --nonsense for `shop query top-items`. See `shop query top-items --help`"},
		{"query nonsense", 2, "shop: unknown command \"nonsense\" for `shop query`. See `shop query --help`"},
		{"help nonsense", 2, "shop: No help topic for 'nonsense'"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			code, stdout, stderr := run(cancelled, strings.Fields(tt.args)...)
			lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
			if code != tt.code || lines[len(lines)-1] != tt.stderr {
				t.Errorf("exit %d, stderr %q, want %d, %q", code, stderr, tt.code, tt.stderr)
			}
			if code != 0 && stdout != "" {
				t.Errorf("stdout %q", stdout)
			}
		})
	}
}

func TestAnErrorBeforeTheSignalIsAFailure(t *testing.T) {
	app := &cli.App{Name: "shop", Action: func(*cli.Context) error { return context.Canceled }}
	if code := Run(t.Context(), app, []string{"shop"}, new(bytes.Buffer), new(bytes.Buffer)); code != 1 {
		t.Errorf("exit %d, want 1: nobody interrupted it", code)
	}
}

func TestHelp(t *testing.T) {
	for _, args := range []string{"--help", "-h", "help", "query --help", "query top-items --help", "query top-items -h"} {
		code, stdout, stderr := run(t.Context(), strings.Fields(args)...)
		if code != 0 || !strings.Contains(stdout, "NAME:") || stderr != "" {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
}

func TestFlagsStandAnywhere(t *testing.T) {
	for args, want := range map[string]string{
		"query top-items --limit 5 a b":           `top-items limit=5 all=false to= ["a" "b"]`,
		"query top-items a --limit 5 b":           `top-items limit=5 all=false to= ["a" "b"]`,
		"query --limit 5 top-items a":             `top-items limit=5 all=false to= ["a"]`,
		"--limit=5 query top-items a":             `top-items limit=5 all=false to= ["a"]`,
		"query --all top-items a -n 3":            `top-items limit=3 all=true to= ["a"]`,
		"query top-items a --all b":               `top-items limit=0 all=true to= ["a" "b"]`,
		"query top-items a --all=false b":         `top-items limit=0 all=false to= ["a" "b"]`,
		"query top-items --to - -":                `top-items limit=0 all=false to=- ["-"]`,
		"query top-items --to --all":              `top-items limit=0 all=false to=--all []`,
		"query top-items a -- --limit 5":          `top-items limit=0 all=false to= ["a" "--limit" "5"]`,
		"query top-items --limit -5":              `top-items limit=-5 all=false to= []`,
		"query top-items top-users":               `top-items limit=0 all=false to= ["top-users"]`,
		"query top-users x --to inner --limit=1":  `top-users limit=1 all=false to=inner ["x"]`,
		"--to outer query top-users":              `top-users limit=0 all=false to= []`,
		"query --limit 1 top-users --limit 2 out": `top-users limit=2 all=false to= ["out"]`,
	} {
		code, stdout, stderr := run(t.Context(), strings.Fields(args)...)
		if code != 0 || strings.TrimSpace(stdout) != want {
			t.Errorf("%s:\n got %s %s\nwant %s", args, stdout, stderr, want)
		}
	}
}

func TestFlagsFirstIsStable(t *testing.T) {
	args := []string{"shop", "--to", "x", "query", "top-items", "--limit", "5", "a"}
	if got := flagsFirst(shop(), args); !slices.Equal(got, args) {
		t.Errorf("got %q", got)
	}
	if got := flagsFirst(shop(), nil); len(got) != 0 {
		t.Errorf("got %q", got)
	}
}

func TestLogger(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(textHandler(&out, "shop", slog.LevelInfo))
	log.Debug("not shown")
	log.With("partition", 3).WithGroup("kafka").Warn("broker is away", "try", 2, "cause", "no route")
	log.Info("back")
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 3 {
		t.Fatalf("lines %q", lines)
	}
	for i, want := range []string{`WARN broker is away partition=3 kafka.try=2 kafka.cause="no route"`, "INFO back"} {
		prefix, rest, _ := strings.Cut(lines[i], "Z ")
		if !strings.HasPrefix(prefix, "shop: 20") || rest != want {
			t.Errorf("line %q, want %q", lines[i], want)
		}
	}
}

func TestVersion(t *testing.T) {
	for _, args := range []string{"version", "--version"} {
		code, stdout, stderr := run(t.Context(), args)
		if code != 0 || !strings.HasPrefix(stdout, "shop ") || !strings.Contains(stdout, "\ngo        1.") || stderr != "" {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
}

func TestHelpFitsTheWidthAndOmitsSwitchesThatAreOff(t *testing.T) {
	_, stdout, _ := run(t.Context(), "query", "top-items", "--help")
	if strings.Contains(stdout, "default: false") || !strings.Contains(stdout, "--all") {
		t.Errorf("help %s", stdout)
	}
	for line := range strings.Lines(reflow(strings.Repeat("many words ", 40)+"\n\n    an example of "+
		strings.Repeat("x", 90), 3)) {
		if len(strings.TrimRight(line, "\n")) > helpWidth && !strings.Contains(line, "example") {
			t.Errorf("line of %d columns: %s", len(line), line)
		}
	}
}

func TestLogFlags(t *testing.T) {
	app := shop()
	app.Commands = append(app.Commands, &cli.Command{Name: "log", Action: func(c *cli.Context) error {
		log := Log(c, "till").With("topic", "sales")
		for partition := range 2 {
			for range 3 {
				log.Warn("away", "partition", partition, "cause", "no route")
			}
		}
		log.Debug("detail")
		return nil
	}})
	var out, errs bytes.Buffer
	if code := Run(t.Context(), app, strings.Fields("shop --log-format json log --log-level debug"), &out,
		&errs); code != 0 {
		t.Fatal(code, errs.String())
	}
	var messages []string
	for line := range strings.Lines(errs.String()) {
		var record struct{ Level, Msg, Program, Component, Topic string }
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		if record.Program != "shop" || record.Component != "till" || record.Topic != "sales" {
			t.Errorf("line %q", line)
		}
		messages = append(messages, record.Level+" "+record.Msg)
	}
	if want := []string{"WARN away", "WARN away", "DEBUG detail"}; !slices.Equal(messages, want) {
		t.Errorf("lines %q, want %q", messages, want)
	}
	for _, args := range []string{"--log-level loud", "--log-format xml"} {
		if code, _, stderr := run(t.Context(), strings.Fields(args+" serve")...); code != 2 ||
			!strings.Contains(stderr, "want ") {
			t.Errorf("%s: exit %d, stderr %q", args, code, stderr)
		}
	}
}

func TestRepeatsAreCounted(t *testing.T) {
	m, begin := memory{seen: map[string]*seenLine{}}, time.Unix(0, 0)
	var written []int
	for second := range 130 {
		if write, dropped := m.admit("line", begin.Add(time.Duration(second)*time.Second)); write {
			written = append(written, dropped)
		}
	}
	if want := []int{0, 59, 59}; !slices.Equal(written, want) {
		t.Errorf("left out before each line %v, want %v", written, want)
	}
}
