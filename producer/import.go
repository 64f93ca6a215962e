package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"purchases/producer/cmdline"
	"purchases/producer/cmdline/progress"
	"purchases/producer/internal/importing"
	"purchases/producer/internal/mapping"
	"purchases/producer/internal/publish"
	"purchases/producer/internal/rows"
	"purchases/producer/kafka"
)

// maxReports is how many rows are named one by one, so that a file which is
// wrong from end to end does not flood the terminal.
const maxReports = 20

func importCommand() *cli.Command {
	return &cli.Command{
		Name:      "import",
		Usage:     "publish purchases from files, or undo an import",
		ArgsUsage: "FILE...|-",
		Description: `Reads CSV, TSV and JSON, also compressed as .gz or .zst; "-" is stdin. Each
row becomes one event. Columns with the names of the event's fields need no
flag; --map names the others. Every event needs user, item and timestamp; it may
have event_id, order_id, item_name, quantity, unit_price, amount (the total of
the line), currency and attributes.NAME. For each file, import prints how it
uses each column and which columns it ignores.

--map takes a column (customer, "Net Sales"), a member of a JSON object
(customer.id) or an expression: Date + " " + Time, Price * Qty, sku ?? name,
row["Net Sales"] / 2. The same expressions make conditions for --where.

Importing the same rows again adds nothing, even in another order or with more
columns or rows: an event is identified by its content and by how many times the
import contains it. A different --map, --set or --source makes different events.
To correct an import, undo it with --undo and its original options, then import
again.

Rows that cannot be read are reported with file and line, and the rest is
imported; --strict stops there. Rows that parse but break a rule, such as an
empty user, are still sent, and the processor dead-letters them; --dry-run names
them.

The exit status is 1 if a row was malformed or not delivered. After Ctrl-C the
command waits for the rows already sent and exits with status 130.

Examples:
   producer import --sample
   producer import orders_export.csv --preset shopify
   producer import orders-2026.csv.gz --map user=customer --map item=sku \
       --map timestamp=ordered_at --time-layout "%d.%m.%Y %H:%M" \
       --time-zone Europe/Vienna --set currency=EUR --decimal-comma
   zcat purchases.jsonl.gz | producer import - --dry-run`,
		Flags:  slices.Concat(kafka.Flags(), importFlags(), valueFormatFlags()),
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
	job.Report, job.Opened = reports.add, reports.opened
	began := time.Now()
	tally, err := runWithProgress(c, job)
	closeErr := to.Close()
	summarize(c, job, tally, closeErr, time.Since(began))
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

// reports writes about files and their rows.
type reports struct {
	w       io.Writer
	program string
	count   int
}

func (r *reports) printf(format string, args ...any) {
	fmt.Fprintf(r.w, "%s: "+format+"\n", append([]any{r.program}, args...)...)
}

func (r *reports) opened(name string, plan *mapping.Plan, missing []string) {
	r.printf("%s: %s", name, plan.Report())
	if !plan.Priced() {
		r.printf("%s: no unit_price and no amount: purchases are counted, but no money; "+
			"name the column with --map unit_price= or --map amount=", name)
	}
	for _, name := range plan.Ambiguous() {
		r.printf("%q is a member of both levels: the element's is taken; parent.%[1]s is the other", name)
	}
	if len(missing) > 0 {
		r.printf("%s: no row so far has %q", name, missing)
	}
}

func (r *reports) add(err error) {
	r.count++
	switch {
	case r.count <= maxReports:
		r.printf("%v", err)
	case r.count == maxReports+1:
		r.printf("further such rows are counted, not shown")
	}
}

func summarize(c *cli.Context, job *importing.Import, t importing.Tally, closeErr error, elapsed time.Duration) {
	verb := "delivered"
	if c.Bool("dry-run") {
		verb = "printed"
	}
	what := "events"
	if job.Undo {
		what = "retractions"
	}
	fmt.Fprintf(c.App.ErrWriter, "%s: %d rows, %d %s, %d malformed, %d %s in %.1f s, %.0f rows/s\n",
		c.App.Name, t.Rows, t.Sent, what, t.Malformed, delivered(t, closeErr), verb,
		elapsed.Seconds(), float64(t.Rows)/max(elapsed.Seconds(), 1e-9))
	for _, note := range notes(job, t) {
		fmt.Fprintf(c.App.ErrWriter, "%s: %s\n", c.App.Name, note)
	}
}

// notes are what a person should know about an import that went well.
func notes(job *importing.Import, t importing.Tally) (all []string) {
	add := func(count int64, format string, args ...any) {
		if count > 0 {
			all = append(all, fmt.Sprintf("%d %s", count, fmt.Sprintf(format, args...)))
		}
	}
	zone := time.UTC
	if job.Mapping.Zone != nil {
		zone = job.Mapping.Zone
	}
	add(t.LeftOut, "rows left out by --where %.100q", job.Mapping.Where)
	add(t.Unfinished, "rows unfinished at the end of a file and left out; --complete takes them")
	add(t.DeadLetters, "events would be dead letters")
	add(t.SameID, "rows have the --id columns of another row and count once with it")
	if job.Mapping.Zone == nil {
		add(t.Local, "timestamps name no zone and were read as UTC; --time-zone names another")
	}
	add(t.Skipped, "timestamps do not exist in %s, where clocks went forward, and were read as if they had not", zone)
	add(t.Repeated, "timestamps exist twice in %s, where clocks went back, and were read as the first", zone)
	if !job.Undo && !job.Judge && t.Sent > 0 {
		all = append(all, "importing this again with the same options adds nothing; with another --map, --set or --source "+
			"it adds a second set of events: to correct it, repeat the command with --undo first")
	}
	return all
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
