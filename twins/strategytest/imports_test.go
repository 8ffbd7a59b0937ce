package strategytest_test

import (
	"testing"

	_ "github.com/smatrix-grid/smatrix/twins/strategytest"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	const module = "github.com/smatrix-grid/smatrix/"
	twintest.Imports(t, map[string]string{
		module + "sim":         "a strategy is written against twins alone",
		module + "actors":      "it does not know who gives it turns",
		module + "persistence": "it does not know who keeps its state",
		module + "ui":          "it does not know who looks",
		module + "cmd":         "wiring is outside",
	})
}
