package frequency_test

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/frequency"
)

// random is an area by seed: from a village held by inverters to a country.
func random(seed uint64) (*frequency.Area, *rand.Rand) {
	r := rand.New(rand.NewPCG(seed, 17))
	load := twins.Exp(9 + float64(14*r.Float64())) // 8 kW to 10 GW
	part := func(most float64) float64 { return r.Float64() * most * load }
	a := &frequency.Area{Load: load, Damping: 2 * r.Float64(), Kinetic: load * (0.3 + float64(7.7*r.Float64())), Inverters: part(0.6)}
	for range r.IntN(12) {
		switch r.IntN(6) {
		case 0:
			a.Governors = append(a.Governors, frequency.FCR(part(0.2)))
		case 1:
			a.Governors = append(a.Governors, frequency.FormingBattery(part(0.6), part(0.4), part(0.4)))
		case 2:
			a.Governors = append(a.Governors, frequency.Governor{Gain: part(0.5), Up: part(0.3), Down: part(0.3), Lag: 0.1 + r.Float64(),
				Reheat: 3 + float64(6*r.Float64()), High: r.Float64(), Mechanical: 0.9, DeadBand: 0.02 * r.Float64()})
		case 3:
			a.Governors = append(a.Governors, frequency.Governor{Gain: part(0.5), Up: part(0.3), Down: part(0.3)})
		case 4:
			a.Governors = append(a.Governors, frequency.Governor{})
		default:
			a.Governors = append(a.Governors, frequency.Governor{Gain: part(0.5), Up: part(0.3), Down: part(0.3), Lag: 0.1 + float64(5*r.Float64()),
				Ramp: part(0.05)})
		}
	}
	if r.IntN(3) > 0 {
		a.AFRR = frequency.Reserve{Up: part(0.1), Down: part(0.1)}
		a.MFRR = frequency.Reserve{Up: part(0.1), Down: part(0.1)}
	}
	if r.IntN(3) > 0 {
		a.Stages = frequency.GermanStages
	}
	if r.IntN(8) == 0 {
		a.Kinetic = 0
		a.Governors = append(a.Governors, frequency.FormingBattery(load, part(1), part(1)))
	}
	return a, r
}

