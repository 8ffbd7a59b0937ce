package persistence

import (
	"fmt"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// DamageError says that what is kept of a run is not what was written.
type DamageError struct {
	Dir  string
	Step twins.Tick // the first that is damaged, −1 if that cannot be told
	What string
}

func (e *DamageError) Error() string {
	if e.Step < 0 {
		return fmt.Sprintf("run %q is damaged: %s", e.Dir, e.What)
	}
	return fmt.Sprintf("run %q is damaged from step %d on: %s", e.Dir, e.Step, e.What)
}

// HeldError says that another process works on a run.
type HeldError struct {
	Dir     string
	Address string // where that process is to be asked; "" if it has said nothing
}

func (e *HeldError) Error() string {
	if e.Address != "" {
		return fmt.Sprintf("run %q is held by another process, which shows it at %s; ask there, or end that one first", e.Dir, e.Address)
	}
	return fmt.Sprintf("run %q is held by another process; end that one first", e.Dir)
}

// StoreError says that a folder cannot be read as a run: since it is none, which is
// how it was asked for, or since this program does not know its form.
type StoreError struct {
	Dir, What string
	Invalid   bool // it is a run, of a form that is unknown
}

func (e *StoreError) Error() string { return fmt.Sprintf("run %q %s", e.Dir, e.What) }

func (e *StoreError) Unwrap() error {
	if e.Invalid {
		return nil
	}
	return problem.ErrUsage
}

// DifferenceError is the first difference between what is kept and what the same
// scenario and commands give.
type DifferenceError struct {
	Step   twins.Tick
	Member string // path of the member or community, "" if it is about the whole step
	What   string
}

func (e *DifferenceError) Error() string {
	if e.Member == "" {
		return fmt.Sprintf("step %d: %s", e.Step, e.What)
	}
	return fmt.Sprintf("step %d: %s: %s", e.Step, e.Member, e.What)
}

// FullError says that nothing more is taken, since the disk is about to be full.
type FullError struct {
	Dir        string
	Free, Want int64 // bytes
}

func (e *FullError) Error() string {
	return fmt.Sprintf("run %q: only %d MB are free on its disk and %d MB are kept in reserve; make room, then go on with `smatrix run --resume %s`",
		e.Dir, e.Free>>20, e.Want>>20, e.Dir)
}
