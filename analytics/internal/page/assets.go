package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// Assets are the files beside the pages. A name has a hash of the content in
// it, so that a browser may keep a file for ever.
type Assets struct {
	urls  map[string]string // by name in the folder
	files map[string]Asset  // by name with the hash
}

// Asset is one file.
type Asset struct {
	ContentType string
	Body        []byte
	Gzipped     []byte
}

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	".txt": "text/plain; charset=utf-8",
}

func readAssets() (*Assets, error) {
	a := &Assets{map[string]string{}, map[string]Asset{}}
	entries, err := assetFiles.ReadDir("assets")
	if err != nil {
		return nil, fmt.Errorf("read the files of the pages: %w", err)
	}
	for _, entry := range entries {
		body, err := assetFiles.ReadFile("assets/" + entry.Name())
		if err != nil {
			return nil, fmt.Errorf("read the files of the pages: %w", err)
		}
		packed, err := pack(body)
		if err != nil {
			return nil, fmt.Errorf("pack the files of the pages: %w", err)
		}
		const length = 10 // hexadecimal digits of the hash
		sum := sha256.Sum256(body)
		extension := path.Ext(entry.Name())
		name := strings.TrimSuffix(entry.Name(), extension) + "-" + hex.EncodeToString(sum[:])[:length] + extension
		a.urls[entry.Name()] = "/assets/" + name
		a.files[name] = Asset{contentTypes[extension], body, packed}
	}
	return a, nil
}

func pack(body []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// URL is the address of a file of the folder assets.
func (a *Assets) URL(name string) (string, error) {
	address, found := a.urls[name]
	if !found {
		return "", fmt.Errorf("no file %s", name)
	}
	return address, nil
}

// Find returns the file that an address /assets/NAME means.
func (a *Assets) Find(name string) (Asset, bool) {
	file, found := a.files[name]
	return file, found
}
