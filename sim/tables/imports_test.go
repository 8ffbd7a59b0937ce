package tables_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/actors":      "tables take rows, whatever made the steps",
		"github.com/smatrix-grid/smatrix/persistence": "tables are written to an io.Writer, not to a store",
		"github.com/smatrix-grid/smatrix/ui":          "tables are written to an io.Writer, not to a response",
		"github.com/smatrix-grid/smatrix/cmd":         "wiring points inwards",
	})
}
