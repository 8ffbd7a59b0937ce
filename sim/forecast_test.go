package sim

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/operator"
)

// What is usual, without the present's correction, held against a year of recorded
// homes after four weeks of them: the error of one, of ten and of fifty homes.
func TestUsualLoadAgainstRecordedHomes(t *testing.T) {
	if testing.Short() {
		t.Skip("a year of homes")
	}
	from := time.Date(2013, 1, 1, 0, 0, 0, 0, time.UTC)
	cal, homes := inputs.NewCalendar(from, 1800, 365*halfHours), recordedHomes(t, from, 365).Values
	for _, row := range []struct {
		homes  int
		groups int
		want   float64 // RMSE ÷ mean, as published with the method
	}{{1, 50, 1.8}, {10, 5, 0.54}, {50, 1, 0.24}} {
		sum := 0.0
		for g := range row.groups {
			sum += usualError(cal, homes[g*row.homes:(g+1)*row.homes])
		}
		got := sum / float64(row.groups)
		figure(t, fmt.Sprintf("%d homes: RMSE ÷ mean", row.homes), got, row.want, 0.08*row.want)
	}
}

// usualError is the root mean square error of what is usual over the mean load.
func usualError(cal *inputs.Calendar, homes [][]twins.Power) float64 {
	var f Forecast
	var env twins.Env
	squares, sum, n := 0.0, 0.0, 0.0
	for at := range cal.Steps {
		cal.Fill(at, &env)
		load := twins.Power(0)
		for _, h := range homes {
			load += h[at]
		}
		if env.Day >= pastDays {
			usual, _, _ := f.profile(env.Day, int(env.SecondOfDay), 0)
			squares += (usual - float64(load)) * (usual - float64(load))
			sum, n = sum+float64(load), n+1
		}
		f.past.add(&env, operator.Expectation{Load: load}, 0)
	}
	return math.Sqrt(squares/n) / (sum / n)
}

// worldOf is a world of a small town with its forecast.
func worldOf(t *testing.T, set ...string) (*World, *Forecast) {
	t.Helper()
	s, err := scenario.Load("town", scenario.Options{Set: append([]string{"households=30"}, set...)})
	if err != nil {
		t.Fatal(err)
	}
	w, err := buildWorld(s, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := w.makeForecast(twins.Rosters(w.Cells))
	if err != nil {
		t.Fatal(err)
	}
	return w, f.(*Forecast)
}

// offersOf is what the communities of a world offer in a step.
func offersOf(t *testing.T, w *World, env *twins.Env) *twins.Offers {
	t.Helper()
	var of twins.Offers
	for _, c := range w.Cells {
		a, err := c.Carry(env, &twins.Ask{Tick: env.Tick, Stage: twins.StageOffer}, &twins.Scratch{})
		if err != nil {
			t.Fatal(err)
		}
		of.Answers = append(of.Answers, a)
	}
	return &of
}

// What wind and sun will give is their physics in the weather: of the present it is
// what they offer, the park's and the farm's share of it.
func TestForecastKnowsWindAndSun(t *testing.T) {
	if testing.Short() {
		t.Skip("long for the race detector, which finds nothing where one loop steps")
	}
	set := func(id, setting string, value int64) twins.Command {
		return twins.Set("grid/supply/"+id, setting, value).At(48, 0)
	}
	for _, row := range []struct {
		set      string
		commands []twins.Command
		zero     bool
	}{
		{"seed=1", nil, false},
		{"solar_parks.*.rated_w=0.001 wind_farms.*.count=0", nil, true},
		{"seed=1", []twins.Command{set("park", "available", 0), set("wind", "count", 3)}, false}, // also of this very step
	} {
		w, f := worldOf(t, append(strings.Fields(row.set), "start=2018-06-11")...)
		var env twins.Env
		w.Env(48, &env) // noon
		env.Commands = row.commands
		var out [96]operator.Expectation
		of := offersOf(t, w, &env)
		f.Expect(&env, of, operator.Expectation{}, 900, out[:])
		want := twins.Power(0)
		for _, a := range of.Answers {
			for k := range a.Units {
				if offer := &a.Units[k].Flex; offer.Duty == twins.Variable {
					want -= offer.Tier[twins.Generation].Ref
				}
			}
		}
		if out[0].Units != want || (want < 1000) != row.zero {
			t.Errorf("%s, %v: expected %v W now, offered %v W", row.set, row.commands, out[0].Units.Watts(), want.Watts())
		}
	}
}

// The day before is the day before also where clocks have just been changed, and
// where a run begins at noon.
func TestRehearsedDayIsYesterday(t *testing.T) {
	if testing.Short() {
		t.Skip("long for the race detector, which finds nothing where one loop steps")
	}
	for _, row := range []struct {
		start string
		want  string // hours known by day
	}{
		{"2018-03-26", "-2: 1 -1: 23"},       // yesterday had 23 hours
		{"2018-10-29", "-1: 23"},             // 25, of which 24 are rehearsed: from 01:00 on, two of them by one name
		{"2018-01-09T12:00", "-1: 12 0: 12"}, // noon
	} {
		_, f := worldOf(t, "start="+row.start)
		var got []string
		for _, d := range f.past.days {
			n := 0
			for _, s := range d.slots {
				if s.time > 0 {
					n++
				}
			}
			got = append(got, fmt.Sprintf("%d: %d", d.day, n/4))
		}
		if strings.Join(got, " ") != row.want {
			t.Errorf("%s: %v, wanted %s", row.start, got, row.want)
		}
	}
}

// A forecast is remembered by the slots that clocks will show, so that it is judged
// by what comes then: on days of 23 and 25 hours as well, in steps of any length.
func TestForecastIsJudgedByTheWallClock(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		start    string
		step     twins.Seconds
		from, at int // the period, a quarter hour, that the clock shows as a slot
	}{
		{"2018-01-09T00:00", 900, 12, 12},
		{"2018-03-25T00:00", 900, 7, 7},
		{"2018-03-25T00:00", 900, 8, 12}, // 03:00 comes after 01:59
		{"2018-10-28T00:00", 900, 16, 12},
		{"2018-10-28T00:00", 3600, 16, 12},
		{"2018-10-28T00:00", 1800, 17, 13},
		{"2018-01-09T12:00", 900, 4, 52},
	} {
		start, err := time.ParseInLocation("2006-01-02T15:04", row.start, berlin)
		if err != nil {
			t.Fatal(err)
		}
		f := &Forecast{ahead: &World{calendar: *inputs.NewCalendar(start, row.step, 0)}}
		var env twins.Env
		f.ahead.calendar.Fill(0, &env)
		out := make([]operator.Expectation, 96)
		for k := range out {
			out[k].Load = twins.Power(k)
		}
		f.issue(&env, 900, out)
		if got := f.err.latest.net[row.at]; got != twins.Power(row.from) || f.err.first.net != f.err.latest.net {
			t.Errorf("%s, steps of %d s: slot %d has period %d, wanted %d", row.start, row.step, row.at, got, row.from)
		}
	}
}

