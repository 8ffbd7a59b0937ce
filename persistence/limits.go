package persistence

import (
	"cmp"
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// limits are those of the communities, followed over the steps of a run whose records do
// not have them: from the scenario, its events and the commands that were kept.
type limits struct {
	now      []twins.Power // by community; 0: none
	index    map[string]int
	commands []twins.Command // that set or multiply a limit, by step and number
}

// limitsOf are the limits before step 0. The world must not have been stepped.
func (s *Store) limitsOf(w *sim.World, to twins.Tick) *limits {
	l := &limits{index: make(map[string]int, len(w.Cells))}
	for i, c := range w.Cells {
		l.now = append(l.now, c.Node.Limit())
		l.index[c.Path] = i
	}
	for _, all := range [...][]twins.Command{w.Scenario.Events, s.Commands(0, to)} {
		for i := range all {
			if _, ours := l.index[all[i].Target]; ours && all[i].Setting() == limitSetting {
				l.commands = append(l.commands, all[i])
			}
		}
	}
	slices.SortStableFunc(l.commands, byStep)
	return l
}

// byStep orders commands by step and number.
func byStep(a, b twins.Command) int {
	return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.Seq, b.Seq))
}

// limitSetting is the setting that a community's limit is.
const limitSetting = "limit_w"

// at returns the limits in a step. Steps must not fall.
func (l *limits) at(t twins.Tick) []twins.Power {
	for len(l.commands) > 0 && l.commands[0].Step <= t {
		c := &l.commands[0]
		of := &l.now[l.index[c.Target]]
		*of = twins.Power(c.After(int64(*of)))
		l.commands = l.commands[1:]
	}
	return l.now
}
