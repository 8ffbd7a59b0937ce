package twins_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.DirectImports(t, map[string]string{
		"time":      "a twin has no clock: Env has the time",
		"os":        "a twin touches no file and no environment",
		"net":       "a twin has no connections",
		"sync":      "a twin has no goroutine: its owner gives it turns",
		"math/rand": "random numbers are streams by path: Draw",
		"log":       "a twin says what happens by events",
	})
	twintest.Imports(t, map[string]string{
		"github.com":        "twins use the standard library alone",
		"google.golang.org": "twins use the standard library alone",
		"golang.org":        "twins use the standard library alone",
		"go.yaml.in":        "a twin's entry comes as JSON; files are read by sim",
	})
}
