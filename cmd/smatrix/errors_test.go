package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/bench"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/problem"
)

func TestExitCode(t *testing.T) {
	usage := &problem.Usage{What: "no such flag"}
	wrong := &problem.At{File: "a.yaml", Line: 3, What: "wrong"}
	audit := &sim.AuditError{Tick: 7, Node: "grid", Residual: 1}
	interrupted := &interruptedError{1, 2}
	tests := []struct {
		name string
		err  error
		want int
	}{
		{"nothing", nil, 0},
		{"nothing joined", errors.Join(nil, nil), 0},
		{"anything", errors.New("disk"), 1},
		{"a temporary file of data", &problem.At{File: "a.yaml", Line: 3, What: "no room", Err: &inputs.StorageError{Err: errors.New("no room")}}, 1},
		{"usage", usage, 2},
		{"usage in other words", fmt.Errorf("set: %w", problem.ErrUsage), 2},
		{"a problem", wrong, 3},
		{"problems", errors.Join(wrong, wrong), 3},
		{"a problem with context", fmt.Errorf("street: %w", wrong), 3},
		{"a problem and usage", errors.Join(usage, wrong), 3},
		{"the audit", audit, 4},
		{"the audit, and the disk", errors.Join(audit, errors.New("disk")), 4},
		{"actors that differ from the flat loop", fmt.Errorf("bench: %w", &bench.DigestError{}), 4},
		{"interrupted", interrupted, 130},
		{"a bench interrupted", &bench.InterruptedError{Done: 1, Cases: 2}, 130},
		{"interrupted, joined", errors.Join(interrupted, nil), 130},
		{"interrupted, and the disk", errors.Join(interrupted, errors.New("disk")), 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := exitCode(tt.err); got != tt.want {
				t.Errorf("exit code %d, want %d", got, tt.want)
			}
		})
	}
}

func TestPrintErrors(t *testing.T) {
	wrong := &problem.At{File: "a.yaml", Line: 3, What: "wrong"}
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"nothing", nil, ""},
		{"one", errors.New("disk"), "smatrix: disk\n"},
		{"a problem", wrong, "a.yaml:3: wrong\n"},
		{"in a problem", fmt.Errorf("street: %w", wrong), "a.yaml:3: wrong\n"},
		{"several, nested", errors.Join(errors.New("disk"), errors.Join(wrong, &problem.At{File: "b.csv", What: "is empty"})),
			"smatrix: disk\na.yaml:3: wrong\nb.csv: is empty\n"},
		{"the same twice", errors.Join(errors.New("disk"), errors.New("disk")), "smatrix: disk\n"},
		{"what a terminal would do", errors.New("\x1b[2J"), "smatrix: \ufffd[2J\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if printErrors(&b, tt.err); b.String() != tt.want {
				t.Errorf("got %q, want %q", b.String(), tt.want)
			}
		})
	}
}

// A panic is reported, and cannot be mistaken for a usage error.
func TestPanic(t *testing.T) {
	root := &cobra.Command{Use: "x", RunE: func(*cobra.Command, []string) error { panic("oh") }, SilenceUsage: true, SilenceErrors: true}
	root.SetArgs(nil)
	err := execute(root)
	if exitCode(err) != exitFailed || !strings.Contains(err.Error(), "internal error: oh") {
		t.Errorf("got %v", err)
	}
}
