package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
)

// ErrReplaced is the error of a connection to a database whose path leads to
// another file by now: see [Replace].
var ErrReplaced = errors.New("another database has been put in its place")

// ErrGone is the error of a database whose path leads nowhere: what is stored
// in it from then on is lost.
var ErrGone = errors.New("the database or its folder was deleted or moved while it was open; put it back, or run " +
	"`analytics run` to build a new one from Kafka")

// File is the file that a database's path led to at one moment.
type File struct {
	path string
	info fs.FileInfo
}

// Identify returns the file that path leads to now.
func Identify(path string) (File, error) {
	info, err := os.Stat(path)
	return File{path, info}, err
}

// Replaced says whether the path leads to another file by now. A path that
// leads nowhere has not been replaced.
func (f File) Replaced() bool {
	now, err := os.Stat(f.path)
	return err == nil && !os.SameFile(f.info, now)
}

const betweenSteps = 200 * time.Millisecond

// Check fails with [ErrReplaced] or [ErrGone] when the path leads to another
// file by now, or to none.
func (f File) Check() error {
	now, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) { // perhaps between the two steps of a replay that sets a damaged one aside
		time.Sleep(betweenSteps)
		now, err = os.Stat(f.path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("database %s: %w", f.path, ErrGone)
	case err == nil && !os.SameFile(f.info, now):
		return ErrReplaced
	}
	return nil
}

// Connector opens connections to one file. They fail with [ErrReplaced] once
// the path leads to another, so that no pool of connections mixes the two.
type Connector struct {
	File
	DSN string
}

// connectTries is how often a database may be replaced while it is opened.
const connectTries = 3

// Connect opens a pool of connections, with go-sqlite3's options, to the file
// that path leads to now, by whatever of is made of its Connector.
func Connect(ctx context.Context, path string, options url.Values,
	of func(Connector) driver.Connector) (db *sqlx.DB, file File, err error) {
	if options.Get("mode") == "ro" && atRest(path) {
		options = maps.Clone(options)
		options.Set("immutable", "1")
	}
	for range connectTries {
		if file, err = Identify(path); err != nil {
			return nil, File{}, err
		}
		db = sqlx.NewDb(sql.OpenDB(of(Connector{file, "file:" + escape(path) + "?" + options.Encode()})), "sqlite3")
		if err = db.PingContext(ctx); err == nil {
			return db, file, nil
		}
		err = errors.Join(err, db.Close())
		if !errors.Is(err, ErrReplaced) {
			break
		}
	}
	return nil, File{}, err
}

// escape keeps the characters of a path that mean something in a SQLite URI
// (https://sqlite.org/uri.html) from doing so.
func escape(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}

// Driver returns the SQLite driver, without the hooks that others register.
func (c Connector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

// Connect opens a connection.
func (c Connector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.Driver().Open(c.DSN)
	if err != nil {
		return nil, err
	}
	if c.Replaced() {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", c.path, ErrReplaced), conn.Close())
	}
	return conn, nil
}

// ResolvePath returns the path of the file that path leads to, which is path itself
// until a replay has replaced it. SQLite keeps its log beside that file.
func ResolvePath(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return path
	}
	return real
}

// Size returns the bytes of the database and of its write-ahead log, which
// holds what is not yet in the database itself. What does not exist has none.
func Size(path string) (database, log int64) {
	real := ResolvePath(path)
	return fileSize(real), fileSize(real + "-wal")
}

func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// NextFile names the file in which the next database for path is to be built:
// beside the present one, with the first number after its own that is free.
func NextFile(path string) string {
	file := nextFile(path, 1)
	for n := 2; taken(file); n++ {
		file = nextFile(path, n)
	}
	return file
}

func nextFile(path string, after int) string {
	real := ResolvePath(path)
	return filepath.Join(filepath.Dir(real), filepath.Base(path)+"."+strconv.Itoa(number(path, real)+after))
}

// taken looks beside the file too: SQLite would apply a log that it finds there.
func taken(file string) bool {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if _, err := os.Lstat(file + suffix); err == nil {
			return true
		}
	}
	return false
}

// number is that of one of the files of a path. The first has none, and is 1;
// a file of another kind is 0.
func number(path, file string) int {
	if filepath.Base(file) == filepath.Base(path) {
		return 1
	}
	suffix, ok := strings.CutPrefix(filepath.Base(file), filepath.Base(path)+".")
	n, err := strconv.Atoi(suffix)
	if !ok || err != nil {
		return 0
	}
	return n
}

// Replace has path lead to the database in next, which [NextFile] named and
// nobody has open. It is one atomic step: a process that opens path gets the old
// database or the new one, and who has the old one open keeps it. That is why
// path becomes a symbolic link: SQLite names the log of a database after the
// file behind the link, so that old and new never share one, as they would if
// next were given the old one's name
// (https://sqlite.org/howtocorrupt.html, section 1.4).
func Replace(path, next string) error {
	target := next
	if filepath.Dir(next) == filepath.Dir(path) {
		target = filepath.Base(next)
	} else if absolute, err := filepath.Abs(next); err == nil {
		target = absolute
	}
	link := path + ".link"
	if info, err := os.Lstat(link); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		_ = os.Remove(link) // of a process that died here
	}
	if err := os.Symlink(target, link); err != nil {
		return fmt.Errorf("move %s to %s: %w", next, path, err)
	}
	if err := os.Rename(link, path); err != nil {
		return errors.Join(fmt.Errorf("move %s to %s: %w", next, path, err), os.Remove(link))
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a rename last through a power cut.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err == nil {
		err = errors.Join(folder.Sync(), folder.Close())
	}
	if err != nil {
		return fmt.Errorf("sync folder %s: %w", path, err)
	}
	return nil
}

// RemoveReplaced deletes the databases that path led to before, and what
// processes that died have left of them: files that [Claim] marked, and no
// other. Whoever has one open keeps it until it is closed.
func RemoveReplaced(ctx context.Context, path string) error {
	real := ResolvePath(path)
	if real == path || number(path, real) < 2 {
		return nil
	}
	folder := filepath.Dir(real)
	siblings, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("look for replaced databases of %s: %w", path, err)
	}
	var errs []error
	for _, sibling := range siblings {
		file := filepath.Join(folder, sibling.Name())
		if n := number(path, file); n > 1 && n < number(path, real) && Claimed(ctx, file, path) {
			errs = append(errs, Remove(file))
		}
	}
	// The first was no link; the last was locked by its own name while it was built.
	return errors.Join(append(errs, removeAll(path+"-wal", path+"-shm", real+".lock"))...)
}

// Remove deletes a database and what SQLite has beside it. Nothing is opened,
// so a large one takes no longer.
func Remove(file string) error { return errors.Join(RemoveContent(file), removeAll(file+".lock")) }

// RemoveContent does what [Remove] does, but leaves who has locked the file its
// lock.
func RemoveContent(file string) error {
	return removeAll(file, file+"-wal", file+"-shm", file+"-journal")
}

func removeAll(files ...string) error {
	var errs []error
	for _, file := range files {
		if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
