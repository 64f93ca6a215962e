package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gofrs/flock"
)

const maxInstances = 256 // processors of one group on one machine

// claimInstance returns a group.instance.id that no other living processor on
// this machine has: its host name, user id and the lowest free number. The
// system frees the number with the process, however that ends, so that the one
// started in its place has the same identity and takes its partitions back at
// once. Release is never nil.
func claimInstance(group string) (instance string, release func(), err error) {
	release = func() {}
	host, err := os.Hostname()
	if err != nil {
		return "", release, fmt.Errorf("find the host name: %w", err)
	}
	for n := range maxInstances {
		name := fmt.Sprintf("processor-%s-%d-%d", legal(host), os.Getuid(), n)
		lock := flock.New(filepath.Join(os.TempDir(), name+"-"+url.PathEscape(group)+".lock"))
		switch held, lockErr := lock.TryLock(); {
		case lockErr != nil:
			return "", release, fmt.Errorf("lock an instance number of group %s: %w", group, lockErr)
		case held:
			return name, func() { _ = lock.Unlock() }, nil
		}
	}
	return "", release, fmt.Errorf("%d processors of group %s run on this machine already", maxInstances, group)
}

// legal replaces what Kafka does not accept in an id.
func legal(host string) string {
	return strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return '_'
	}, host)
}
