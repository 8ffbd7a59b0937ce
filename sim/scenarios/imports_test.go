package scenarios

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix": "this package only embeds files; their readers import it",
	})
}
