package commitment_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/commitment"
)

const (
	hour = twins.Seconds(3600)
	kW   = twins.Kilowatt
)

// plant is a unit of a table that has been off or on for long.
func plant(name string, least, most twins.Power, cost twins.Price, on bool, change func(*commitment.Unit)) commitment.Unit {
	u := commitment.Unit{Name: name, Min: least * kW, Max: most * kW, Cost: cost * 1e6, Since: 1000 * hour}
	if on {
		u.State = commitment.On
	}
	if change != nil {
		change(&u)
	}
	return u
}

// starts sets the same time and cost of a start for every heat.
func starts(time twins.Seconds, euros twins.Money) func(*commitment.Unit) {
	return func(u *commitment.Unit) {
		for h := range u.Starts {
			u.Starts[h] = commitment.Start{Time: time, Cost: euros * twins.Euro}
		}
	}
}

// all makes several changes.
func all(changes ...func(*commitment.Unit)) func(*commitment.Unit) {
	return func(u *commitment.Unit) {
		for _, c := range changes {
			c(u)
		}
	}
}

// kilowatts repeats powers: (100, 3, 50, 1) is 100 100 100 50.
func kilowatts(pairs ...int) (p []twins.Power) {
	for i := 0; i < len(pairs); i += 2 {
		for range pairs[i+1] {
			p = append(p, twins.Power(pairs[i])*kW)
		}
	}
	return p
}

func prices(pairs ...int) (p []twins.Price) {
	for _, w := range kilowatts(pairs...) {
		p = append(p, twins.Price(w/kW)*1e6)
	}
	return p
}

// drawn writes a schedule as text: for each unit # on, s starting, · off; then
// the shortfalls, in kW by period.
func drawn(p *commitment.Problem, s *commitment.Schedule) string {
	var lines []string
	for i, u := range s.Units {
		line := []rune(strings.Repeat("·", len(u.On)))
		for t, on := range u.On {
			if on {
				line[t] = '#'
			}
		}
		for _, st := range u.Starts {
			for t := st.Order; t < st.Ready; t++ {
				line[t] = 's'
			}
		}
		lines = append(lines, p.Units[i].Name+" "+string(line))
	}
	for t, d := range s.Periods {
		for _, x := range []struct {
			what string
			p    twins.Power
		}{{"unserved", d.Unserved}, {"reserve short", d.ReserveShort}, {"spilled", d.Spilled}} {
			if x.p > 0 {
				lines = append(lines, fmt.Sprintf("%s %d: %v", x.what, t, x.p.Watts()/1000))
			}
		}
	}
	if s.Missed > 0 {
		lines = append(lines, fmt.Sprint("missed ", s.Missed))
	}
	return strings.Join(lines, ", ")
}

