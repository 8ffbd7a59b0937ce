package sim

import (
	"errors"
	"fmt"
)

// Problem is what is wrong with a scenario or a data file, where, and what was
// wanted instead. It prints as file:line: what, what was wanted.
type Problem struct {
	File string
	Line int // from 1; 0 if it is about the whole file
	What string
	Err  error
}

func (p *Problem) Error() string {
	if p.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.What)
	}
	return p.File + ": " + p.What
}

func (p *Problem) Unwrap() error { return p.Err }

// ErrUsage is wrapped by errors about how a run was asked for: an unknown
// --set path, a negative number of steps, a folder that cannot be used.
var ErrUsage = errors.New("usage")

// UsageError is an error that wraps ErrUsage without showing it.
type UsageError struct{ What string }

func (e *UsageError) Error() string { return e.What }
func (e *UsageError) Unwrap() error { return ErrUsage }
