package twins

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// What is booked as unserved is held against a second device that runs the same steps with
// ample supply: what it had by the deadline, up to the need, and the first one had not.

// shortage asks a device for less than it wants, at random, in spells of some hours.
type shortage struct {
	r     *rand.Rand
	until Seconds
	share float64
	why   Reason
}

func newShortage(seed uint64) *shortage {
	return &shortage{r: rand.New(rand.NewPCG(seed, 11)), share: 1}
}

// ask is the setpoint for a band at a time since the start.
func (s *shortage) ask(b Band, now Seconds) (Power, Reason) {
	if now >= s.until {
		s.until = now + Seconds(600+s.r.Int64N(6*3600))
		s.share = [...]float64{1, 1, 0, 0, 0.3 + 0.6*s.r.Float64()}[s.r.IntN(5)]
		s.why = [...]Reason{Scarcity, Limit, Planned, Ordered, Shed, Merit}[s.r.IntN(6)]
	}
	if s.share == 1 {
		return b.Ref, NoReason
	}
	return Power(float64(b.Ref) * s.share), s.why
}

// stepped takes a twin through a step at its reference, as changed by ask if that is not nil.
// ev has the step's events afterwards.
func stepped(row interface {
	Offer(*Env, *Flex)
	Step(*Env, *Setpoint, *Events, *Reading)
	Apply(*Event)
}, env *Env, ev *Events, ask func(*Flex, *Setpoint)) (out Reading) {
	var f Flex
	row.Offer(env, &f)
	set := f.Follow()
	if ask != nil {
		ask(&f, &set)
	}
	ev.Reset()
	row.Step(env, &set, ev, &out)
	for i := range ev.All() {
		row.Apply(&ev.All()[i])
	}
	return out
}

// missingCase is a device under shortage, and what it is held against.
type missingCase struct {
	booked, missing  Energy // over all deadlines
	shifted, waiting Energy
	CatchUp
	deadlines int
}

// add adds up what a step has done with load that is shifted.
func (m *missingCase) add(d *Deferral, step Seconds) {
	m.shifted += d.Shifted.For(step)
	m.Plus(d.CatchUp)
}

// closed checks that what was shifted was caught up, given up, or is still to be drawn.
func (m *missingCase) closed(still Energy) error {
	if m.CaughtUp < 0 || m.GivenUp < 0 || still < 0 || m.shifted != m.CaughtUp+m.GivenUp+still {
		return fmt.Errorf("%d mJ shifted: %d caught up, %d given up, %d still to be drawn: %d are missing", m.shifted, m.CaughtUp, m.GivenUp, still,
			m.shifted-m.CaughtUp-m.GivenUp-still)
	}
	return nil
}

// hold checks one booking: booked in a step of a length for a deadline at which an amount
// was missing. carried is what bookings before have left over.
func (m *missingCase) hold(booked Power, missing Energy, step Seconds) error {
	m.deadlines++
	if off := booked.For(step) - missing; off > Energy(step)+2 || off < -Energy(step)-2 {
		return fmt.Errorf("deadline %d: booked %d mJ, missing %d", m.deadlines, booked.For(step), missing)
	}
	m.booked += booked.For(step)
	m.missing += missing
	return nil
}

