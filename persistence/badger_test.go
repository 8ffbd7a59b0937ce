package persistence

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

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

// A store that was killed with a memtable of an earlier program, which was larger than this
// program's, is opened and has everything.
func TestLogOfALargerMemtable(t *testing.T) {
	dir, killed := t.TempDir(), t.TempDir()
	db, err := badger.Open(badger.DefaultOptions(dir).WithLogger(nil).WithExternalMagic(badgerMagic).
		WithMemTableSize(mostMemTable).WithValueLogFileSize(valueLogSize).WithValueThreshold(1 << 20).WithCompression(options.None))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const values = 24 // of half a mebibyte: more than memTableSize
	for k := range values {
		err := db.Update(func(txn *badger.Txn) error { return txn.Set([]byte{byte(k)}, bytes.Repeat([]byte{byte(k)}, 1<<19)) })
		if err != nil {
			t.Fatal(err)
		}
	}
	copyRun(t, dir, killed)
	_ = os.Remove(filepath.Join(killed, "LOCK")) // it may not be there
	table, err := openBadger(killed, Write, false)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	for k := range values {
		if v, err := table.Get([]byte{byte(k)}); err != nil || !bytes.Equal(v, bytes.Repeat([]byte{byte(k)}, 1<<19)) {
			t.Errorf("value %d: %d bytes, %v", k, len(v), err)
		}
	}
}
