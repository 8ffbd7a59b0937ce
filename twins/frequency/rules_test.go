package frequency_test

import (
	"math"
	"slices"
	"testing"

	"github.com/smatrix-grid/smatrix/twins/frequency"
)

const (
	MW = 1e6
	GW = 1e9
)

// held is an area whose frequency one enormous machine holds at dev, so that
// the response of a reserve to a given deviation can be read.
func held(dev float64, a frequency.Area) (*frequency.Area, *frequency.State) {
	a.Kinetic = 1e21
	return &a, &frequency.State{Deviation: dev}
}

func TestFCRIsHalfIn15SecondsAndFullIn30(t *testing.T) {
	const power = 3 * GW
	for _, dev := range []float64{-0.2, 0.2} {
		a, s := held(dev, frequency.Area{Governors: []frequency.Governor{frequency.FCR(power)}})
		for _, c := range []struct{ until, share float64 }{{15, 0.5}, {30, 1}, {60, 1}} {
			a.Run(s, 0, 15)
			if c.until == 60 {
				a.Run(s, 0, 15)
			}
			near(t, "FCR, share of full", s.Delivered(a, 0)/power, math.Copysign(c.share, -dev), 0.005)
		}
	}
	for dev, share := range map[float64]float64{-0.01: 0, 0.009: 0, -0.105: 0.5, -0.3: 1, 0.105: -0.5} {
		a, s := held(dev, frequency.Area{Governors: []frequency.Governor{frequency.FCR(power)}})
		a.Run(s, 0, 60)
		near(t, "FCR at a lasting deviation, share", s.Delivered(a, 0)/power, share, 1e-6)
	}
}

func TestAFRRIsFullIn5Minutes(t *testing.T) {
	a, s := held(-0.2, frequency.Area{Load: 10 * GW, AFRR: frequency.Reserve{Up: 500 * MW, Down: 300 * MW},
		Governors: []frequency.Governor{{Gain: 10 * GW, Up: 5 * GW, Down: 5 * GW, Lag: 1}}})
	a.Run(s, 0, 150)
	near(t, "after 2.5 min, MW", s.AFRR/MW, 250, 0.1)
	a.Run(s, 0, 149)
	near(t, "after 299 s, MW", s.AFRR/MW, 500*299./300, 0.1)
	a.Run(s, 0, 1)
	near(t, "after 5 min, MW", s.AFRR/MW, 500, 0.1)
	a.Run(s, 0, 600)
	near(t, "later, MW", s.AFRR/MW, 500, 0)
	// A loss inside the band: aFRR brings the frequency back, and holds it there.
	a = &frequency.Area{Load: 10 * GW, Damping: 1, Kinetic: 50 * GW, AFRR: frequency.Reserve{Up: 500 * MW, Down: 500 * MW},
		Governors: []frequency.Governor{frequency.FCR(600 * MW)}}
	s = new(frequency.State)
	a.Run(s, 300*MW, 300)
	if d := math.Abs(s.Deviation); d > 0.02 {
		t.Errorf("5 min after the loss the deviation is %.1f mHz, wanted within 20", 1000*d)
	}
	a.Run(s, 300*MW, 1200)
	near(t, "in the end, MW", s.AFRR/MW, 300, 1)
	near(t, "in the end, Hz", s.Deviation, 0, 1e-4)
	a.AFRR = frequency.Reserve{}
	s = new(frequency.State)
	if r := a.Run(s, 300*MW, 300); r.End > 49.91 {
		t.Errorf("without aFRR the frequency comes back to %.4f Hz", r.End)
	}
}

