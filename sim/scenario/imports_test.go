package scenario

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// Package sim needs no row, because it imports this package.
func TestImports(t *testing.T) {
	twintest.Imports(t, map[string]string{
		"github.com/smatrix-grid/smatrix/actors":      "a scenario does not know what hosts its twins",
		"github.com/smatrix-grid/smatrix/persistence": "this package stores nothing: callers store a scenario's Origin",
		"github.com/smatrix-grid/smatrix/ui":          "a scenario does not know its viewers",
		"github.com/smatrix-grid/smatrix/cmd":         "imports point inwards",
		"github.com/smatrix-grid/smatrix/sim/live":    "a scenario does not know the clock of a live run",
		"github.com/smatrix-grid/smatrix/sim/views":   "a scenario does not know what is computed from records",
		"github.com/smatrix-grid/smatrix/sim/tables":  "tables are made from records, not from scenarios",
		"github.com/smatrix-grid/smatrix/sim/form":    "a scenario is stored as its text",
		"github.com/asynkron/protoactor-go":           "actors import sim, not the other way round",
		"github.com/dgraph-io/badger":                 "this package stores nothing",
	})
}
