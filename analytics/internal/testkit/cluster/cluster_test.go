package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWithoutJava(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Apache(t.Context(), t.TempDir())
	if err == nil || !strings.HasPrefix(err.Error(), "java is missing") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want one line that says that java is missing", err)
	}
}

func TestWithoutMaven(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("PATH", fakeJava(t))
	_, err := Apache(t.Context(), t.TempDir())
	if err == nil || !strings.HasPrefix(err.Error(), "mvn is missing") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want one line that says that mvn is missing", err)
	}
}

// fakeJava is a folder with nothing but a program of that name.
func fakeJava(t *testing.T) string {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "java"), []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOtherJarsAreRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "kafka-clients-"+Version+".jar"), []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := checkSums(dir); err == nil || !strings.Contains(err.Error(), "do not have the pinned SHA-256 sums") {
		t.Errorf("got %v, want that the jars are refused", err)
	}
}

func TestVersionsAgree(t *testing.T) {
	if !strings.Contains(string(pom), "<version>"+Version+"</version>") ||
		!strings.Contains(sums, "  kafka_2.13-"+Version+".jar\n") {
		t.Errorf("pom.xml, jars.sha256 and Version %s do not name one version", Version)
	}
}