func TestMFRRIsFullIn12AndAHalfMinutes(t *testing.T) {
	a, s := held(-0.2, frequency.Area{Load: 10 * GW, MFRR: frequency.Reserve{Up: 600 * MW}})
	for _, c := range []struct{ seconds, power float64 }{{150, 0}, {300, 300}, {299, 599}, {1.2, 600}, {900, 600}} {
		a.Run(s, 0, c.seconds)
		near(t, "mFRR, MW", s.MFRR/MW, c.power, 0.2)
	}
	// mFRR takes over from aFRR, which is free again.
	a = &frequency.Area{Load: 10 * GW, Damping: 1, Kinetic: 50 * GW, AFRR: frequency.Reserve{Up: 400 * MW, Down: 400 * MW},
		MFRR: frequency.Reserve{Up: 400 * MW, Down: 400 * MW}, Governors: []frequency.Governor{frequency.FCR(600 * MW)}}
	s = new(frequency.State)
	r := a.Run(s, 300*MW, 3600)
	if s.AFRR > 30*MW || s.MFRR < 270*MW || math.Abs(s.Deviation) > 0.01 {
		t.Errorf("an hour after the loss: aFRR %.0f MW, mFRR %.0f MW, %.1f mHz", s.AFRR/MW, s.MFRR/MW, 1000*s.Deviation)
	}
	// and is withdrawn when the plant is back
	a.Run(s, 0, 3600)
	if math.Abs(s.MFRR) > 30*MW || math.Abs(s.Deviation) > 0.01 {
		t.Errorf("an hour after the return: mFRR %.0f MW, %.1f mHz", s.MFRR/MW, 1000*s.Deviation)
	}
	if r.MFRR <= 0 || r.AFRR <= 0 {
		t.Errorf("energies of mFRR %v J and aFRR %v J", r.MFRR, r.AFRR)
	}
}

func TestInvertersGiveWayFrom50Point2Hz(t *testing.T) {
	for dev, share := range map[float64]float64{0.1: 0, 0.2: 0, 0.45: 0.1, 0.7: 0.2, 1.2: 0.4, -1: 0} {
		a, s := held(dev, frequency.Area{Inverters: 100 * MW})
		r := a.Run(s, 0, 10)
		near(t, "P(f), MW", r.GiveWay/10/MW, -100*share, 1e-6)
	}
	// 20 % of load lost on an island of panels: without P(f) plants would leave.
	a := &frequency.Area{Load: MW, Damping: 1, Kinetic: MW, Inverters: 0.8 * MW}
	r := a.Run(new(frequency.State), -0.2*MW, 60)
	if r.Blackout || r.Max > 51 {
		t.Errorf("with P(f): %.3f Hz, blackout %v", r.Max, r.Blackout)
	}
	a.Inverters = 0
	if r = a.Run(new(frequency.State), -0.2*MW, 60); !r.Blackout || r.Max < 51.5 {
		t.Errorf("without P(f): %.3f Hz, blackout %v, wanted one", r.Max, r.Blackout)
	}
}

// The published table holds if the droop of 1.5 % refers to the load and the
// batteries go up by 0.6 of it; with the droop referred to 0.6 of the load H 2 s
// would be −0.61, −0.82, −1.12 Hz.
func TestBatteryDroopTable(t *testing.T) {
	for _, c := range []struct{ H, lost, hz float64 }{
		{2, 0.3, -0.46}, {2, 0.4, -0.66}, {2, 0.5, -0.97}, {4, 0.3, -0.35}, {4, 0.4, -0.46}, {4, 0.5, -0.62}} {
		a := &frequency.Area{Load: load, Damping: 1, Kinetic: c.H * load,
			Governors: []frequency.Governor{frequency.FormingBattery(load, 0.6*load, 0.6*load)}}
		r := a.Run(new(frequency.State), c.lost*load, 30)
		t.Logf("H %v s, %v lost: %.4f Hz", c.H, c.lost, r.Min-50)
		near(t, "least, Hz", r.Min-50, c.hz, 0.0051)
	}
}

