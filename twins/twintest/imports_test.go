package twintest_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/sim":    "every package's tests may use this one, sim's too",
		"github.com/smatrix-grid/smatrix/actors": "every package's tests may use this one, actors' too",
		"google.golang.org":                      "it uses the standard library and twins alone",
		"golang.org":                             "it uses the standard library and twins alone",
	})
}
