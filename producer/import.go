package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"purchases/producer/cmdline"
	"purchases/producer/cmdline/progress"
	"purchases/producer/internal/importing"
	"purchases/producer/internal/publish"
	"purchases/producer/internal/rows"
	"purchases/producer/kafka"
)

// maxReports is how many malformed rows are shown, so that a file which is
// wrong from end to end does not flood the terminal.
const maxReports = 20

func importCommand() *cli.Command {
	return &cli.Command{
		Name:      "import",
		Usage:     "publish the purchases of files",
		ArgsUsage: "FILE...|-",
		Description: `Reads CSV, TSV and JSON lines, also compressed as .gz or .zst; "-" is stdin.
Each row becomes one event. Columns whose names are those of the event's
fields need no flag; --map names the others. The fields are user, item and
timestamp, which every event needs, and event_id, order_id, item_name,
quantity, unit_price, currency and attributes.NAME. Lines of JSON that have
the fields' names already pass through as they are; with any of --map, --set,
--default and the --time flags they are read like the rows of a table.

The event_id comes from the file's content up to the row, so that importing a
file again, also after it has grown at its end, counts nothing twice.

A row that cannot be read as an event is reported with file and line, and the
rest goes on; --strict stops there. What is only not acceptable, such as an
empty user, is sent, and the processor puts it on the dead-letter topic.

The exit status is 1 when a row was malformed or was not delivered, and 130
after Ctrl-C, which first waits for what was sent.

Examples:
   producer import --sample
   producer import orders-2026.csv.gz --map user=customer --map item=sku \
       --map timestamp=ordered_at --time-layout "2006-01-02 15:04" \
       --time-zone Europe/London --set currency=GBP --map attributes.country=country
   zcat purchases.jsonl.gz | producer import - --dry-run`,
		Flags:  append(kafka.Flags(), importFlags()...),
		Action: runImport,
	}
}

func runImport(c *cli.Context) error {
	job, err := importJob(c)
	if err != nil {
		return err
	}
	if err := job.Check(); err != nil {
		return unclearFormat(err)
	}
	to, err := openSink(c)
	if err != nil {
		return err
	}
	job.Sink = to
	reports := &reports{w: c.App.ErrWriter, program: c.App.Name}
	job.Malformed = reports.add
	began := time.Now()
	tally, err := runWithProgress(c, job)
	closeErr := to.Close()
	summarize(c, tally, closeErr, time.Since(began))
	return importError(tally, err, closeErr)
}

func runWithProgress(c *cli.Context, job *importing.Import) (importing.Tally, error) {
	if !c.Bool("dry-run") {
		bar := progress.New(c.App.ErrWriter, c.App.Name+": import", totalSize(job.Sources), progress.Bytes)
		defer bar.Finish()
		job.Progress = bar.Set
	}
	return job.Run(c.Context)
}

// totalSize is 0 when any of the sizes is unknown.
func totalSize(sources []importing.Source) (total int64) {
	for _, s := range sources {
		if s.Stream {
			return 0
		}
		total += s.Size
	}
	return total
}

// reports writes about malformed rows.
type reports struct {
	w       io.Writer
	program string
	count   int
}

func (r *reports) add(err error) {
	r.count++
	switch {
	case r.count <= maxReports:
		fmt.Fprintf(r.w, "%s: %v\n", r.program, err)
	case r.count == maxReports+1:
		fmt.Fprintf(r.w, "%s: further malformed rows are counted, not shown\n", r.program)
	}
}

func summarize(c *cli.Context, t importing.Tally, closeErr error, elapsed time.Duration) {
	verb := "delivered"
	if c.Bool("dry-run") {
		verb = "printed"
	}
	fmt.Fprintf(c.App.ErrWriter, "%s: %d rows, %d events, %d malformed, %d %s in %.1f s, %.0f rows/s\n",
		c.App.Name, t.Rows, t.Sent, t.Malformed, delivered(t, closeErr), verb,
		elapsed.Seconds(), float64(t.Rows)/max(elapsed.Seconds(), 1e-9))
}

func delivered(t importing.Tally, closeErr error) int64 {
	var failure *publish.DeliveryError
	if errors.As(closeErr, &failure) {
		return failure.Delivered
	}
	return t.Sent
}

// importError is nil only when every row was delivered.
func importError(t importing.Tally, err, closeErr error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return &interrupted{at: place(t), cause: err, delivery: closeErr}
	case err != nil && closeErr != nil:
		return fmt.Errorf("%w; %w", err, closeErr)
	case err != nil || closeErr != nil:
		return unclearFormat(cmp.Or(err, closeErr))
	case t.Malformed > 0:
		return fmt.Errorf("%d of %d rows are malformed and were not sent", t.Malformed, t.Rows)
	}
	return nil
}

// unclearFormat makes the missing flag a usage error.
func unclearFormat(err error) error {
	if errors.Is(err, rows.ErrFormat) {
		return cmdline.Usagef("%v", err)
	}
	return err
}

func place(t importing.Tally) string {
	if t.File == "" {
		return "before the first row"
	}
	return fmt.Sprintf("after %s:%d", t.File, t.Line)
}

// interrupted is the end of an import that was told to stop.
type interrupted struct {
	at              string
	cause, delivery error
}

func (e *interrupted) Error() string {
	text := "interrupted " + e.at + "; run the same command again to import the rest, nothing is counted twice"
	if e.delivery != nil {
		text += "; " + e.delivery.Error()
	}
	return text
}

func (e *interrupted) Unwrap() error { return e.cause }
