package sim_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/actors":      "sim sees actors as a Stepper",
		"github.com/smatrix-grid/smatrix/persistence": "sim sees the store as a Sink",
		"github.com/smatrix-grid/smatrix/ui":          "sim gives frames and does not know who shows them",
		"github.com/smatrix-grid/smatrix/cmd":         "imports point inwards only",
		"github.com/asynkron/protoactor-go":           "actors import sim, sim has none",
		"github.com/dgraph-io/badger":                 "sim stores nothing",
	})
	twintest.DirectImports(t, map[string]string{
		"go.yaml.in/yaml":                               "the text of scenarios is read by package scenario",
		"github.com/santhosh-tekuri":                    "the schema is checked by package scenario",
		"github.com/smatrix-grid/smatrix/sim/scenarios": "scenarios are loaded by package scenario",
		"os":    "files are opened by package scenario",
		"io/fs": "files are opened by package scenario",
		"embed": "shipped files are embedded by package scenarios",
	})
}
