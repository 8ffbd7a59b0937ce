package twins

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
)

// newBattery builds one battery from a few keys; the other keys make it
// lossless and free of ageing.
func newBattery(t testing.TB, keys string) *battery {
	t.Helper()
	s, err := newBatteries(nil, []Member{{Path: "grid/c/b", Spec: []byte(`{
		"charge_efficiency": 1, "discharge_efficiency": 1, "standby_w": 0, "min_soc": 0, "max_soc": 1, "cycle_life": 1000000000,
		"calendar_life_years": 1e6, "mode": "self_consumption", "peak_w": 0, "reserve_soc": 0, "initial_soc": 0, "available": true,
		"tariff": {"charge_from": "00:00", "charge_to": "06:00", "discharge_from": "17:00", "discharge_to": "21:00"}, ` + keys + `}`)}})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*batteries).Row(0)
}

// ask steps b on a power and applies its events, with apply in place of Apply
// if a sabotage needs it.
func (b *battery) ask(env *Env, p Power, ev *Events, apply func(*Event)) Reading {
	var set Setpoint
	set.Tier[Storage] = p
	var out Reading
	ev.Reset()
	b.Step(env, &set, ev, &out)
	if apply == nil {
		apply = b.Apply
	}
	for i := range ev.All() {
		apply(&ev.All()[i])
	}
	return out
}

// fillAndEmpty charges and discharges b as far as it goes, n times.
func (b *battery) fillAndEmpty(n int) {
	var ev Events
	env := Env{Step: 3600}
	for range 2 * n {
		var f Flex
		b.Offer(&env, &f)
		to := f.Tier[Storage].Max
		if b.held > b.low {
			to = f.Tier[Storage].Min
		}
		b.ask(&env, to, &ev, nil)
	}
}

func TestBatteryAgesByUse(t *testing.T) {
	for _, row := range []struct {
		life   int
		cycles int
		want   float64
	}{{6000, 6000, 0.8}, {6000, 3000, 0.9}, {3000, 6000, 0.6}, {100, 1000, 0}} {
		b := newBattery(t, fmt.Sprintf(`"rated_wh": 1000, "rated_w": 1e6, "cycle_life": %d`, row.life))
		for b.cycles < int64(row.cycles) && b.full > 1000 {
			b.fillAndEmpty(1)
		}
		// Full cycles are of rated energy: an aged battery makes more of its own.
		if got := b.health().Float(); got > row.want+1e-6 || got < row.want-0.2/float64(row.life)-1e-6 {
			t.Errorf("life of %d cycles, %d made: %v of the band left, want %v", row.life, b.cycles, got, row.want)
		}
		if want := Energy(float64(b.top) * b.health().Float()); b.full < want-1000 || b.full > want+1000 {
			t.Errorf("%d mJ usable, want %d", b.full, want)
		}
	}
}

func TestBatteryAgesByTime(t *testing.T) {
	for _, row := range []struct{ life, years, want float64 }{{15, 15, 0.8}, {15, 7.5, 0.9}, {5, 15, 0.4}} {
		b := newBattery(t, fmt.Sprintf(`"rated_wh": 1000, "rated_w": 500, "calendar_life_years": %v, "initial_soc": 0.1`, row.life))
		var ev Events
		env := Env{Step: 3600}
		for range int(row.years * secondsPerYear / 3600) {
			b.ask(&env, 0, &ev, nil)
		}
		if got := b.health().Float(); got < row.want-1e-6 || got > row.want+1e-4 {
			t.Errorf("life of %v years, %v passed: %v of the band left, want %v", row.life, row.years, got, row.want)
		}
	}
}

// A full battery that ages keeps its content: its band shrinks only as energy
// is taken out.
func TestAgeingTakesNoEnergy(t *testing.T) {
	b := newBattery(t, `"rated_wh": 1000, "rated_w": 100, "calendar_life_years": 1, "initial_soc": 1`)
	var ev Events
	env := Env{Step: 3600}
	for range 365 * 24 {
		b.ask(&env, 0, &ev, nil)
	}
	if b.held != b.capacity || b.full > b.capacity*801/1000 || b.high != b.held {
		t.Fatalf("after a year it holds %d of %d mJ, usable %d", b.held, b.capacity, b.full)
	}
	var f Flex
	if b.Offer(&env, &f); f.Tier[Storage].Max != 0 {
		t.Errorf("it offers to charge with %d mW above its usable energy", f.Tier[Storage].Max)
	}
	for range 30 { // energy above the band is delivered like any other
		b.ask(&env, -100*Watt, &ev, nil)
	}
	for range 30 {
		b.ask(&env, 100*Watt, &ev, nil)
	}
	if off := b.held - b.full; off < -b.full/1000 || off > b.full/1000 { // it continues to age
		t.Errorf("emptied and filled it holds %d mJ, wanted %d", b.held, b.full)
	}
}

