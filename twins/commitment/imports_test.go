package commitment_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.DirectImports(t, map[string]string{
		"time":      "a plan counts periods",
		"os":        "a plan touches no file",
		"math/rand": "a plan is no matter of chance",
		"sync":      "a plan is made by one goroutine",
	})
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/sim":    "a plan is made from values, not from a scenario",
		"github.com/smatrix-grid/smatrix/actors": "actors ask for plans",
		"google.golang.org":                      "it uses the standard library and twins alone",
		"golang.org":                             "it uses the standard library and twins alone",
		"gonum.org":                              "a linear programme is for tests",
	})
}
