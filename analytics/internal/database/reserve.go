package database

import (
	"errors"
	"os"
)

// Reserve keeps other processes from writing a database at path until it is
// released.
func Reserve(path string) (release func() error, err error) {
	lock, err := acquire(path + ".lock")
	if err != nil {
		return nil, err
	}
	return lock.release, nil
}

// Sync forces a file to the disk.
func Sync(path string) error {
	file, err := os.Open(path)
	if err == nil {
		err = errors.Join(file.Sync(), file.Close())
	}
	return err
}

// SyncFolder makes the names in a folder last through a power cut.
func SyncFolder(path string) error { return syncFolder(path) }
