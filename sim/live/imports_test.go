package live

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/actors":      "who steps is not known here: a sim.Stepper",
		"github.com/smatrix-grid/smatrix/persistence": "who keeps commands is not known here: Options.Keep",
		"github.com/smatrix-grid/smatrix/ui":          "who watches is not known here: Watch",
		"github.com/smatrix-grid/smatrix/cmd":         "wiring points inwards",
		"github.com/smatrix-grid/smatrix/sim/views":   "what records come to is the views': Driver asks a function",
		"github.com/asynkron/protoactor-go":           "actors stand around sim, not in it",
		"github.com/dgraph-io/badger":                 "nothing is kept here",
	})
}
