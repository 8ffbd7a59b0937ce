package persistence

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The pages of a store's tables leave this process's memory, and what is in them is still read, also
// while Badger writes, compacts and deletes tables.
func TestDroppedPages(t *testing.T) {
	dir := t.TempDir()
	table, err := openBadger(dir, Write, false)
	if err != nil {
		t.Fatal(err)
	}
	value := func(key uint64) []byte {
		random := rand.NewChaCha8([32]byte{byte(key), byte(key >> 8)})
		b := make([]byte, 64<<10)
		_, _ = random.Read(b) // never fails
		return b
	}
	const keys, rounds = 120, 4
	var group sync.WaitGroup
	written := make(chan struct{})
	group.Go(func() {
		defer close(written)
		for range rounds { // 31 MB, each key four times, so that compactions delete tables
			for key := range uint64(keys) {
				if err := table.Put([]Entry{{Key: fmt.Appendf(nil, "%03d", key), Value: value(key)}}); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	group.Go(func() {
		for more := true; more; {
			select {
			case <-written:
				more = false
			default:
			}
			if err := dropMapped(table.db); err != nil {
				t.Error(err)
				return
			}
		}
	})
	group.Wait()
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}

	if table, err = openBadger(dir, Read, false); err != nil { // without compactions
		t.Fatal(err)
	}
	defer func() {
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	}()
	for key := range uint64(keys) {
		if got, err := table.Get(fmt.Appendf(nil, "%03d", key)); err != nil || !bytes.Equal(got, value(key)) {
			t.Fatalf("key %d: %d bytes that are not those put, %v", key, len(got), err)
		}
	}
	if resident := residentTables(t, dir); resident == 0 {
		t.Error("after reading, no page of a table is in memory: the test does not see them")
	}
	if err := dropMapped(table.db); err != nil {
		t.Fatal(err)
	}
	if resident := residentTables(t, dir); resident > 0 {
		t.Errorf("%d kB of tables are in memory, wanted 0", resident)
	}
}

// residentTables returns how many kB of the tables in a folder are in this process's memory.
func residentTables(t *testing.T, dir string) (kB int) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	of := false
	for line := range strings.Lines(string(maps)) {
		if f := strings.Fields(line); len(f) >= 5 && strings.Contains(f[0], "-") {
			of = strings.Contains(line, dir) && strings.Contains(line, ".sst")
		} else if of && f[0] == "Rss:" {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			kB += n
		}
	}
	return kB
}
