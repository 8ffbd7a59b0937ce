package persistence

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// A store that cannot write its tables is closed with an error, and does not wait for ever.
func TestCloseOfAFailedStore(t *testing.T) {
	was := closeTimeout
	closeTimeout = 10 * time.Millisecond
	t.Cleanup(func() { closeTimeout = was })
	dir := t.TempDir()
	table, err := Badger(dir, Write, false)
	if err != nil {
		t.Fatal(err)
	}
	inTheWay := filepath.Join(dir, "000001.sst")
	if err := errors.Join(table.Put([]Entry{{Key: []byte("a"), Value: []byte("b")}}), os.Mkdir(inTheWay, 0o777)); err != nil {
		t.Fatal(err)
	}
	if err := table.Close(); err == nil || !strings.Contains(err.Error(), "error flushing memtable") {
		t.Errorf("closed with %v", err)
	}
	if err := os.Remove(inTheWay); err != nil { // lets Badger end
		t.Error(err)
	}
}
