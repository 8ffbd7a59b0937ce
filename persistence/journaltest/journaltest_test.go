package journaltest

import (
	"testing"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestMemory(t *testing.T) {
	Run(t, func() persistence.Opener { return InMemory() })
}

func TestBadger(t *testing.T) {
	Run(t, func() persistence.Opener { return persistence.Badger })
}

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/actors": "a table does not know its writers",
	})
}
