package frequency_test

import (
	"math"
	"testing"

	"github.com/smatrix-grid/smatrix/twins/frequency"
)

// reheat is Anderson and Mirheydar 1990: one reheat unit, no limits, per unit of
// load. This file is the slow and obvious side: it uses nothing of the package.
type reheat struct{ H, R, D, Km, Fh, Tr float64 }

var published = reheat{H: 4, R: 0.05, D: 1, Km: 0.95, Fh: 0.3, Tr: 8}

// at is the deviation in Hz at t after a loss per unit; nadir its least.
//
//	Δω(s) = −P/(2H·T_R) · (1 + T_R·s) / (s·(s² + 2ζω·s + ω²))
func (r reheat) at(loss, t float64) float64 {
	w2, zw := r.poles()
	scale := -50 * loss / (2 * r.H * r.Tr)
	if zw*zw < w2 { // underdamped, the paper's formula
		wn, wr := math.Sqrt(w2), math.Sqrt(w2-zw*zw)
		z := zw / wn
		a := math.Sqrt((1 - 2*r.Tr*zw + r.Tr*r.Tr*w2) / (1 - z*z))
		phi := math.Atan2(wr*r.Tr, 1-zw*r.Tr) - math.Atan2(math.Sqrt(1-z*z), -z)
		return scale / w2 * (1 + a*math.Exp(-zw*t)*math.Sin(wr*t+phi))
	}
	d := math.Sqrt(zw*zw - w2) // overdamped: two real poles
	s1, s2 := -zw+d, -zw-d
	return scale * (1/w2 + (1+r.Tr*s1)/(s1*(s1-s2))*math.Exp(s1*t) + (1+r.Tr*s2)/(s2*(s2-s1))*math.Exp(s2*t))
}

func (r reheat) poles() (w2, zw float64) {
	w2 = (r.D*r.R + r.Km) / (2 * r.H * r.R * r.Tr)
	return w2, (2*r.H*r.R + (r.D*r.R+r.Km*r.Fh)*r.Tr) / (2 * (r.D*r.R + r.Km)) * w2
}

func (r reheat) nadir(loss float64) (hz, at float64) {
	w2, zw := r.poles()
	if zw*zw < w2 {
		wr := math.Sqrt(w2 - zw*zw)
		at = math.Atan2(wr*r.Tr, zw*r.Tr-1) / wr
	} else {
		d := math.Sqrt(zw*zw - w2)
		at = math.Log((1+r.Tr*(-zw-d))/(1+r.Tr*(-zw+d))) / (2 * d)
	}
	return r.at(loss, at), at
}

const load = 1e9 // W

func (r reheat) area() *frequency.Area {
	return &frequency.Area{Load: load, Damping: r.D, Kinetic: r.H * load, Governors: []frequency.Governor{
		{Gain: load / (r.R * 50), High: r.Fh, Reheat: r.Tr, Mechanical: r.Km, Up: 1e12, Down: 1e12}}}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %.6f, wanted %.6f ± %g", what, got, want, tolerance)
	}
}

func TestReheatUnitAgreesWithItsClosedForm(t *testing.T) {
	for _, c := range []struct{ loss, hz float64 }{{0.05, -0.2708}, {0.10, -0.5416}, {0.15, -0.8124}, {0.20, -1.0832}} {
		want, at := published.nadir(c.loss)
		near(t, "closed form against the published value, Hz", want, c.hz, 0.00006)
		near(t, "time of the closed form, s", at, 2.37, 0.005)
		r := published.area().Run(new(frequency.State), c.loss*load, 20)
		near(t, "nadir, Hz", r.Min-50, want, 0.00015)
		near(t, "time of nadir, s", r.MinAt, at, 0.01)
	}
	worst := 0.0
	for _, H := range []float64{0.5, 1, 1.5, 2, 3, 4, 6, 8} { // ≤ 2 s is overdamped
		form := published
		form.H = H
		w2, zw := form.poles()
		if over := zw*zw > w2; over != (H <= 2) {
			t.Errorf("H %v s: overdamped is %v", H, over)
		}
		var s frequency.State
		hz, _ := form.nadir(0.1)
		r := form.area().Run(&s, 0.1*load, 0.5)
		least := r.Min
		for k := range 60 {
			end := 0.5 * float64(k+1)
			worst = math.Max(worst, math.Abs(r.End-50-form.at(0.1, end)))
			r = form.area().Run(&s, 0.1*load, 0.5)
			least = math.Min(least, r.Min)
		}
		worst = math.Max(worst, math.Abs(least-50-hz))
	}
	t.Logf("greatest error over 30 s, 10 %% lost, H 0.5 to 8 s: %.4f mHz", 1000*worst)
	if worst > 0.00015 {
		t.Errorf("error %.4f mHz, wanted ≤ 0.15 mHz", 1000*worst)
	}
}