func TestEnergiesAddUp(t *testing.T) {
	worst, black, shed, formed := 0.0, 0, 0, 0
	for seed := range uint64(1000) {
		a, r := random(seed)
		if err := a.Check(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var s frequency.State
		for step := range 4 {
			loss := (r.Float64() - 0.4) * 0.6 * a.Load
			to := loss
			if step == 3 {
				to = 0
			}
			e := a.Ramp(&s, loss, to, []float64{1, 2.3, 7, 60}[r.IntN(4)])
			sum := e.AFRR + e.MFRR + e.Relief + e.Shed + e.GiveWay - e.Kinetic
			size := math.Abs(e.AFRR) + math.Abs(e.MFRR) + math.Abs(e.Relief) + e.Shed - e.GiveWay + math.Abs(e.Kinetic) + math.Abs(e.Disturbance)
			for _, g := range e.Governors {
				sum += g
				size += math.Abs(g)
			}
			err := math.Abs(sum-e.Disturbance) / (size + 1)
			if !(err <= 1e-9) || !(e.Min <= e.End && e.End <= e.Max) || e.Shed < 0 || e.GiveWay > 0 {
				t.Fatalf("seed %d step %d: off by %g of %g J: %+v", seed, step, err, size, e)
			}
			if in := e.Min >= 47.5 && e.Max <= 51.5; in == e.Blackout && e.Seconds > 0 {
				t.Fatalf("seed %d step %d: %.3f to %.3f Hz, blackout %v", seed, step, e.Min, e.Max, e.Blackout)
			}
			worst = max(worst, err)
			if e.Shed > 0 {
				shed++
			}
			if e.Blackout {
				black++
				break
			}
			if a.Kinetic == 0 {
				formed++
			}
		}
	}
	t.Logf("greatest relative difference %.1g; %d black, %d with shedding, %d formed", worst, black, shed, formed)
	if black < 100 || shed < 100 || formed < 30 {
		t.Error("the areas drawn do not reach everything")
	}
}

// The step against an eighth of it: compares the extremes of random areas.
func TestStepIsShortEnough(t *testing.T) {
	var worst [2]float64 // without and with load shedding
	var at [2]uint64
	for seed := range uint64(300) {
		a, r := random(seed)
		loss := (r.Float64() - 0.4) * 0.4 * a.Load
		var fine, coarse frequency.State
		c, f := a.Run(&coarse, loss, 20), frequency.RunFiner(a, &fine, loss, 20, 8)
		if c.Blackout || f.Blackout {
			if c.Blackout != f.Blackout {
				t.Errorf("seed %d: blackout %v, with finer steps %v", seed, c.Blackout, f.Blackout)
			}
			continue
		}
		kind := min(f.Stages, 1)
		if err := max(math.Abs(c.Min-f.Min), math.Abs(c.Max-f.Max)); err > worst[kind] {
			worst[kind], at[kind] = err, seed
		}
	}
	t.Logf("greatest difference %.4f mHz, with load shedding %.4f mHz, seeds %d", 1000*worst[0], 1000*worst[1], at)
	for kind, most := range []float64{0.00015, 0.0005} {
		if worst[kind] > most {
			t.Errorf("seed %d errs by %.4f mHz, wanted ≤ %v mHz", at[kind], 1000*worst[kind], 1000*most)
		}
	}
}

func TestAStoredStateGoesOnAsTheLiveOne(t *testing.T) {
	for seed := range uint64(60) {
		a, r := random(seed)
		var live, stored frequency.State
		loss := (r.Float64() - 0.3) * 0.5 * a.Load
		a.Run(&live, loss, 1+float64(r.IntN(100)))
		bytesOf := live.AppendBinary(nil)
		rest, err := stored.UnmarshalBinary(append(bytesOf, 1, 2))
		if err != nil || !bytes.Equal(rest, []byte{1, 2}) {
			t.Fatalf("seed %d: %v, rest %v", seed, err, rest)
		}
		one, two := a.Run(&live, loss, 100), a.Run(&stored, loss, 100)
		if fmt.Sprint(one) != fmt.Sprint(two) || !bytes.Equal(live.AppendBinary(nil), stored.AppendBinary(nil)) {
			t.Fatalf("seed %d: %+v, stored %+v", seed, one, two)
		}
		for n := range bytesOf {
			if _, err := new(frequency.State).UnmarshalBinary(bytesOf[:n]); err == nil {
				t.Fatalf("seed %d: %d of %d bytes are taken", seed, n, len(bytesOf))
			}
		}
	}
}

func TestSplitIntervalsAreOne(t *testing.T) {
	worst := 0.0
	for seed := range uint64(200) {
		a, r := random(seed)
		loss := (r.Float64() - 0.3) * 0.3 * a.Load
		var one, many frequency.State
		whole := a.Run(&one, loss, 60)
		least := math.Inf(1)
		for range 60 {
			least = min(least, a.Run(&many, loss, 1).Min)
		}
		if whole.Blackout != many.Blackout || one.Tripped != many.Tripped {
			t.Errorf("seed %d: blackout %v, stages %d, by the second %v, %d", seed, whole.Blackout, one.Tripped, many.Blackout, many.Tripped)
		}
		if !whole.Blackout {
			worst = max(worst, math.Abs(whole.Min-least))
		}
	}
	t.Logf("greatest difference %.4f mHz", 1000*worst)
	if worst > 0.0002 {
		t.Errorf("least frequency differs by %.4f mHz", 1000*worst)
	}
}

// The digest is of bits: it changes with any change of the arithmetic, and must
// be the same on every processor.
func TestSameBitsEverywhere(t *testing.T) {
	h := fnv.New64a()
	for seed := range uint64(100) {
		a, r := random(seed)
		var s frequency.State
		for range 3 {
			e := a.Run(&s, (r.Float64()-0.4)*0.5*a.Load, 30)
			fmt.Fprint(h, math.Float64bits(e.Min), math.Float64bits(e.Max), math.Float64bits(e.Relief), math.Float64bits(e.ROCOF))
			h.Write(s.AppendBinary(nil))
		}
		q := a.Closed(new(frequency.State), 0, 0.02*a.Load, 900)
		fmt.Fprint(h, math.Float64bits(q.Min), q.OK)
	}
	const want = 0x2d4a6b9b8f27ea6b
	if got := h.Sum64(); got != want {
		t.Errorf("digest %#x, wanted %#x", got, uint64(want))
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	a := ten()
	var s frequency.State
	a.Run(&s, 0, 1)
	if n := testing.AllocsPerRun(20, func() { a.Run(&s, 0.1*a.Load, 10); a.Run(&s, 0, 30); a.Closed(&s, 0, 1, 900) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestRestCostsNothingAndStaysAtRest(t *testing.T) {
	a := ten()
	var s frequency.State
	r := a.Run(&s, 0, 3600)
	if r.Min != 50 || r.Max != 50 || r.Disturbance != 0 || r.Relief != 0 || r.Seconds != 3600 {
		t.Errorf("%+v", r)
	}
}

func TestClosedAgreesWithRamp(t *testing.T) {
	for band, most := range []float64{0: 0.0001, 1: 0.010} {
		worst, held := 0.0, 0
		for seed := range uint64(40) {
			a, r := random(seed)
			for i := range a.Governors {
				a.Governors[i].DeadBand *= float64(band)
			}
			a.Kinetic = a.Load * (2 + 6*r.Float64())
			a.Governors = append(a.Governors, frequency.Governor{Gain: 0.2 * a.Load, Up: 0.2 * a.Load, Down: 0.2 * a.Load, Lag: 0.5})
			a.MFRR = frequency.Reserve{} // Closed does not move it
			move := (r.Float64() - 0.5) * 0.04 * a.Load
			var s, c frequency.State
			q := a.Closed(&c, 0, move, 900)
			if !q.OK {
				if fmt.Sprint(c) != fmt.Sprint(frequency.State{}) {
					t.Fatalf("seed %d: not closed, but the state has changed", seed)
				}
				continue
			}
			held++
			e := a.Ramp(&s, 0, move, 900)
			worst = max(worst, math.Abs(e.Min-q.Min), math.Abs(e.Max-q.Max), math.Abs(e.End-q.End))
		}
		t.Logf("dead bands × %v: %d of 40 closed; greatest difference %.3f mHz", band, held, 1000*worst)
		if worst > most || held < 30 {
			t.Errorf("dead bands × %v: %d closed, greatest difference %.3f mHz", band, held, 1000*worst)
		}
	}
	// If all is linear the formula follows by hand: K·Δf = −(r·T)(1 − e^(−t/T)).
	a := &frequency.Area{Load: GW, Damping: 1, Kinetic: GW, AFRR: frequency.Reserve{Up: 100 * MW, Down: 100 * MW},
		Governors: []frequency.Governor{{Gain: 180 * MW, Up: GW, Down: GW}}}
	q := a.Closed(new(frequency.State), 0, 90*MW, 900)
	near(t, "by hand, Hz", q.Min, 50-0.05*(1-math.Exp(-9)), 1e-9)
	a.AFRR = frequency.Reserve{}
	near(t, "without aFRR, Hz", a.Closed(new(frequency.State), 0, 90*MW, 900).Min, 50-0.45, 1e-9)
	if q := a.Closed(new(frequency.State), 0, 500*MW, 900); q.OK && q.Min < 47.5 {
		t.Errorf("out of the plants' range: %+v", q)
	}
}

func TestImpossibleAreasAreRefused(t *testing.T) {
	good := func() *frequency.Area {
		return &frequency.Area{Load: 1, Governors: make([]frequency.Governor, 2), Stages: append([]frequency.Stage(nil), frequency.GermanStages...)}
	}
	for want, spoil := range map[string]func(*frequency.Area){
		"load is -1":                          func(a *frequency.Area) { a.Load = -1 },
		"kinetic energy is NaN":               func(a *frequency.Area) { a.Kinetic = math.NaN() },
		"inverters is +Inf":                   func(a *frequency.Area) { a.Inverters = math.Inf(1) },
		"aFRR down is -3":                     func(a *frequency.Area) { a.AFRR.Down = -3 },
		"governor 1: gain is -1":              func(a *frequency.Area) { a.Governors[1].Gain = -1 },
		"governor 0: lag is 0.001 s":          func(a *frequency.Area) { a.Governors[0].Lag = 0.001 },
		"governor 0: reheat time is 0.001 s":  func(a *frequency.Area) { a.Governors[0].Reheat = 0.001 },
		"governor 0: high-pressure share is2": func(a *frequency.Area) { a.Governors[0].High = 2 },
		"stage 2: 49.5 Hz is not below 49 Hz": func(a *frequency.Area) { a.Stages[1].At = 49.5 },
		"stage 4: 47.4 Hz, wanted above 47.5": func(a *frequency.Area) { a.Stages[3].At = 47.4 },
		"stage 3: share 0.9":                  func(a *frequency.Area) { a.Stages[2].Share = 0.9 },
		"stage 1: delay -1 s":                 func(a *frequency.Area) { a.Stages[0].Delay = -1 },
		"17 stages":                           func(a *frequency.Area) { a.Stages = make([]frequency.Stage, 17) },
	} {
		a := good()
		if err := a.Check(); err != nil {
			t.Fatal(err)
		}
		spoil(a)
		if err := a.Check(); err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), " ", ""), strings.ReplaceAll(want, " ", "")) {
			t.Errorf("%q, wanted %q", err, want)
		}
	}
}

// ten is an island with ten governors, aFRR, mFRR and load shedding.
func ten() *frequency.Area {
	a := &frequency.Area{Load: 450e3, Damping: 1, Kinetic: 900e3, Inverters: 100e3, Stages: frequency.GermanStages,
		AFRR: frequency.Reserve{Up: 50e3, Down: 50e3}, MFRR: frequency.Reserve{Up: 100e3, Down: 100e3}}
	for range 6 {
		a.Governors = append(a.Governors, frequency.FormingBattery(50e3, 50e3, 50e3))
	}
	for _, rated := range []float64{155e3, 120e3, 75e3, 50e3} {
		a.Governors = append(a.Governors, frequency.Governor{Gain: rated / (0.04 * 50), Lag: 1, Up: 0.3 * rated, Down: 0.5 * rated,
			DeadBand: 0.01, Reheat: 8, High: 0.3})
	}
	return a
}

func BenchmarkRun(b *testing.B) {
	a := ten()
	var s frequency.State
	k := 0
	for b.Loop() {
		k++
		a.Run(&s, float64(k%2)*0.2*a.Load, 1)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/simulated-s")
}

func BenchmarkClosed(b *testing.B) {
	a := ten()
	for b.Loop() {
		a.Closed(new(frequency.State), 0, 5e3, 900)
	}
}
