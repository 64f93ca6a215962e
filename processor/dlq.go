package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/IBM/sarama"
	"github.com/urfave/cli/v2"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/processor/internal/dlq"
	"purchases/producer/cmdline"
	"purchases/producer/kafka"
	"purchases/producer/purchase"
)

func dlqCommand() *cli.Command {
	return &cli.Command{
		Name:  "dlq",
		Usage: "list, show, export and redrive dead letters",
		Description: `Works on the current content of the dead-letter topic. The filters --reason, --letter, --source,
--since and --until select letters; a letter must match all of them.

A letter with the reason expired stands for no purchase: it records offsets that expired before
` + "`processor run --on-gap accept`" + ` read them. There is nothing in it that could be sent back.

Examples:

    processor dlq list
    processor dlq show --reason invalid_currency --limit 3
    processor dlq export --reason missing_user > letters.jsonl
    processor dlq redrive --from letters.jsonl`,
		Subcommands: []*cli.Command{dlqListCommand(), dlqShowCommand(), dlqExportCommand(), dlqRedriveCommand()},
	}
}

func dlqFlags(more ...cli.Flag) []cli.Flag {
	return slices.Concat(more, []cli.Flag{
		&cli.StringSliceFlag{Name: "reason", Usage: "select letters with the reason `CODE`; may be repeated"},
		&cli.StringSliceFlag{Name: "letter",
			Usage: "select the letter at `PARTITION/OFFSET` of the dead-letter topic; may be repeated"},
		&cli.StringSliceFlag{Name: "source",
			Usage: "select the letter of the purchase at `TOPIC/PARTITION/OFFSET`; may be repeated"},
		&cli.StringFlag{Name: "since", Usage: "select letters written at or after `TIME`, a date or RFC 3339"},
		&cli.StringFlag{Name: "until", Usage: "select letters written before `TIME`"},
		&cli.StringFlag{Name: "dead-letters", Value: deadletter.Topic, Usage: "dead-letter topic"},
	}, kafka.Flags())
}

func dlqListCommand() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "count dead letters by reason", Flags: dlqFlags(),
		Description: "Shows for each reason the number of letters, when the first and the last were written, and the detail\n" +
			"of the first.\n\nExample:\n\n    processor dlq list --since 2026-01-31",
		Action: dlqAction(func(c *cli.Context, client sarama.Client, f dlq.Filter) (int64, error) {
			list, foreign, err := dlq.Summarize(c.Context, client, c.String("dead-letters"), f)
			if err != nil {
				return 0, err
			}
			return foreign, writeSummary(c.App.Writer, list)
		}),
	}
}

func writeSummary(w io.Writer, list []dlq.Summary) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "reason\tletters\tfirst\tlast\tdetail of the first")
	var all int64
	for _, s := range list {
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\n", s.Reason, s.Letters, s.First.Format(time.RFC3339),
			s.Last.Format(time.RFC3339), printable(s.Detail, 60))
		all += s.Letters
	}
	fmt.Fprintf(table, "all\t%d\t\t\t\n", all)
	return table.Flush()
}

func dlqShowCommand() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "print dead letters with value, headers and reason",
		Description: "Example:\n\n    processor dlq show --source purchases/0/41",
		Flags: dlqFlags(&cli.IntFlag{Name: "limit", Aliases: []string{"n"}, Value: 10,
			Usage: "maximum number of letters to print"}),
		Action: dlqAction(func(c *cli.Context, client sarama.Client, f dlq.Filter) (int64, error) {
			shown, limit := 0, c.Int("limit")
			foreign, err := dlq.Each(c.Context, client, c.String("dead-letters"), f, func(l *dlq.Letter) error {
				if shown++; shown > limit {
					return nil
				}
				return writeLetter(c.App.Writer, l)
			})
			if err == nil && shown > limit {
				fmt.Fprintf(c.App.ErrWriter, "%s: %d more; raise --limit or narrow the filter\n", c.App.Name, shown-limit)
			}
			return foreign, err
		}),
	}
}

