package twins

import (
	"math"
	"testing"
)

// plugged takes a vehicle that is plugged in from the start through n steps, with
// the setpoint that ask returns for its band, and adds up its readings.
func plugged(v *vehicle, n Tick, ask func(Tick, Band) (Power, Reason)) (shifted, unserved, drawn Energy) {
	var ev Events
	for tick := range n {
		env := Env{Tick: tick, Step: 900}
		out := stepped(v, &env, &ev, func(f *Flex, set *Setpoint) {
			set.Tier[Mobility], set.Why[Mobility] = ask(tick, f.Tier[Mobility])
		})
		shifted += out.Shifted.For(900)
		unserved += out.Unserved.For(900)
		drawn += out.Power.For(900)
	}
	return shifted, unserved, drawn
}

// held asks for the least of the band until a step, then for the reference.
func held(until Tick, why Reason) func(Tick, Band) (Power, Reason) {
	return func(t Tick, b Band) (Power, Reason) {
		if t < until {
			return b.Min, why
		}
		return b.Ref, NoReason
	}
}

// A vehicle of 7.36 kW that wants some energy and leaves the next morning.
func TestVehicleShiftsWhatItOwes(t *testing.T) {
	const quarter = 7360 * 900 * Joule // at 7.36 kW
	off := func(until Tick, why Reason) func(Tick, Band) (Power, Reason) {
		return func(t Tick, b Band) (Power, Reason) {
			if t < until {
				return 0, why
			}
			return b.Ref, NoReason
		}
	}
	half := func(_ Tick, b Band) (Power, Reason) { return 3680 * Watt, Scarcity }
	for _, row := range []struct {
		name              string
		wants             Energy
		until             Tick
		ask               func(Tick, Band) (Power, Reason)
		shifted, unserved Energy
	}{
		{"not asked", 10 * KilowattHour, 48, held(0, NoReason), 0, 0},
		{"held for an hour", 10 * KilowattHour, 48, held(4, Scarcity), 4 * quarter, 0},
		{"held for two hours: no more than it wants", 10 * KilowattHour, 48, held(8, Scarcity), 10 * KilowattHour, 0},
		{"held for eight hours: still once", 10 * KilowattHour, 48, held(32, Scarcity), 10 * KilowattHour, 0},
		{"twice the need", 20 * KilowattHour, 48, held(32, Scarcity), 20 * KilowattHour, 0},
		{"at half its power all night: for the five quarters of full power", 10 * KilowattHour, 48, half, 5 * quarter / 2, 0},
		{"for a plan", 10 * KilowattHour, 48, held(4, Planned), 4 * quarter, 0},
		{"for a limit", 10 * KilowattHour, 48, held(4, Limit), 4 * quarter, 0},
		{"by the manager", 10 * KilowattHour, 48, held(4, Ordered), 4 * quarter, 0},
		{"shed, not agreed to, and made up in time", 10 * KilowattHour, 48, held(4, Shed), 0, 0},
		{"shed until it is too late for two of four quarters", 4 * quarter, 48, off(46, Shed), 0, 2 * quarter},
		{"for no reason that it has agreed to", 10 * KilowattHour, 48, held(4, Merit), 0, 0},
		// An hour is enough for what it wants: nothing may wait.
		{"nothing may wait", 4 * quarter, 4, held(4, Scarcity), 0, 0},
		{"and is cut", 4 * quarter, 4, off(2, Scarcity), 0, 2 * quarter},
		// It may wait for two of six quarters; of four in which it is off two are cut.
		{"waits, then is cut", 4 * quarter, 6, off(4, Scarcity), 2 * quarter, 2 * quarter},
	} {
		// A second session, so that the trip between needs all that is charged.
		v := recordedVehicle(t, "", Session{From: 0, Until: row.until, Energy: row.wants}, Session{From: 60, Until: 90, Energy: 60 * KilowattHour})
		shifted, unserved, drawn := plugged(v, row.until, row.ask)
		const near = 10 * 900 // a milliwatt of each step or so
		if d := shifted - row.shifted; d < -near || d > near {
			t.Errorf("%s: shifted %.4f kWh, want %.4f", row.name, shifted.WattHours()/1000, row.shifted.WattHours()/1000)
		}
		if d := unserved - row.unserved; d < -near || d > near {
			t.Errorf("%s: unserved %.4f kWh, want %.4f", row.name, unserved.WattHours()/1000, row.unserved.WattHours()/1000)
		}
		if missing := row.wants - drawn - v.later.owed; missing < -near || missing > near {
			t.Errorf("%s: drew %.4f of %.4f kWh and owes %.4f", row.name, drawn.WattHours()/1000, row.wants.WattHours()/1000, v.later.owed.WattHours()/1000)
		}
	}
}

