package persistence

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/smatrix-grid/smatrix/sim/regular"
)

// The folder of a run can have links, pipes and devices in place of files, if another person made it.
// Package sim/regular refuses them when a file is read. The functions here refuse them when a file is
// written, and before Badger opens its store.

// checkFileOrFolder returns an error if a name is of something other than a file or a folder: of a link as
// well, through which a file anywhere could be overwritten. A name that does not exist is no error.
func checkFileOrFolder(name string) error {
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: name, Err: regular.ErrNotRegular}
	}
	return err
}

// createRegular creates a file, in place of one that is there.
func createRegular(name string) (*os.File, error) {
	if err := checkFileOrFolder(name); err != nil {
		return nil, err
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}

// checkStore returns an error if a folder that Badger is about to open has anything but files; it may not exist.
func checkStore(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if err := checkFileOrFolder(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("%s: %w", e.Name(), reason(err))
		}
	}
	return nil
}
