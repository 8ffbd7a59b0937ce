package persistence

import (
	"errors"
	"fmt"
	"strings"

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
	Free, Want int64  // bytes
	Needs      string // what it was that needs how much; "" if the reserve itself is not there
	Then       string // what happens, or what to do, once there is room
}

func (e *FullError) Error() string {
	if e.Needs != "" {
		return fmt.Sprintf("%s, and %s are free on the disk of %q, of which %s are kept in reserve; make room, then %s",
			e.Needs, sizeText(e.Free), e.Dir, sizeText(e.Want), e.Then)
	}
	return fmt.Sprintf("run %q: only %s are free on its disk and %s are kept in reserve; make room, then %s", e.Dir, sizeText(e.Free), sizeText(e.Want), e.Then)
}

// sizeText writes a number of bytes in the largest unit, of 1024 of the one before, of which there is at least 1.
func sizeText(bytes int64) string {
	if bytes < 1<<10 {
		return fmt.Sprintf("%d bytes", bytes)
	}
	in := func(shift int, unit string) string {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(bytes)/float64(int64(1)<<shift)), ".0") + " " + unit
	}
	switch {
	case bytes < 1<<20:
		return in(10, "kB")
	case bytes < 10<<30:
		return in(20, "MB")
	}
	return in(30, "GB")
}
