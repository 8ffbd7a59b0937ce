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

// tempPrefix begins the name of a temporary folder; then comes the number of the process that made it,
// and something that no other one has.
const tempPrefix = "smatrix-"

// CreateTemp makes the folder of a run that goes with the process, among the temporary
// files of the system. Remove deletes it; that of a process that was killed is deleted by
// RemoveStale.
func CreateTemp(meta Run) (*RunDir, error) {
	if free, err := freeSpace(os.TempDir()); err == nil && free < reserve {
		return nil, fmt.Errorf("only %d MB are free in %s, wanted %d", free>>20, os.TempDir(), reserve>>20)
	}
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", tempPrefix, os.Getpid()))
	if err != nil {
		return nil, err
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	r, err := CreateRun(dir, meta)
	if err != nil {
		return nil, errors.Join(err, lock.Close(), os.RemoveAll(dir))
	}
	r.lock = lock
	return r, nil
}

// RemoveStale deletes the temporary folders of processes that are not there any more, and
// returns them. One stays if its process is there, or somebody holds its lock, who may
// live where process numbers are others, or if there is anything in it that no run
// has.
func RemoveStale() (removed []string) {
	found, _ := filepath.Glob(filepath.Join(os.TempDir(), tempPrefix+"*-*")) // the pattern is right
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
	if err != nil || pid <= 0 || alive(pid) {
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
	if err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !ofARun(e.Name()) }) || held(filepath.Join(dir, journalDir)) {
		return false
	}
	return os.RemoveAll(dir) == nil
}

// ofARun reports whether a run's folder may have a file of that name.
func ofARun(name string) bool {
	return slices.Contains([]string{runFile, reportFile, scenarioFile, ledgerFile, journalDir, addressFile}, strings.TrimSuffix(name, writing))
}
