package persistence

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/dgraph-io/badger/v4"
)

// dropMapped takes the pages of a store's tables out of this process's memory. Badger maps its tables,
// and a page that was once written or read counts as this process's until the table is deleted, so
// that its memory would grow with the length of a run. The pages stay in the system's cache, and on
// disk once they are written, and come back when they are read.
//
// Only the pages of tables are dropped that an iterator holds, which Badger neither unmaps nor deletes
// meanwhile: what was mapped at the same address later might lose its content.
func dropMapped(db *badger.DB) error {
	return db.View(func(txn *badger.Txn) error {
		before := tableNames(db)
		it := txn.NewIterator(badger.IteratorOptions{})
		defer it.Close()
		held := tableNames(db)
		for name := range held {
			if !before[name] {
				delete(held, name) // the iterator may be older than this table
			}
		}
		maps, err := os.Open("/proc/self/maps")
		if err != nil {
			return err
		}
		defer maps.Close()
		for lines := bufio.NewScanner(maps); lines.Scan(); {
			from, to, name := mapping(lines.Text())
			if !held[name] {
				continue
			}
			if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, from, to-from, syscall.MADV_DONTNEED); errno != 0 {
				err = errors.Join(err, fmt.Errorf("madvise %s: %w", name, errno))
			}
		}
		return err
	})
}

// tableNames returns the paths of all tables of a store, as /proc/self/maps shows them.
func tableNames(db *badger.DB) map[string]bool {
	dir, err := filepath.EvalSymlinks(db.Opts().Dir)
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return nil
	}
	names := map[string]bool{}
	for _, t := range db.Tables() {
		names[filepath.Join(dir, fmt.Sprintf("%06d.sst", t.ID))] = true
	}
	return names
}

// mapping reads a line of /proc/self/maps: the addresses of a mapping and the file it is of, zeros if
// the line is another.
func mapping(line string) (from, to uintptr, name string) {
	at := strings.IndexByte(line, '/')
	addresses, _, _ := strings.Cut(line, " ")
	low, high, _ := strings.Cut(addresses, "-")
	a, errA := strconv.ParseUint(low, 16, 64)
	b, errB := strconv.ParseUint(high, 16, 64)
	if at < 0 || errA != nil || errB != nil {
		return 0, 0, ""
	}
	return uintptr(a), uintptr(b), line[at:]
}