// 29 % of load lost, H 2 s, D 1. Governors: droop 4 % of the load, lag 1 s, no
// limit. Batteries: as in the droop table, alone.
func TestScarcityWithAndWithoutBatteries(t *testing.T) {
	a := &frequency.Area{Load: load, Damping: 1, Kinetic: 2 * load}
	least := func(g ...frequency.Governor) float64 {
		a.Governors = g
		return a.Run(new(frequency.State), 0.29*load, 30).Min
	}
	turbines := frequency.Governor{Gain: load / (0.04 * 50), Lag: 1, Up: load, Down: load}
	batteries := frequency.FormingBattery(load, 0.6*load, 0.6*load)
	alone, with, both := least(turbines), least(batteries), least(turbines, batteries)
	t.Logf("governors alone %.3f, batteries alone %.3f, both %.3f Hz", alone, with, both)
	near(t, "governors alone, Hz", alone, 48.5, 0.05)
	near(t, "batteries, Hz", with, 49.56, 0.005)
	near(t, "both, Hz", both, 49.58, 0.005)
	a.Stages = frequency.GermanStages
	a.Governors = []frequency.Governor{turbines}
	if r := a.Run(new(frequency.State), 0.29*load, 30); r.Stages == 0 {
		t.Error("without the batteries no stage is reached")
	}
	a.Governors = []frequency.Governor{turbines, batteries}
	if r := a.Run(new(frequency.State), 0.29*load, 30); r.Stages != 0 || r.Min < 49 {
		t.Errorf("with the batteries %d stages, %.3f Hz", r.Stages, r.Min)
	}
}

// ENTSO-E's design case: 3,000 MW lost at 150 GW, network time constant 10 s,
// self-regulation 1 %/Hz, FCR in full after 30 s: 800 mHz at most, 200 mHz lasting.
func TestContinentalEurope(t *testing.T) {
	a := &frequency.Area{Load: 150 * GW, Damping: 0.5, Kinetic: 750 * GW, Governors: []frequency.Governor{frequency.FCR(3 * GW)}}
	for _, sign := range []float64{1, -1} {
		var s frequency.State
		r := a.Run(&s, sign*3*GW, 30)
		worst := max(r.Max-50, 50-r.Min)
		t.Logf("%+.0f MW: %.3f to %.3f Hz at %.1f s, %.3f Hz/s", sign*3000, r.Min, r.Max, max(r.MinAt, r.MaxAt), r.ROCOF)
		if worst > 0.8 || worst < 0.7 {
			t.Errorf("deviation %.3f Hz, wanted 0.7 to 0.8", worst)
		}
		near(t, "at once, Hz/s", math.Abs(r.ROCOFInitial), 0.1, 1e-9)
		near(t, "over 500 ms, Hz/s", r.ROCOF, 0.1, 0.005)
	}
	// Stiffness 15 GW/Hz of FCR: a loss of 3,000 MW that FCR alone covers leaves a lasting 200 mHz.
	a.Damping = 0
	a.Governors[0].Ramp = 0
	r := a.Run(new(frequency.State), 2.999*GW, 600)
	near(t, "lasting, Hz", r.End, 49.8, 0.0005)
	// behind an AC tie a 120 kW unit is not noticeable
	near(t, "120 kW, µHz", 120e3/(15*GW)*1e6, 8, 1e-9)
}

func TestHalfTheInertiaLowersTheMinimum(t *testing.T) {
	last := 0.0
	for _, H := range []float64{0.5, 1, 2, 4, 8} {
		a := &frequency.Area{Load: load, Damping: 1, Kinetic: H * load, Governors: []frequency.Governor{
			{Gain: load / 2, Lag: 0.5, Up: load, Down: load}, frequency.FormingBattery(0.3*load, 0.2*load, 0.2*load)}}
		r := a.Run(new(frequency.State), 0.15*load, 30)
		if r.Min <= last || r.Blackout {
			t.Errorf("H %v s: %.4f Hz, with half of it %.4f", H, r.Min, last)
		}
		last = r.Min
	}
}

// island loses a share of its generation, and has only load shedding.
func island(stages []frequency.Stage) *frequency.Area {
	return &frequency.Area{Load: MW, Damping: 1, Kinetic: 4 * MW, Stages: stages,
		Governors: []frequency.Governor{{Gain: 0.2 * MW, Lag: 2, Up: 0.05 * MW, Down: MW}}}
}

