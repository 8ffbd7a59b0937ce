package scenario

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// That sim itself is not imported needs no row: it imports this package.
func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/actors":      "a scenario does not know who steps",
		"github.com/smatrix-grid/smatrix/persistence": "nothing is kept here: Origin says what to keep",
		"github.com/smatrix-grid/smatrix/ui":          "who looks is not known here",
		"github.com/smatrix-grid/smatrix/cmd":         "wiring points inwards",
		"github.com/smatrix-grid/smatrix/sim/live":    "the clock of a run is not known here",
		"github.com/smatrix-grid/smatrix/sim/views":   "what records come to is not known here",
		"github.com/smatrix-grid/smatrix/sim/tables":  "tables are made of records",
		"github.com/smatrix-grid/smatrix/sim/form":    "a scenario is kept as its text",
		"github.com/asynkron/protoactor-go":           "actors stand around sim, not in it",
		"github.com/dgraph-io/badger":                 "nothing is kept here",
	})
}
