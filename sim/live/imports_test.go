package live

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/actors":      "the driver knows the stepper only as a sim.Stepper",
		"github.com/smatrix-grid/smatrix/persistence": "commands are stored through the function Options.Keep",
		"github.com/smatrix-grid/smatrix/ui":          "viewers call Watch; the driver does not know them",
		"github.com/smatrix-grid/smatrix/cmd":         "imports point inwards",
		"github.com/smatrix-grid/smatrix/sim/views":   "the driver gets its stop condition as a function, and no view",
		"github.com/asynkron/protoactor-go":           "actors import sim, not the other way round",
		"github.com/dgraph-io/badger":                 "this package stores nothing",
	})
}
