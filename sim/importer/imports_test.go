package importer

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/actors":      "nothing is run",
		"github.com/smatrix-grid/smatrix/persistence": "nothing is kept",
		"github.com/smatrix-grid/smatrix/ui":          "nothing is shown",
		"github.com/smatrix-grid/smatrix/cmd":         "wiring points inwards",
		"github.com/smatrix-grid/smatrix/sim/live":    "nothing is run",
		"github.com/smatrix-grid/smatrix/sim/views":   "nothing is run",
	})
	twintest.DirectImports(t, map[string]string{
		"os": "files are read and written by the caller",
	})
}