// vehicleShort runs two vehicles of one timetable for four days, one with ample supply.
// spoil may break the books of the other one after each step.
func vehicleShort(seed uint64, step Seconds, spoil func(*vehicle, *Reading, *account)) (m missingCase, err error) {
	r := rand.New(rand.NewPCG(seed, 7))
	day := int64(86400 / step)
	trip := Energy(1+r.Int64N(50)) * KilowattHour
	target := Energy(10+r.Int64N(50)) * KilowattHour
	arrive, leave := (60+r.Int64N(35))*day/96, (20+r.Int64N(20))*day/96
	stays := []stay{{from: -1, until: Tick(leave), trip: trip}}
	for d := range int64(4) {
		stays = append(stays, stay{Tick(d*day + arrive), Tick((d+1)*day + leave), trip})
	}
	outage := Tick(r.Int64N(4 * day)) // of the charger, for both
	var v [2]vehicle
	for k := range v {
		v[k] = vehicle{capacity: 60 * KilowattHour, target: target, efficiency: 900_000_000 + Ratio(seed%97_531), phases: 1,
			minCurrent: 6, maxCurrent: 16, stays: stays, available: true}
		v[k].held = Energy(r.Int64N(int64(target)))
		v[k].held = v[0].held
	}
	short := newShortage(seed)
	var ev Events
	for tick := range Tick(4 * day) {
		env := Env{Tick: tick, Step: step}
		var out [2]Reading
		before := v[0].later
		for k := range v {
			v[k].available = tick < outage || tick >= outage+Tick(day/24)
			out[k] = stepped(&v[k], &env, &ev, func(f *Flex, set *Setpoint) {
				if k == 0 {
					set.Tier[Mobility], set.Why[Mobility] = short.ask(f.Tier[Mobility], Seconds(tick)*step)
				}
			})
		}
		if spoil != nil {
			spoil(&v[0], &out[0], &before)
		}
		m.add(&Deferral{Booking: Booking{Shifted: out[0].Shifted}, CatchUp: out[0].CatchUp}, step)
		m.waiting = out[0].Waits
		if out[1].Unserved != 0 || out[1].Shifted != 0 {
			return m, fmt.Errorf("step %d: with ample supply %d mW unserved, %d shifted", tick, out[1].Unserved, out[1].Shifted)
		}
		s := v[0].next
		if v[0].plugged && stays[s].until == tick+1 {
			need := min(trip, target)
			missing := float64(min(need, out[1].Content)-min(need, out[0].Content)) / v[0].efficiency.Float()
			if err := m.hold(out[0].Unserved, Energy(math.Round(missing)), step); err != nil {
				return m, fmt.Errorf("step %d: %w", tick, err)
			}
			continue
		}
		if out[0].Unserved != 0 {
			return m, fmt.Errorf("step %d: %d mW unserved and no deadline", tick, out[0].Unserved)
		}
	}
	if off := m.booked + v[0].later.rest - m.missing; off < -1000 || off > 1000 {
		return m, fmt.Errorf("booked %d mJ and carries %d, missing %d", m.booked, v[0].later.rest, m.missing)
	}
	return m, m.closed(v[0].stillShifted())
}

// pumpShort is the same for a water pump.
func pumpShort(seed uint64, step Seconds) (m missingCase, err error) {
	r := rand.New(rand.NewPCG(seed, 8))
	day := int64(86400 / step)
	var p [2]waterPump
	from, until := Seconds(r.Int64N(12))*3600, Seconds(13+r.Int64N(11))*3600
	rated := Power(1+r.Int64N(20)) * Kilowatt / 7
	most := rated.For(until - from)
	for k := range p {
		p[k] = waterPump{rated: rated, daily: most / Energy(1+seed%4), from: from, until: until, day: -1, closed: -1}
	}
	short := newShortage(seed)
	var ev Events
	var drawn [2]Energy
	for tick := range Tick(3 * day) {
		env := envAt(tick, step)
		if env.SecondOfDay == 0 {
			drawn = [2]Energy{}
		}
		var out [2]Reading
		for k := range p {
			out[k] = stepped(&p[k], &env, &ev, func(f *Flex, set *Setpoint) {
				if k == 0 {
					set.Tier[Flexible], set.Why[Flexible] = short.ask(f.Tier[Flexible], Seconds(tick)*step)
				}
			})
			drawn[k] += out[k].Load.For(step)
		}
		m.add(&Deferral{Booking: Booking{Shifted: out[0].Shifted}, CatchUp: out[0].CatchUp}, step)
		if Seconds(env.SecondOfDay)+step == until {
			if err := m.hold(out[0].Unserved, max(0, min(p[0].daily, drawn[1])-drawn[0]), step); err != nil {
				return m, fmt.Errorf("step %d: %w", tick, err)
			}
		} else if out[0].Unserved != 0 {
			return m, fmt.Errorf("step %d: %d mW unserved and no deadline", tick, out[0].Unserved)
		}
	}
	if off := m.booked + p[0].later.rest - m.missing; off < -1000 || off > 1000 {
		return m, fmt.Errorf("booked %d mJ and carries %d, missing %d", m.booked, p[0].later.rest, m.missing)
	}
	return m, m.closed(p[0].stillShifted())
}

