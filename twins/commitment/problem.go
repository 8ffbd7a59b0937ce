package commitment

import (
	"errors"
	"fmt"
	"math"

	"github.com/smatrix-grid/smatrix/twins"
)

// State is what a unit does at the start of the plan.
type State uint8

// States.
const (
	Off State = iota
	Starting
	On
)

// Order is the manager's order to a unit in a period.
type Order uint8

// Orders.
const (
	Free Order = iota
	MustRun
	MustStop
)

// Heat is how cold a unit has become since it stopped.
type Heat uint8

// Heats.
const (
	Hot Heat = iota
	Warm
	Cold
	heats
)

func (h Heat) String() string { return [...]string{"hot", "warm", "cold"}[h] }

// Start is the time and the cost of a start.
type Start struct {
	Time twins.Seconds // from the order until it generates
	Cost twins.Money
}

// Unit is a plant that can be on or off, and the state that it is in.
type Unit struct {
	Name     string
	Min, Max twins.Power // output while on: 0 ≤ Min ≤ Max
	// Raise is what it can add within the time in which reserve must be there; 0:
	// all the room up to Max.
	Raise twins.Power
	Cost  twins.Price
	// Starts has the start by heat: hot until WarmAfter, warm until ColdAfter,
	// cold from then on, counted from when it stopped to the order.
	Starts               [heats]Start
	WarmAfter, ColdAfter twins.Seconds
	// MinUp is how long it must stay on, MinDown how long after a stop the first
	// order to start is accepted.
	MinUp, MinDown twins.Seconds

	State State
	// Since is the time for which it has been on or off; while it is starting,
	// the time until it is ready.
	Since twins.Seconds

	// By period; empty: none.
	Out    []bool        // out of service: it is off, whatever its state, and accepts no order
	Orders []Order       // the manager's
	Fixed  []twins.Power // output fixed by the manager: it must run, or stop if 0; negative: not fixed
}

// Tie is the connection to the neighbour. Its free import is reserve for the
// loss of a unit.
type Tie struct {
	Import, Export twins.Power // capacity, ≥ 0
	// Price of import, by period; empty: import comes after every unit, and each
	// MWh costs twice that of the dearest unit, at least 100 €/MWh. Export of what
	// the units cannot lower is free.
	Price []twins.Price
	// MaxShare is the greatest share of Load to import while nothing is lost; 0: no limit.
	MaxShare twins.Ratio
	// Survive says that the loss of the tie must be covered, too.
	Survive bool
}

// Problem is what is known when a plan is due. Slices by period are as long as
// Residual, or empty for none.
type Problem struct {
	Period twins.Seconds
	Units  []Unit
	// Residual is load less variable generation; negative: too much generation.
	Residual []twins.Power
	// Load is used by Tie.MaxShare only.
	Load []twins.Power
	// LargestInfeed says that the others' reserve must cover the loss of any
	// single unit (and of the tie, if Survive).
	LargestInfeed bool
	ReserveUp     []twins.Power // required in addition, or instead
	ReserveOther  []twins.Power // available already: batteries, load that can be moved
	Tie           Tie
}

// MaxPower is the greatest power that a Problem may have.
const MaxPower = 1000 * twins.Gigawatt

// limits keep every product and sum inside its integer type.
const (
	maxPower  = MaxPower
	maxPrice  = twins.Price(1e12)
	maxMoney  = twins.Money(1e15)
	maxPeriod = twins.Seconds(7200)
	maxSpan   = twins.Seconds(1 << 60)
)

// Check refuses an impossible problem, naming unit and period.
func (p *Problem) Check() error {
	if p.Period <= 0 || p.Period > maxPeriod {
		return fmt.Errorf("period of %d s: wanted 1 to %d", p.Period, maxPeriod)
	}
	if len(p.Residual) == 0 {
		return errors.New("residual load: wanted one power for each period")
	}
	periods := len(p.Residual)
	t := &p.Tie
	err := errors.Join(
		powers("residual load", p.Residual, periods, -maxPower),
		powers("load", p.Load, periods, 0),
		powers("reserve up", p.ReserveUp, periods, 0),
		powers("other reserve", p.ReserveOther, periods, 0),
		inside("tie: import", int64(t.Import), 0, int64(maxPower)),
		inside("tie: export", int64(t.Export), 0, int64(maxPower)),
		inside("tie: greatest share of load", int64(t.MaxShare), 0, int64(twins.One)),
		list("tie: price", t.Price, periods, -maxPrice, maxPrice),
	)
	if err == nil && t.MaxShare > 0 && len(p.Load) == 0 {
		err = errors.New("tie: a greatest share of load without the load")
	}
	for i := range p.Units {
		if e := p.Units[i].check(periods); e != nil {
			err = errors.Join(err, fmt.Errorf("unit %d %q: %w", i, p.Units[i].Name, e))
		}
	}
	return err
}

func (u *Unit) check(periods int) error {
	err := errors.Join(
		inside("min", int64(u.Min), 0, int64(u.Max)),
		inside("max", int64(u.Max), 0, int64(maxPower)),
		inside("raise", int64(u.Raise), 0, int64(maxPower)),
		inside("cost", int64(u.Cost), -int64(maxPrice), int64(maxPrice)),
		inside("warm after", int64(u.WarmAfter), 0, int64(u.ColdAfter)),
		inside("cold after", int64(u.ColdAfter), 0, int64(maxSpan)),
		inside("minimum up time", int64(u.MinUp), 0, int64(maxSpan)),
		inside("minimum down time", int64(u.MinDown), 0, int64(maxSpan)),
		inside("state", int64(u.State), int64(Off), int64(On)),
		inside("since", int64(u.Since), 0, int64(maxSpan)),
		powers("fixed output", u.Fixed, periods, math.MinInt64),
	)
	for h, s := range u.Starts {
		err = errors.Join(err,
			inside(Heat(h).String()+" start's time", int64(s.Time), 0, int64(maxSpan)),
			inside(Heat(h).String()+" start's cost", int64(s.Cost), 0, int64(maxMoney)))
	}
	for t, f := range u.Fixed {
		if f > 0 && (f < u.Min || f > u.Max) {
			err = errors.Join(err, fmt.Errorf("output fixed at %v W in period %d: wanted 0, or %v to %v W", f.Watts(), t, u.Min.Watts(), u.Max.Watts()))
		}
	}
	return errors.Join(err, length("outages", len(u.Out), periods), list("orders", u.Orders, periods, Free, MustStop))
}

func powers(what string, v []twins.Power, periods int, least twins.Power) error {
	return list(what, v, periods, least, maxPower)
}

func list[T ~int64 | ~uint8](what string, v []T, periods int, least, most T) error {
	if err := length(what, len(v), periods); err != nil {
		return err
	}
	for t, x := range v {
		if err := inside(fmt.Sprintf("%s in period %d", what, t), int64(x), int64(least), int64(most)); err != nil {
			return err
		}
	}
	return nil
}

func length(what string, n, periods int) error {
	if n != 0 && n != periods {
		return fmt.Errorf("%s: %d values for %d periods", what, n, periods)
	}
	return nil
}

func inside(what string, v, least, most int64) error {
	if v < least || v > most {
		return fmt.Errorf("%s: %d is outside %d … %d", what, v, least, most)
	}
	return nil
}

// at is the value of a period in a list, or none if the list is empty.
func at[T any](list []T, t int, none T) T {
	if len(list) == 0 {
		return none
	}
	return list[t]
}