// batterySteps is how often a battery is stepped with an odd power; with -tags
// long a billion times.
var batterySteps = 2_000_000

// After any number of steps the battery holds what exact arithmetic says, its
// charge has never left its band, and it did what it offered: nothing was
// clamped, ageing and standby included.
func TestBatteryDriftsByNothing(t *testing.T) {
	if err := batteryDrift(t, batterySteps, nil); err != "" {
		t.Fatal(err)
	}
}

func TestBatteryDriftsByNothingSabotaged(t *testing.T) {
	for name, sabotage := range map[string]func(b *battery, e *Event){
		"charging forgets its remainder": func(b *battery, e *Event) {
			if b.Apply(e); e.Type == batteryCharged {
				b.in = 0
			}
		},
		"discharging forgets its remainder": func(b *battery, e *Event) {
			if b.Apply(e); e.Type == batteryDischarged {
				b.out = 0
			}
		},
		"ageing clamps": func(b *battery, e *Event) {
			b.Apply(e)
			b.held = min(b.held, b.full)
		},
		"a millijoule is lost at the floor": func(b *battery, e *Event) {
			if b.Apply(e); b.held > b.low && b.held < b.low+10 {
				b.held--
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			if batteryDrift(t, 500_000, sabotage) == "" {
				t.Fatal("the sabotage was not noticed")
			}
		})
	}
}

func batteryDrift(t *testing.T, steps int, sabotage func(*battery, *Event)) string {
	const in, out = Ratio(950_600_001), Ratio(948_683_298)
	life := max(0.1, float64(steps)/secondsPerYear)
	b := newBattery(t, fmt.Sprintf(`"rated_wh": 1, "rated_w": 5, "charge_efficiency": 0.950600001, "discharge_efficiency": 0.948683298, "standby_w": 0.007,
		"min_soc": 0.15, "max_soc": 0.95, "cycle_life": 100000, "calendar_life_years": %v, "initial_soc": 0.95`, life))
	r := rand.New(rand.NewPCG(3, 3))
	var ev Events
	var apply func(*Event)
	if sabotage != nil {
		apply = func(e *Event) { sabotage(b, e) }
	}
	env := Env{Step: 1}
	first := b.held
	var sums batterySums
	for n := range steps {
		var f Flex
		b.Offer(&env, &f)
		band := f.Tier[Storage]
		to := band.Min + Power(r.Int64N(int64(band.Max-band.Min)+1))
		switch phase := n & 4095; { // now and then to the ends of the band, and further steps there
		case phase < 1000:
			to = band.Min
		case phase < 2000:
			to = band.Max
		}
		reading := b.ask(&env, to, &ev, apply)
		if reading.Power != to {
			return fmt.Sprintf("step %d: asked for %d mW of %v, did %d", n, to, band, reading.Power)
		}
		if b.held < b.low || b.held > b.top || b.held > b.high {
			return fmt.Sprintf("step %d: %d mJ held, outside %d…%d", n, b.held, b.low, b.high)
		}
		sums.add(&reading, &ev.All()[0])
	}
	return sums.check(first, b.held, in, out)
}

// batterySums is the sum of what the battery's meter and its store have
// shown.
type batterySums struct{ net, lost, drawn, gained, given, taken Energy }

func (s *batterySums) add(r *Reading, e *Event) {
	const standby = 7 // mJ a step
	s.net += Energy(r.Storage)
	s.lost += r.Lost
	switch e.Type {
	case batteryCharged:
		s.drawn += Energy(r.Storage) - standby
		s.gained += Energy(e.V[1])
	case batteryDischarged:
		s.given += standby - Energy(r.Storage)
		s.taken += Energy(e.V[1])
	}
}

func (s *batterySums) check(first, last Energy, in, out Ratio) string {
	exact := func(e Energy, num, den Ratio) Energy {
		x := new(big.Int).Mul(big.NewInt(int64(e)), big.NewInt(int64(num)))
		return Energy(x.Quo(x, big.NewInt(int64(den))).Int64())
	}
	switch {
	case s.drawn == 0 || s.given == 0:
		return "nothing was charged or discharged"
	case s.gained != exact(s.drawn, in, One):
		return "charging has drifted"
	case s.taken != exact(s.given, One, out):
		return "discharging has drifted"
	case last != first+s.gained-s.taken:
		return "it does not hold what it gained less what was taken"
	case s.net != last-first+s.lost:
		return "the meter does not show what was stored and lost"
	}
	return ""
}

