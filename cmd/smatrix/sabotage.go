//go:build sabotage

package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// sabotage falsifies a meter, to show that the audit finds it: with
// SMATRIX_SABOTAGE=short:PATH, the meter of the member at PATH shows 1 mW too much
// drawn, or too little generated, after the balance of each step.
func sabotage(w *sim.World) error {
	order := os.Getenv("SMATRIX_SABOTAGE")
	if order == "" {
		return nil
	}
	path, ok := strings.CutPrefix(order, "short:")
	role, found := roleOf(w, path)
	if !ok || !found {
		return &problem.Usage{What: fmt.Sprintf("SMATRIX_SABOTAGE=%s: wanted short: and the path of a member", order)}
	}
	for _, c := range w.Cells {
		c.Falsify = func(at string, r *twins.Reading) {
			if at == path {
				falsify(role, r, w.Scenario.Calendar.Step)
			}
		}
	}
	return nil
}

func roleOf(w *sim.World, path string) (twins.Role, bool) {
	for _, c := range w.Cells {
		for _, b := range c.Blocks {
			for _, p := range b.Paths {
				if p == path {
					return b.Kind.Role, true
				}
			}
		}
	}
	return 0, false
}

// falsify keeps the member's own identities, so that only the audit of the whole
// grid can see it.
func falsify(role twins.Role, r *twins.Reading, step twins.Seconds) {
	const short = twins.Milliwatt
	r.Power += short
	if len(r.Parts) > 0 {
		r.Parts[0] += short
	}
	switch role {
	case twins.RoleTie:
		r.Exchange += short
	case twins.RoleProducer:
		r.Generation -= short
	case twins.RoleStorage:
		r.Storage += short
		r.Lost += short.For(step)
	default:
		r.Load += short
	}
}
