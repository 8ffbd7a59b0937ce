package form_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/sim":         "forms know nothing of what they are made of",
		"github.com/smatrix-grid/smatrix/actors":      "forms know nothing of what they are made of",
		"github.com/smatrix-grid/smatrix/persistence": "keys, checksums and files are the store's",
		"github.com/smatrix-grid/smatrix/ui":          "wiring points inwards",
		"github.com/smatrix-grid/smatrix/cmd":         "wiring points inwards",
	})
}
