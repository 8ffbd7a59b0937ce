package views_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// Fractions of a micro-euro add up over steps: 1 W for a second is 1/3,600 Wh, and at
// 1 €/kWh 3,600 such steps earn 1,000 micro-euro.
func TestRewardsByHand(t *testing.T) {
	rates := scenario.Rates{Shifted: 50_000_000, Unserved: 1_000_000_000, Curtailed: 80_000_000}
	b := views.Bookings{Rates: rates}
	note := func(member string, why twins.Reason, shifted, unserved, curtailed twins.Power) twins.Decision {
		return twins.Decision{Member: member, Reason: why, Shifted: shifted, Unserved: unserved, Curtailed: curtailed}
	}
	for range 3600 {
		cell := &twins.CellRecord{Notes: []twins.Decision{
			note("grid/c/b", twins.Scarcity, 2*twins.Watt, twins.Watt, 0),
			note("grid/c/b", twins.Shed, 0, twins.Watt, 0),
			note("grid/c/a", twins.Abundance, 0, 0, 100*twins.Watt),
			note("grid/c/none", twins.Merit, 0, 0, 0),
		}}
		if err := b.Commit(&sim.StepRecord{Step: 1, Cells: []*twins.CellRecord{cell}}); err != nil {
			t.Fatal(err)
		}
	}
	want := `member,reason,booked,energy_kwh,reward_eur
grid/c/a,abundance,curtailed,0.1000000000,0.008000
grid/c/b,scarcity,shifted,0.0020000000,0.000100
grid/c/b,scarcity,unserved,0.0010000000,0.001000
grid/c/b,shed,unserved,0.0010000000,0.001000
`
	var got strings.Builder
	if err := b.WriteCSV(&got); err != nil || got.String() != want {
		t.Errorf("%v, got\n%swant\n%s", err, &got, want)
	}
	if r := b.Report(); r != (views.RewardReport{Shifted: 0.0001, Unserved: 0.002, Curtailed: 0.008}) {
		t.Errorf("rewards %+v, wanted 0.0001 shifted, 0.002 unserved, 0.008 curtailed", r)
	}
	b.Rates.Unserved *= 2
	if r := b.Report(); r != (views.RewardReport{Shifted: 0.0001, Unserved: 0.004, Curtailed: 0.008}) {
		t.Errorf("at twice the rate for unserved energy: %+v, wanted 0.004 unserved and the rest unchanged", r)
	}
}

// flows adds up the whole grid's flows of the records.
type flows struct{ shifted, unserved, curtailed twins.Total }

func (f *flows) Commit(r *sim.StepRecord) error {
	f.shifted = f.shifted.Plus(r.Flows.Shifted.For(r.Step))
	f.unserved = f.unserved.Plus(r.Flows.Unserved.For(r.Step))
	f.curtailed = f.curtailed.Plus(r.Flows.Curtailed.For(r.Step))
	return nil
}

func runHamlet(t *testing.T, set ...string) (*views.Report, *views.Summary, *flows) {
	t.Helper()
	s, err := scenario.Load("hamlet", scenario.Options{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	w, err := sim.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	sum, all := views.NewSummary(w), &flows{}
	runner := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, false), Sinks: []sim.Sink{sum, all}}
	if _, err := runner.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return sum.Report(w), sum, all
}

// With a small tie, no engine and empty batteries the hamlet lacks power. The bookings
// of the members equal the flows of the grid to the millijoule, and so does ENS; with a
// smaller tie all of them are greater.
func TestBookingsEqualFlows(t *testing.T) {
	poor := []string{"producers.engine.rated_w=10", "batteries.*.available=false",
		"vehicles.car.initial_soc=0.1", "vehicles.car.daily.trip_wh=40000"}
	var before *views.Report
	for _, tie := range []string{"ties.tie.import_w=4000", "ties.tie.import_w=1500"} {
		r, sum, all := runHamlet(t, append(poor, tie)...)
		var booked flows
		for _, x := range sum.Bookings.All() {
			switch x.What {
			case "shifted":
				booked.shifted = booked.shifted.Plus(x.Energy)
			case "unserved":
				booked.unserved = booked.unserved.Plus(x.Energy)
			case "curtailed":
				booked.curtailed = booked.curtailed.Plus(x.Energy)
			}
		}
		if booked != *all {
			t.Errorf("%s: booked %+v, wanted the flows %+v", tie, booked, *all)
		}
		if sum.Reliability.ENS() != all.unserved {
			t.Errorf("%s: ENS %v, wanted the unserved energy %v", tie, sum.Reliability.ENS(), all.unserved)
		}
		if r.Energy.Shifted == 0 || r.Energy.Unserved == 0 || r.Energy.UnservedEssential == 0 || r.Fairness == nil {
			t.Errorf("%s: wanted shifted, unserved and unserved essential energy, got %+v, fairness %v", tie, r.Energy, r.Fairness)
			continue
		}
		if !slices.ContainsFunc(sum.Bookings.All(), func(x views.Booking) bool { return x.Member == "grid/south/home-5/car" && x.What == "unserved" }) {
			t.Errorf("%s: the car has no unserved energy, wanted some", tie)
		}
		if before != nil && (r.Energy.Unserved <= before.Energy.Unserved || r.Reliability.SAIDIMin <= before.Reliability.SAIDIMin ||
			r.Reliability.SAIFI < before.Reliability.SAIFI || r.Rewards.Unserved <= before.Rewards.Unserved || r.Fairness.ServedShort < before.Fairness.ServedShort) {
			t.Errorf("%s: got %+v %+v %+v, wanted more than with the greater tie: %+v %+v %+v", tie, r.Reliability, r.Rewards, r.Fairness, before.Reliability, before.Rewards, before.Fairness)
		}
		before = r
	}
}

// The scenario's threshold of interruptions and its rates are applied.
func TestServiceFollowsTheScenario(t *testing.T) {
	poor := []string{"producers.engine.rated_w=10", "batteries.*.available=false", "ties.tie.import_w=2000"}
	base, _, _ := runHamlet(t, poor...)
	longer, _, _ := runHamlet(t, append(poor, "reliability.interruption_s=86400")...)
	if base.Reliability.SAIFI == 0 || longer.Reliability.SAIFI != 0 || longer.Reliability.ENSWh != base.Reliability.ENSWh {
		t.Errorf("interruptions above 3 min: %+v, wanted some; above a day: %+v, wanted none and the same energy", base.Reliability, longer.Reliability)
	}
	paid, _, _ := runHamlet(t, append(poor, "agreement.unserved_eur_per_kwh=0", "agreement.shifted_eur_per_kwh=0.1")...)
	if base.Rewards.Unserved == 0 || paid.Rewards.Unserved != 0 {
		t.Errorf("unserved energy was rewarded with %+v, wanted more than 0, and without a rate with %+v, wanted 0", base.Rewards, paid.Rewards)
	}
	if off := paid.Rewards.Shifted - 2*base.Rewards.Shifted; base.Rewards.Shifted == 0 || off < 0 || off > 1e-5 {
		t.Errorf("shifted energy was rewarded with %v €, at twice the rate with %v €, wanted twice as much", base.Rewards.Shifted, paid.Rewards.Shifted)
	}
}
