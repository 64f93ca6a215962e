package cmdline

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"
)

// manSection is that of programs.
const manSection = 1

// manCommand writes the program's page of the manual, made of its help.
func manCommand() *cli.Command {
	return &cli.Command{
		Name: "man", Usage: "write the manual page in roff", Hidden: true,
		Action: func(c *cli.Context) error {
			app := *c.App
			app.Commands = slices.DeleteFunc(slices.Clone(app.Commands), func(c *cli.Command) bool { return c.Name == "help" })
			text, err := app.ToManWithSection(manSection)
			if err != nil {
				return fmt.Errorf("make the manual page: %w", err)
			}
			_, err = fmt.Fprint(c.App.Writer, text)
			return err
		},
	}
}