const maxShown = 2000 // characters of a value

func writeLetter(w io.Writer, l *dlq.Letter) error {
	var b strings.Builder
	fmt.Fprintf(&b, "letter %s, written %s\n", l.Position, l.RejectedAt.Format(time.RFC3339))
	fmt.Fprintf(&b, "  reason    %s: %s (stage %s)\n", l.Reason, printable(l.Detail, maxShown), l.Stage)
	fmt.Fprintf(&b, "  source    %s\n  event_id  %s\n", l.Source, printable(l.EventID, 300))
	fmt.Fprintf(&b, "  key       %s\n", printable(string(l.Key), 300))
	for _, h := range l.Headers {
		fmt.Fprintf(&b, "  header    %s = %s\n", printable(string(h.Key), 100), printable(string(h.Value), 300))
	}
	cut := ""
	if l.Cut {
		cut = ", cut by the processor"
	}
	value := "null"
	if l.Value != nil {
		value = printable(string(l.Value), maxShown)
	}
	fmt.Fprintf(&b, "  value     %d bytes%s\n            %s\n\n", len(l.Value), cut, value)
	_, err := io.WriteString(w, b.String())
	return err
}

// printable is the text without what could move a terminal's cursor, cut to a
// number of characters.
func printable(text string, most int) string {
	quoted := strconv.QuoteToGraphic(text)
	quoted = strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
	if runes := []rune(quoted); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return quoted
}

func dlqExportCommand() *cli.Command {
	return &cli.Command{
		Name: "export", Usage: "write dead letters as JSON lines", Flags: dlqFlags(),
		Description: "Each line has the letter's position, reason and value. Correct the values and send them back with\n" +
			"`processor dlq redrive --from FILE`.\n\nExample:\n\n    processor dlq export --reason missing_user > letters.jsonl",
		Action: dlqAction(func(c *cli.Context, client sarama.Client, f dlq.Filter) (int64, error) {
			return dlq.Each(c.Context, client, c.String("dead-letters"), f, func(l *dlq.Letter) error {
				return dlq.WriteLine(c.App.Writer, l)
			})
		}),
	}
}

func dlqRedriveCommand() *cli.Command {
	return &cli.Command{
		Name: "redrive", Usage: "send dead letters back to the topic purchases",
		Description: `Shows what it will send and asks. It sends in Kafka transactions, each letter at most once, however
often you run it, because a header of the purchase identifies the letter. A purchase keeps its event_id,
so it counts once. A purchase that still breaks a rule becomes a new dead letter.

--from FILE sends edited lines of ` + "`processor dlq export`" + ` instead of the original values.

Examples:

    processor dlq redrive --reason invalid_currency --dry-run
    processor dlq redrive --from letters.jsonl --yes`,
		Flags: dlqFlags(
			&cli.StringFlag{Name: "from", Usage: "send the edited lines in `FILE`, - for stdin"},
			&cli.BoolFlag{Name: "dry-run", Usage: "show what would be sent, and send nothing"},
			&cli.BoolFlag{Name: "yes", Usage: "send without asking"},
			&cli.StringFlag{Name: "topic", Value: purchase.Topic, Usage: "topic to send purchases to"},
		),
		Action: redrive,
	}
}

func redrive(c *cli.Context) error {
	r, err := newRedrive(c)
	if err != nil {
		return err
	}
	plan, err := r.Plan(c.Context)
	if err != nil {
		return err
	}
	if err := writePlan(c.App.ErrWriter, plan); err != nil || plan.Sent == 0 || c.Bool("dry-run") {
		return err
	}
	if err := cmdline.Confirm(c, fmt.Sprintf("Send %s to topic %q?", plural(plan.Sent, "purchase"),
		r.Purchases)); err != nil {
		return err
	}
	done, err := r.Run(c.Context)
	if done != nil {
		fmt.Fprintf(c.App.ErrWriter, "%s: %s sent back to topic %q\n", c.App.Name, plural(done.Sent, "dead letter"),
			r.Purchases)
	}
	return err
}