// machineShort runs a home's washing machine. Each load must have been drawn or booked by
// the end of its longest wait and its programme; with ample supply it has been drawn then.
func machineShort(t *testing.T, seed uint64, step Seconds) (m missingCase, err error) {
	row := func() *programmeRow {
		r := *modelled(t, 1, fmt.Sprintf(`{"occupants": 5, "max_wait_h": %d}`, seed%5))[2].(interface{ Row(int) *programmeRow }).Row(0)
		r.days, r.loads = r.days+stream(seed), r.loads+stream(seed)
		return &r
	}
	two := [2]*programmeRow{row(), row()}
	short := newShortage(seed)
	var ev Events
	var got [2]Energy // of all loads
	var put [2]Energy // of all loads that have been put in
	var counted [2]int64
	for tick := range Tick(20 * 86400 / step) {
		env := envAt(tick, step)
		env.Weekday = int8(env.Day % 7)
		for k, r := range two {
			b := r.Offer(&env)
			p, why := b.Ref, NoReason
			if k == 0 {
				p, why = short.ask(b, Seconds(tick)*step)
			}
			ev.Reset()
			did := r.Step(&env, p, &ev)
			d := r.Defer(&env, b, did, why, &ev)
			for i := range ev.list {
				r.Apply(&ev.list[i])
			}
			for ; counted[k] < r.count; counted[k]++ {
				put[k] += r.energy(counted[k])
			}
			got[k] += did.For(step)
			if k == 1 && d.Unserved != 0 {
				return m, fmt.Errorf("step %d: with ample supply %d mW unserved", tick, d.Unserved)
			}
			if d.Unserved > 0 {
				m.deadlines++
			}
			if k == 0 {
				m.booked += d.Unserved.For(step)
				m.add(&d, step)
				m.waiting = d.Waits
			}
			if r.machineAccount != (machineAccount{}) && (r.stage == idle || r.since == tick+1) {
				return m, fmt.Errorf("step %d: a load that is not in the machine yet has %+v", tick, r.machineAccount)
			}
			if r.stage != idle {
				latest := r.since + Tick(r.maxWait/step) + Tick(3*3600/step) + 3 // no programme takes three hours
				if tick > latest {
					return m, fmt.Errorf("step %d: a load of step %d is still in the machine", tick, r.since)
				}
			}
		}
	}
	if err := m.closed(two[0].stillShifted()); err != nil {
		return m, err
	}
	if left := put[0] - got[0] - m.booked - two[0].owed; left < -1000 || left > 1000 {
		return m, fmt.Errorf("put in %d mJ, drawn %d, unserved %d, still in it %d", put[0], got[0], m.booked, two[0].owed)
	}
	return m, nil
}

var stepLengths = [...]Seconds{60, 900, 3600}

func TestUnservedIsWhatWasMissing(t *testing.T) {
	for _, step := range stepLengths {
		var all [3]missingCase
		for seed := range uint64(100) {
			for k, run := range []func() (missingCase, error){
				func() (missingCase, error) { return vehicleShort(seed, step, nil) },
				func() (missingCase, error) { return pumpShort(seed, step) },
				func() (missingCase, error) { return machineShort(t, seed, step) },
			} {
				m, err := run()
				if err != nil {
					t.Fatalf("%s, steps of %d s, seed %d: %v", [...]string{"vehicle", "pump", "machine"}[k], step, seed, err)
				}
				all[k].booked += m.booked
				all[k].deadlines += m.deadlines
				all[k].shifted += m.shifted
				all[k].Plus(m.CatchUp)
			}
		}
		for k, m := range all {
			if m.booked == 0 || m.shifted <= 0 || m.CaughtUp <= 0 || k == 0 && m.GivenUp <= 0 {
				t.Errorf("case %d, steps of %d s: nothing was unserved or shifted: %+v", k, step, m)
			}
			t.Logf("case %d, steps of %d s: %.1f kWh unserved at %d deadlines, %.1f kWh shifted", k, step, m.booked.WattHours()/1000, m.deadlines, m.shifted.WattHours()/1000)
		}
	}
}