func TestLoadIsShedInDeclaredOrder(t *testing.T) {
	stages := frequency.GermanStages
	for lost, open := range map[float64]int{0.03: 0, 0.12: 1, 0.25: 2, 0.37: 3, 0.5: 4} {
		var s frequency.State
		a, least, tripped := island(stages), 50.0, 0
		for k := range 3000 {
			r := a.Run(&s, lost*MW, 0.01)
			least = min(least, r.Min)
			if s.Tripped > tripped+1 {
				t.Fatalf("%v lost: stages %d to %d in 10 ms", lost, tripped, s.Tripped)
			}
			if s.Tripped > tripped && least > stages[tripped].At {
				t.Fatalf("%v lost: stage %d opened at %.3f Hz, %v s", lost, s.Tripped, least, float64(k)/100)
			}
			tripped = s.Tripped
		}
		if tripped != open || s.Blackout {
			t.Errorf("%v lost: %d stages, least %.3f Hz, blackout %v, wanted %d", lost, tripped, least, s.Blackout, open)
		}
		near(t, "shed, share", s.Shed(a)/MW, 0.125*float64(open), 1e-12)
		// sabotage: a plan without the last stage that was needed sheds less
		if open > 0 {
			short := island(stages[:open-1]).Run(new(frequency.State), lost*MW, 60)
			full := island(stages).Run(new(frequency.State), lost*MW, 60)
			if !(short.Min < full.Min) {
				t.Errorf("%v lost: %d stages hold %.3f Hz, %d hold %.3f", lost, open-1, short.Min, open, full.Min)
			}
		}
	}
	if r := island(nil).Run(new(frequency.State), 0.5*MW, 60); !r.Blackout || r.Min > 47.5 || r.Seconds > 10 {
		t.Errorf("without stages: least %.3f Hz, blackout %v after %v s, wanted one", r.Min, r.Blackout, r.Seconds)
	}
}

func TestAStageOpensItsDelayAfterTheThreshold(t *testing.T) {
	// 0.5 Hz/s without any response: 49.0 Hz after 2 s.
	a := &frequency.Area{Load: 1e9, Kinetic: 5e9, Stages: []frequency.Stage{{At: 49, Share: 0.1, Delay: 0.15}}}
	r := a.Run(new(frequency.State), 100*MW, 10)
	near(t, "least, Hz", r.Min, 49-0.5*0.15, 1e-6)
	near(t, "at, s", r.MinAt, 2.15, 1e-6)
	near(t, "shed, J", r.Shed, 100*MW*(10-2.15), 1)
	a.Stages[0].Delay = 0.3
	near(t, "twice the delay, Hz", a.Run(new(frequency.State), 100*MW, 10).Min, 49-0.5*0.3, 1e-6)
}

func TestLoadComesBackWhenReserveCoversIt(t *testing.T) {
	a := island(frequency.GermanStages)
	a.Governors = append(a.Governors, frequency.Governor{Gain: 0.3 * MW, Lag: 10, Up: 0.25 * MW, Down: MW})
	a.AFRR = frequency.Reserve{Up: 0.15 * MW, Down: 0.15 * MW}
	a.MFRR = frequency.Reserve{Up: 0.3 * MW, Down: 0.3 * MW}
	var s frequency.State
	r := a.Run(&s, 0.28*MW, 60)
	if r.Stages < 2 || s.Tripped != r.Stages {
		t.Fatalf("a minute after the loss %d of %d stages are open, wanted all of at least 2", s.Tripped, r.Stages)
	}
	most := r.Stages
	last, at := s.Tripped, 0
	for k := range 3600 {
		r = a.Run(&s, 0.28*MW, 1)
		if s.Tripped > last {
			t.Fatalf("after %d s a stage opens again", 60+k)
		}
		if s.Tripped < last {
			if s.Tripped < last-1 || (at > 0 && k-at < 60+9*6) {
				t.Errorf("stages %d to %d after %d s, the one before after %d s", last, s.Tripped, k, at)
			}
			last, at = s.Tripped, k
		}
		if r.Blackout || r.Min < 49 {
			t.Fatalf("after %d s %.3f Hz", 60+k, r.Min)
		}
	}
	if s.Tripped != 0 || math.Abs(s.Deviation) > 0.05 {
		t.Errorf("an hour later %d of %d stages are open, deviation %.3f Hz", s.Tripped, most, s.Deviation)
	}
	// without reserve nothing comes back
	a.AFRR, a.MFRR, a.Governors = frequency.Reserve{}, frequency.Reserve{}, a.Governors[:1]
	s = frequency.State{}
	a.Run(&s, 0.28*MW, 3600)
	if s.Tripped == 0 {
		t.Error("load came back without reserve")
	}
}

