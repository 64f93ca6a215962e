package audit

import (
	"errors"
	"fmt"
	"strings"
)

const shown = 20 // differences that an error names

// differences collects what is not as it should be.
type differences struct {
	count int
	first []string
}

func (d *differences) add(format string, args ...any) {
	d.count++
	if len(d.first) < shown {
		d.first = append(d.first, fmt.Sprintf(format, args...))
	}
}

// err is nil when there are no differences.
func (d *differences) err(subject string) error {
	if d.count == 0 {
		return nil
	}
	text := fmt.Sprintf("%s: %d differences:\n  %s", subject, d.count, strings.Join(d.first, "\n  "))
	if d.count > len(d.first) {
		text += "\n  ..."
	}
	return errors.New(text)
}

// compareMaps adds the keys that only one of the two has, and those that they
// have different values for.
func compareMaps[K comparable, V comparable](d *differences, what string, want, got map[K]V) {
	for key, value := range want {
		found, ok := got[key]
		switch {
		case !ok:
			d.add("%s %v: missing, want %v", what, key, value)
		case found != value:
			d.add("%s %v: %v, want %v", what, key, found, value)
		}
	}
	for key, value := range got {
		if _, ok := want[key]; !ok {
			d.add("%s %v: %v, which should not be there", what, key, value)
		}
	}
}
