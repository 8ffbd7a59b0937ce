package sim

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/scenarios"
	"github.com/smatrix-grid/smatrix/twins"
)

// regulars returns the users of the shipped sessions with at least eight whole weeks.
func regulars(t testing.TB) []string {
	t.Helper()
	start := time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC)
	s, err := inputs.ReadSessions(scenarios.Files, inputs.SessionsSpec{ID: "trondheim", File: "vehicles/trondheim.csv.gz", Unit: "kWh", WeeksFrom: "2018-01-01", MinWeeks: 8},
		inputs.NewCalendar(start, 900, 52*7*96))
	if err != nil {
		t.Fatal(err)
	}
	return s.Users
}

// fleet builds a scenario of n vehicles of regular users, drawn by seed, each shifted by
// whole weeks, that charge on arrival with the given amperes and phases.
func fleet(t testing.TB, n int, amperes, phases int, seed uint64) *World {
	t.Helper()
	users := regulars(t)
	r := rand.New(rand.NewPCG(seed, 9))
	var b strings.Builder
	fmt.Fprint(&b, `start: 2018-01-01
step_s: 900
days: 364
sessions: [{id: trondheim, file: vehicles/trondheim.csv.gz, unit: kWh, weeks_from: 2018-01-01}]
communities: [{id: c}]
ties: [{id: tie, community: c, import_w: 1e9, export_w: 1e9}]
vehicles:
`)
	order := r.Perm(len(users))
	for i := range n {
		fmt.Fprintf(&b, "  - {id: v%d, community: c, rated_wh: 80000, rated_a: %d, phases: %d, sessions: {list: trondheim, user: %s, shift_weeks: %d}}\n",
			i, amperes, phases, users[order[i%len(users)]], r.IntN(52))
	}
	s, err := scenario.Read([]byte(b.String()), "fleet.yaml", scenarios.Files, scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return mustBuild(t, s)
}

// fleetYear is a sink that keeps the peak, the energy and the departures of a fleet's year.
type fleetYear struct {
	peak                                   twins.Power
	energy                                 twins.Energy
	departures, ready, plugIns, impossible int
}

func (m *fleetYear) Commit(r *StepRecord) error {
	m.peak = max(m.peak, r.Flows.Charge)
	m.energy += r.Flows.Charge.For(r.Step)
	for _, c := range r.Cells {
		for i := range c.Events {
			switch e := &c.Events[i].Event; e.Type.Name {
			case "vehicle.unplugged":
				m.departures++
				m.ready += int(e.Field("ready"))
			case "vehicle.plugged_in":
				m.plugIns++
				m.impossible += int(min(1, e.Field("impossible_j")))
			}
		}
	}
	return nil
}

func runFleet(t *testing.T, n, amperes, phases int, seed uint64) *fleetYear {
	t.Helper()
	w, year := fleet(t, n, amperes, phases, seed), &fleetYear{}
	r := Runner{World: w, Stepper: NewFlat(w, twins.MeritOrder{}, false), Sinks: []Sink{year}}
	if _, err := r.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return year
}

// The greatest power in a year, in kW per vehicle, if every vehicle charges on arrival with
// 7.36 kW, is published as 3.5, 1.8 and 1.3 for 15, 80 and 300 vehicles. How those were
// drawn and averaged is not known. Here, with quarter hours, users drawn by lot and each
// shifted by 0 to 51 whole weeks, it is 3.20, 1.64 and 1.31 (−9, −9 and +1 %; single draws
// of 15 are between 2.6 and 4.3). Steps of 5 minutes, shifts of up to three weeks and users
// drawn with repetition give 3.2 to 3.3, 1.6 to 1.7 and 1.3 to 1.4, so the first two stay
// low. The figure changes with the charger's power.
func TestPlainPeakOfVehicles(t *testing.T) {
	if testing.Short() {
		t.Skip("years of hundreds of vehicles")
	}
	for _, row := range []struct {
		n, amperes, phases int
		draws              uint64
		want               float64
	}{{15, 32, 1, 12, 3.5}, {80, 32, 1, 2, 1.8}, {300, 32, 1, 1, 1.3}, {80, 16, 1, 1, 1.2}, {80, 16, 3, 1, 2.1}} {
		mean := 0.0
		for seed := range row.draws {
			year := runFleet(t, row.n, row.amperes, row.phases, seed)
			mean += year.peak.Watts() / 1000 / float64(row.n) / float64(row.draws)
		}
		if math.Abs(mean/row.want-1) > 0.1 {
			t.Errorf("%d vehicles, %d A on %d: %.2f kW each, want %v", row.n, row.amperes, row.phases, mean, row.want)
		}
		t.Logf("%d vehicles, %d A on %d: %.2f kW each, want %v", row.n, row.amperes, row.phases, mean, row.want)
	}
}

// A year of vehicles charges the energy that was recorded. With a fifth of the power some
// leave without what their next trip needs, and the events at plug-in have reported it.
func TestFleetTakesWhatWasRecorded(t *testing.T) {
	strong, weak := runFleet(t, 20, 32, 1, 1), runFleet(t, 20, 6, 1, 1)
	perDay := strong.energy.WattHours() / 1000 / 20 / 364
	if perDay < 5.5 || perDay > 7.5 { // the mean of all users is 6.6
		t.Errorf("%.2f kWh for each vehicle and day", perDay)
	}
	share := func(n, of int) float64 { return float64(n) / float64(of) }
	if s, w := share(strong.impossible, strong.plugIns), share(weak.impossible, weak.plugIns); s > 0.01 || w < 0.02 || w > 0.2 {
		t.Errorf("impossible: %.3f at 7.36 kW, %.3f at 1.38 kW", s, w)
	}
	for _, y := range []*fleetYear{strong, weak} {
		if missed := y.departures - y.ready; missed > y.impossible || missed < y.impossible-20 {
			t.Errorf("%d left unready, %d sessions were reported as impossible", missed, y.impossible)
		}
	}
}
