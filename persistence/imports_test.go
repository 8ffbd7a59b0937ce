package persistence

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	const module = "github.com/smatrix-grid/smatrix/"
	twintest.Imports(t, map[string]string{
		module + "actors":                   "a run arrives through sim.Sink, from any maker of steps",
		module + "ui":                       "what is kept does not depend on who looks",
		module + "cmd":                      "wiring is outside",
		module + "bench":                    "measuring is outside",
		"github.com/asynkron/protoactor-go": "what is kept outlives the actors that did it",
	})
	// Badger brings net/http with it, for figures that are switched off.
	twintest.DirectImports(t, map[string]string{"net/http": "files only"})
}
