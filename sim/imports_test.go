package sim_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/actors":      "who steps is not known here: a Stepper",
		"github.com/smatrix-grid/smatrix/persistence": "who keeps is not known here: a Sink",
		"github.com/smatrix-grid/smatrix/ui":          "who looks is not known here: frames",
		"github.com/smatrix-grid/smatrix/cmd":         "wiring points inwards",
		"github.com/asynkron/protoactor-go":           "actors stand around sim, not in it",
		"github.com/dgraph-io/badger":                 "nothing is kept here",
	})
}