// Plans worked out by hand.
func TestPlans(t *testing.T) {
	coldCoal := func(u *commitment.Unit) {
		u.WarmAfter, u.ColdAfter = 11*hour, 60*hour
		u.Starts = [3]commitment.Start{{Time: 3 * hour, Cost: 15e6}, {Time: 6 * hour, Cost: 24e6}, {Time: 10 * hour, Cost: 23e6}}
		u.MinUp, u.MinDown = 3*hour, 2*hour
	}
	off := func(h twins.Seconds) func(*commitment.Unit) { return func(u *commitment.Unit) { u.Since = h * hour } }
	for _, row := range []struct {
		name string
		p    commitment.Problem
		want string
	}{
		{"a morning peak wants the coal that is cold: ordered ten hours before",
			commitment.Problem{Units: []commitment.Unit{plant("coal", 62, 155, 91, false, coldCoal), plant("engine", 10, 60, 134, true, nil)},
				Residual: kilowatts(50, 12, 180, 3)},
			"coal ··ssssssssss###, engine ###############"},
		{"the same while it is warm: six hours",
			commitment.Problem{Units: []commitment.Unit{plant("coal", 62, 155, 91, false, all(coldCoal, off(20))), plant("engine", 10, 60, 134, true, nil)},
				Residual: kilowatts(50, 12, 180, 3)},
			"coal ······ssssss###, engine ###############"},
		{"too late for it: what is missing until then is said",
			commitment.Problem{Units: []commitment.Unit{plant("coal", 62, 155, 91, false, coldCoal), plant("engine", 10, 60, 134, true, nil)},
				Residual: kilowatts(50, 8, 180, 4)},
			"coal ssssssssss##, engine ############, unserved 8: 120, unserved 9: 120"},
		{"a short dip: coal idles, for stop and start cost more",
			commitment.Problem{Units: []commitment.Unit{plant("coal", 40, 100, 50, true, starts(hour, 40))},
				Residual: kilowatts(60, 2, 45, 2, 60, 2), Tie: commitment.Tie{Import: 100 * kW, Price: prices(300, 2, 10, 2, 300, 2)}},
			"coal ######"},
		{"the same dip, and a start costs little",
			commitment.Problem{Units: []commitment.Unit{plant("coal", 40, 100, 50, true, starts(hour, 1))},
				Residual: kilowatts(60, 2, 45, 2, 60, 2), Tie: commitment.Tie{Import: 100 * kW, Price: prices(300, 2, 10, 2, 300, 2)}},
			"coal ##·s##"},
		{"the same, but it must stay off for longer than the dip",
			commitment.Problem{Units: []commitment.Unit{plant("coal", 40, 100, 50, true, all(starts(hour, 1), func(u *commitment.Unit) { u.MinDown = 2 * hour }))},
				Residual: kilowatts(60, 2, 45, 2, 60, 2), Tie: commitment.Tie{Import: 100 * kW, Price: prices(300, 2, 10, 2, 300, 2)}},
			"coal ######"},
		{"an engine is ordered one period before",
			commitment.Problem{Period: 900, Units: []commitment.Unit{plant("coal", 40, 100, 50, true, nil), plant("engine", 10, 60, 134, false, starts(300, 3))},
				Residual: kilowatts(90, 3, 120, 2, 90, 1)},
			"coal ######, engine ··s##·"},
		{"without reserve one engine is enough",
			commitment.Problem{Units: []commitment.Unit{plant("a", 20, 100, 134, true, nil), plant("b", 20, 100, 135, true, nil)},
				Residual: kilowatts(50, 4)},
			"a ####, b ····"},
		{"reserve ≥ largest infeed keeps the second one on",
			commitment.Problem{LargestInfeed: true, Units: []commitment.Unit{plant("a", 20, 100, 134, true, nil), plant("b", 20, 100, 135, true, nil)},
				Residual: kilowatts(50, 4)},
			"a ####, b ####"},
		{"unless batteries can stand in",
			commitment.Problem{LargestInfeed: true, Units: []commitment.Unit{plant("a", 20, 100, 134, true, nil), plant("b", 20, 100, 135, true, nil)},
				Residual: kilowatts(50, 4), ReserveOther: kilowatts(50, 4)},
			"a ####, b ····"},
		{"reserve that comes too slowly does not count",
			commitment.Problem{LargestInfeed: true, Units: []commitment.Unit{plant("a", 20, 100, 134, true, nil),
				plant("coal", 20, 100, 140, true, func(u *commitment.Unit) { u.Raise = 5 * kW }), plant("c", 20, 100, 150, true, nil)},
				Residual: kilowatts(70, 2)},
			"a ##, coal ··, c ##"},
		{"a tie that may be lost keeps an engine on",
			commitment.Problem{Units: []commitment.Unit{plant("a", 20, 100, 134, true, nil)}, Load: kilowatts(50, 4),
				Residual: kilowatts(50, 4), Tie: commitment.Tie{Import: 100 * kW, Price: prices(10, 4), Survive: true}},
			"a ####"},
		{"one that cannot be lost does not",
			commitment.Problem{Units: []commitment.Unit{plant("a", 20, 100, 134, true, nil)},
				Residual: kilowatts(50, 4), Tie: commitment.Tie{Import: 100 * kW, Price: prices(10, 4)}},
			"a ····"},
		{"import up to its share of load",
			commitment.Problem{Units: []commitment.Unit{plant("a", 20, 50, 134, true, nil)}, Load: kilowatts(100, 2),
				Residual: kilowatts(100, 2), Tie: commitment.Tie{Import: 100 * kW, Price: prices(10, 2), MaxShare: 45 * twins.One / 100}},
			"a ##, unserved 0: 5, unserved 1: 5"},
		{"a plant on outage: the dearer one runs meanwhile",
			commitment.Problem{Units: []commitment.Unit{
				plant("coal", 40, 100, 50, true, all(starts(hour, 1), func(u *commitment.Unit) { u.Out = []bool{false, false, true, true, false, false} })),
				plant("engine", 10, 80, 134, false, starts(300, 3))},
				Residual: kilowatts(60, 6)},
			"coal ##··s#, engine ·s###·"},
		{"all too small: it says what and when",
			commitment.Problem{Units: []commitment.Unit{plant("a", 20, 100, 134, true, nil), plant("b", 20, 50, 135, true, nil)},
				LargestInfeed: true, Residual: kilowatts(140, 1, 170, 1)},
			"a ##, b ##, reserve short 0: 90, unserved 1: 20, reserve short 1: 100"},
		{"too much wind and a plant that must not stop yet",
			commitment.Problem{Units: []commitment.Unit{plant("a", 20, 100, 134, true, func(u *commitment.Unit) { u.Since, u.MinUp = hour, 3*hour })},
				Residual: kilowatts(-10, 4), Tie: commitment.Tie{Export: 15 * kW}},
			"a ##··, spilled 0: 15, spilled 1: 15"},
		{"one that is starting is ready when it is",
			commitment.Problem{Units: []commitment.Unit{plant("a", 20, 100, 50, false, func(u *commitment.Unit) {
				u.State, u.Since = commitment.Starting, 2*hour
			}), plant("b", 20, 100, 135, true, nil)}, Residual: kilowatts(60, 4)},
			"a ··##, b ##··"},
		{"the manager fixes an output",
			commitment.Problem{Units: []commitment.Unit{plant("a", 20, 100, 50, true, nil), plant("b", 20, 100, 135, true, func(u *commitment.Unit) {
				u.Fixed = []twins.Power{-1, 30 * kW, -1}
			})}, Residual: kilowatts(60, 3)},
			"a ###, b s#·"},
		{"the manager stops a plant that is needed",
			commitment.Problem{Units: []commitment.Unit{plant("a", 20, 100, 50, true, func(u *commitment.Unit) {
				u.Orders = []commitment.Order{commitment.Free, commitment.MustStop, commitment.Free}
			})}, Residual: kilowatts(60, 3)},
			"a #s#, unserved 1: 60"},
		{"a plant that must run, though it is dear",
			commitment.Problem{Units: []commitment.Unit{plant("a", 20, 100, 50, true, nil), plant("b", 20, 100, 135, false, all(starts(hour, 9), func(u *commitment.Unit) {
				u.Orders = []commitment.Order{commitment.Free, commitment.MustRun, commitment.MustRun, commitment.Free}
			}))}, Residual: kilowatts(60, 4)},
			"a ####, b s##·"},
		{"orders that come too late are counted",
			commitment.Problem{Units: []commitment.Unit{plant("a", 20, 100, 50, true, nil), plant("b", 20, 100, 135, false, all(starts(2*hour, 9), func(u *commitment.Unit) {
				u.Orders = []commitment.Order{commitment.MustRun, commitment.MustRun, commitment.MustRun, commitment.Free}
			}))}, Residual: kilowatts(60, 4)},
			"a ####, b ss#·, missed 2"},
	} {
		p := row.p
		if p.Period == 0 {
			p.Period = hour
		}
		s, err := commitment.Solve(&p)
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		if got := drawn(&p, s); got != row.want {
			t.Errorf("%s:\n got  %s\n want %s", row.name, got, row.want)
		}
	}
}