// Energy that a vehicle leaves without, because it has agreed to wait, is wanted at
// its next stay: it is not counted again there. What it has charged on its way it no
// longer owes.
func TestVehicleShiftsOnceOverStays(t *testing.T) {
	for _, row := range []struct {
		first, second     Energy // wanted at the two stays, the first of 13 h
		until             Tick   // of the second stay, long enough that nothing must be charged at once
		shifted, unserved Energy
		owed              Energy
	}{
		{10 * KilowattHour, 5 * KilowattHour, 112, 15 * KilowattHour, 0, 15 * KilowattHour},
		{20 * KilowattHour, 10 * KilowattHour, 112, 30 * KilowattHour, 0, 30 * KilowattHour},
		// It leaves with 14 of 54 kWh and spends 40.5: 26.5 are charged on the way, 26.5 ÷ 0.9
		// were not served. At the end it is empty and owes 54 kWh ÷ 0.9.
		{400 * KilowattHour / 9, 45 * KilowattHour, 160, 60 * KilowattHour, 265 * KilowattHour / 9, 60 * KilowattHour},
	} {
		v := recordedVehicle(t, "", Session{From: 0, Until: 52, Energy: row.first}, Session{From: 64, Until: row.until, Energy: row.second})
		shifted, unserved, _ := plugged(v, row.until, func(Tick, Band) (Power, Reason) { return 0, Scarcity })
		const near = 100 * 900
		if d := shifted - row.shifted; d < -near || d > near {
			t.Errorf("%v and %v kWh: shifted %.4f kWh, want %.4f", row.first.WattHours()/1000, row.second.WattHours()/1000, shifted.WattHours()/1000, row.shifted.WattHours()/1000)
		}
		if d := unserved - row.unserved; d < -near || d > near {
			t.Errorf("%v and %v kWh: unserved %.4f kWh, want %.4f", row.first.WattHours()/1000, row.second.WattHours()/1000, unserved.WattHours()/1000, row.unserved.WattHours()/1000)
		}
		if d := v.later.owed - row.owed; d < -near || d > near {
			t.Errorf("%v and %v kWh: owes %.4f kWh, want %.4f", row.first.WattHours()/1000, row.second.WattHours()/1000, v.later.owed.WattHours()/1000, row.owed.WattHours()/1000)
		}
	}
}