func TestLastLossAboveTheFirstStage(t *testing.T) {
	for loss, above := range map[float64]bool{0.184: true, 0.185: false} {
		area := published.area()
		area.Stages = frequency.GermanStages
		r := area.Run(new(frequency.State), loss*load, 30)
		if (r.Min > 49) != above {
			t.Errorf("%v lost: least %.4f Hz", loss, r.Min)
		}
	}
	r := published.area().Run(new(frequency.State), 0.185*load, 30)
	near(t, "18.5 %, Hz", r.Min, 48.998, 0.0005)
}

// The other methods at the same equations: the step was chosen against their
// errors.
func TestOtherMethodsErrAsStated(t *testing.T) {
	slope := func(f, x float64) (df, dx float64) {
		u := -f * published.Km / (published.R * 50)
		return (-0.1 - f/50 + 0.3*u + 0.7*x) * 50 / 8, (u - x) / 8
	}
	run := func(h float64, runge bool) (least float64) {
		f, x := 0.0, 0.0
		for range int(5 / h) {
			a, b := slope(f, x)
			if runge {
				a2, b2 := slope(f+h/2*a, x+h/2*b)
				a3, b3 := slope(f+h/2*a2, x+h/2*b2)
				a4, b4 := slope(f+h*a3, x+h*b3)
				a, b = (a+2*a2+2*a3+a4)/6, (b+2*b2+2*b3+b4)/6
			}
			f, x = f+h*a, x+h*b
			least = min(least, f)
		}
		return least
	}
	want, _ := published.nadir(0.1)
	near(t, "explicit Euler at 100 ms errs by, mHz", 1000*math.Abs(run(0.1, false)-want), 11, 0.5)
	near(t, "explicit Euler at 10 ms errs by, mHz", 1000*math.Abs(run(0.01, false)-want), 1.1, 0.05)
	if e := 1000 * math.Abs(run(0.1, true)-want); e > 0.15 {
		t.Errorf("RK4 at 100 ms, least sample: errs by %.4f mHz", e)
	}
}

// Δf = −f₀·ΔP²/(4·E_k·r) at ΔP/r: no damping.
func TestReserveRampAgreesWithItsClosedForm(t *testing.T) {
	const MW = 1e6
	for _, c := range []struct{ loss, kinetic, ramp float64 }{
		{100 * MW, 5000 * MW, 20 * MW}, {100 * MW, 10000 * MW, 20 * MW}, {50 * MW, 5000 * MW, 20 * MW}, {100 * MW, 5000 * MW, 40 * MW}} {
		want, at := -50*c.loss*c.loss/(4*c.kinetic*c.ramp), c.loss/c.ramp
		// the ramp as the disturbance's own
		a := &frequency.Area{Load: 1e9, Kinetic: c.kinetic}
		r := a.Ramp(new(frequency.State), c.loss, -c.loss, 2*at)
		near(t, "ramp of the disturbance, Hz", r.Min-50, want, 1e-6)
		near(t, "its nadir, s", r.MinAt, at, 1e-6)
		// and as the ramp of a unit that is asked for all at once
		a.Governors = []frequency.Governor{{Gain: 2e10, Up: 2 * c.loss, Ramp: c.ramp}}
		r = a.Run(new(frequency.State), c.loss, at+1)
		near(t, "ramp of a unit, Hz", r.Min-50, want, 0.001)
		near(t, "its nadir, s", r.MinAt, at, 0.05)
	}
	a := &frequency.Area{Load: 1e9, Kinetic: 5e9}
	near(t, "the published example, Hz", a.Ramp(new(frequency.State), 100*MW, -100*MW, 10).Min-50, -1.25, 0.001)
}
