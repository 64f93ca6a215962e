package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // --time-zone works where the system has no zones
	"unicode/utf8"

	"github.com/urfave/cli/v2"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"

	"purchases/producer/cmdline"
	"purchases/producer/internal/importing"
	"purchases/producer/internal/mapping"
	"purchases/producer/internal/rows"
	"purchases/producer/purchase"
	"purchases/producer/sample"
)

const onlineRetail = "online-retail"

func importFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "topic", Usage: "publish to the topic `NAME`", Value: purchase.Topic},
		&cli.BoolFlag{Name: "sample", Usage: "import the sample that the program carries, with its preset"},
		&cli.StringFlag{Name: "preset", Usage: "begin with a known mapping, `NAME` is " + onlineRetail},
		&cli.GenericFlag{Name: "map", Value: assignments{}, Usage: "take a field from a column, `FIELD=COLUMN`; may be repeated"},
		&cli.GenericFlag{Name: "set", Value: assignments{}, Usage: "give a field the same text in every event, `FIELD=TEXT`; may be repeated"},
		&cli.GenericFlag{Name: "default", Value: assignments{}, Usage: "give a field a text where its cell is empty, `FIELD=TEXT`; may be repeated"},
		&cli.StringFlag{Name: "time-layout", Usage: "how timestamps are written, as a Go `LAYOUT` or rfc3339, unix, unix-ms", DefaultText: mapping.RFC3339},
		&cli.StringFlag{Name: "time-zone", Usage: "`ZONE` of timestamps that name none, such as Europe/London", DefaultText: "UTC"},
		&cli.StringFlag{Name: "format", Usage: "read the files as `FORMAT` csv, tsv or jsonl", DefaultText: "by name, else by content"},
		&cli.StringFlag{Name: "delimiter", Usage: "`CHARACTER` between cells", DefaultText: "that of the format"},
		&cli.StringFlag{Name: "encoding", Usage: "`NAME` of the files' encoding, such as latin1", DefaultText: "UTF-8"},
		&cli.BoolFlag{Name: "strict", Usage: "stop at the first malformed row"},
		&cli.BoolFlag{Name: "dry-run", Usage: "print the events as JSON lines instead of publishing them"},
	}
}

// assignments is the value of a flag FIELD=TEXT that may be repeated.
type assignments map[string]string

// Set implements [cli.Generic].
func (a assignments) Set(text string) error {
	field, value, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("want FIELD=TEXT")
	}
	if _, twice := a[field]; twice {
		return fmt.Errorf("%s is given twice", field)
	}
	a[field] = value
	return mapping.CheckField(field)
}

// String implements [cli.Generic].
func (a assignments) String() string {
	var all []string
	for _, field := range slices.Sorted(maps.Keys(a)) {
		all = append(all, field+"="+a[field])
	}
	return strings.Join(all, " ")
}

// importJob reads the flags. All its errors but those of files are usage errors.
func importJob(c *cli.Context) (*importing.Import, error) {
	job := &importing.Import{Strict: c.Bool("strict")}
	var err error
	if job.Mapping, err = importMapping(c); err != nil {
		return nil, cmdline.Usagef("%v; see `producer import --help`", err)
	}
	if job.Rows, err = rowOptions(c); err != nil {
		return nil, cmdline.Usagef("%v; see `producer import --help`", err)
	}
	job.Sources, err = importSources(c)
	return job, err
}

func importMapping(c *cli.Context) (m mapping.Mapping, err error) {
	preset := c.String("preset")
	switch {
	case preset != "" && preset != onlineRetail:
		return m, fmt.Errorf("--preset %s: there is only %s", preset, onlineRetail)
	case preset == onlineRetail || c.Bool("sample"):
		m = mapping.OnlineRetail()
	}
	flags := mapping.Mapping{
		Columns:    c.Generic("map").(assignments),
		Constants:  c.Generic("set").(assignments),
		Defaults:   c.Generic("default").(assignments),
		TimeLayout: c.String("time-layout"),
	}
	if err := checkLayout(flags.TimeLayout); err != nil {
		return m, err
	}
	if c.IsSet("time-zone") {
		if flags.Zone, err = time.LoadLocation(c.String("time-zone")); err != nil {
			return m, fmt.Errorf("--time-zone: %w", err)
		}
	}
	return m.With(flags)
}

