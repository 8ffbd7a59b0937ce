package viewstest_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/actors":      "a view sees records only",
		"github.com/smatrix-grid/smatrix/persistence": "a view sees records only",
		"github.com/smatrix-grid/smatrix/ui":          "a view sees records only",
		"github.com/smatrix-grid/smatrix/cmd":         "wiring points inwards",
	})
}
