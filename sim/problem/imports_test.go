package problem

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix": "every package of sim uses this one, so it imports none of them",
	})
}
