package persistence

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// A run's folder, or a backup, may come from somebody else. Opening a pipe in it would wait for a
// writer for ever, and opening a device may do anything.

// errIrregular reports a pipe, a socket or a device where a file was wanted.
var errIrregular = errors.New("is no regular file")

// checkRegular returns an error if a name is of something other than a file or a folder, or of a link
// to one of those. A name that does not exist is no error.
func checkRegular(name string) error {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: name, Err: errIrregular}
	}
	return err
}

// openRegular opens a file for reading.
func openRegular(name string) (*os.File, error) {
	if err := checkRegular(name); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // it may have been replaced since
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		if err == nil {
			err = &fs.PathError{Op: "open", Path: name, Err: errIrregular}
		}
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// readRegular reads a file.
func readRegular(name string) ([]byte, error) {
	f, err := openRegular(name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}

// createRegular creates a file, or empties one that is there.
func createRegular(name string) (*os.File, error) {
	if err := checkRegular(name); err != nil {
		return nil, err
	}
	return os.Create(name)
}

// checkStore returns an error if a folder that Badger is about to open has anything but files; it may not exist.
func checkStore(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if err := checkRegular(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("%s: %w", e.Name(), reason(err))
		}
	}
	return nil
}
