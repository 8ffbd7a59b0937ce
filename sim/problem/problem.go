package problem

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// At is an error in a scenario or a data file: where it is, what is wrong and what was
// wanted instead. It prints as file:line: what, what was wanted.
type At struct {
	File string
	Line int    // from 1; 0 if the error is about the whole file
	What string // what is wrong, and what was wanted
	Err  error  // the cause, for errors.Is and errors.As; may be nil
}

func (p *At) Error() string {
	if p.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.What)
	}
	return p.File + ": " + p.What
}

func (p *At) Unwrap() error { return p.Err }

// ErrUsage is wrapped by errors about how a run was asked for: an unknown
// --set path, a negative number of steps, a folder that cannot be used.
var ErrUsage = errors.New("usage")

// Usage is an error that wraps ErrUsage and prints only its own text.
type Usage struct{ What string }

func (e *Usage) Error() string { return e.What }
func (e *Usage) Unwrap() error { return ErrUsage }

// Most is the greatest number of problems that are reported at once.
const Most = 10

// Join joins errors, sorted by line, without duplicates and Most of them at the most. It
// returns nil for none. Each error must wrap an *At.
func Join(found []error) error {
	line := func(e error) int {
		var p *At
		errors.As(e, &p)
		return p.Line
	}
	slices.SortStableFunc(found, func(a, b error) int { return cmp.Compare(line(a), line(b)) })
	found = slices.CompactFunc(found, func(a, b error) bool { return a.Error() == b.Error() })
	return errors.Join(found[:min(len(found), Most)]...)
}
