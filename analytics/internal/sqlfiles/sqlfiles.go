// Package sqlfiles carries the SQL of the folders migrations and queries at the
// top of the repository inside the program. The copies here are generated,
// because go:embed cannot leave its module: edit the originals, then run
// `make generate`.
package sqlfiles

import (
	"embed"
	"io/fs"
)

//go:generate sh -c "rm -rf migrations queries && cp -R ../../../migrations ../../../queries ."

//go:embed migrations/*.sql queries/*.sql
var files embed.FS

// Migrations holds the numbered schema changes, for goose.
func Migrations() fs.FS { return sub("migrations") }

// Queries holds the canned queries, one file each.
func Queries() fs.FS { return sub("queries") }

func sub(dir string) fs.FS {
	f, err := fs.Sub(files, dir)
	if err != nil {
		panic(err) // dir is a constant that go:embed has checked
	}
	return f
}
