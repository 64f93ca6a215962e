package database

import (
	"fmt"
	"path/filepath"
	"syscall"
)

// Space is what a file system has, in bytes.
type Space struct{ Free, Size int64 }

// SpaceOf asks the file system of the folder that the file is in.
func SpaceOf(file string) (Space, error) {
	folder := filepath.Dir(ResolvePath(file))
	var disk syscall.Statfs_t
	if err := syscall.Statfs(folder, &disk); err != nil {
		return Space{}, fmt.Errorf("find the free space of %s: %w", folder, err)
	}
	block := uint64(disk.Bsize)
	return Space{Free: int64(disk.Bavail * block), Size: int64(disk.Blocks * block)}, nil
}

// smallPart is the part of a small file system that is kept free, at most.
const smallPart = 10

// noRoom is the error of a disk that is not full yet, see [IsFull].
type noRoom struct{ free, reserve int64 }

func (e *noRoom) Error() string {
	return fmt.Sprintf("%d MB are free, and %d MB are kept free for the write-ahead log", e.free>>20, e.reserve>>20)
}

// CheckRoom fails with an error that [IsFull] knows when the file system of the
// database has less free than the reserve, or than a tenth of its size if that
// is less. A file system that does not say is taken for one with room.
func (d *Database) CheckRoom(reserve int64) error {
	space, err := d.space(d.Path)
	if err != nil {
		return nil
	}
	reserve = min(reserve, space.Size/smallPart)
	if space.Free < reserve {
		return &noRoom{space.Free, reserve}
	}
	return nil
}

func (d *Database) space(path string) (Space, error) {
	if d.Space != nil {
		return d.Space(path)
	}
	return SpaceOf(path)
}