// The reference refuses vehicles that book what it is there to find.
func TestUnservedSabotaged(t *testing.T) {
	for name, spoil := range map[string]func(*vehicle, *Reading, *account){
		"the power instead of the energy": func(v *vehicle, out *Reading, _ *account) {
			if out.Unserved > 0 {
				out.Unserved = v.level(v.maxCurrent)
			}
		},
		"the remainder is dropped": func(v *vehicle, _ *Reading, _ *account) { v.later.rest = 0 },
		"wanted again at the next stay": func(v *vehicle, out *Reading, before *account) {
			if out.Elsewhere > 0 {
				v.later = *before
			}
		},
	} {
		found := false
		for seed := range uint64(100) {
			for _, step := range stepLengths {
				if _, err := vehicleShort(seed, step, spoil); err != nil {
					found = true
				}
			}
		}
		if !found {
			t.Errorf("%s: not found", name)
		}
	}
}

// shortfall integrates a body of one temperature in steps of a second, in floating point:
// the electricity that would have kept it from falling below low, J, and the kelvin-hours
// below it. heat is what goes into the body and ua what it loses per kelvin, both in W; cop
// turns heat into electricity.
func shortfall(seconds int, start, low, outside, perKelvin, ua, cop float64, heat func(second int) float64) (joules, kelvinHours float64) {
	at := start
	for s := range seconds {
		before := max(0, low-at)
		at += (heat(s) - ua*(at-outside)) / perKelvin
		after := max(0, low-at)
		joules += max(0, after-before) * perKelvin / cop
		kelvinHours += (before + after) / 2 / 3600
	}
	return joules, kelvinHours
}

// A heat pump that is cut on a winter day: what is unserved is the electricity that would
// have held the lower edge of the band, whatever the length of the step; how cold it was is
// counted apart. The house is cut off for some hours, then heated again.
func TestHeatUnservedIsBelowItsBand(t *testing.T) {
	for _, row := range []struct {
		off, on     int // hours
		why         Reason
		want, below float64 // whether anything is unserved
	}{{2, 10, Scarcity, 0, 0}, {14, 10, Scarcity, 1, 1}, {30, 18, Shed, 1, 1}, {60, 0, Scarcity, 1, 1}} {
		var of []float64
		for _, step := range stepLengths {
			h := newHeatPumpRow(t, step, map[string]any{"gains_w": 0, "solar_m2": 0})
			low, start := h.temperature(h.low).celsius(), h.temperature(h.held).celsius()
			ua := float64(h.perKelvin) / 1000 * -math.Log1p(-float64(h.gone)/unity) / float64(step) // W/K, by its own time constant
			var ev Events
			var unserved Energy
			var below DegreeHours
			var heat []float64 // W in each step
			cop := 0.0
			n := (row.off + row.on) * 3600 / int(step)
			for tick := range Tick(n) {
				env := envAt(tick, step)
				env.Weather.Temperature = 2
				b := h.Offer(&env)
				p, why := b.Ref, NoReason
				if int(tick)*int(step) < row.off*3600 {
					p, why = 0, row.why
				}
				cop = h.world(&env).cop.Float()
				ev.Reset()
				did := h.Step(&env, p, &ev)
				d := h.Defer(&env, b, did, why, &ev)
				for i := range ev.list {
					h.Apply(&ev.list[i])
				}
				heat = append(heat, did.Watts()*cop)
				unserved += d.Unserved.For(step)
				below += d.RoomBelow
			}
			wantJ, wantK := shortfall(n*int(step), start, low, 2, float64(h.perKelvin)/1000, ua, cop, func(s int) float64 { return heat[s/int(step)] })
			gotJ, gotK := float64(unserved)/1000, below.KelvinHours()
			of = append(of, gotJ)
			if (gotJ > 0) != (row.want > 0) || math.Abs(gotJ-wantJ) > 0.01*wantJ+1 || math.Abs(gotK-wantK) > 0.01*wantK+0.01 {
				t.Errorf("%d h off for %v, steps of %d s: %.0f Wh and %.3f K·h below the band, want %.0f and %.3f", row.off, row.why, step, gotJ/3600, gotK, wantJ/3600, wantK)
			}
		}
		if math.Abs(of[0]-of[2]) > 0.01*of[0] || math.Abs(of[1]-of[0]) > 0.01*of[0] {
			t.Errorf("%d h off for %v: %v J with steps of %v s", row.off, row.why, of, stepLengths)
		}
	}
}