// checkLayout finds layouts such as YYYY-MM-DD, which no timestamp would fit.
func checkLayout(layout string) error {
	switch layout {
	case "", mapping.RFC3339, mapping.UnixSecond, mapping.UnixMilli:
		return nil
	}
	if time.Unix(0, 0).UTC().Format(layout) == layout {
		return fmt.Errorf("--time-layout %q is no Go layout; write 2006-01-02 15:04:05 the way the file would", layout)
	}
	return nil
}

func rowOptions(c *cli.Context) (o rows.Options, err error) {
	o.Format = rows.Format(c.String("format"))
	switch o.Format {
	case "", rows.CSV, rows.TSV, rows.JSON:
	default:
		return o, fmt.Errorf("--format %s: want csv, tsv or jsonl", o.Format)
	}
	if o.Delimiter, err = delimiter(c.String("delimiter")); err != nil {
		return o, err
	}
	o.Encoding, err = findEncoding(c.String("encoding"))
	return o, err
}

func delimiter(text string) (rune, error) {
	if text == `\t` {
		return '\t', nil
	}
	r, size := utf8.DecodeRuneInString(text)
	if size != len(text) || (text != "" && strings.ContainsRune("\"\r\n\uFFFD", r)) {
		return 0, fmt.Errorf("--delimiter %q: want one character, and no quote or line end", text)
	}
	if text == "" {
		return 0, nil
	}
	return r, nil
}

// findEncoding returns nil for UTF-8. The names of IANA come first, because
// those of HTML call windows-1252 what is not: latin1.
func findEncoding(name string) (encoding.Encoding, error) {
	if name == "" {
		return nil, nil
	}
	found, err := ianaindex.IANA.Encoding(name)
	if found == nil || err != nil {
		found, err = htmlindex.Get(name)
	}
	if err != nil {
		return nil, fmt.Errorf("--encoding %s: no such encoding; well known are latin1, windows-1252 and utf-16", name)
	}
	if canonical, _ := ianaindex.IANA.Name(found); canonical == "UTF-8" {
		return nil, nil
	}
	return found, nil
}

func importSources(c *cli.Context) (sources []importing.Source, err error) {
	names := c.Args().Slice()
	switch {
	case c.Bool("sample") && len(names) > 0:
		return nil, cmdline.Usagef("--sample and files do not go together, got %q", names[0])
	case c.Bool("sample"):
		return []importing.Source{sampleSource()}, nil
	case len(names) == 0:
		return nil, cmdline.Usagef("name the files to import, \"-\" for stdin, or --sample; see `producer import --help`")
	}
	for i, name := range names {
		source := stdin(c.App.Reader)
		if name != "-" {
			if source, err = fileSource(name); err != nil {
				return nil, err
			}
		} else if slices.Contains(names[:i], "-") {
			return nil, cmdline.Usagef("stdin can be read only once, but \"-\" is given twice")
		}
		sources = append(sources, source)
	}
	return sources, nil
}

func sampleSource() importing.Source {
	return importing.Source{
		Name: sample.Name,
		Size: sample.Compressed().Size(),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(sample.Compressed()), nil },
	}
}

func stdin(r io.Reader) importing.Source {
	return importing.Source{
		Name:   "stdin",
		Stream: true,
		Open:   func() (io.ReadCloser, error) { return io.NopCloser(r), nil },
	}
}

func fileSource(name string) (importing.Source, error) {
	info, err := os.Stat(name)
	if err != nil {
		return importing.Source{}, err
	}
	if info.IsDir() {
		return importing.Source{}, fmt.Errorf("%s is a directory; name its files", name)
	}
	return importing.Source{
		Name:   name,
		Size:   info.Size(),
		Stream: !info.Mode().IsRegular(),
		Open:   func() (io.ReadCloser, error) { return os.Open(name) },
	}, nil
}
