package persistence

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// SystemError reports that the operating system refuses what a run needs: room, descriptors,
// permission, a disk that works. It says nothing about the files of the run, which are left as
// they are.
type SystemError struct {
	Dir   string // folder of the run
	What  string // what was tried, and the system's answer
	Errno syscall.Errno
}

func (e *SystemError) Error() string {
	return fmt.Sprintf("run %q: %s; %s", e.Dir, e.What, systemErrors[e.Errno])
}

func (e *SystemError) Unwrap() error { return e.Errno }

// systemErrors has what to do about each error that is no damage of a run. Errors that say what a
// file is (ENOENT, EISDIR, EINVAL, …) are not among them.
var systemErrors = map[syscall.Errno]string{
	syscall.ENOSPC: "make room on that disk, then try again",
	syscall.EDQUOT: "make room within your quota, then try again",
	syscall.EFBIG:  "raise the limit of the size of files (ulimit -f), then try again",
	syscall.EMFILE: "raise the limit of open files (ulimit -n), then try again",
	syscall.ENFILE: "the system has too many open files; end other programs, then try again",
	syscall.ENOMEM: "the system has too little memory; end other programs, then try again",
	syscall.EACCES: "wanted permission to read and write all files of the run; change owner or mode of its folder",
	syscall.EPERM:  "wanted permission to read and write all files of the run; change owner or mode of its folder",
	syscall.EROFS:  "its disk is mounted for reading only; mount it for writing, or copy the folder to another disk",
	syscall.EIO:    "its disk fails; copy the folder to another disk, and go on there",
	syscall.ESTALE: "its disk is gone; mount it again, then try again",
	syscall.ENOLCK: "its disk cannot lock files; copy the folder to another disk",
}

// systemError returns the *SystemError of an error, nil if it is another kind of error. Badger
// does not wrap errors, so their text is searched, too.
func systemError(dir string, err error) error {
	if err == nil {
		return nil
	}
	var known *SystemError
	if errors.As(err, &known) {
		return known
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		if _, found := systemErrors[errno]; !found {
			return nil
		}
		return &SystemError{Dir: dir, What: firstLine(err.Error()), Errno: errno}
	}
	text, found := firstLine(err.Error()), ""
	for known := range systemErrors {
		if what := known.Error(); len(what) > len(found) && strings.Contains(text, what) { // ENFILE's text contains EMFILE's
			errno, found = known, what
		}
	}
	if found == "" {
		return nil
	}
	return &SystemError{Dir: dir, What: text, Errno: errno}
}

// systemErrorOfOutput is systemError for what was chosen to be written: without permission, or on a
// disk that is mounted for reading only, the choice is wrong.
func systemErrorOfOutput(dir string, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return nil
	}
	return systemError(dir, err)
}

// diskFree returns the number of free bytes on the disk of a folder.
var diskFree = freeSpace // tests set others

// checkRoom returns a *FullError if less than the reserve is free on the disk of a folder, in which
// the journal of a run is about to be opened for writing.
func checkRoom(dir string) error {
	free, err := diskFree(dir)
	if err != nil {
		return systemErrorOr(dir, err)
	}
	if free < reserve {
		return &FullError{Dir: dir, Free: free, Want: reserve, Then: "try again"}
	}
	return nil
}

// systemErrorOr returns the *SystemError of an error, or the error.
func systemErrorOr(dir string, err error) error {
	if system := systemError(dir, err); system != nil {
		return system
	}
	return err
}

// spareFiles is how many descriptors Badger needs besides one for each file of its folder: new
// logs and tables, the folder itself, and a compaction.
const spareFiles = 16

// checkDescriptors returns an error if this process may not open enough files for a store: Badger
// ends the process when it finds that itself.
func checkDescriptors(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err = nil
	opened := make([]*os.File, 0, len(files)+spareFiles)
	for err == nil && len(opened) < cap(opened) {
		var f *os.File
		if f, err = os.Open(os.DevNull); err == nil {
			opened = append(opened, f)
		}
	}
	for _, f := range opened {
		err = errors.Join(err, f.Close())
	}
	return err
}