// A run that ends before the deadline has what lacks under waiting, and nothing unserved.
func TestCutBeforeTheDeadline(t *testing.T) {
	v := recordedVehicle(t, "", Session{From: 0, Until: 8, Energy: 60 * KilowattHour}, Session{From: 60, Until: 90, Energy: 60 * KilowattHour})
	v.held = 54*KilowattHour - 8*1656*WattHour // eight quarters at 7.36 kW would fill it: 1.84 kWh × 0.9 each
	shifted, unserved, _ := plugged(v, 7, func(t Tick, b Band) (Power, Reason) {
		if t < 5 {
			return 0, Scarcity
		}
		return b.Ref, NoReason
	})
	if want := 5 * 1840 * WattHour; unserved != 0 || v.later.waiting < want-9000 || v.later.waiting > want || shifted > 9000 {
		t.Errorf("%v Wh wait, %v unserved, %v shifted; want %v, 0, 0", v.later.waiting.WattHours(), unserved.WattHours(), shifted.WattHours(), want.WattHours())
	}
}

// Where clocks go forward over the pump's deadline, the day's need is closed in the next
// step; where they go back it is closed once.
func TestPumpWhereClocksChange(t *testing.T) {
	for name, hours := range map[string][]int32{"forward": {0, 1, 3, 4, 5}, "back": {0, 1, 2, 2, 3, 4}} {
		p := waterPump{rated: 1500 * Watt, daily: 1500 * WattHour, until: 9000, day: -1, closed: -1}
		var ev Events
		var unserved Energy
		for tick, hour := range hours {
			env := Env{Tick: Tick(tick), Step: 3600, SecondOfDay: 3600 * hour}
			out := stepped(&p, &env, &ev, func(_ *Flex, set *Setpoint) { set.Tier[Flexible], set.Why[Flexible] = 0, Scarcity })
			unserved += out.Unserved.For(3600)
		}
		if unserved != 1500*WattHour {
			t.Errorf("%s: %v Wh unserved, wanted 1500", name, unserved.WattHours())
		}
	}
}

// A load keeps the longest wait with which it was put in: a command that shortens it takes no
// load out that has not been held back.
func TestShorterWaitTakesNoLoadOut(t *testing.T) {
	for _, shorter := range []Seconds{0, 1800} {
		row := *modelled(t, 1, `{"occupants": 5, "max_wait_h": 6}`)[2].(interface{ Row(int) *programmeRow }).Row(0)
		var ev Events
		put := Tick(-1)
		for tick := range Tick(20 * 96) {
			env := envAt(tick, 900)
			if put >= 0 && tick == put+8 { // it has waited for two hours
				row.Apply(&Event{Type: eventSet, V: [7]int64{setNumber: 0, setValue: int64(shorter)}})
			}
			b := row.Offer(&env)
			p, why := b.Ref, NoReason
			if put >= 0 && tick < put+12 {
				p, why = b.Min, Scarcity
			}
			ev.Reset()
			did := row.Step(&env, p, &ev)
			d := row.Defer(&env, b, did, why, &ev)
			for i := range ev.list {
				row.Apply(&ev.list[i])
			}
			if put < 0 && row.stage == loaded {
				put = tick
			}
			if d.Unserved != 0 {
				t.Fatalf("%d s, step %d: %d mW unserved of a load that was drawn as it offered", shorter, tick, d.Unserved)
			}
		}
		if row.maxWait != shorter || row.count < 2 {
			t.Errorf("%d s: the setting is %d after %d loads", shorter, row.maxWait, row.count)
		}
	}
}