// A plan that does not look ahead must be worse: the day is planned again each
// hour, and only the first hour is carried out. The cold coal comes too late.
func TestLookAhead(t *testing.T) {
	day := kilowatts(50, 12, 150, 3)
	roll := func(ahead int) (unserved twins.Power) {
		coal := plant("coal", 62, 155, 91, false, starts(10*hour, 20))
		engine := plant("engine", 10, 60, 134, true, nil)
		for t := range day {
			p := &commitment.Problem{Period: hour, Units: []commitment.Unit{coal, engine}, Residual: day[t:min(len(day), t+ahead)]}
			s, _ := commitment.Solve(p)
			unserved += s.Periods[0].Unserved
			switch starts := s.Units[0].Starts; {
			case coal.State == commitment.Off && len(starts) > 0 && starts[0].Order == 0:
				coal.State, coal.Since = commitment.Starting, twins.Seconds(starts[0].Ready-1)*hour
			case coal.State == commitment.Starting && coal.Since > 0:
				coal.Since -= hour
			case coal.State == commitment.Starting:
				coal.State, coal.Since = commitment.On, hour
			}
		}
		return unserved
	}
	for _, row := range []struct {
		ahead int
		want  twins.Power
	}{{1, 270 * kW}, {10, 270 * kW}, {11, 0}, {15, 0}} {
		if got := roll(row.ahead); got != row.want {
			t.Errorf("%d periods ahead: %v kWh unserved, wanted %v", row.ahead, got.Watts()/1000, row.want.Watts()/1000)
		}
	}
}