func TestFormingInvertersHoldAGridWithoutMachines(t *testing.T) {
	a := &frequency.Area{Load: 100e3, Damping: 1, Governors: []frequency.Governor{frequency.FormingBattery(100e3, 80e3, 80e3)}}
	r := a.Run(new(frequency.State), 50e3, 10)
	want := 50 - 50/(100/0.75+2) // droop and relief
	near(t, "lasting, Hz", r.End, want, 1e-6)
	near(t, "least, Hz", r.Min, want, 1e-3)
	near(t, "the battery's energy, kJ", r.Governors[0]/1e3, (50e3*10-r.Relief)/1e3, 1e-6)
	near(t, "kinetic, J", r.Kinetic, 0, 1e-6)
	a.Governors[0].Forming = false
	if r = a.Run(new(frequency.State), 50e3, 10); !r.Blackout || r.Seconds != 0 {
		t.Errorf("nothing holds the frequency: blackout %v after %v s", r.Blackout, r.Seconds)
	}
	// a battery that is asked for more than it has
	a.Governors[0].Forming = true
	if r = a.Run(new(frequency.State), 90e3, 60); !r.Blackout {
		t.Errorf("overloaded: %.3f Hz", r.Min)
	}
}

func TestABlackAreaStaysBlack(t *testing.T) {
	var s frequency.State
	a := island(nil)
	a.Run(&s, 0.5*MW, 60)
	if r := a.Run(&s, 0, 60); !r.Blackout || r.Seconds != 0 || slices.Max(r.Governors) != 0 {
		t.Errorf("%+v", r)
	}
	s = frequency.State{} // the restart
	if r := a.Run(&s, 0.01*MW, 60); r.Blackout || r.Seconds != 60 {
		t.Errorf("%+v", r)
	}
}

func TestAStandingUnitKeepsItsPlaceOnly(t *testing.T) {
	var s frequency.State
	a := island(nil)
	a.Run(&s, 0.03*MW, 30)
	if s.Delivered(a, 0) < 0.01*MW {
		t.Fatalf("delivers %v W", s.Delivered(a, 0))
	}
	a.Governors[0] = frequency.Governor{}
	if r := a.Run(&s, 0.03*MW, 1); r.Governors[0] != 0 || s.Delivered(a, 0) != 0 {
		t.Errorf("a lost unit delivers %v J", r.Governors[0])
	}
}

func TestAStageComesBackAfterAMinuteInTenParts(t *testing.T) {
	a := &frequency.Area{Load: MW, Damping: 1, Kinetic: 8 * MW, Stages: frequency.GermanStages,
		Governors: []frequency.Governor{{Gain: 2 * MW, Lag: 0.5, Up: MW, Down: MW}}}
	s := frequency.State{Tripped: 1}
	for k := range 120 {
		a.Run(&s, 0.125*MW, 1)
		want := 0.125 * MW
		if part := (k + 1 - 60) / 6; k+1 >= 60 {
			want -= 0.0125 * MW * float64(min(10, part+1))
		}
		near(t, "shed, W", s.Shed(a), want, 1e-6)
	}
}
