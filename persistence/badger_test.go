package persistence

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
)

// A process that is killed just after it has created one of Badger's files, with nothing
// in it yet, has lost nothing: the store opens, to be read and to go on.
func TestEmptyFilesOfAKilledProcess(t *testing.T) {
	for _, name := range []string{"00001.mem", "00099.mem", "000099.vlog"} {
		for _, mode := range []Mode{Read, Write} {
			dir := filepath.Join(t.TempDir(), "run")
			kept(t, dir, build(t, "hamlet", sim.Options{}), 10)
			if err := os.WriteFile(filepath.Join(dir, journalDir, name), nil, 0o666); err != nil {
				t.Fatal(err)
			}
			s := open(t, dir, mode)
			if s.Steps() != 10 || len(s.Repairs()) > 0 {
				t.Errorf("%s, mode %v: %d steps are kept, repairs %q, wanted 10 and none", name, mode, s.Steps(), s.Repairs())
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
