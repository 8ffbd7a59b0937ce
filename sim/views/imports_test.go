package views_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/actors":      "views read records, whatever made the steps (sim.Stepper)",
		"github.com/smatrix-grid/smatrix/persistence": "views are stored by the journal, a Sink",
		"github.com/smatrix-grid/smatrix/ui":          "views are shown by the server",
		"github.com/smatrix-grid/smatrix/cmd":         "wiring points inwards",
		"github.com/asynkron/protoactor-go":           "actors import sim, not the other way round",
		"github.com/dgraph-io/badger":                 "views are stored by the journal",
	})
}
