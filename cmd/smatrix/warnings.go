package main

import (
	"fmt"
	"io"

	"github.com/smatrix-grid/smatrix/sim/problem"
)

// printWarnings prints each warning on its own line, as warning: file:line: column: what.
func printWarnings(w io.Writer, found []problem.Warning) {
	for _, one := range found {
		fmt.Fprintln(w, printableLine(one.String()))
	}
}