func newRedrive(c *cli.Context) (*dlq.Redrive, error) {
	f, err := dlqFilter(c)
	if err != nil {
		return nil, err
	}
	settings, err := kafka.FromFlags(c)
	if err != nil {
		return nil, err
	}
	r := &dlq.Redrive{Kafka: settings, Letters: c.String("dead-letters"), Purchases: c.String("topic"), Filter: f}
	switch from := c.String("from"); from {
	case "":
	case "-":
		r.Edited, err = dlq.ReadEdited(os.Stdin)
	default:
		file, openErr := os.Open(from)
		if openErr != nil {
			return nil, fmt.Errorf("read the edited dead letters: %w", openErr)
		}
		defer func() { _ = file.Close() }()
		r.Edited, err = dlq.ReadEdited(file)
	}
	return r, err
}

func plural(n int64, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

func writePlan(w io.Writer, p *dlq.Plan) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "%d\tdead letters selected\t\n", p.Letters)
	if p.Before > 0 {
		fmt.Fprintf(table, "%d\talready sent back, skipped\t\n", p.Before)
	}
	if p.Cut > 0 {
		fmt.Fprintf(table, "%d\ttruncated by the processor, skipped: edit them first\t\n", p.Cut)
	}
	if p.Expired > 0 {
		fmt.Fprintf(table, "%d\tof expired offsets, left alone: their records are gone\t\n", p.Expired)
	}
	fmt.Fprintf(table, "%d\tto send\t\n", p.Sent)
	for _, reason := range slices.Sorted(maps.Keys(p.Reasons)) {
		fmt.Fprintf(table, "%d\t%s\t\n", p.Reasons[reason], reason)
	}
	return table.Flush()
}

// dlqAction connects and says afterwards how many records were no letters.
func dlqAction(work func(*cli.Context, sarama.Client, dlq.Filter) (foreign int64, err error)) cli.ActionFunc {
	return func(c *cli.Context) error {
		f, err := dlqFilter(c)
		if err != nil {
			return err
		}
		settings, err := kafka.FromFlags(c)
		if err != nil {
			return err
		}
		client, err := settings.Connect(c.Context, dlq.Configure(settings.Config()))
		if err != nil {
			return err
		}
		defer func() { _ = client.Close() }()
		foreign, err := work(c, client, f)
		if foreign > 0 {
			fmt.Fprintf(c.App.ErrWriter, "%s: skipped %d records that are not dead letters of this program\n", c.App.Name,
				foreign)
		}
		return err
	}
}

func dlqFilter(c *cli.Context) (f dlq.Filter, err error) {
	if c.Args().Present() {
		return f, cmdline.Usagef("unexpected argument %q; see `processor dlq %s --help`", c.Args().First(), c.Command.Name)
	}
	f.Reasons = c.StringSlice("reason")
	for _, text := range c.StringSlice("letter") {
		p, err := dlq.ParsePosition(text)
		if err != nil {
			return f, cmdline.Usagef("--letter: %v", err)
		}
		f.Positions = append(f.Positions, p)
	}
	for _, text := range c.StringSlice("source") {
		topic, rest, _ := strings.Cut(text, "/")
		p, err := dlq.ParsePosition(rest)
		if err != nil || topic == "" {
			return f, cmdline.Usagef("--source %.100q: want TOPIC/PARTITION/OFFSET, such as purchases/0/41", text)
		}
		f.Sources = append(f.Sources, enriched.Source{Topic: topic, Partition: p.Partition, Offset: p.Offset})
	}
	if f.Since, err = instant(c, "since"); err == nil {
		f.Until, err = instant(c, "until")
	}
	return f, err
}

// instant reads a flag that is a date, of UTC, or a time with its zone.
func instant(c *cli.Context, flag string) (time.Time, error) {
	text := c.String(flag)
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, cmdline.Usagef("--%s %.60q: want a date such as 2026-01-31, or a time such as 2026-01-31T18:00:00Z", flag, text)
}
