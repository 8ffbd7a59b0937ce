package form_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/sim":         "a form does not depend on the types that it stores",
		"github.com/smatrix-grid/smatrix/actors":      "a form does not depend on the types that it stores",
		"github.com/smatrix-grid/smatrix/persistence": "keys, checksums and files are in package persistence",
		"github.com/smatrix-grid/smatrix/ui":          "imports point inwards",
		"github.com/smatrix-grid/smatrix/cmd":         "imports point inwards",
	})
}
