package kafka

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/magiconair/properties"

	"purchases/producer/cmdline"
)

// value is a setting's text and where it comes from, for errors.
type value struct{ text, source string }

// values are settings by the first of each property's names. A property that
// nobody knows keeps its own.
type values map[string]value

func (v values) text(name string) string { return v[name].text }

func (v values) has(name string) bool { _, found := v[name]; return found }

// add takes a setting under its property's first name.
func (v values) add(name, text, source string) error {
	if p, known := table()[name]; known {
		name = p.name
	}
	if earlier, twice := v[name]; twice && earlier.source == source && earlier.text != text {
		return cmdline.Usagef("%s: %s is set twice, with different values", source, name)
	}
	v[name] = value{text: text, source: source}
	return nil
}

// over returns these values, and those of the layer below where these are silent.
func (v values) over(below values) values {
	all := maps.Clone(below)
	maps.Copy(all, v)
	return all
}

// fromFile reads a client.properties. Nothing is expanded: a password may hold "${".
func fromFile(path string) (values, []string, error) {
	if path == "" {
		return values{}, nil, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read the Kafka settings: %w", err)
	}
	loader := properties.Loader{Encoding: properties.UTF8, DisableExpansion: true}
	read, err := loader.LoadBytes(content)
	if err != nil {
		return nil, nil, cmdline.Usagef("%s is not a properties file: want lines of key=value", path)
	}
	v := values{}
	for name, text := range read.Map() {
		if err := v.add(name, strings.TrimSpace(text), path); err != nil {
			return nil, nil, err
		}
	}
	return v, readableByOthers(path, v), nil
}

// readableByOthers warns of secrets that other users of the machine can read.
func readableByOthers(path string, v values) []string {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" || info.Mode()&(fs.ModePerm&0o077) == 0 {
		return nil
	}
	for name, value := range v {
		if value.text != "" && isSecret(name) {
			return []string{fmt.Sprintf("%s holds a secret and other users can read it; run chmod 600 %s", path, path)}
		}
	}
	return nil
}

func isSecret(name string) bool {
	p, known := table()[name]
	return known && p.secret || !known && secretName(name)
}

const (
	apiKey    = "KAFKA_API_KEY"
	apiSecret = "KAFKA_API_SECRET"
)

// fromEnvironment reads a variable for each property. An empty one counts as
// unset, for it is what a variable that was not filled in leaves behind.
func fromEnvironment(lookup func(string) string) (values, error) {
	v := values{}
	if err := v.addAPIKey(lookup(apiKey), lookup(apiSecret)); err != nil {
		return nil, err
	}
	for _, p := range known() {
		for _, name := range append(slices.Clone(p.aliases), p.name) {
			if text := lookup(environment(name)); text != "" {
				v[p.name] = value{text: text, source: environment(name)}
			}
		}
	}
	return v, nil
}

func (v values) addAPIKey(key, secret string) error {
	switch {
	case key == "" && secret == "":
		return nil
	case key == "":
		return cmdline.Usagef("%s is set, but %s is not", apiSecret, apiKey)
	case secret == "":
		return cmdline.Usagef("%s is set, but %s is not", apiKey, apiSecret)
	}
	v["sasl.username"] = value{text: key, source: apiKey}
	v["sasl.password"] = value{text: secret, source: apiSecret}
	return nil
}

// fromPairs reads -X key=value. Secrets are refused there: every user of the
// machine can see a command line.
func fromPairs(pairs []string) (values, error) {
	v := values{}
	for _, pair := range pairs {
		name, text, found := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		switch {
		case isSecret(name):
			return nil, cmdline.Usagef("-X %s: other users can see a secret on the command line; put it into a file for "+
				"--kafka-config, or into %s", name, environment(name))
		case !found || name == "":
			return nil, cmdline.Usagef("-X %s: want key=value", name)
		}
		if err := v.add(name, strings.TrimSpace(text), "-X"); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// check refuses what would break a guarantee, and warns of what has no effect.
func (v values) check() (warnings []string, err error) {
	byName := table()
	for _, name := range slices.Sorted(maps.Keys(v)) {
		p, found := byName[name]
		switch source, text := v[name].source, v[name].text; {
		case !found:
			warnings = append(warnings, fmt.Sprintf("%s: %s is unknown and has no effect", source, name))
		case p.use == ignored:
			warnings = append(warnings, fmt.Sprintf("%s: %s has no effect here: %s", source, name, p.note))
		case p.use == refused:
			return warnings, cmdline.Usagef("%s: %s cannot be set: %s", source, name, p.note)
		case p.use == fixed && !p.accepts(text):
			return warnings, cmdline.Usagef("%s: %s=%s is refused: %s; remove it, or set %s", source, name, text, p.note,
				p.values[0])
		}
	}
	return warnings, nil
}
