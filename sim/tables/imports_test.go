package tables_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/actors":      "who steps is not known here",
		"github.com/smatrix-grid/smatrix/persistence": "who keeps is not known here: it writes to an io.Writer",
		"github.com/smatrix-grid/smatrix/ui":          "who downloads is not known here: it writes to an io.Writer",
		"github.com/smatrix-grid/smatrix/cmd":         "wiring points inwards",
	})
}
