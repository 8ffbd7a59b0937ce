package sim_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/actors":      "who steps is not known here: a Stepper",
		"github.com/smatrix-grid/smatrix/persistence": "who keeps is not known here: a Sink",
		"github.com/smatrix-grid/smatrix/ui":          "who looks is not known here: frames",
		"github.com/smatrix-grid/smatrix/cmd":         "wiring points inwards",
		"github.com/asynkron/protoactor-go":           "actors stand around sim, not in it",
		"github.com/dgraph-io/badger":                 "nothing is kept here",
	})
	twintest.DirectImports(t, map[string]string{
		"go.yaml.in/yaml":                               "a world sees the scenario's communities and inputs, not its text: package scenario",
		"github.com/santhosh-tekuri":                    "the schema is package scenario's",
		"github.com/smatrix-grid/smatrix/sim/scenarios": "scenarios are loaded by package scenario",
		"os":    "files are opened by package scenario",
		"io/fs": "files are opened by package scenario",
		"embed": "what is shipped is embedded by package scenarios",
	})
}
