package inputs

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/actors":      "inputs are given to a world, not to actors",
		"github.com/smatrix-grid/smatrix/persistence": "nothing is kept here",
		"github.com/smatrix-grid/smatrix/ui":          "who looks is not known here",
		"github.com/smatrix-grid/smatrix/cmd":         "wiring points inwards",
		"github.com/asynkron/protoactor-go":           "actors stand around sim, not in it",
		"github.com/dgraph-io/badger":                 "nothing is kept here",
		"github.com/smatrix-grid/smatrix/sim/live":    "the clock of a run is not known here",
		"github.com/smatrix-grid/smatrix/sim/views":   "what records come to is not known here",
		"github.com/smatrix-grid/smatrix/sim/tables":  "tables are made of records",
		"github.com/smatrix-grid/smatrix/sim/form":    "inputs have no stored form",
		"go.yaml.in/yaml":                             "scenarios are read by package scenario; here are data files",
	})
}
