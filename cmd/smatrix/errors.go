package main

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/bench"
	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/problem"
)

// The exit codes. They are a promise to scripts.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2 // wrong usage; also folders that cannot be used
	exitInvalid     = 3 // invalid scenario, recorded data or kept run
	exitAudit       = 4 // an invariant broke: energy was lost or made, actors differ from the flat loop
	exitDiffers     = 5 // what is kept differs from what is computed again, or is damaged
	exitInterrupted = 130
)

// interruptedError reports that a signal ended a run early, which is no failure.
type interruptedError struct{ done, steps int64 }

func (e *interruptedError) Error() string {
	return fmt.Sprintf("interrupted after step %d of %d", e.done, e.steps)
}

// differsError reports that a run failed --verify.
type differsError struct{ error }

func (e *differsError) Unwrap() error { return e.error }

// exitCode returns the exit code for a command's error. Of several errors the first
// in this order counts; an interrupt counts only if it is alone.
func exitCode(err error) int {
	var audit *sim.AuditError
	var wrong *problem.At
	var interrupted *interruptedError
	var store *persistence.StoreError
	var damage *persistence.DamageError
	var model *persistence.ModelError
	var differs *differsError
	var storage *inputs.StorageError
	var unequal *bench.DigestError
	var benched *bench.InterruptedError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &differs):
		return exitDiffers
	case errors.As(err, &audit), errors.As(err, &unequal):
		return exitAudit
	case errors.As(err, &storage): // it wraps where the data is named, which is not to blame
		return exitFailed
	case errors.As(err, &wrong) && !errors.Is(wrong, problem.ErrUsage),
		errors.As(err, &store) && store.Invalid, errors.As(err, &damage), errors.As(err, &model):
		return exitInvalid
	case errors.Is(err, problem.ErrUsage):
		return exitUsage
	case (errors.As(err, &interrupted) || errors.As(err, &benched)) && len(splitJoined(err)) == 1:
		return exitInterrupted
	}
	return exitFailed
}

// panicError is a panic, with its stack in lines of its own.
type panicError struct{ text string }

func (e *panicError) Error() string { return e.text }

// execute runs a command. Errors of cobra itself are usage errors; a panic becomes an
// internal error, since Go would exit with 2, the code for usage.
func execute(root *cobra.Command) (err error) {
	started := false
	root.PersistentPreRun = func(*cobra.Command, []string) { started = true }
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{fmt.Sprintf("internal error: %v\n%s", p, debug.Stack())}
		}
	}()
	err = root.Execute()
	if err != nil && !started && !errors.Is(err, problem.ErrUsage) {
		return usage(root, "%v", err)
	}
	return err
}

// printErrors prints an error, each joined error on its own line: a problem as
// file:line: what, which editors understand, all others after the program's name.
func printErrors(w io.Writer, err error) {
	seen := map[string]bool{}
	for _, e := range splitJoined(err) {
		line := printableLine("smatrix: " + e.Error())
		var wrong *problem.At
		if errors.As(e, &wrong) {
			line = printableLine(wrong.Error())
		}
		if errors.As(e, new(*panicError)) {
			line = printable("smatrix: " + e.Error())
		}
		if !seen[line] { // such as two files on one full disk
			fmt.Fprintln(w, line)
		}
		seen[line] = true
	}
}

// splitJoined returns the errors that are joined in an error.
func splitJoined(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, splitJoined(e)...)
	}
	return all
}
