package apitypes_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/twins": "types are made from the document alone",
		"github.com/smatrix-grid/smatrix/sim":   "types are made from the document alone",
		"github.com/smatrix-grid/smatrix/ui":    "the document is handed in as bytes",
		"github.com/danielgtaylor/huma":         "what clients read counts, not what made it",
	})
}
