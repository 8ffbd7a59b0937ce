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
	r, err := CreateRun(dir, meta)
	if err != nil {
		return nil, errors.Join(err, lock.Close(), os.RemoveAll(dir))
	}
	r.lock = lock
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
	found, _ := filepath.Glob(filepath.Join(os.TempDir(), tempPrefix+"*-*")) // the pattern is valid
	for _, dir := range found {
		if removeStale(dir) {
			removed = append(removed, dir)
		}
	}
	return removed
}

func removeStale(dir string) bool {
	number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), tempPrefix), "-")
	pid, err := strconv.Atoi(number)
	if err != nil || pid <= 0 || processExists(pid) {
		return false
	}
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return false
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return false
	}
	defer lock.Close()
	entries, err := os.ReadDir(dir)
	if err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !isRunFile(e.Name()) }) || held(filepath.Join(dir, journalDir)) {
		return false
	}
	return os.RemoveAll(dir) == nil
}

// isRunFile reports whether a run's folder may contain a file of that name.
func isRunFile(name string) bool {
	return slices.Contains([]string{runFile, reportFile, scenarioFile, ledgerFile, journalDir, addressFile}, strings.TrimSuffix(name, tempSuffix))
}
