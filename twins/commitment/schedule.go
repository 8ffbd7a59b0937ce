package commitment

import "github.com/smatrix-grid/smatrix/twins"

// StartOrder is a start in the plan.
type StartOrder struct {
	Order, Ready int // periods: the order, and the first of generation
	Heat         Heat
	Cost         twins.Money
}

// UnitPlan is the plan of one unit.
type UnitPlan struct {
	On     []bool
	Output []twins.Power // ≥ 0, by period
	Starts []StartOrder
	Stops  []int // periods from which it is off
}

// Dispatch is the expected dispatch of a period. Powers are magnitudes.
type Dispatch struct {
	Import, Export twins.Power
	Reserve        twins.Power // what units on, tie and others can add
	Cost           twins.Money // of energy, without starts

	Unserved     twins.Power // residual load that cannot be met
	ReserveShort twins.Power
	Spilled      twins.Power // surplus of least outputs, or variable generation to be held back

	Output []twins.Power // of each unit
}

// Schedule is a plan.
type Schedule struct {
	Units   []UnitPlan // in the problem's order
	Periods []Dispatch
	Cost    twins.Money // of energy and starts
	// Sums over the periods.
	Unserved, ReserveShort, Spilled twins.Energy
	// Missed are unit-periods in which the manager's orders could not be kept.
	Missed int
}

// Solve makes the schedule. The error is that of Check; physical shortfall is in
// the schedule. The same problem gives the same schedule, on every processor.
func Solve(p *Problem) (*Schedule, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	s := newSearch(newFleet(p))
	s.solve()
	return s.schedule(), nil
}

// ShortPeriods are the periods with unserved load or too little reserve.
func (s *Schedule) ShortPeriods() (short []int) {
	for t := range s.Periods {
		if s.Periods[t].Unserved > 0 || s.Periods[t].ReserveShort > 0 {
			short = append(short, t)
		}
	}
	return short
}

func (s *search) schedule() *Schedule {
	out := &Schedule{Units: make([]UnitPlan, s.n), Periods: make([]Dispatch, s.t)}
	for t := range s.t {
		d := &out.Periods[t]
		d.Output = make([]twins.Power, s.n)
		s.period(t, s.bits(t), d)
		out.Unserved += d.Unserved.For(s.p.Period)
		out.ReserveShort += d.ReserveShort.For(s.p.Period)
		out.Spilled += d.Spilled.For(s.p.Period)
	}
	for j, i := range s.by {
		u := &out.Units[i]
		for t := range s.t {
			u.On = append(u.On, s.isOn(j, t))
			u.Output = append(u.Output, out.Periods[t].Output[i])
		}
		for _, r := range s.runs[j] {
			if r.ordered >= 0 {
				u.Starts = append(u.Starts, StartOrder{r.ordered, r.start, r.heat, s.units[j].Starts[r.heat].Cost})
			}
			if r.end < s.t {
				u.Stops = append(u.Stops, r.end)
			}
		}
		if s.units[j].State == On && len(s.runs[j]) == 0 {
			u.Stops = append(u.Stops, 0)
		}
	}
	out.Cost, out.Missed = s.total.cost.money(), int(s.total.missed)
	return out
}
