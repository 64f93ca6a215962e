package cmdline

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"
)

// version and commit are set by the linker (see the Makefile): Go's own build
// information says neither for a module in a subdirectory of a workspace.
var version, commit string

// Component is a part of a program with a version of its own.
type Component struct{ Name, Version string }

// componentsKey is where an app keeps its components.
const componentsKey = "components"

// Components returns the metadata of an app with its components, which its
// version shows.
func Components(all ...Component) map[string]any { return map[string]any{componentsKey: all} }

// Build is what is known of how a program was built. Unknown parts are empty.
type Build struct {
	// Version is a release's, or Go's pseudo-version.
	Version string
	// Commit is the hash, with "+changes" where files were not committed.
	Commit, Time, Go string
}

// ThisBuild reads the build information of the running program.
func ThisBuild() Build {
	b := Build{Version: version, Commit: commit, Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.Commit != "" {
		return b
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value + b.Commit
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				b.Commit += "+changes"
			}
		}
	}
	return b
}

// addVersion gives the app --version and the command version.
func addVersion(app *cli.App) {
	app.Version = versionText(app)
	app.HideVersion = true // the flag is added below, without the short one that other programs use for verbose
	show := func(c *cli.Context) error {
		_, err := fmt.Fprintln(c.App.Writer, app.Version)
		return err
	}
	app.Flags = append(app.Flags, &cli.BoolFlag{Name: "version", Usage: "show the version"})
	app.Commands = append(app.Commands, &cli.Command{Name: "version", Usage: "show the version", Action: show})
	action := app.Action
	if action == nil {
		action = group(app.Commands)
	}
	app.Action = func(c *cli.Context) error {
		if c.Bool("version") {
			return show(c)
		}
		return action(c)
	}
}

func versionText(app *cli.App) string {
	b := ThisBuild()
	lines := []string{
		fmt.Sprintf("%s %s", app.Name, orUnknown(b.Version)),
		fmt.Sprintf("%-9s %s", "commit", strings.TrimSpace(orUnknown(b.Commit)+" "+b.Time)),
		fmt.Sprintf("%-9s %s %s/%s", "go", strings.TrimPrefix(b.Go, "go"), runtime.GOOS, runtime.GOARCH),
	}
	components, _ := app.Metadata[componentsKey].([]Component)
	for _, c := range components {
		lines = append(lines, fmt.Sprintf("%-9s %s", c.Name, c.Version))
	}
	return strings.Join(lines, "\n")
}

func orUnknown(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}
