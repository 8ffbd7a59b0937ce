package views

import (
	"fmt"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/form"
	"github.com/smatrix-grid/smatrix/twins"
)

// LimitsKind is the row of the limits of communities.
var LimitsKind = Declare(Kind{Name: "limits", Version: 1, New: func(w *sim.World) View { return newLimits(w) }})

// Limits are what the communities' net import and export should not exceed, as the scenario states
// it and commands change it.
//
//	version byte, steps int, communities uint; of each a recent of powers (int, mW)
type Limits struct {
	next   twins.Tick
	places map[string]int // of communities by path; never changed
	of     []recent[twins.Power]
}

// LimitSetting is the setting that a community's limit is.
const LimitSetting = "limit_w"

func newLimits(w *sim.World) *Limits {
	l := &Limits{places: make(map[string]int, len(w.Cells))}
	for i, c := range w.Cells {
		l.places[c.Path] = i
		first := twins.Power(0)
		if e, ok := w.Scenario.Entry(twins.Community, c.Path); ok {
			if s, ok := e.Setting(LimitSetting); ok && !s.None {
				first = twins.Power(s.Value)
			}
		}
		l.of = append(l.of, newRecent(first))
	}
	return l
}

// Commit implements View.
func (l *Limits) Commit(r *sim.StepRecord) error {
	l.next = r.Tick + 1
	for i := range r.Commands {
		c := &r.Commands[i]
		at, ok := l.places[c.Target]
		if !ok || c.Args.Setting != LimitSetting {
			continue
		}
		v := c.Args.Value
		if c.Name == twins.CommandMultiply {
			v, _ = twins.MulDiv(int64(l.of[at].now()), v, int64(twins.One))
		}
		l.of[at].add(r.Tick, twins.Power(v))
	}
	return nil
}

// Now is the limit of a community, an index into the record's cells, in the last step; 0: none.
func (l *Limits) Now(community int) twins.Power { return l.of[community].now() }

// At is the limit of a community in a step, 0 without one; false if that has been forgotten.
func (l *Limits) At(path string, t twins.Tick) (limit twins.Power, known bool) {
	at, ok := l.places[path]
	if !ok {
		return 0, true
	}
	return l.of[at].at(t)
}

// Until implements View.
func (l *Limits) Until(at twins.Tick) View {
	if u := l.until(at); u != nil {
		return u
	}
	return nil
}

func (l *Limits) until(at twins.Tick) *Limits {
	o := &Limits{next: min(at, l.next), places: l.places, of: make([]recent[twins.Power], len(l.of))}
	for i := range l.of {
		known := false
		if o.of[i], known = l.of[i].until(at); !known {
			return nil
		}
	}
	return o
}

// AppendBinary implements View.
func (l *Limits) AppendBinary(b []byte) []byte {
	w := form.Writer(append(b, LimitsKind.Version))
	l.append(&w)
	return w
}

func (l *Limits) append(w *form.Writer) {
	w.Int(int64(l.next))
	w.Uint(uint64(len(l.of)))
	for i := range l.of {
		l.of[i].append(w, func(p twins.Power) { w.Int(int64(p)) })
	}
}

// UnmarshalBinary implements View.
func (l *Limits) UnmarshalBinary(b []byte) error {
	r := form.NewVersion(b, LimitsKind.Version)
	l.read(r)
	return r.Done()
}

func (l *Limits) read(r *form.Reader) {
	l.next = twins.Tick(r.Int())
	if n := r.Uint(); n != uint64(len(l.of)) {
		r.Fail(fmt.Errorf("it has limits of %d communities, wanted %d", n, len(l.of)))
		return
	}
	for i := range l.of {
		l.of[i] = readRecent(r, func() twins.Power { return twins.Power(r.Int()) })
	}
}
