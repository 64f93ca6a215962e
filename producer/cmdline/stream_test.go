package cmdline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestAReaderThatGoesAwayStopsTheCommand(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cleaned := false
	app := &cli.App{Name: "shop", Action: func(c *cli.Context) error {
		for c.Context.Err() == nil {
			fmt.Fprintln(c.App.ErrWriter, "a line")
			_ = reader.Close()
		}
		cleaned = true
		return c.Context.Err()
	}}
	code := Run(ctx, app, []string{"shop"}, new(bytes.Buffer), stream(writer, cancel))
	if code != exitPipe || !cleaned || !errors.Is(context.Cause(ctx), errPipe) {
		t.Errorf("exit %d, cleaned %v, cause %v", code, cleaned, context.Cause(ctx))
	}
}
