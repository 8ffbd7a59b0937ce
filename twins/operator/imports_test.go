package operator_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.DirectImports(t, map[string]string{
		"time":      "steps are counted, there is no clock",
		"os":        "no file and no environment",
		"sync":      "no goroutine: its owner gives it turns",
		"math/rand": "nothing is drawn by lot here",
	})
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/sim":         "where and when are sim's",
		"github.com/smatrix-grid/smatrix/actors":      "who acts is not known here",
		"github.com/smatrix-grid/smatrix/persistence": "who keeps is not known here: the operator has its own stored form",
		"golang.org":        "the standard library alone",
		"google.golang.org": "the standard library alone",
	})
}