// A vehicle whose charger is out of service for its whole stay leaves without its trip's
// energy, and no supply could have changed that: impossible, not unserved.
func TestOutOfServiceIsImpossible(t *testing.T) {
	v := recordedVehicle(t, `, "initial_soc": 0.1`, Session{From: 0, Until: 8, Energy: 10 * KilowattHour}, Session{From: 60, Until: 90, Energy: 40 * KilowattHour})
	v.available = false
	var ev Events
	left := 0
	for tick := range Tick(9) {
		env := Env{Tick: tick, Step: 900}
		out := stepped(v, &env, &ev, nil)
		for i := range ev.All() {
			if e := &ev.All()[i]; e.Type == vehicleUnplugged {
				left++
				if d := e.Type.Departures(e); d != (Departures{Left: 1, Impossible: 1}) {
					t.Errorf("%+v", d)
				}
			}
		}
		if out.Unserved != 0 {
			t.Errorf("step %d: %d mW unserved", tick, out.Unserved)
		}
	}
	if left != 1 {
		t.Errorf("it left %d times", left)
	}
}

// A tank that is cut for a day: what is unserved is what it has fallen below its band, with
// the draws that it could not give, at any length of the step.
func TestTankUnservedAtAnyStep(t *testing.T) {
	var of []float64
	for _, step := range stepLengths {
		w := newTank(t, step, map[string]any{"standing_loss_wh_per_day": 0})
		var ev Events
		var unserved, wanted Energy
		start := w.held
		for tick := range Tick(86400 / step) {
			env := envAt(tick, step)
			b := w.Offer(&env)
			ev.Reset()
			did := w.Step(&env, 0, &ev)
			d := w.Defer(&env, b, did, Scarcity, &ev)
			_, draw := w.world(&env)
			wanted += draw
			for i := range ev.list {
				w.Apply(&ev.list[i])
			}
			unserved += d.Unserved.For(step)
		}
		// Had all draws been given, it would hold start − wanted.
		want := float64(w.low-(start-wanted)) / w.cop.Float()
		if got := float64(unserved + w.pending); want <= 0 || math.Abs(got-want) > 0.01*want {
			t.Errorf("steps of %d s: %.0f Wh unserved and pending, want %.0f", step, got/3.6e6, want/3.6e6)
		}
		of = append(of, unserved.WattHours())
	}
	if math.Abs(of[0]-of[2]) > 0.01*of[2] {
		t.Errorf("%.1f Wh with steps of %v s", of, stepLengths)
	}
}

// A vehicle that leaves without a known trip to come needs nothing: it is ready, and counted apart.
func TestDepartureWithoutTrip(t *testing.T) {
	left := EventNamed("vehicle.unplugged")
	for _, row := range []struct {
		name        string
		trip, ready int64
		want        Departures
	}{
		{"ready for a trip", int64(KilowattHour), 1, Departures{Left: 1, Ready: 1}},
		{"not ready for it", int64(KilowattHour), 0, Departures{Left: 1}},
		{"no trip is known", 0, 1, Departures{Left: 1, Ready: 1, NoTrip: 1}},
	} {
		e := Event{Type: left}
		e.V[leftTrip], e.V[leftReady] = row.trip, row.ready
		if got := left.Departures(&e).Plus(Departures{}); got != row.want {
			t.Errorf("%s: %+v, wanted %+v", row.name, got, row.want)
		}
	}
}

