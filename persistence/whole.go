package persistence

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/regular"
)

// What the program writes has its name only once it is whole. Until then
//
//   - a file of its own (a backup, a page, a scenario, the first run.json of a run) is .NAME.PID-RANDOM beside
//     it, locked: a NewFile;
//   - a folder of files (a restored run, an export) is .new.PID-RANDOM inside the folder, locked; then the files
//     are moved up;
//   - a file in the folder of a run, which one process at a time may write, is NAME.tmp.
//
// A process that is killed leaves what it has begun under such names. The next that writes the same deletes
// it, so it is never in the way.

// Checkpoint is called where a file or folder has grown: before each write, and before and after it gets its
// name. Tests kill the process there.
var Checkpoint = func() {}

// NewFile is a file that is being written.
type NewFile struct {
	f          *os.File
	temp, name string
	lock       *os.File
}

// CreateFile begins a file; an existing one of that name is not touched. End it with Keep or Discard.
func CreateFile(name string) (*NewFile, error) {
	removeAbandoned(name)
	temp := filepath.Join(filepath.Dir(name), tempName(hiddenPrefix(name)))
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, err
	}
	lock, err := lockFolder(temp)
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(temp))
	}
	return &NewFile{f, temp, name, lock}, nil
}

// Write implements io.Writer.
func (n *NewFile) Write(b []byte) (int, error) {
	Checkpoint()
	written, err := n.f.Write(b)
	return written, writingError(err, n.temp, n.name)
}

// Keep gives the file its name when its content is on disk. After an error there is no file. Error:
// *problem.Usage if the name has been taken since.
func (n *NewFile) Keep() error {
	defer n.lock.Close()
	err := errors.Join(n.f.Sync(), n.f.Close())
	if err == nil {
		Checkpoint()
		err = renameNew(n.temp, n.name)
	}
	if err != nil {
		_ = os.Remove(n.temp) // the first error is the cause
		return writingError(err, n.temp, n.name)
	}
	Checkpoint()
	syncFolder(filepath.Dir(n.name))
	return nil
}

// Discard deletes the file instead.
func (n *NewFile) Discard() {
	_ = errors.Join(n.f.Close(), os.Remove(n.temp), n.lock.Close()) // what stays is deleted by the next process
}

// hiddenPrefix begins the names of a file until it is whole.
func hiddenPrefix(name string) string { return "." + filepath.Base(name) + "." }

// removeAbandoned deletes what killed processes have left of a file.
func removeAbandoned(name string) {
	paths, locks := abandonedIn(filepath.Dir(name), hiddenPrefix(name))
	for i, path := range paths {
		_ = os.Remove(path) // it does no harm
		_ = locks[i].Close()
	}
}

// renameNew renames a file to a name that must be new: another process may have made it since.
func renameNew(from, to string) error {
	err := os.Link(from, to)
	if err == nil {
		_ = os.Remove(from) // a second name of the same file
		return nil
	}
	if _, exists := os.Lstat(to); exists == nil {
		return &problem.Usage{What: fmt.Sprintf("%q is there already; wanted another name", to)}
	}
	return os.Rename(from, to) // not every disk has links
}

// newPrefix begins the names of a folder inside another, whose files are moved up once it is whole.
const (
	newPrefix = ".new."
	movedFile = ".moved" // the names that are moved, a line each
)

// inNewFolder has a folder filled inside dir, which is empty, and moves the files into dir, that of the name
// last as the last. After an error dir is as it was.
func inNewFolder(dir, last string, fill func(work string) error) error {
	work := filepath.Join(dir, tempName(newPrefix))
	if err := os.Mkdir(work, 0o777); err != nil {
		return systemErrorOr(dir, err)
	}
	defer os.RemoveAll(work)
	lock, err := lockFolder(work)
	if err != nil {
		return err
	}
	defer lock.Close()
	err = fill(work)
	if err == nil {
		err = moveUp(work, dir, last)
	}
	return writingError(err, work, dir)
}

// outputError is an error of a file or folder that is being written, with the name that was asked for in place of that
// which it has until it is whole, and what to do.
type outputError struct {
	error
	what string
}

func (e *outputError) Error() string { return e.what }

func (e *outputError) Unwrap() error { return e.error }

// writingError returns an error of what is called temp until it is whole, and name then, as an *outputError; any other
// as it is.
func writingError(err error, temp, name string) error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && err.Error() == errors.Join(joined.Unwrap()...).Error() {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, writingError(e, temp, name))
		}
		return errors.Join(all...)
	}
	if !strings.Contains(err.Error(), temp) {
		return err
	}
	what := strings.ReplaceAll(err.Error(), temp, name)
	var errno syscall.Errno
	if errors.As(err, &errno) && systemErrorOfOutput("", err) != nil && !strings.HasSuffix(what, systemErrors[errno]) {
		what += "; " + systemErrors[errno]
	}
	return &outputError{err, what}
}

func moveUp(work, dir, last string) error {
	entries, err := os.ReadDir(work)
	if err != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		if e.Name() != last {
			names = append(names, e.Name())
		}
	}
	names = append(names, last)
	list := RunDir{dir: work}
	if err := list.writeText(movedFile, []byte(strings.Join(names, "\n"))); err != nil {
		return err
	}
	for _, name := range names {
		if err := os.Rename(filepath.Join(work, name), filepath.Join(dir, name)); err != nil {
			removeMoved(work, dir)
			return err
		}
		Checkpoint()
	}
	return nil
}

// removeMoved deletes what moveUp has moved, before the folder was empty; but not if it moved all.
func removeMoved(work, dir string) {
	text, err := regular.ReadFile(filepath.Join(work, movedFile), mostMeta)
	if err != nil {
		return
	}
	names := strings.Split(string(text), "\n")
	if _, err := os.Lstat(filepath.Join(dir, filepath.Base(names[len(names)-1]))); err == nil {
		return
	}
	for _, name := range names {
		if name == filepath.Base(name) && filepath.IsLocal(name) {
			_ = os.RemoveAll(filepath.Join(dir, name))
		}
	}
}

// removeAbandonedFolders deletes what killed processes have left of files that they were about to put into a
// folder.
func removeAbandonedFolders(dir string) {
	paths, locks := abandonedIn(dir, newPrefix)
	for i, work := range paths {
		removeMoved(work, dir)
		_ = os.RemoveAll(work) // if it stays, the folder is not empty, which is reported
		_ = locks[i].Close()
	}
}