// A load that waits is shifted as a whole, once, for any length of the wait; a load
// that is shed is not. Waiting twice as long shifts no more.
func TestProgrammesShiftWholeLoads(t *testing.T) {
	run := func(max Seconds, why Reason) (shifted, loads Energy, moved int64) {
		row := *modelled(t, 1, `{"occupants": 4, "max_wait_h": 6}`)[2].(interface{ Row(int) *programmeRow }).Row(0)
		row.maxWait = max
		var ev Events
		for tick := range Tick(60 * 96) {
			env := envAt(tick, 900)
			env.Weekday = int8(env.Day % 7)
			b := row.Offer(&env)
			ev.Reset()
			did := row.Step(&env, b.Min, &ev)
			s := row.Defer(&env, b, did, why, &ev).Shifted
			if s > 0 {
				moved++
			}
			shifted += s.For(900)
			for i := range ev.list {
				if ev.list[i].Type == row.loaded {
					loads += Energy(ev.list[i].V[1])
				}
				row.Apply(&ev.list[i])
			}
		}
		return shifted, loads, moved
	}
	shifted, loads, moved := run(6*3600, Scarcity)
	// Every load has to wait but the one in the machine at the end; each is rounded
	// to a milliwatt of its step.
	if off, rounded := loads-shifted, Energy(moved)*900; off < -rounded || off > rounded+2*KilowattHour || moved < 20 {
		t.Errorf("shifted %.4f kWh of %.4f in %d loads", shifted.WattHours()/1000, loads.WattHours()/1000, moved)
	}
	if longer, _, n := run(12*3600, Scarcity); math.Abs(float64(longer-shifted)) > float64(shifted)/10 || n > moved {
		t.Errorf("waiting twice as long shifts %.4f kWh in %d loads, before %.4f in %d", longer.WattHours()/1000, n, shifted.WattHours()/1000, moved)
	}
	if shed, _, _ := run(6*3600, Shed); shed != 0 {
		t.Errorf("shed and shifted: %v kWh", shed.WattHours()/1000)
	}
	if fixed, _, _ := run(0, Scarcity); fixed != 0 {
		t.Errorf("may not wait and shifted %v kWh", fixed.WattHours()/1000)
	}
}

// deferring is a part that shifts load.
type deferring interface {
	partRow
	Defer(env *Env, b Band, did Power, why Reason, ev *Events) Deferral
}

// heatRun takes a part through n steps, held at its least while hold is true, and
// returns what it drew in each and what it has shifted.
func heatRun(row deferring, n Tick, step Seconds, why Reason, hold func(Tick) bool) (drawn, shifted []Energy) {
	var ev Events
	for tick := range n {
		env := envAt(tick, step)
		env.Weather.Temperature = 2
		b := row.Offer(&env)
		p, because := b.Ref, NoReason
		if hold(tick) {
			p, because = b.Min, why
		}
		ev.Reset()
		did := row.Step(&env, p, &ev)
		s := row.Defer(&env, b, did, because, &ev).Shifted
		for i := range ev.list {
			row.Apply(&ev.list[i])
		}
		drawn, shifted = append(drawn, did.For(step)), append(shifted, s.For(step))
	}
	return drawn, shifted
}

func sumOf(es []Energy) (sum Energy) {
	for _, e := range es {
		sum += e
	}
	return sum
}

// What a heat pump has shifted in an hour is its extra consumption afterwards,
// compared with a run without requests, plus the smaller loss of the cooler house;
// in twice the time it is twice as much, in a day no more than the band holds; and
// all is made up.
func TestHeatPumpShiftsWhatItMakesUp(t *testing.T) {
	const steps = 4 * 24 * 4 // four days
	pump := func() *heatPumpRow { return newHeatPumpRow(t, 900, map[string]any{"gains_w": 0, "solar_m2": 0}) }
	from := func(n Tick) func(Tick) bool { return func(t Tick) bool { return t >= 4 && t < 4+n } }
	plain, none := heatRun(pump(), steps, 900, Scarcity, from(0))
	if sumOf(none) != 0 {
		t.Fatalf("without a request, shifted %v Wh", sumOf(none).WattHours())
	}
	var of [3]Energy
	for k, n := range []Tick{2, 4, 96} {
		row := pump()
		drawn, shifted := heatRun(row, steps, 900, Scarcity, from(n))
		of[k] = sumOf(shifted)
		more := sumOf(drawn[4+n:]) - sumOf(plain[4+n:])
		if k < 2 && (more > of[k] || float64(more) < 0.97*float64(of[k])) {
			t.Errorf("held for %d steps: shifted %.1f Wh, made up %.1f", n, of[k].WattHours(), more.WattHours())
		}
		if row.owed > 900*10 {
			t.Errorf("held for %d steps: owes %d mJ in the end", n, row.owed)
		}
	}
	if twice := float64(of[1]) / float64(of[0]); twice < 1.97 || twice > 2 {
		t.Errorf("an hour shifts %.3f times as much as half of it", twice)
	}
	// From 21 to 20 °C 180 W/K · 50 h = 9 kWh of heat, at a COP of 2.96 3,041 Wh.
	if day := of[2].WattHours(); day < 3000 || day > 3080 {
		t.Errorf("a day shifts %.1f Wh", day)
	}
	if _, shed := heatRun(pump(), steps, 900, Shed, from(4)); sumOf(shed) != 0 {
		t.Errorf("shed and shifted %v Wh", sumOf(shed).WattHours())
	}
}

