package persistence

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/scenario"
)

// A process that is killed just after it has created one of Badger's files, still empty or
// without a whole head, has lost nothing: the store opens, for reading and for resuming.
func TestEmptyFilesOfAKilledProcess(t *testing.T) {
	for _, file := range []struct {
		name string
		size int
	}{{"00001.mem", 0}, {"00099.mem", 0}, {"00099.mem", 1}, {"00099.mem", 19}, {"00099.mem", 20}, {"000099.vlog", 0}, {"000099.vlog", 19}} {
		for _, mode := range []Mode{Read, Write} {
			dir := filepath.Join(t.TempDir(), "run")
			kept(t, dir, build(t, "hamlet", scenario.Options{}), 10)
			name := filepath.Join(dir, journalDir, file.name)
			if err := os.WriteFile(name, make([]byte, file.size), 0o666); err != nil {
				t.Fatal(err)
			}
			s := open(t, dir, mode)
			if s.Steps() != 10 || len(s.Repairs()) > 0 {
				t.Errorf("%s of %d bytes, mode %v: %d steps are kept, repairs %q, wanted 10 and none", file.name, file.size, mode, s.Steps(), s.Repairs())
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// A store whose disk fails at the end is closed with the reason, where Badger alone retries for ever.
// The entries are in its log, and are there when it is opened again.
func TestCloseOnAFailingDisk(t *testing.T) {
	dir := t.TempDir()
	table, err := openBadger(dir, Write, false)
	if err != nil {
		t.Fatal(err)
	}
	entry := Entry{Key: []byte("key"), Value: []byte("value")}
	if err := errors.Join(table.Put([]Entry{entry}), table.Sync()); err != nil {
		t.Fatal(err)
	}
	var inTheWay []string // folders where Badger wants to create its first table, with a new name each time
	for i := range 20 {
		inTheWay = append(inTheWay, filepath.Join(dir, fmt.Sprintf("%06d.sst", i)))
		if err := os.Mkdir(inTheWay[i], 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Close(); err == nil || !strings.Contains(err.Error(), "journal: error flushing memtable to disk") {
		t.Fatalf("closed: %v", err)
	}
	for _, name := range inTheWay {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.db.Close(); err != nil { // waits for Badger's next attempt, which succeeds
		t.Fatal(err)
	}
	again, err := openBadger(dir, Write, false)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got, err := again.Get(entry.Key); err != nil || string(got) != "value" {
		t.Errorf("kept: %q, %v", got, err)
	}
}
