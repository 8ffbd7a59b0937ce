package persistence

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/smatrix-grid/smatrix/twins"
)

// Killed is the state of a run that is running although no process works on it. It is
// found, never written.
const Killed State = "killed"

// Listed is a run's folder as a list of runs shows it.
type Listed struct {
	Dir string
	Run
	Made  twins.Tick // steps
	Bytes int64      // of its files, as far as they take room
	Err   error      // why it cannot be read; nil if it can
}

// listDepth is how far below a folder runs are looked for.
const listDepth = 3

// List finds the runs in and below a folder, by path. It opens none of them.
func List(dir string) (found []Listed, err error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, &StoreError{Dir: dir, What: "cannot be read: " + reason(err).Error()}
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || !e.IsDir():
			return nil
		case path != dir && strings.HasPrefix(e.Name(), "."):
			return fs.SkipDir
		}
		if _, err := os.Lstat(filepath.Join(path, runFile)); err == nil {
			found = append(found, listed(path))
			return fs.SkipDir
		}
		if rel, err := filepath.Rel(dir, path); err == nil && strings.Count(rel, string(filepath.Separator)) >= listDepth-1 {
			return fs.SkipDir
		}
		return nil
	})
	return found, err
}

func listed(dir string) Listed {
	l := Listed{Dir: dir, Bytes: size(dir)}
	run, err := openRun(dir)
	if err != nil {
		l.Err = err
		return l
	}
	l.Run = run.meta
	if l.Journal == nil {
		return l
	}
	said, err := readLedgerAt(dir, run.path(ledgerFile))
	if err == nil {
		l.Made = said.index.steps
		if p := l.Journal.Parent; p != nil {
			l.Made = max(l.Made, twins.Tick(p.Step))
		}
	}
	if l.Err = err; l.State == Running && !held(run.path(journalDir)) {
		l.State = Killed
	}
	return l
}

// size adds up what the files of a folder take; holes in them count for nothing where
// that is known.
func size(dir string) (sum int64) {
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil
		}
		if info, err := e.Info(); err == nil || !errors.Is(err, fs.ErrNotExist) && info != nil {
			sum += taken(info)
		}
		return nil
	})
	return sum
}
