package ui_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/actors":      "who steps is handed in as a sim.Stepper",
		"github.com/smatrix-grid/smatrix/persistence": "what was is handed in as a History",
		"github.com/smatrix-grid/smatrix/cmd":         "wiring points inwards",
		"github.com/asynkron/protoactor-go":           "viewers see records, not actors",
		"github.com/dgraph-io/badger":                 "nothing is kept here",
	})
}
