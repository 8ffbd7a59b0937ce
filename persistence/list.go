package persistence

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/smatrix-grid/smatrix/twins"
)

// Killed is the state of a run whose run.json says Running although no process has it
// open. It is derived, never written.
const Killed State = "killed"

// Listed is the folder of a run in a list.
type Listed struct {
	Dir string
	Run
	Made  twins.Tick // steps
	Bytes int64      // that its files take on disk, without holes
	Err   error      // why the run cannot be read; nil if it can
}

// listDepth is the depth to which List searches.
const listDepth = 3

// List finds the runs in and below a folder, sorted by path, without opening them.
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

// size returns the bytes that the files of a folder take on disk, without holes where the
// system reports them.
func size(dir string) (sum int64) {
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil
		}
		if info, err := e.Info(); err == nil || !errors.Is(err, fs.ErrNotExist) && info != nil {
			sum += diskUsage(info)
		}
		return nil
	})
	return sum
}
