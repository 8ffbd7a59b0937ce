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

// The usual load, without the correction by the present, is compared with a year of
// recorded homes, of which it learns the first four weeks: the error for one home, ten and
// fifty.
func TestUsualLoadAgainstRecordedHomes(t *testing.T) {
	if testing.Short() {
		t.Skip("a year of homes")
	}
	from := time.Date(2013, 1, 1, 0, 0, 0, 0, time.UTC)
	cal, homes := inputs.NewCalendar(from, 1800, 365*halfHours), powersOf(t, recordedHomes(t, from, 365))
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

// usualError returns the root mean square error of the usual load ÷ the mean load.
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
		f.past.addStep(&env, operator.Expectation{Load: load}, 0)
	}
	return math.Sqrt(squares/n) / (sum / n)
}

// worldOf makes the world of a small town and its forecast.
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

// offersOf returns the offers of a world's communities in a step.
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

// The forecast of wind farms and solar parks is their physics in the weather: for the
// present it equals their offers.
func TestForecastKnowsWindAndSun(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector, which finds no races in a single loop")
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
		{"seed=1", []twins.Command{set("park", "available", 0), set("wind", "count", 3)}, false}, // commands of the same step count
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
			t.Errorf("%s, %v: the forecast has %v W for the present, the offers %v W", row.set, row.commands, out[0].Units.Watts(), want.Watts())
		}
	}
}

// The rehearsed day counts as yesterday, also where clocks have just been changed and
// where a run begins at noon.
func TestRehearsedDayIsYesterday(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector, which finds no races in a single loop")
	}
	for _, row := range []struct {
		start string
		want  string // hours known by day
	}{
		{"2018-03-26", "-2: 1 -1: 23"},       // yesterday had 23 hours
		{"2018-10-29", "-1: 23"},             // 25, of which 24 are rehearsed: from 01:00 on, two of them with the same clock time
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

// A forecast is stored by the slots that clocks will show, so that it is compared with the
// load at those times, also on days of 23 and 25 hours and in steps of any length.
func TestForecastIsJudgedByTheWallClock(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		start    string
		step     twins.Seconds
		from, at int // period of the forecast, a quarter hour, and the clock's slot for it
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

// Each slot is judged once, and no slot of a day without a forecast.
func TestEachSlotIsJudgedOnce(t *testing.T) {
	for _, step := range []twins.Seconds{60, 600, 900, 3600} {
		var f Forecast
		f.plane, f.learned = referencePlane(), -1
		judged := 0
		day := func(n int32) {
			for second := twins.Seconds(0); second < inputs.SecondsPerDay; second += step {
				env := twins.Env{Tick: twins.Tick(int64(n)*inputs.SecondsPerDay+int64(second)) / twins.Tick(step), Step: step, Day: n, SecondOfDay: int32(second)}
				for range 2 { // called twice for a step, it learns once and returns the same events
					judged += len(f.Learn(&env, operator.Expectation{Load: twins.Kilowatt}, nil))
				}
			}
		}
		f.err.first.day, f.err.latest.tick = 0, -1
		day(0)
		if want := 2 * int(inputs.SecondsPerDay/max(step, slotLength)); judged != want && step != 600 || judged != 192 && step == 600 {
			t.Errorf("steps of %d s: %d events, wanted %d", step, judged, want)
		}
		for k, s := range f.past.days[0].slots {
			if s.time != slotLength || s.load != twins.Kilowatt.For(slotLength) {
				t.Fatalf("steps of %d s: slot %d has %d s and %v Wh", step, k, s.time, s.load.WattHours())
			}
		}
		if judged = 0; true {
			day(1)
		}
		if judged != 0 {
			t.Errorf("steps of %d s: a day without a forecast was judged %d times", step, judged)
		}
	}
}

// The stored form of a forecast that has learnt four weeks and a day is read back as it was
// written, and refused if it is cut short.
func TestForecastStoredForm(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector, which finds no races in a single loop")
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
			t.Fatalf("a state cut to %d of %d bytes was accepted", cut, len(state))
		}
	}
}
