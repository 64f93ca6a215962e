package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // --time-zone works where the system has no zones

	"github.com/urfave/cli/v2"

	"purchases/producer/cmdline"
	"purchases/producer/cmdline/metrics"
	"purchases/producer/internal/importing"
	"purchases/producer/internal/preset"
	"purchases/producer/purchase"
	"purchases/producer/sample"
)

const onlineRetail = "online-retail" // the preset of the sample

func importFlags() []cli.Flag {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "topic", Usage: "publish to the topic `NAME`", Value: purchase.Topic},
		&cli.BoolFlag{Name: "sample", Usage: "import the embedded sample, with its preset " + onlineRetail},
		&cli.StringFlag{Name: "preset", Usage: "start from the options of the preset `NAME`, or of a file; presets: " +
			strings.Join(preset.Names(), ", ")},
		&cli.StringFlag{Name: "source",
			Usage: "label the origin of the files as `NAME`; equal events of different origins both count"},
		&cli.BoolFlag{Name: "undo", Usage: "retract exactly the events that this command adds without --undo"},
		&cli.BoolFlag{Name: "complete", Usage: "also import a last row without a line end, which may be incomplete"},
		&cli.BoolFlag{Name: "strict", Usage: "stop at the first malformed row"},
		&cli.BoolFlag{Name: "dry-run", Usage: "print the events as JSON lines instead of publishing them, " +
			"and report those that would be dead letters"},
		metrics.Flag(),
	}
	return append(flags, presetFlags()...)
}

// presetFlags are the options that a preset may have, too.
func presetFlags() []cli.Flag {
	return []cli.Flag{
		list("map", "take a field from a column or an expression, `FIELD=EXPRESSION`; may be repeated"),
		list("set", "give a field the same text in every event, `FIELD=TEXT`; may be repeated"),
		list("default", "give a field a text where its cell is empty, `FIELD=TEXT`; may be repeated"),
		list("where", "import only the rows for which `EXPRESSION` is true"),
		list("fill", "fill an empty cell of `FIELD` or column from the previous row of the same order; may be repeated"),
		list("each", "make a row of each element of the JSON array `MEMBER`"),
		list("id", "identify rows by `COLUMN,...` instead of their content"),
		list("null", "read `TEXT` as an empty cell, like \\N and NULL; may be repeated"),
		&cli.BoolFlag{Name: "decimal-comma", Usage: "read numbers with a decimal comma, such as 1.299,00"},
		list("time-layout", "parse timestamps by `LAYOUT`, in the syntax of strftime or of Go, "+
			"or rfc3339, unix, unix-ms, unix-us, excel; may be repeated"),
		list("time-zone", "read timestamps without a zone as of `ZONE`, such as Europe/London"),
		list("format", "read the files as `FORMAT` csv, tsv or jsonl"),
		list("delimiter", "`CHARACTER` that separates cells"),
		&cli.BoolFlag{Name: "quotes", Usage: "treat quotes as enclosing cells in a TSV, too"},
		list("skip-lines", "skip `N` lines before the header"),
		list("encoding", "encoding `NAME` of the files, such as latin1"),
	}
}

var usualText = map[string]string{
	"time-layout": "rfc3339", "time-zone": "UTC", "format": "by name, then by content", "delimiter": "by content",
	"encoding": "UTF-8, or by the byte order mark",
}

func list(name, usage string) cli.Flag {
	return &cli.GenericFlag{Name: name, Usage: usage, Value: &texts{}, DefaultText: usualText[name]}
}

// texts is the value of a flag that may be repeated.
type texts []string

// Set implements [cli.Generic].
func (t *texts) Set(text string) error {
	*t = append(*t, text)
	return nil
}

// String implements [cli.Generic].
func (t *texts) String() string { return strings.Join(*t, " ") }

// once are the options of which the last one would silently win.
var once = []string{"where", "each", "time-zone", "format", "delimiter", "skip-lines", "encoding"}

// importJob reads the flags. All its errors but those of files are usage errors.
func importJob(c *cli.Context) (*importing.Import, error) {
	options, err := importOptions(c)
	if err != nil {
		return nil, cmdline.Usagef("%v; see `producer import --help`", err)
	}
	job := &importing.Import{
		Mapping: options.Mapping, Rows: options.Rows, Origin: c.String("source"), Began: time.Now(),
		Undo: c.Bool("undo"), Complete: c.Bool("complete"), Judge: c.Bool("dry-run"), Strict: c.Bool("strict"),
	}
	job.Sources, err = importSources(c)
	return job, err
}

func importOptions(c *cli.Context) (options preset.Options, err error) {
	name := c.String("preset")
	if name == "" && c.Bool("sample") {
		name = onlineRetail
	}
	if name != "" {
		if options, err = preset.Load(name); err != nil {
			return options, err
		}
	}
	flags, err := flagOptions(c)
	if err != nil {
		return options, err
	}
	return options.With(flags)
}

func flagOptions(c *cli.Context) (options preset.Options, err error) {
	for _, flag := range presetFlags() {
		name := flag.Names()[0]
		values := []string{strconv.FormatBool(c.Bool(name))}
		if given, ok := c.Generic(name).(*texts); ok {
			values = *given
		} else if !c.Bool(name) {
			continue
		}
		if len(values) > 1 && slices.Contains(once, name) {
			return options, fmt.Errorf("--%s is given twice", name)
		}
		for _, value := range values {
			if err := options.Set(name, value); err != nil {
				return options, err
			}
		}
	}
	return options, nil
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
