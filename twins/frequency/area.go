package frequency

import (
	"fmt"
	"math"
)

// Area is an island or a whole synchronous area in one step.
type Area struct {
	Nominal float64 // Hz; 0: 50
	Load    float64 // W wanted at nominal frequency, before relief and shedding
	Damping float64 // relative change of load per relative change of frequency; 1 %/% is 1
	Kinetic float64 // J at nominal: Σ H·S of the machines that run

	// Governors are the units that follow the frequency by themselves. Their
	// inner state is kept by index: a unit that stops leaves a zero Governor, and
	// what it delivered is gone.
	Governors []Governor
	// Inverters is the momentary generation in W that is reduced by P(f): panels,
	// wind, and discharging batteries that do not form the grid.
	Inverters float64
	AFRR      Reserve // automatic frequency restoration reserve
	MFRR      Reserve // manual frequency restoration reserve
	Stages    []Stage // underfrequency load shedding, highest threshold first; nil: none
}

// Governor is a unit with droop: it delivers Gain for each Hz of deviation
// beyond its dead band, within Up and Down, through a first-order lag, at no
// more than Ramp and, if it has a reheater, the rest through that.
type Governor struct {
	Gain     float64 // W/Hz = rated power / (droop · nominal frequency)
	DeadBand float64 // Hz to each side without a response
	Lag      float64 // s, first order; 0: at once
	Up, Down float64 // W that it can go up and down from its schedule, both ≥ 0
	Ramp     float64 // W/s; 0: none

	// Reheat is T_R in s of a steam turbine, High the share F_H that the
	// high-pressure part delivers without it. Mechanical is K_m, which scales the
	// response, 0: 1. Anderson and Mirheydar 1990.
	Reheat, High, Mechanical float64

	// Forming says that this inverter can hold a grid without any machine. See
	// Area.Run.
	Forming bool
}

// Reserve is a band in W to both sides of the schedule, both ≥ 0.
type Reserve struct{ Up, Down float64 }

// Stage sheds a share of the load when the frequency has been below At for Delay.
type Stage struct {
	At    float64 // Hz
	Share float64 // of the load wanted
	Delay float64 // s, relay and breaker
}

// GermanStages is the four-stage plan of the German FNN (Technische Anforderungen
// an die automatische Frequenzentlastung): 12.5 % of the load at each of 49.0,
// 48.8, 48.6 and 48.4 Hz. The delay from the threshold to the open breaker is the
// longest that Regulation (EU) 2016/1388, Article 19(1)(c), allows a relay.
var GermanStages = []Stage{
	{At: 49.0, Share: 0.125, Delay: 0.15},
	{At: 48.8, Share: 0.125, Delay: 0.15},
	{At: 48.6, Share: 0.125, Delay: 0.15},
	{At: 48.4, Share: 0.125, Delay: 0.15},
}

// MaxStages is how many stages an Area may have.
const MaxStages = 16

// The limits of Continental Europe, as deviations from nominal in Hz.
const (
	StandardRange  = 0.05 // standard frequency range, Regulation (EU) 2017/1485, Annex III
	FCRFull        = 0.2  // FCR delivers all at this deviation, same, Annex V
	FCRDeadBand    = 0.01 // it delivers nothing within this
	LeaveBelow     = -2.5 // plants disconnect below 47.5 Hz, Regulation (EU) 2016/631, Article 13
	LeaveAbove     = 1.5  // and above 51.5 Hz
	GiveWayAbove   = 0.2  // inverters reduce power from 50.2 Hz on, VDE-AR-N 4105
	GiveWayPerHz   = 0.4  // by this share of the momentary power for each Hz (droop 5 %)
	batteryDroop   = 0.015
	batteryLag     = 0.2 // s
	fcrTime        = 30  // s to full FCR, half of it in 15
	afrrTime       = 300 // s to full aFRR
	afrrConstant   = 100 // s, time constant T: after 3·T = 300 s 95 % of the missing power
	mfrrPrepare    = 150 // s from the need to the first watt of mFRR
	mfrrRamp       = 600 // s from there to all of it: 12.5 min together
	mfrrNeed       = 0.05
	rampFollow     = 0.1 // s, lag behind its ramp of a governor without one
	shortestLag    = 0.01
	formedInertia  = 0.1
	restoreAbove   = -0.2 // load comes back above 49.8 Hz: within FCR's own range
	restoreWait    = 60   // s of that before a stage begins to come back (assumption)
	restoreBlocks  = 10   // number of parts: it comes back feeder by feeder
	restoreEach    = 6    // s from one to the next
	restoreDip     = 4    // × the lasting fall is taken as the deepest (one lag: 2; reheat as published: 2.2; lags of 2 and 10 s: 2.9)
	defaultNominal = 50
)

// FCR is the frequency containment reserve of Continental Europe: all of power at
// ±200 mHz, dead band 10 mHz, half in 15 s and all in 30 s (Regulation (EU)
// 2017/1485, Article 154 and Annex V).
func FCR(power float64) Governor {
	return Governor{Gain: power / (FCRFull - FCRDeadBand), DeadBand: FCRDeadBand,
		Up: power, Down: power, Ramp: power / fcrTime}
}

