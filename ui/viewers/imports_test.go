package viewers

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/sim":         "frames come made, whatever they show",
		"github.com/smatrix-grid/smatrix/actors":      "viewers see frames",
		"github.com/smatrix-grid/smatrix/persistence": "a step that is looked at comes from the Source",
		"github.com/danielgtaylor/huma":               "a viewer is no request of the API",
	})
}
