package actors_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/persistence": "the journal is handed to the runner as a sim.Sink",
		"github.com/smatrix-grid/smatrix/ui":          "viewers see frames, not actors",
		"github.com/smatrix-grid/smatrix/cmd":         "wiring points inwards",
		"github.com/dgraph-io/badger":                 "actors do not touch disk",
	})
}