// A prepared battery begins empty when it is put in, charges up through min_soc, never
// falls below what it has reached there, and keeps its content when it is taken out.
// The meter shows exactly what it gained and lost.
func TestPreparedBattery(t *testing.T) {
	b := newBattery(t, `"rated_wh": 1000, "rated_w": 500, "standby_w": 10, "charge_efficiency": 0.9, "discharge_efficiency": 0.8,
		"min_soc": 0.2, "max_soc": 0.9, "initial_soc": 0.5, "prepared": true, "available": false`)
	var ev Events
	env := Env{Step: 3600}
	began := string(b.AppendBinary(nil))
	for range 10 {
		var f Flex
		if b.Offer(&env, &f); f != (Flex{}) {
			t.Fatalf("not there, it offers %+v", f)
		}
		r := b.ask(&env, 100*Watt, &ev, nil)
		if r.Power != 0 || r.Content != 0 || r.SoC != 0 || r.Lost != 0 || len(ev.All()) != 0 || string(b.AppendBinary(nil)) != began {
			t.Fatalf("not there, it shows %+v and %v", r, ev.All())
		}
	}
	b.available = true
	var net, lost Energy
	for _, row := range []struct {
		name     string
		ask, did Power
		held     Energy
	}{
		{"empty and asked to give, it sleeps", -500 * Watt, 0, 0},
		{"asked for its standby", 10 * Watt, 10 * Watt, 0},
		{"charged inside the part below min_soc", 110 * Watt, 110 * Watt, 90 * WattHour},
		{"below min_soc it gives nothing", -500 * Watt, 0, 90 * WattHour},
		{"to above min_soc", 510 * Watt, 510 * Watt, 540 * WattHour},
		{"now it gives, as far as min_soc", -500 * Watt, -262 * Watt, 200 * WattHour},
		{"and no further", -500 * Watt, 0, 200 * WattHour},
	} {
		r := b.ask(&env, row.ask, &ev, nil)
		net, lost = net+r.Power.For(env.Step), lost+r.Lost
		if r.Power != row.did || r.Content != row.held || b.held != row.held {
			t.Errorf("%s: asked for %v W it did %v W and holds %v Wh, wanted %v W, %v Wh", row.name,
				row.ask.Watts(), r.Power.Watts(), b.held.WattHours(), row.did.Watts(), row.held.WattHours())
		}
		if net != b.held+lost {
			t.Errorf("%s: %d mJ drawn in all, %d held and %d lost", row.name, net, b.held, lost)
		}
	}
	if age := Seconds(7 * 3600); b.age != age {
		t.Errorf("it is %d s old, wanted %d: those in which it was there", b.age, age)
	}
	b.available = false
	if r := b.ask(&env, -500*Watt, &ev, nil); r.Power != 0 || r.Content != 200*WattHour || b.absent() {
		t.Errorf("taken out it shows %+v, wanted what it held", r)
	}
	b.available = true
	if r := b.ask(&env, 110*Watt, &ev, nil); r.Content != 290*WattHour {
		t.Errorf("put in again it holds %v Wh", r.Content.WattHours())
	}
}

// A battery below its band that loses energy is reported.
func TestPreparedBatterySabotaged(t *testing.T) {
	b := newBattery(t, `"rated_wh": 1000, "rated_w": 500, "min_soc": 0.2, "prepared": true, "initial_soc": 0.5`)
	b.held = 100 * WattHour
	defer func() {
		if recover() == nil {
			t.Error("below min_soc it was discharged without an error")
		}
	}()
	b.Apply(&Event{Type: batteryDischarged, V: [7]int64{-1, 1, 0, 3600}})
}

func TestBadBattery(t *testing.T) {
	for keys, want := range map[string]string{
		`"min_soc": 0.9, "max_soc": 0.8`:                "grid/c/b: min_soc 0.9 is above max_soc 0.8",
		`"initial_soc": 0.1`:                            "grid/c/b: initial_soc 0.1 is outside min_soc…max_soc 0.2…0.9",
		`"mode": "peak"`:                                "grid/c/b: mode peak and no peak_w, wanted the net load to stay at, W",
		`"tariff": {"charge_from": "24:00"}`:            `grid/c/b: tariff: "24:00" is not a time of day, wanted HH:MM`,
		`"mode": "peak", "peak_w": 1, "reserve_soc": 1`: "",
	} {
		_, err := newBatteries(nil, []Member{{Path: "grid/c/b", Spec: []byte(`{"rated_wh": 1000, "rated_w": 100, "charge_efficiency": 1,
			"discharge_efficiency": 1, "min_soc": 0.2, "max_soc": 0.9, "initial_soc": 0.5, "cycle_life": 1, "calendar_life_years": 1, "mode": "idle",
			"tariff": {"charge_from": "00:00", "charge_to": "06:00", "discharge_from": "17:00", "discharge_to": "21:00"}, ` + keys + `}`)}})
		if got := fmt.Sprint(err); got != want && !(err == nil && want == "") {
			t.Errorf("%s: got %s, want %s", keys, got, want)
		}
	}
}
