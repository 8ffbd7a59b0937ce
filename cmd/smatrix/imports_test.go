package main

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// The command wires everything, but contains neither physics nor messages.
func TestImports(t *testing.T) {
	twintest.DirectImports(t, map[string]string{
		"github.com/asynkron/protoactor-go": "actors are started and stopped by package actors",
		"github.com/dgraph-io/badger":       "persistence keeps what is kept",
		"github.com/santhosh-tekuri":        "scenarios are read by sim",
	})
}
