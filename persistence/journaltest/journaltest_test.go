package journaltest

import (
	"testing"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestMemory(t *testing.T) {
	Run(t, func(*testing.T) persistence.Table { return &persistence.Memory{} }, nil)
}

func TestBadger(t *testing.T) {
	dirs := map[*testing.T]string{}
	open := func(t *testing.T) persistence.Table {
		if dirs[t] == "" {
			dirs[t] = t.TempDir()
		}
		table, err := persistence.OpenBadger(dirs[t], persistence.Write)
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	Run(t, open, open)
}

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/actors": "a table knows nobody who writes into it",
	})
}
