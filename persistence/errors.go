package persistence

import (
	"errors"
	"fmt"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// DamageError reports that the files of a run are not as they were written.
type DamageError struct {
	Dir  string
	Step twins.Tick // the first damaged step, −1 if unknown
	What string
}

func (e *DamageError) Error() string {
	if e.Step < 0 {
		return fmt.Sprintf("run %q is damaged: %s", e.Dir, e.What)
	}
	return fmt.Sprintf("run %q is damaged from step %d on: %s", e.Dir, e.Step, e.What)
}

// HeldError reports that another process has a run open.
type HeldError struct {
	Dir     string
	Address string // where that process serves the run; "" if unknown
}

func (e *HeldError) Error() string {
	if e.Address != "" {
		return fmt.Sprintf("run %q is held by another process, which shows it at %s; ask there, or end that one first", e.Dir, e.Address)
	}
	return fmt.Sprintf("run %q is held by another process; end that one first", e.Dir)
}

// errHeld reports that another process has locked a folder or file.
var errHeld = errors.New("another process has it open")

// StoreError reports that a folder cannot be read as a run: it is not one, which is a
// usage error, or this program does not know its form.
type StoreError struct {
	Dir, What string
	Invalid   bool // it is a run of an unknown form
}

func (e *StoreError) Error() string { return fmt.Sprintf("run %q %s", e.Dir, e.What) }

func (e *StoreError) Unwrap() error {
	if e.Invalid {
		return nil
	}
	return problem.ErrUsage
}

// DifferenceError is the first difference between the recorded steps and those computed
// again from the same scenario and commands.
type DifferenceError struct {
	Step   twins.Tick
	Member string // path of the member or community, "" for the whole step
	What   string
}

func (e *DifferenceError) Error() string {
	if e.Member == "" {
		return fmt.Sprintf("step %d: %s", e.Step, e.What)
	}
	return fmt.Sprintf("step %d: %s: %s", e.Step, e.Member, e.What)
}

// FullError reports that nothing was written because the disk is nearly full.
type FullError struct {
	Dir        string
	Free, Want int64 // bytes
	New        bool  // the run was not begun: there is nothing to resume
}

func (e *FullError) Error() string {
	what := fmt.Sprintf("run %q: only %d MB are free on its disk and %d MB are kept in reserve; make room, then ", e.Dir, e.Free>>20, e.Want>>20)
	if e.New {
		return what + "try again"
	}
	return what + fmt.Sprintf("go on with `smatrix run --resume %s`", e.Dir)
}