// Each input moves the plan's figures in the expected direction.
func TestInputsMoveTheirFigures(t *testing.T) {
	base := func() *commitment.Problem {
		return &commitment.Problem{Period: hour, LargestInfeed: true, Residual: kilowatts(60, 4, 130, 2),
			Units: []commitment.Unit{plant("a", 20, 100, 50, true, starts(hour, 5)), plant("b", 10, 100, 134, false, starts(hour, 5))},
			Tie:   commitment.Tie{Import: 20 * kW, Export: 10 * kW, Price: prices(90, 6)}}
	}
	solve := func(p *commitment.Problem) *commitment.Schedule {
		s, err := commitment.Solve(p)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	was := solve(base())
	for _, row := range []struct {
		name   string
		change func(*commitment.Problem)
		figure func(*commitment.Schedule) int64
		want   int // the sign of the change
	}{
		{"price of energy, a euro", func(p *commitment.Problem) { p.Units[0].Cost += 1e6 }, func(s *commitment.Schedule) int64 { return int64(s.Cost) }, 1},
		{"price of import", func(p *commitment.Problem) { p.Tie.Price = prices(95, 6) }, func(s *commitment.Schedule) int64 { return int64(s.Cost) }, 1},
		{"cost of a start", func(p *commitment.Problem) { starts(hour, 6)(&p.Units[1]) }, func(s *commitment.Schedule) int64 { return int64(s.Cost) }, 1},
		{"load", func(p *commitment.Problem) { p.Residual[5] += 100 * kW }, func(s *commitment.Schedule) int64 { return int64(s.Unserved) }, 1},
		{"other reserve", func(p *commitment.Problem) { p.ReserveOther = kilowatts(50, 6) }, func(s *commitment.Schedule) int64 { return int64(s.ReserveShort) }, -1},
		{"reserve wanted", func(p *commitment.Problem) { p.ReserveUp = kilowatts(200, 6) }, func(s *commitment.Schedule) int64 { return int64(s.ReserveShort) }, 1},
	} {
		p := base()
		row.change(p)
		now := solve(p)
		diff := row.figure(now) - row.figure(was)
		if sign := int(max(-1, min(1, diff))); sign != row.want {
			t.Errorf("%s: moved by %d, wanted sign %d", row.name, diff, row.want)
		}
	}
}

// The same problem gives the same schedule, and is not changed.
func TestSolveIsPure(t *testing.T) {
	p := fleetOf(20, 48)
	before := fmt.Sprintf("%+v", p)
	a, err := commitment.Solve(p)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := commitment.Solve(p)
	if !reflect.DeepEqual(a, b) || before != fmt.Sprintf("%+v", p) {
		t.Error("the second time it is another schedule, or the problem has changed")
	}
}

// In a large fleet each unit can follow its plan too, and the schedule's
// figures agree with an independent dispatch.
func TestLargeFleetByTheBook(t *testing.T) {
	p := fleetOf(160, 96)
	s, err := commitment.Solve(p)
	if err != nil {
		t.Fatal(err)
	}
	p.Tie.Price = make([]twins.Price, len(p.Residual))
	got, said := of(t, p, s), worth{cost: s.Cost.Euros()}
	for _, d := range s.Periods {
		said = said.plus(worth{d.Unserved, d.ReserveShort, d.Spilled, 0})
	}
	if got.physical() != said.physical() || max(got.cost-said.cost, said.cost-got.cost) > 0.01 || len(s.ShortPeriods()) > 0 {
		t.Errorf("it says %+v, by the book %+v; short in %v", said, got, s.ShortPeriods())
	}
}

// An impossible problem is refused, and the error names the unit and period.
func TestBadProblems(t *testing.T) {
	for _, row := range []struct {
		change func(*commitment.Problem)
		want   string
	}{
		{func(p *commitment.Problem) { p.Period = 0 }, "period of 0 s: wanted 1 to 7200"},
		{func(p *commitment.Problem) { p.Residual = nil }, "residual load: wanted one power for each period"},
		{func(p *commitment.Problem) { p.Load = kilowatts(1, 3) }, "load: 3 values for 2 periods"},
		{func(p *commitment.Problem) { p.ReserveUp = kilowatts(1, 1, -1, 1) }, "reserve up in period 1: -1000000 is outside 0 … 1000000000000000"},
		{func(p *commitment.Problem) { p.Tie.MaxShare = twins.One / 2 }, "tie: a greatest share of load without the load"},
		{func(p *commitment.Problem) { p.Tie.Import = -1 }, "tie: import: -1 is outside 0 … 1000000000000000"},
		{func(p *commitment.Problem) { p.Units[1].Min = 61 * kW }, `unit 1 "engine": min: 61000000 is outside 0 … 60000000`},
		{func(p *commitment.Problem) { p.Units[0].WarmAfter = 1 }, `unit 0 "coal": warm after: 1 is outside 0 … 0`},
		{func(p *commitment.Problem) { p.Units[0].Fixed = kilowatts(39, 2) },
			"unit 0 \"coal\": output fixed at 39000 W in period 0: wanted 0, or 40000 to 100000 W\noutput fixed at 39000 W in period 1: wanted 0, or 40000 to 100000 W"},
		{func(p *commitment.Problem) { p.Units[0].Out = []bool{true} }, `unit 0 "coal": outages: 1 values for 2 periods`},
		{func(p *commitment.Problem) { p.Units[0].Orders = []commitment.Order{0, 9} }, `unit 0 "coal": orders in period 1: 9 is outside 0 … 2`},
		{func(p *commitment.Problem) { p.Units[0].Starts[2].Cost = -1 }, `unit 0 "coal": cold start's cost: -1 is outside 0 … 1000000000000000`},
	} {
		p := &commitment.Problem{Period: hour, Residual: kilowatts(50, 2),
			Units: []commitment.Unit{plant("coal", 40, 100, 50, true, nil), plant("engine", 10, 60, 134, false, nil)}}
		row.change(p)
		if _, err := commitment.Solve(p); err == nil || err.Error() != row.want {
			t.Errorf("got  %v\nwant %s", err, row.want)
		}
	}
}

// A problem without units is no error: load is unserved and surplus spilled.
func TestNoUnits(t *testing.T) {
	s, err := commitment.Solve(&commitment.Problem{Period: hour, Residual: kilowatts(50, 1, -20, 1)})
	if err != nil || s.Unserved != 50*twins.KilowattHour || s.Spilled != 20*twins.KilowattHour || !slices.Equal(s.ShortPeriods(), []int{0}) {
		t.Errorf("%v %+v", err, s)
	}
}