// A tank that is held back owes what its thermostat wanted, and makes it up.
func TestTankShiftsWhatItMakesUp(t *testing.T) {
	tank := func(setpoint float64) *hotWaterRow {
		return newTank(t, 900, map[string]any{"daily_wh": 0, "initial_c": 50, "setpoint_c": setpoint, "standing_loss_wh_per_day": 0})
	}
	for _, row := range []struct {
		setpoint float64
		hold     Tick
		want     float64 // Wh: 200 l · 4.186 kJ/(kg·K) are 232.56 Wh/K
	}{
		{58, 0, 0},
		{58, 1, 500}, // 2 kW for a quarter
		{58, 3, 1500},
		{58, 40, 8 * 232.556}, // all that it wants, counted once
		{54, 40, 4 * 232.556}, // half as far, half as much
	} {
		w := tank(row.setpoint)
		drawn, shifted := heatRun(w, 100, 900, Scarcity, func(t Tick) bool { return t < row.hold })
		if got := sumOf(shifted).WattHours(); math.Abs(got-row.want) > 0.01 {
			t.Errorf("up to %v °C, held for %d steps: shifted %.3f Wh, want %.3f", row.setpoint, row.hold, got, row.want)
		}
		if all := sumOf(drawn).WattHours(); math.Abs(all-(row.setpoint-50)*232.556) > 0.01 || w.owed > 900*10 {
			t.Errorf("up to %v °C: drew %.3f Wh, owes %d mJ", row.setpoint, all, w.owed)
		}
	}
}

// The pump has until 10:00 for 6 kWh at 1.5 kW: held from midnight to two o'clock it
// has shifted 3 kWh, until five 6 kWh; it has no duty to wait longer.
func TestWaterPumpShifts(t *testing.T) {
	for _, row := range []struct {
		daily             int64
		hold              Tick // hours off
		why               Reason
		shifted, unserved Energy
	}{
		{6000, 0, Scarcity, 0, 0},
		{6000, 2, Scarcity, 3 * KilowattHour, 0},
		{3000, 2, Scarcity, 3 * KilowattHour, 0},
		{3000, 6, Scarcity, 3 * KilowattHour, 0},
		{6000, 6, Scarcity, 6 * KilowattHour, 0},
		{6000, 8, Scarcity, 3 * KilowattHour, 3 * KilowattHour}, // at six o'clock four hours are left
		{6000, 2, Shed, 0, 0},                                   // made up in time
		{6000, 8, Shed, 0, 3 * KilowattHour},
		{6000, 24, Scarcity, 0, 6 * KilowattHour}, // once, whatever the length of the step
	} {
		p := waterPump{rated: 1500 * Watt, daily: Energy(row.daily) * WattHour, until: 36000, day: -1, closed: -1}
		var ev Events
		var shifted, unserved Energy
		for tick := range Tick(24) {
			env := envAt(tick, 3600)
			out := stepped(&p, &env, &ev, func(_ *Flex, set *Setpoint) {
				if tick < row.hold {
					set.Tier[Flexible], set.Why[Flexible] = 0, row.why
				}
			})
			shifted += out.Shifted.For(3600)
			unserved += out.Unserved.For(3600)
		}
		if shifted != row.shifted || unserved != row.unserved {
			t.Errorf("%d Wh, %v for %d h: shifted %v, unserved %v Wh, want %v and %v", row.daily, row.why, row.hold,
				shifted.WattHours(), unserved.WattHours(), row.shifted.WattHours(), row.unserved.WattHours())
		}
	}
}

