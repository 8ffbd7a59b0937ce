package bench

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/cmd": "wiring points inwards",
		"github.com/smatrix-grid/smatrix/ui":  "what viewers cost is measured beside the server",
	})
	twintest.DirectImports(t, map[string]string{
		"github.com/asynkron/protoactor-go": "actors are started and stopped by package actors",
		"github.com/dgraph-io/badger":       "persistence keeps what is kept",
	})
}
