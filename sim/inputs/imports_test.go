package inputs

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/actors":      "inputs are given to a world, not to actors",
		"github.com/smatrix-grid/smatrix/persistence": "inputs are not stored",
		"github.com/smatrix-grid/smatrix/ui":          "inputs do not know the viewer",
		"github.com/smatrix-grid/smatrix/cmd":         "wiring points inwards",
		"github.com/asynkron/protoactor-go":           "actors import sim, not the other way round",
		"github.com/dgraph-io/badger":                 "inputs are not stored",
		"github.com/smatrix-grid/smatrix/sim/live":    "inputs do not know the clock of a run",
		"github.com/smatrix-grid/smatrix/sim/views":   "views are made of records, after inputs were read",
		"github.com/smatrix-grid/smatrix/sim/tables":  "tables are made of records, after inputs were read",
		"github.com/smatrix-grid/smatrix/sim/form":    "inputs have no stored form",
		"go.yaml.in/yaml":                             "package scenario reads YAML; inputs are CSV files",
	})
}
