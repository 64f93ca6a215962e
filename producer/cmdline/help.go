package cmdline

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

const (
	helpWidth   = 100 // columns
	flagColumn  = 30  // where the text of a flag begins
	commandsGap = 3
)

const helpTemplate = `NAME:
   {{.HelpName}}{{if .Usage}} - {{.Usage}}{{end}}

USAGE:
   {{with .UsageText}}{{.}}{{else}}{{.HelpName}}{{if .VisibleCommands}} COMMAND{{end}}` +
	`{{if .VisibleFlags}} [options]{{end}}{{with .ArgsUsage}} {{.}}{{end}}{{end}}{{if .Description}}

DESCRIPTION:
{{reflow .Description}}{{end}}{{with .VisibleCommands}}

COMMANDS:
{{commands .}}{{end}}{{with .VisibleFlags}}

OPTIONS:
{{flags .}}{{end}}
`

// useHelp gives the app's help one layout and width. The cli package can be
// told only globally, and is told the same by every app.
func useHelp(app *cli.App) {
	app.CustomAppHelpTemplate = helpTemplate
	setPrinter()
	var set func([]*cli.Command)
	set = func(commands []*cli.Command) {
		for _, c := range commands {
			if c.CustomHelpTemplate == "" {
				c.CustomHelpTemplate = helpTemplate
			}
			set(c.Subcommands)
		}
	}
	set(app.Commands)
}

var setPrinter = sync.OnceFunc(func() {
	cli.SubcommandHelpTemplate, cli.CommandHelpTemplate = helpTemplate, helpTemplate
	cli.HelpPrinter = func(w io.Writer, template string, data any) {
		cli.HelpPrinterCustom(w, template, data, map[string]any{
			"reflow":   func(text string) string { return reflow(text, 3) },
			"commands": commandList,
			"flags":    flagList,
		})
	}
})

func commandList(commands []*cli.Command) string {
	column := 0
	for _, c := range commands {
		column = max(column, len(strings.Join(c.Names(), ", ")))
	}
	var lines []string
	for _, c := range commands {
		lines = append(lines, entry(strings.Join(c.Names(), ", "), c.Usage, column+2*commandsGap))
	}
	return strings.Join(lines, "\n")
}

func flagList(flags []cli.Flag) string {
	var lines []string
	for _, flag := range flags {
		names, usage, _ := strings.Cut(flag.String(), "\t")
		lines = append(lines, entry(names, usage, flagColumn))
	}
	return strings.Join(lines, "\n")
}

// entry is a name and, from the column on, its text.
func entry(name, text string, column int) string {
	head := strings.Repeat(" ", commandsGap) + name
	lines := wrap(text, helpWidth-column)
	pad := strings.Repeat(" ", column)
	if utf8.RuneCountInString(head)+2 > column {
		return head + "\n" + pad + strings.Join(lines, "\n"+pad)
	}
	return fmt.Sprintf("%-*s", column, head) + strings.Join(lines, "\n"+pad)
}

// reflow fills paragraphs to the width of the help. Indented lines, such as
// examples, stay as they are.
func reflow(text string, indent int) string {
	pad := strings.Repeat(" ", indent)
	var out, paragraph []string
	flush := func() {
		for _, line := range wrap(strings.Join(paragraph, " "), helpWidth-indent) {
			out = append(out, pad+line)
		}
		paragraph = nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case line == "":
			flush()
			out = append(out, "")
		case line[0] == ' ':
			flush()
			out = append(out, pad+line)
		default:
			paragraph = append(paragraph, line)
			if strings.HasSuffix(line, ":") {
				flush()
			}
		}
	}
	flush()
	return strings.Join(out, "\n")
}

func wrap(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