// With a shortage that all have agreed to, what is caught up is what a vehicle draws more than one with
// ample supply, at every step.
func TestCaughtUpIsDrawn(t *testing.T) {
	var caught Energy
	for seed := range uint64(100) {
		for _, step := range stepLengths {
			r := rand.New(rand.NewPCG(seed, 12))
			day := int64(86400 / step)
			stays := []stay{{from: -1, until: Tick(day), trip: KilowattHour}, {from: Tick(day + day/4), until: Tick(3 * day)}}
			var v [2]vehicle
			for k := range v {
				v[k] = vehicle{capacity: 60 * KilowattHour, target: 50 * KilowattHour, efficiency: 900_000_000, phases: 1,
					minCurrent: 6, maxCurrent: 16, stays: stays, available: true}
				v[k].held = 10*KilowattHour + Energy(seed)*WattHour
			}
			short := &shortage{r: r, share: 1}
			var ev Events
			var m missingCase
			for tick := range Tick(3 * day) {
				env := Env{Tick: tick, Step: step}
				var out [2]Reading
				for k := range v {
					out[k] = stepped(&v[k], &env, &ev, func(f *Flex, set *Setpoint) {
						if k != 0 {
							return
						}
						if set.Tier[Mobility], set.Why[Mobility] = short.ask(f.Tier[Mobility], Seconds(tick)*step); set.Why[Mobility] != NoReason {
							set.Why[Mobility] = Scarcity
						}
					})
				}
				more := (out[0].Storage - out[1].Storage).For(step)
				m.add(&Deferral{Booking: Booking{Shifted: out[0].Shifted}, CatchUp: out[0].CatchUp}, step)
				if off := out[0].CaughtUp - max(0, more); off > 2*Energy(step) || off < -2*Energy(step) {
					t.Fatalf("seed %d, steps of %d s, step %d: %d mJ caught up, drew %d more", seed, step, tick, out[0].CaughtUp, more)
				}
			}
			if err := m.closed(v[0].stillShifted()); err != nil {
				t.Fatalf("seed %d, steps of %d s: %v", seed, step, err)
			}
			caught += m.CaughtUp
		}
	}
	if caught == 0 {
		t.Error("nothing was caught up: the test shows nothing")
	}
}

// A room catches up what its heat pump draws later, and gives up what the sun has given instead.
func TestRoomCatchesUp(t *testing.T) {
	var all missingCase
	for seed := range uint64(60) {
		for _, step := range stepLengths {
			h := newHeatPumpRow(t, step, nil)
			short := newShortage(seed)
			var ev Events
			var m missingCase
			for tick := range Tick(3 * 86400 / step) {
				env := envAt(tick, step)
				env.Weather.Temperature = 4
				if hour := env.SecondOfDay / 3600; hour >= 9 && hour < 16 {
					env.Weather.GHI, env.Weather.DHI, env.Weather.Temperature = 500, 200, 14
				}
				b := h.Offer(&env)
				p, why := short.ask(b, Seconds(tick)*step)
				ev.Reset()
				did := h.Step(&env, p, &ev)
				d := h.Defer(&env, b, did, why, &ev)
				for i := range ev.list {
					h.Apply(&ev.list[i])
				}
				if m.add(&d, step); d.CaughtUp > did.For(step) {
					t.Fatalf("seed %d, step %d: %d mJ caught up of %d drawn", seed, tick, d.CaughtUp, did.For(step))
				}
			}
			if err := m.closed(h.stillShifted()); err != nil {
				t.Fatalf("seed %d, steps of %d s: %v", seed, step, err)
			}
			all.Plus(m.CatchUp)
		}
	}
	if all.CaughtUp == 0 || all.GivenUp == 0 {
		t.Errorf("%+v: the test shows nothing", all.CatchUp)
	}
}