// A home of 1 kW with a heat pump: inside the band the power that it is not given is
// shifted, below the band unserved; if it is shed, it is not shifted.
func TestHouseholdIsUnservedOrShifted(t *testing.T) {
	site := &Site{Step: 900, Recorded: func(string, string, int) (int32, error) { return 0, nil }}
	slab, err := newHouseholds(site, []Member{{Path: "grid/c/h1", Spec: []byte(`{"load": {"recording": "r", "column": "c", "move_weeks": 0, "scale": 1},
		"power_factor": 1, "phase": "ABC", "bus": 0, "heat_pump": ` + string(partEntry(t, heatPump, map[string]any{"initial_c": 20.05, "gains_w": 0})) + `}`)}})
	if err != nil {
		t.Fatal(err)
	}
	env := envAt(0, 900)
	env.Weather.Temperature = 2
	env.Recorded = []Power{Kilowatt}
	var f Flex
	slab.Offer(0, &env, &f)
	b := f.Tier[Comfort]
	if b.Min < 400*Watt || b.Ref <= b.Min {
		t.Fatalf("the heat pump offers %+v", b)
	}
	middle := (b.Min + b.Ref) / 2
	for _, row := range []struct {
		name                string
		heat, load          Power
		why                 Reason
		shifted, unserved   Power
		unservedOfEssential Power
	}{
		{"as it would", b.Ref, Kilowatt, NoReason, 0, 0, 0},
		{"heat waits", middle, Kilowatt, Scarcity, b.Ref - middle, 0, 0},
		{"heat waits as long as it may", b.Min, Kilowatt, Limit, b.Ref - b.Min, 0, 0},
		// In the step the cooler house loses 0.25 % of the missing heat less.
		{"heat is cut", b.Min - 300*Watt, Kilowatt, Scarcity, b.Ref - b.Min + 750*Milliwatt, 300*Watt - 750*Milliwatt, 0},
		{"heat is shed inside its band", middle, Kilowatt, Shed, 0, 0, 0},
		{"heat is shed below its band", b.Min - 300*Watt, Kilowatt, Shed, 0, 300*Watt - 750*Milliwatt, 0},
		{"load is cut, heat waits", middle, 400 * Watt, Scarcity, b.Ref - middle, 600 * Watt, 600 * Watt},
		{"load is shed", b.Ref, 0, Shed, 0, Kilowatt, Kilowatt},
	} {
		var set Setpoint
		set.Tier[Essential], set.Tier[Comfort] = row.load, row.heat
		set.Why = [NumTiers]Reason{Essential: row.why, Comfort: row.why}
		out := Reading{Parts: make([]Power, 2)}
		var ev Events
		slab.Step(0, &env, &set, &ev, &out)
		if out.Shifted != row.shifted || out.Unserved != row.unserved || out.UnservedEssential != row.unservedOfEssential {
			t.Errorf("%s: shifted %d, unserved %d, essential %d mW; want %d, %d, %d", row.name, out.Shifted, out.Unserved, out.UnservedEssential,
				row.shifted, row.unserved, row.unservedOfEssential)
		}
		if short := row.shifted+row.unserved > 0; short != (out.Reason == row.why && row.why != NoReason) {
			t.Errorf("%s: because of %v", row.name, out.Reason)
		}
	}
}
