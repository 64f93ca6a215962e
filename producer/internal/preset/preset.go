// Package preset holds the options of an import that say how files are read: as
// a person gives them, and as named sets of them, which are small text files.
//
// A preset has one option a line, its name as on the command line and its
// value after a space. Lines that begin with # are comments.
package preset

import (
	"embed"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"

	"purchases/producer/internal/instant"
	"purchases/producer/internal/mapping"
	"purchases/producer/internal/rows"
)

//go:embed presets/*.txt
var files embed.FS

// Options say how to read files and what their columns mean.
type Options struct {
	Mapping mapping.Mapping
	Rows    rows.Options
}

// Names are the presets that the program carries.
func Names() (names []string) {
	all, _ := files.ReadDir("presets")
	for _, f := range all {
		names = append(names, strings.TrimSuffix(f.Name(), ".txt"))
	}
	return names
}

// Load reads a preset of this name, or a file.
func Load(name string) (o Options, err error) {
	text, err := files.ReadFile(path.Join("presets", name+".txt"))
	if err != nil {
		if text, err = os.ReadFile(name); err != nil {
			return o, fmt.Errorf("--preset %.60q is neither a file nor one of %s", name, strings.Join(Names(), ", "))
		}
	}
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		option, value, _ := strings.Cut(line, " ")
		if err := o.Set(option, strings.TrimSpace(value)); err != nil {
			return o, fmt.Errorf("--preset %.60q, line %d: %w", name, i+1, err)
		}
	}
	o.Mapping.FillOptional = true
	return o, nil
}

// With returns the options changed by those of the other that are set.
func (o Options) With(other Options) (Options, error) {
	var err error
	if o.Mapping, err = o.Mapping.With(other.Mapping); err != nil {
		return o, err
	}
	if other.Rows.Format != "" {
		o.Rows.Format = other.Rows.Format
	}
	if other.Rows.Delimiter != 0 {
		o.Rows.Delimiter = other.Rows.Delimiter
	}
	if other.Rows.Encoding != nil {
		o.Rows.Encoding = other.Rows.Encoding
	}
	o.Rows.Quotes = o.Rows.Quotes || other.Rows.Quotes
	o.Rows.SkipLines = max(o.Rows.SkipLines, other.Rows.SkipLines)
	return o, nil
}

// Set sets one option from its text. Options with lists are set repeatedly.
func (o *Options) Set(option, text string) (err error) {
	m := &o.Mapping
	switch option {
	case "map":
		m.Columns, err = assign(m.Columns, text)
	case "set":
		m.Constants, err = assign(m.Constants, text)
	case "default":
		m.Defaults, err = assign(m.Defaults, text)
	case "where":
		m.Where = text
	case "fill":
		m.Fill = append(m.Fill, text)
	case "each":
		m.Each = text
	case "id":
		for _, column := range strings.Split(text, ",") {
			m.ID = append(m.ID, strings.TrimSpace(column))
		}
	case "null":
		m.Nulls = append(m.Nulls, text)
	case "decimal-comma":
		m.Style.DecimalComma = true
	case "time-layout":
		_, err = instant.NewReader([]string{text}, nil)
		m.TimeLayouts = append(m.TimeLayouts, text)
	case "time-zone":
		m.Zone, err = zone(text)
	default:
		return o.setRows(option, text)
	}
	return err
}

func (o *Options) setRows(option, text string) (err error) {
	switch option {
	case "format":
		if o.Rows.Format = rows.Format(text); text == "json" {
			o.Rows.Format = rows.JSON
		}
		if !slices.Contains([]rows.Format{rows.CSV, rows.TSV, rows.JSON}, o.Rows.Format) {
			err = fmt.Errorf("--format %.20s: want csv, tsv or jsonl", text)
		}
	case "delimiter":
		o.Rows.Delimiter, err = delimiter(text)
	case "quotes":
		o.Rows.Quotes = true
	case "skip-lines":
		if o.Rows.SkipLines, err = strconv.Atoi(text); err != nil || o.Rows.SkipLines < 0 {
			err = fmt.Errorf("--skip-lines %.20q: want a number of lines", text)
		}
	case "encoding":
		o.Rows.Encoding, err = findEncoding(text)
	default:
		err = fmt.Errorf("%.40q is not an option of a preset", option)
	}
	return err
}

func assign(to map[string]string, text string) (map[string]string, error) {
	field, value, ok := strings.Cut(text, "=")
	if !ok {
		return to, fmt.Errorf("%.60q: want FIELD=TEXT", text)
	}
	if _, twice := to[field]; twice {
		return to, fmt.Errorf("%s is given twice", field)
	}
	out := maps.Clone(to)
	if out == nil {
		out = map[string]string{}
	}
	out[field] = value
	return out, mapping.CheckField(field)
}

func zone(name string) (*time.Location, error) {
	if name == "Local" {
		return nil, fmt.Errorf("--time-zone Local: name the place, because another machine may be elsewhere")
	}
	found, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("--time-zone: %w; want a name such as Europe/London", err)
	}
	return found, nil
}

func delimiter(text string) (rune, error) {
	if text == `\t` {
		return '\t', nil
	}
	r, size := utf8.DecodeRuneInString(text)
	if text == "" || size != len(text) || strings.ContainsRune("\"\r\n\uFFFD", r) {
		return 0, fmt.Errorf("--delimiter %.20q: want one character, and no quote or line end", text)
	}
	return r, nil
}

// findEncoding returns nil for UTF-8. The names of IANA come first, because
// those of HTML call windows-1252 what is not: latin1.
func findEncoding(name string) (encoding.Encoding, error) {
	found, err := ianaindex.IANA.Encoding(name)
	if found == nil || err != nil {
		found, err = htmlindex.Get(name)
	}
	if err != nil {
		return nil, fmt.Errorf("--encoding %.40s: no such encoding; well known are latin1, windows-1252 and utf-16", name)
	}
	if canonical, _ := ianaindex.IANA.Name(found); canonical == "UTF-8" {
		return nil, nil
	}
	return found, nil
}
