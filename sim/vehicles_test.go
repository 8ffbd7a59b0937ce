package sim

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/twins"
)

// trondheim reads the shipped sessions, laid on a year from Monday 1 January 2018.
func trondheim(t testing.TB) *Sessions {
	t.Helper()
	start := time.Date(2018, 1, 1, 0, 0, 0, 0, zoneForCalendar(t, "Europe/Berlin"))
	s, err := ReadSessions(shippedFS(), SessionsSpec{ID: "trondheim", File: "vehicles/trondheim.csv.gz", Unit: "kWh", WeeksFrom: "2018-01-01"},
		NewCalendar(start, 900, 52*7*96))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// regulars are the users with at least eight whole weeks.
func regulars(s *Sessions) (users []string) {
	for _, user := range s.Users {
		if _, weeks := wholeWeeks(s.of[user]); weeks >= 8 {
			users = append(users, user)
		}
	}
	return users
}

// fleet is a scenario of n vehicles of regular users, drawn by seed, each moved
// by whole weeks, that charge at once with so many amperes on so many phases.
func fleet(t testing.TB, n int, amperes, phases int, seed uint64) *World {
	t.Helper()
	users := regulars(trondheim(t))
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
	s, err := load([]byte(b.String()), origin{file: "fleet.yaml", data: shippedFS()}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return mustBuild(t, s)
}

// fleetYear is a sink that keeps what a fleet's year came to.
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
				m.impossible += int(min(1, e.Field("impossible_mj")))
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

// Greatest power in a year, kW for each vehicle, if all charge at once with
// 7.36 kW: 3.5, 1.8 and 1.3 for 15, 80 and 300 vehicles. How those were drawn and
// averaged is not known. Here: quarter hours, users by lot, each moved by 0 to 51
// whole weeks; reached are 3.20, 1.64 and 1.31 (−9, −9 and +1 %; single draws of 15
// lie between 2.6 and 4.3). Steps of 5 minutes, moves of up to three weeks and users
// drawn with repetition give 3.2 to 3.3, 1.6 to 1.7 and 1.3 to 1.4, so the first two
// stay low. A smaller or greater charger moves it.
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

// A year of vehicles takes what was recorded; with half the power some leave
// without it, and were told so when they were plugged in.
func TestFleetTakesWhatWasRecorded(t *testing.T) {
	strong, weak := runFleet(t, 20, 32, 1, 1), runFleet(t, 20, 16, 1, 1)
	perDay := strong.energy.WattHours() / 1000 / 20 / 364
	if perDay < 5.5 || perDay > 7.5 { // the mean of all is 6.6
		t.Errorf("%.2f kWh for each vehicle and day", perDay)
	}
	share := func(n, of int) float64 { return float64(n) / float64(of) }
	if s, w := share(strong.impossible, strong.plugIns), share(weak.impossible, weak.plugIns); s > 0.01 || w < 0.05 || w > 0.2 {
		t.Errorf("impossible: %.3f at 7.36 kW, %.3f at 3.68 kW", s, w)
	}
	for _, y := range []*fleetYear{strong, weak} {
		if missed := y.departures - y.ready; missed > y.impossible || missed < y.impossible-20 {
			t.Errorf("%d left unready, %d were told", missed, y.impossible)
		}
	}
}

// The recorded sessions of private users, against figures computed from the same
// data by other means: 0.57 sessions and 6.5 kWh for each vehicle and day,
// 11.2 kWh for each session. These are all 56 users, days counted from the first
// arrival to the last departure; whole weeks repeated over a year come to 0.60 and 6.6.
func TestTrondheim(t *testing.T) {
	s := trondheim(t)
	var n, days int
	var energy twins.Energy
	for _, user := range s.Users {
		all := s.of[user]
		n += len(all)
		days += int(all[len(all)-1].leave/secondsPerDay - all[0].arrive/secondsPerDay + 1)
		for _, one := range all {
			energy += one.energy
			if p, _ := one.energy.Over(twins.Seconds(one.leave - one.arrive)); p > 11*twins.Kilowatt {
				t.Errorf("%s: line %d: %v W on average", user, one.line, p.Watts())
			}
		}
	}
	kWh := energy.WattHours() / 1000
	if n != 5428 || len(s.Users) != 56 || len(regulars(s)) != 47 {
		t.Errorf("%d sessions of %d users, %d with eight weeks", n, len(s.Users), len(regulars(s)))
	}
	few, err := ReadSessions(shippedFS(), SessionsSpec{ID: "trondheim", File: "vehicles/trondheim.csv.gz", Unit: "kWh", WeeksFrom: "2018-01-01", MinWeeks: 8}, s.cal)
	if err != nil || !slices.Equal(few.Users, regulars(s)) {
		t.Errorf("%d users left, %v, want the %d with eight weeks", len(few.Users), err, len(regulars(s)))
	}
	near(t, "sessions for each vehicle and day", float64(n)/float64(days), 0.57, 0.005)
	near(t, "kWh for each vehicle and day", kWh/float64(days), 6.5, 0.1)
	near(t, "kWh for each session", kWh/float64(n), 11.2, 0.05)
}

// Weekday nights: plugged in from 14 h on Monday to Friday, away before noon of
// the next day, all 56 users; of several readings of the word it is the one with
// which their number is 1,848, the number that the figures were stated with. Median 10.9, mean 13.7, 95 % 38 kWh; 3.1 % cannot be met with
// 3.6 kW, none with 7.2 kW.
func TestTrondheimNights(t *testing.T) {
	s := trondheim(t)
	var kWh []float64
	var unmet3, unmet7 int
	for _, user := range s.Users {
		for _, one := range s.of[user] {
			day, next := quoFloor(one.arrive, secondsPerDay), quoFloor(one.leave, secondsPerDay)
			weekday := (day + 3) % 7 // 0 is Monday
			if weekday > 4 || next != day+1 || one.arrive%secondsPerDay < 14*3600 || one.leave%secondsPerDay >= 12*3600 {
				continue
			}
			kWh = append(kWh, one.energy.WattHours()/1000)
			long := twins.Seconds(one.leave - one.arrive)
			unmet3 += flagOf(one.energy > (3600 * twins.Watt).For(long))
			unmet7 += flagOf(one.energy > (7200 * twins.Watt).For(long))
		}
	}
	slices.Sort(kWh)
	mean := 0.0
	for _, e := range kWh {
		mean += e / float64(len(kWh))
	}
	if len(kWh) != 1848 || unmet7 != 0 {
		t.Errorf("%d nights, %d cannot be met with 7.2 kW", len(kWh), unmet7)
	}
	near(t, "median, kWh", kWh[len(kWh)/2], 10.9, 0.05)
	near(t, "mean, kWh", mean, 13.7, 0.05)
	near(t, "95 %, kWh", kWh[len(kWh)*95/100], 38, 0.5)
	near(t, "share that 3.6 kW cannot meet", float64(unmet3)/float64(len(kWh)), 0.031, 0.0005)
}

func flagOf(b bool) int {
	if b {
		return 1
	}
	return 0
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within {
		t.Errorf("%s: %.4f, want %v", what, got, want)
	}
}
