package persistence

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// tempPrefix begins the name of a temporary folder; the ID of the process that made it and a
// random suffix follow.
const tempPrefix = "smatrix-"

// CreateTemp makes a folder for a run that is deleted when the process ends, in the
// system's temporary folder. Remove deletes it; RemoveStale deletes those that killed
// processes left.
func CreateTemp(meta Run) (*RunDir, error) {
	dir, lock, err := makeTemp()
	if err != nil {
		return nil, err
	}
	r, err := createRun(dir, meta, lock)
	if err != nil {
		return nil, errors.Join(err, lock.Close(), os.RemoveAll(dir))
	}
	return r, nil
}

// makeTemp makes a folder, locked, that RemoveStale deletes if this process is killed.
func makeTemp() (dir string, lock *os.File, err error) {
	if dir, err = os.MkdirTemp("", fmt.Sprintf("%s%d-", tempPrefix, os.Getpid())); err != nil {
		return "", nil, err
	}
	if lock, err = lockFolder(dir); err != nil {
		return "", nil, errors.Join(err, os.Remove(dir))
	}
	return dir, lock, nil
}

// RemoveStale deletes the temporary folders of processes that have ended, and returns
// them. A folder stays if its process exists, if it is locked (by a process in another
// container, whose process IDs differ), or if it contains a file that is not a run's.
func RemoveStale() (removed []string) {
	entries, _ := os.ReadDir(os.TempDir())
	for _, e := range entries {
		dir := filepath.Join(os.TempDir(), e.Name())
		if removeStale(dir) {
			removed = append(removed, dir)
		}
	}
	return removed
}

func removeStale(dir string) bool {
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return false
	}
	lock, ok := abandoned(dir, tempPrefix)
	if !ok {
		return false
	}
	defer lock.Close()
	entries, err := os.ReadDir(dir)
	if err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !isRunFile(e.Name()) }) || held(filepath.Join(dir, journalDir)) {
		return false
	}
	return os.RemoveAll(dir) == nil
}

// tempName returns a name, new and random, with the ID of this process behind a prefix.
func tempName(prefix string) string {
	return fmt.Sprintf("%s%d-%.8s", prefix, os.Getpid(), newIdentity())
}

// abandoned reports whether the process that made a file or folder, named by tempName or makeTemp, has
// ended, and locks it: a process in another container, whose process IDs differ, would have it locked.
func abandoned(path, prefix string) (lock *os.File, ok bool) {
	rest, ours := strings.CutPrefix(filepath.Base(path), prefix)
	number, _, random := strings.Cut(rest, "-")
	pid, err := strconv.Atoi(number)
	if !ours || !random || err != nil || pid <= 0 || processExists(pid) {
		return nil, false
	}
	lock, err = lockFolder(path)
	return lock, err == nil
}

// abandonedIn returns those abandoned names in a folder that begin with a prefix, locked.
func abandonedIn(dir, prefix string) (paths []string, locks []*os.File) {
	entries, _ := os.ReadDir(dir) // what cannot be read is left alone
	for _, e := range entries {
		if !e.IsDir() && !e.Type().IsRegular() {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if lock, ok := abandoned(path, prefix); ok {
			paths, locks = append(paths, path), append(locks, lock)
		}
	}
	return paths, locks
}

// isRunFile reports whether a run's folder may contain a file of that name.
func isRunFile(name string) bool {
	return slices.Contains([]string{runFile, reportFile, scenarioFile, ledgerFile, journalDir, addressFile}, strings.TrimSuffix(name, tempSuffix))
}
