package commitment_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/commitment"
)

// A plant in the form of the plan, in each of its states.
func TestUnitOf(t *testing.T) {
	base := twins.Plant{
		Rated: 155 * kW, MinOutput: 62 * kW, Ramp: 3 * kW, Firm: 155 * kW, Cost: 124e6,
		StartUp: [3]twins.Seconds{3 * hour, 6 * hour, 10 * hour}, StartCost: [3]twins.Money{1, 2, 3},
		WarmAfter: 11 * hour, ColdAfter: 60 * hour, MinUp: 8 * hour, MinDown: 7 * hour,
		Available: true, State: twins.PlantOn, Since: 60,
	}
	at := commitment.Moment{Now: 100, Step: 900, Span: 24 * hour, ReserveIn: 300}
	want := commitment.Unit{
		Name: "coal", Min: 62 * kW, Max: 155 * kW, Raise: 15 * kW, Cost: 124e6,
		Starts:    [3]commitment.Start{{Time: 3 * hour, Cost: 1}, {Time: 6 * hour, Cost: 2}, {Time: 10 * hour, Cost: 3}},
		WarmAfter: 11 * hour, ColdAfter: 60 * hour, MinUp: 8 * hour, MinDown: 7 * hour,
		State: commitment.On, Since: 10 * hour,
	}
	for _, row := range []struct {
		name   string
		plant  func(*twins.Plant)
		wanted func(*commitment.Unit)
	}{
		{"on", func(*twins.Plant) {}, func(*commitment.Unit) {}},
		{"off", func(p *twins.Plant) { p.State = twins.PlantOff }, func(u *commitment.Unit) { u.State = commitment.Off }},
		{"starting", func(p *twins.Plant) { p.State, p.Since = twins.PlantStarting, 104 },
			func(u *commitment.Unit) { u.State, u.Since = commitment.Starting, hour }},
		{"ready now", func(p *twins.Plant) { p.State, p.Since = twins.PlantStarting, 100 }, func(u *commitment.Unit) { u.Since = 0 }},
		{"out", func(p *twins.Plant) { p.Available = false }, func(u *commitment.Unit) { u.Out = []bool{true, true} }},
		{"short of water", func(p *twins.Plant) { p.Firm, p.Water = 25*kW, 2400*twins.KilowattHour },
			func(u *commitment.Unit) { u.Max = 125 * kW }},
		{"less water than its least", func(p *twins.Plant) { p.Firm = 25 * kW }, func(u *commitment.Unit) { u.Min, u.Max = 25*kW, 25*kW }},
	} {
		p, u := base, want
		row.plant(&p)
		row.wanted(&u)
		if got := commitment.UnitOf("coal", &p, at, 2); !reflect.DeepEqual(got, u) {
			t.Errorf("%s:\n got  %+v\n want %+v", row.name, got, u)
		}
	}
}

// Plants of every technology can be planned with their defaults.
func TestUnitsOfTechnologies(t *testing.T) {
	p := &commitment.Problem{Period: 900, LargestInfeed: true}
	for _, name := range []string{"coal", "lignite", "gas_engine", "gas_turbine", "combined_cycle", "nuclear", "hydro", "biogas", "oil"} {
		for _, state := range []string{"on", "off"} {
			slab, err := twins.Producer.New(&twins.Site{Step: 900}, []twins.Member{{Path: "grid/c/p",
				Spec: fmt.Appendf(nil, `{"technology": %q, "rated_w": 100000, "initially": %q, "available": true}`, name, state)}})
			if err != nil {
				t.Fatal(err)
			}
			plant := slab.(twins.Generator).Plant(0)
			p.Units = append(p.Units, commitment.UnitOf(name, &plant, commitment.Moment{Step: 900, Span: 24 * hour, ReserveIn: 300}, 96))
		}
	}
	p.Residual = kilowatts(700, 48, 1500, 24, 900, 24)
	s, err := commitment.Solve(p)
	if err != nil || s.Unserved > 0 || s.ReserveShort > 0 || s.Spilled > 0 || s.Missed > 0 {
		t.Errorf("%v: unserved %d, short %d, spilled %d, missed %d", err, s.Unserved, s.ReserveShort, s.Spilled, s.Missed)
	}
}