// FormingBattery is a grid-forming battery with droop 1.5 % of base in W at 50 Hz
// and a lag of 0.2 s, which can go up and down by up and down W. base is usually
// its rated power; grids that share the droop among several batteries by load use
// the load.
func FormingBattery(base, up, down float64) Governor {
	return Governor{Gain: base / (batteryDroop * defaultNominal), Lag: batteryLag, Up: up, Down: down, Forming: true}
}

// Check returns an error for an area that is impossible.
func (a *Area) Check() error {
	type field struct {
		name  string
		value float64
	}
	for _, f := range []field{{"nominal frequency", a.Nominal}, {"load", a.Load}, {"damping", a.Damping},
		{"kinetic energy", a.Kinetic}, {"inverters", a.Inverters}, {"aFRR up", a.AFRR.Up}, {"aFRR down", a.AFRR.Down},
		{"mFRR up", a.MFRR.Up}, {"mFRR down", a.MFRR.Down}} {
		if !(f.value >= 0) || math.IsInf(f.value, 0) {
			return fmt.Errorf("area: %s is %v, wanted 0 or more", f.name, f.value)
		}
	}
	for i := range a.Governors {
		g := &a.Governors[i]
		for _, f := range []field{{"gain", g.Gain}, {"dead band", g.DeadBand}, {"lag", g.Lag}, {"up", g.Up}, {"down", g.Down},
			{"ramp", g.Ramp}, {"reheat time", g.Reheat}, {"high-pressure share", g.High}, {"mechanical gain", g.Mechanical}} {
			if !(f.value >= 0) || math.IsInf(f.value, 0) {
				return fmt.Errorf("governor %d: %s is %v, wanted 0 or more", i, f.name, f.value)
			}
		}
		switch {
		case g.Lag > 0 && g.Lag < shortestLag:
			return fmt.Errorf("governor %d: lag is %v s, wanted 0 or at least %v s", i, g.Lag, shortestLag)
		case g.Reheat > 0 && g.Reheat < shortestLag:
			return fmt.Errorf("governor %d: reheat time is %v s, wanted 0 or at least %v s", i, g.Reheat, shortestLag)
		case g.High > 1:
			return fmt.Errorf("governor %d: high-pressure share is %v, wanted 0 to 1", i, g.High)
		}
	}
	return a.checkStages()
}

func (a *Area) checkStages() error {
	if len(a.Stages) > MaxStages {
		return fmt.Errorf("area: %d stages of load shedding, wanted at most %d", len(a.Stages), MaxStages)
	}
	total, last := 0.0, a.nominal()
	for i, st := range a.Stages {
		switch {
		case !(st.At < last):
			return fmt.Errorf("stage %d: %v Hz is not below %v Hz, wanted each stage below the one before", i+1, st.At, last)
		case !(st.At > a.nominal()+LeaveBelow):
			return fmt.Errorf("stage %d: %v Hz, wanted above %v Hz, where plants leave", i+1, st.At, a.nominal()+LeaveBelow)
		case !(st.Share > 0) || total+st.Share > 1:
			return fmt.Errorf("stage %d: share %v, wanted more than 0 and no more than 1 in all", i+1, st.Share)
		case !(st.Delay >= 0) || st.Delay > 60:
			return fmt.Errorf("stage %d: delay %v s, wanted 0 to 60 s", i+1, st.Delay)
		}
		total, last = total+st.Share, st.At
	}
	return nil
}

func (a *Area) nominal() float64 {
	if a.Nominal > 0 {
		return a.Nominal
	}
	return defaultNominal
}

// relief is the load's own relief in W per Hz below nominal, with shed W shed.
func (a *Area) relief(shed float64) float64 {
	return float64(a.Damping*(a.Load-shed)) / a.nominal()
}

// Stiffness is the response to a lasting deviation of 1 Hz, in W/Hz, as long as
// no limit and no dead band is reached: governors and relief. With it aFRR
// computes the missing power from the deviation.
func (a *Area) Stiffness() float64 {
	k := a.relief(0)
	for i := range a.Governors {
		k += a.Governors[i].gain()
	}
	return k
}

func (g *Governor) gain() float64 {
	if g.Mechanical > 0 {
		return float64(g.Gain * g.Mechanical)
	}
	return g.Gain
}

// absent reports whether the unit is absent.
func (g *Governor) absent() bool { return g.Gain == 0 && g.Up == 0 && g.Down == 0 }

// demand is the droop's response to a deviation, in W beyond the schedule.
func (g *Governor) demand(dev float64) float64 {
	switch {
	case dev > g.DeadBand:
		return math.Max(-g.Down, float64(-g.gain()*(dev-g.DeadBand)))
	case dev < -g.DeadBand:
		return math.Min(g.Up, float64(-g.gain()*(dev+g.DeadBand)))
	}
	return 0
}

// giveWay is the P(f) of inverters: W beyond the schedule, ≤ 0.
func (a *Area) giveWay(dev float64) float64 {
	if dev <= GiveWayAbove {
		return 0
	}
	return float64(-a.Inverters * math.Min(1, float64(GiveWayPerHz*(dev-GiveWayAbove))))
}

func between(lo, x, hi float64) float64 { return math.Max(lo, math.Min(x, hi)) }