// Each slot is told of once, and none of a day whose forecast is still to come.
func TestWhatIsJudged(t *testing.T) {
	for _, step := range []twins.Seconds{60, 600, 900, 3600} {
		var f Forecast
		f.plane, f.learned = referencePlane(), -1
		told := 0
		day := func(n int32) {
			for second := twins.Seconds(0); second < inputs.SecondsPerDay; second += step {
				env := twins.Env{Tick: twins.Tick(int64(n)*inputs.SecondsPerDay+int64(second)) / twins.Tick(step), Step: step, Day: n, SecondOfDay: int32(second)}
				for range 2 { // asked twice it learns once, and tells the same
					told += len(f.Learn(&env, operator.Expectation{Load: twins.Kilowatt}, nil))
				}
			}
		}
		f.err.first.day, f.err.latest.tick = 0, -1
		day(0)
		if want := 2 * int(inputs.SecondsPerDay/max(step, slotLength)); told != want && step != 600 || told != 192 && step == 600 {
			t.Errorf("steps of %d s: told %d times, wanted %d", step, told, want)
		}
		for k, s := range f.past.days[0].slots {
			if s.time != slotLength || s.load != twins.Kilowatt.For(slotLength) {
				t.Fatalf("steps of %d s: slot %d has %d s and %v Wh", step, k, s.time, s.load.WattHours())
			}
		}
		if told = 0; true {
			day(1)
		}
		if told != 0 {
			t.Errorf("steps of %d s: a day without a forecast was judged %d times", step, told)
		}
	}
}

// The stored form of a forecast that has learnt is read as it was written, four weeks
// and a day of it, and refused if it is cut short.
func TestForecastStoredForm(t *testing.T) {
	if testing.Short() {
		t.Skip("long for the race detector, which finds nothing where one loop steps")
	}
	w, f := worldOf(t)
	var env twins.Env
	for day := range int32(40) {
		w.Env(twins.Tick(day%2), &env)
		env.Day, env.Tick = day, twins.Tick(day)
		f.Learn(&env, operator.Expectation{Load: twins.Power(day) * twins.Kilowatt}, nil)
	}
	if n := len(f.past.days); n != pastDays+1 {
		t.Errorf("%d days are kept, wanted %d", n, pastDays+1)
	}
	state := f.AppendBinary(nil)
	again, err := newForecast(w, twins.Rosters(w.Cells))
	if err != nil {
		t.Fatal(err)
	}
	if rest, err := again.UnmarshalBinary(state); err != nil || len(rest) > 0 || string(again.AppendBinary(nil)) != string(state) {
		t.Errorf("read back: %v, %d bytes left", err, len(rest))
	}
	for cut := 0; cut < len(state); cut += 13 {
		if _, err := again.UnmarshalBinary(state[:cut]); err == nil {
			t.Fatalf("a state cut to %d of %d bytes was taken", cut, len(state))
		}
	}
}
