package persistence

import (
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// ratings are those of the ties over which a neighbour can hold the frequency, followed over the steps
// of a run, whose records do not have them: from the scenario, its events and the commands that were kept.
type ratings struct {
	now      map[string]map[string]int64 // by tie and setting: available, import_w, export_w
	commands []twins.Command             // that set or multiply one of these, by step and number
}

// ratingsOf are the ratings before step 0.
func (s *Store) ratingsOf(w *sim.World, to twins.Tick) *ratings {
	r := &ratings{now: map[string]map[string]int64{}}
	for _, c := range w.Cells {
		for _, b := range c.Blocks {
			slab, ok := b.Slab.(twins.Holder)
			for i := 0; ok && i < len(b.Paths); i++ {
				if e, ok := w.Scenario.Entry(b.Kind, b.Paths[i]); ok && slab.Synchronous(i) {
					of := map[string]int64{}
					for _, set := range e.Settings() {
						of[set.Name] = set.Value
					}
					r.now[b.Paths[i]] = of
				}
			}
		}
	}
	for _, all := range [...][]twins.Command{w.Scenario.Events, s.Commands(0, to)} {
		for _, c := range all {
			if _, ours := r.now[c.Target]; ours && c.Type.OfSetting() {
				r.commands = append(r.commands, c)
			}
		}
	}
	slices.SortStableFunc(r.commands, byStep)
	return r
}

// rated reports whether a tie that is in service in a step can carry any power. Steps must not fall.
func (r *ratings) rated(t twins.Tick) bool {
	for len(r.commands) > 0 && r.commands[0].Step <= t {
		c := &r.commands[0]
		of := r.now[c.Target]
		of[c.Setting()] = c.After(of[c.Setting()])
		r.commands = r.commands[1:]
	}
	for _, of := range r.now {
		if of[twins.InService] != 0 && (of["import_w"] != 0 || of["export_w"] != 0) {
			return true
		}
	}
	return false
}
