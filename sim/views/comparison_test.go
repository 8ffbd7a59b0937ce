package views

import (
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/twins"
)

// Two runs are compared over the whole steps of both that they have in common.
func TestSharedSpan(t *testing.T) {
	start := time.Date(2018, 1, 8, 0, 0, 0, 0, time.UTC)
	of := func(after time.Duration, stepS, steps int64) *RunOf {
		return &RunOf{Start: start.Add(after), StepS: stepS, Steps: steps}
	}
	for _, row := range []struct {
		name                   string
		a, b                   *RunOf
		fromA, toA, fromB, toB twins.Tick // all 0: nothing is shared
	}{
		{"the same time", of(0, 900, 96), of(0, 900, 96), 0, 96, 0, 96},
		{"one ended early", of(0, 900, 96), of(0, 900, 7), 0, 7, 0, 7},
		{"one begins later", of(0, 900, 96), of(6*time.Hour, 900, 96), 24, 96, 0, 72},
		{"one within the other", of(time.Hour, 900, 4), of(0, 900, 96), 0, 4, 4, 8},
		{"hours and half hours", of(0, 3600, 24), of(12*time.Hour, 1800, 13), 12, 18, 0, 12},
		{"steps of 10 and 15 min share half hours", of(0, 600, 10), of(0, 900, 10), 0, 9, 0, 6},
		{"one begins within a step of the other", of(0, 3600, 24), of(30*time.Minute, 1800, 24), 1, 12, 1, 23},
		{"steps that never begin together", of(0, 3600, 24), of(10*time.Minute, 1800, 24), 0, 0, 0, 0},
		{"less than a step in common", of(0, 3600, 24), of(0, 900, 3), 0, 0, 0, 0},
		{"one after the other", of(0, 900, 96), of(24*time.Hour, 900, 96), 0, 0, 0, 0},
		{"one without steps", of(0, 900, 96), of(0, 900, 0), 0, 0, 0, 0},
	} {
		s, ok := SharedSpan(row.a, row.b)
		if s.FromA != row.fromA || s.ToA != row.toA || s.FromB != row.fromB || s.ToB != row.toB || ok != (row.toA > 0) {
			t.Errorf("%s: %+v %t, wanted %d to %d and %d to %d", row.name, s, ok, row.fromA, row.toA, row.fromB, row.toB)
		}
		if from := row.a.Start.Add(time.Duration(int64(s.FromA)*row.a.StepS) * time.Second); ok && !s.From.Equal(from) {
			t.Errorf("%s: it begins at %s, wanted %s", row.name, s.From, from)
		}
	}
}
