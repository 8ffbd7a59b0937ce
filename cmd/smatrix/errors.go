package main

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/problem"
)

// The exit codes. They are a promise to scripts.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2 // how it was asked for; also folders that cannot be used
	exitInvalid     = 3 // the scenario, data that it names, or a run that was kept
	exitAudit       = 4 // energy was lost or made
	exitDiffers     = 5 // what is kept is not what is computed again, or is damaged
	exitInterrupted = 130
)

// interruptedError says that somebody ended a run early, which is no failure.
type interruptedError struct{ done, steps int64 }

func (e *interruptedError) Error() string {
	return fmt.Sprintf("interrupted after step %d of %d", e.done, e.steps)
}

// differsError says that a run that was kept did not stand up to --verify.
type differsError struct{ error }

func (e *differsError) Unwrap() error { return e.error }

// exitCode is the code for what a command returned. Where several things are
// wrong, the first in this order counts; an interrupt counts if it is all.
func exitCode(err error) int {
	var audit *sim.AuditError
	var wrong *problem.At
	var interrupted *interruptedError
	var store *persistence.StoreError
	var damage *persistence.DamageError
	var model *persistence.ModelError
	var differs *differsError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &differs):
		return exitDiffers
	case errors.As(err, &audit):
		return exitAudit
	case errors.As(err, &wrong) && !errors.Is(wrong, problem.ErrUsage),
		errors.As(err, &store) && store.Invalid, errors.As(err, &damage), errors.As(err, &model):
		return exitInvalid
	case errors.Is(err, problem.ErrUsage):
		return exitUsage
	case errors.As(err, &interrupted) && len(leaves(err)) == 1:
		return exitInterrupted
	}
	return exitFailed
}

// execute runs the command that was asked for. What cobra itself finds wrong is
// usage; a panic is told as what it is, so that it cannot pass for exit code 2,
// with which Go would end.
func execute(root *cobra.Command) (err error) {
	started := false
	root.PersistentPreRun = func(*cobra.Command, []string) { started = true }
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v\n%s", p, debug.Stack())
		}
	}()
	err = root.Execute()
	if err != nil && !started && !errors.Is(err, problem.ErrUsage) {
		return usage(root, "%v", err)
	}
	return err
}

// printErrors prints an error, each of those that are joined in it on its own
// line: a problem as file:line: what, which editors understand, all others after
// the program's name.
func printErrors(w io.Writer, err error) {
	seen := map[string]bool{}
	for _, e := range leaves(err) {
		line := "smatrix: " + e.Error()
		var wrong *problem.At
		if errors.As(e, &wrong) {
			line = wrong.Error()
		}
		if !seen[line] { // two files on one full disk
			fmt.Fprintln(w, printable(line))
		}
		seen[line] = true
	}
}

// leaves takes joined errors apart.
func leaves(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, leaves(e)...)
	}
	return all
}

// printable replaces what could make a terminal do things: texts of scenarios
// come from others.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
