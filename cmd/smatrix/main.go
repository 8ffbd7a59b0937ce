// Smatrix runs a whole electricity grid as digital twins, from the command line.
// This package chooses among the others and wires them together; it computes
// nothing of its own. There is one file for each command.
//
// Data goes to stdout, progress and errors to stderr. errors.go has the exit codes.
package main

import (
	"io"
	"log"
	"os"
)

func main() {
	// Badger ends the process through this log for some errors of the system: the reason looks like ours.
	log.SetFlags(0)
	log.SetPrefix("smatrix: ")
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program: it executes args and returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := execute(root)
	printErrors(stderr, err)
	return exitCode(err)
}
