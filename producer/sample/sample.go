// Package sample carries real purchases: the data set "Online Retail", whose
// source, authors and licence stand in the README beside it.
package sample

import (
	_ "embed"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Name is the file's name; it is CSV, compressed with Zstandard.
const Name = "online-retail.csv.zst"

// Rows is how many the file has, without its header.
const Rows = 541_909

//go:embed online-retail.csv.zst
var compressed string

// Compressed returns a reader of the file as it is.
func Compressed() *strings.Reader { return strings.NewReader(compressed) }

// Open returns a reader of the CSV text, to be closed after use.
func Open() (io.ReadCloser, error) {
	z, err := zstd.NewReader(Compressed())
	if err != nil {
		return nil, fmt.Errorf("decompress %s: %w", Name, err)
	}
	return z.IOReadCloser(), nil
}
