package cluster

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Version is the Apache Kafka that [Apache] runs; pom.xml names it too.
const Version = "4.3.1"

const copyDependencies = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

//go:embed pom.xml
var pom []byte

// sums are the SHA-256 of all jars. After a change of pom.xml they are made by
// `sha256sum *.jar` in the cache's folder.
//
//go:embed jars.sha256
var sums string

// jars returns the folder that holds Kafka's jars, in the user's cache. Where
// they are missing or differ from the pinned sums, Maven brings them.
func jars(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a place for Kafka's jars: %w", err)
	}
	// Tests of two versions of the pins, at the same time, have a folder each.
	dir := filepath.Join(cache, "purchases", fmt.Sprintf("kafka-%s-%.4x", Version, sha256.Sum256([]byte(sums))))
	if checkSums(dir) == nil {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("make a place for Kafka's jars: %w", err)
	}
	return dir, download(ctx, dir)
}

// download fills a new folder and then puts it in the old one's place.
func download(ctx context.Context, dir string) (err error) {
	maven, err := exec.LookPath("mvn")
	if err != nil {
		return fmt.Errorf("mvn is missing, which brings Apache Kafka %s: install Maven, such as by apt-get install maven",
			Version)
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), "download-")
	if err != nil {
		return fmt.Errorf("make a place for Kafka's jars: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(fresh)) }()
	if err := os.WriteFile(filepath.Join(fresh, "pom.xml"), pom, 0o644); err != nil {
		return fmt.Errorf("write the pom: %w", err)
	}
	command := exec.CommandContext(ctx, maven, "-q", "-B", "-ntp", copyDependencies,
		"-DincludeScope=runtime", "-DoutputDirectory="+filepath.Join(fresh, "jars"))
	command.Dir = fresh
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("bring Apache Kafka %s by Maven: %w: %s", Version, err, output)
	}
	if err := checkSums(filepath.Join(fresh, "jars")); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the old jars: %w", err)
	}
	return os.Rename(filepath.Join(fresh, "jars"), dir)
}

// checkSums compares every jar of the folder with its sum.
func checkSums(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read Kafka's jars: %w", err)
	}
	var found strings.Builder
	for _, entry := range entries {
		sum, err := fileSum(filepath.Join(dir, entry.Name()))
		if err != nil {
			return fmt.Errorf("read Kafka's jars: %w", err)
		}
		fmt.Fprintf(&found, "%s  %s\n", sum, entry.Name())
	}
	if found.String() != sums {
		return fmt.Errorf("the jars in %s do not have the pinned SHA-256 sums; found are:\n%s", dir, found.String())
	}
	return nil
}

func fileSum(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
