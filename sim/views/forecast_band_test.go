package views_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// misses returns the errors of three quarter hours of each hour, because a run does not judge the
// fourth.
func misses(hours int, of func(i int) (hour, day twins.Power)) (all []views.ForecastMiss) {
	for i := range hours * 4 {
		if i%4 == 0 {
			continue
		}
		at := twins.Seconds(i) * 900
		hour, day := of(i)
		all = append(all, views.ForecastMiss{At: at, Lead: at % 86400, Hour: hour, Day: day})
	}
	return all
}

func bandOf(all []views.ForecastMiss) *views.ForecastBand {
	b := &views.ForecastBand{}
	for _, m := range all {
		b.Add(m)
	}
	return b
}

var leads = []twins.Seconds{0, 900, 2700, 3600, 2 * 3600, 6 * 3600, 12 * 3600, 24 * 3600}

// The band is as wide as the errors were, whatever their signs: twice the error, twice
// the band. It widens with the lead from the errors an hour ahead to those a day ahead.
func TestBandFollowsTheErrors(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	size := make([][2]twins.Power, 24*4*8)
	for i := range size {
		size[i] = [2]twins.Power{twins.Power(random.NormFloat64() * 20e6), twins.Power(random.NormFloat64() * 50e6)}
	}
	of := func(by twins.Power) *views.ForecastBand {
		return bandOf(misses(24*8, func(i int) (twins.Power, twins.Power) { return by * size[i][0], by * size[i][1] }))
	}
	once, twice, minus := of(1), of(2), of(-1)
	last := twins.Power(0)
	for _, lead := range leads {
		off, ok := once.Off(lead)
		double, _ := twice.Off(lead)
		if !ok || off < last || lead > 3600 && off == last {
			t.Errorf("a lead of %d s: ±%v, wanted more than ±%v at the lead before", lead, off, last)
		}
		if d := double - 2*off; d < -1 || d > 1 { // each is rounded once
			t.Errorf("a lead of %d s: ±%v, for twice the errors ±%v, wanted twice as much", lead, off, double)
		}
		if mirrored, _ := minus.Off(lead); mirrored != off {
			t.Errorf("a lead of %d s: ±%v, for errors of the opposite sign ±%v, wanted the same", lead, off, mirrored)
		}
		last = off
	}
	// 0.8 of a normal distribution lie within 1.28 standard deviations; the share is
	// (m + 1)/m times greater for m independent errors.
	near, _ := once.Off(0)
	if far := last; near < 25_600_000 || near > 31_000_000 || far < 64_000_000 || far > 78_000_000 {
		t.Errorf("±%v near and ±%v far, for standard deviations of 20 and 50 kW, wanted 25.6 … 31 and 64 … 78 kW", near, far)
	}
}

func TestBandByHand(t *testing.T) {
	same := func(i int) (twins.Power, twins.Power) { return twins.Power(i), 1000 }
	all := misses(24, same)
	for n := range all {
		b := bandOf(all[:n])
		if _, ok := b.Off(0); ok != (n >= views.BandNeeds) || b.Judged() != n {
			t.Errorf("%d quarter hours: a band %t, wanted %t; %d judged, wanted all", n, ok, n >= views.BandNeeds, b.Judged())
		}
	}
	// The 72 errors of a day count as 6: ceil(72 · 0.8 · 7/6) = 68, so the band is the 68th
	// error, that of quarter hour 90; four are greater.
	b := bandOf(all)
	if near, _ := b.Off(1800); near != 90 {
		t.Errorf("±%v near, wanted ±90 mW", near)
	}
	// An hour and a half after the near lead, the band has widened by 1 − e^−0.75 of the
	// difference.
	if off, _ := b.Off(1800 + 5400); off != 90+480 {
		t.Errorf("±%v, wanted ±570 mW", off)
	}
	// Errors older than 28 days are dropped.
	long := misses(24*60, func(i int) (twins.Power, twins.Power) {
		if i < 96*32 {
			return 1e9, 1e9
		}
		return 7, 9
	})
	b = bandOf(long)
	if near, _ := b.Off(0); near != 7 || b.Judged() != 28*72 {
		t.Errorf("±%v of %d quarter hours, wanted ±7 mW of %d", near, b.Judged(), 28*72)
	}
	// Without errors the band has no width. It is not narrower far ahead than near, even if the errors are.
	if off, ok := bandOf(misses(24, func(int) (twins.Power, twins.Power) { return 0, 0 })).Off(3600); off != 0 || !ok {
		t.Errorf("without errors: ±%v, a band %t, wanted ±0 and a band", off, ok)
	}
	if off, _ := bandOf(misses(24, func(int) (twins.Power, twins.Power) { return 50, 10 })).Off(86400); off != 50 {
		t.Errorf("±%v, wanted ±50 mW", off)
	}
}

// covered compares each forecast, with the band known when it was made, to the actual
// net load.
type covered struct {
	band   views.ForecastBand
	known  map[twins.Tick][]twins.Power // the band when the forecast was made, by step of issue and lead
	issued map[twins.Tick]sim.NetForecast
	came   map[twins.Tick]twins.Power
}

func (c *covered) Commit(r *sim.StepRecord) error {
	if f, ok := r.Forecast(); ok && f.Issued == r.Tick {
		c.issued[r.Tick] = f
		for k := range f.Net {
			if off, ok := c.band.Off(twins.Seconds(k) * 900); ok {
				c.known[r.Tick] = append(c.known[r.Tick], off)
			}
		}
	}
	for i := range r.Events {
		if e := &r.Events[i].Event; e.Type == sim.ForecastJudged {
			c.came[r.Tick] = twins.Power(e.Field("actual_w"))
		}
	}
	return c.band.Commit(r)
}

// About 80 % of the actual values lie in the band, for each forecast of a week that is made
// after there is a band: in different seasons, and where the town is an island that lacks
// power.
func TestBandCoversActuals(t *testing.T) {
	if testing.Short() {
		t.Skip("four weeks of a town")
	}
	inside, all := 0, 0
	for _, row := range []struct{ scenario, start string }{{"town", "2018-01-08"}, {"town", "2018-06-11"}, {"town", "2018-10-08"}, {"scarcity", "2018-01-08"}} {
		s, err := scenario.Load(row.scenario, scenario.Options{Set: []string{"start=" + row.start, "days=7"}})
		if err != nil {
			t.Fatal(err)
		}
		w, err := sim.Build(s)
		if err != nil {
			t.Fatal(err)
		}
		c := &covered{known: map[twins.Tick][]twins.Power{}, issued: map[twins.Tick]sim.NetForecast{}, came: map[twins.Tick]twins.Power{}}
		runner := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, false), Sinks: []sim.Sink{c}}
		if _, err := runner.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		in, n := [2]int{}, [2]int{} // up to an hour ahead, and farther
		for issued, f := range c.issued {
			for k := 1; k < len(f.Net); k++ {
				came, judged := c.came[issued+twins.Tick(k)]
				if !judged || c.known[issued] == nil {
					continue
				}
				off := c.known[issued][k]
				far := min(1, k/4)
				n[far]++
				if d := came - f.Net[k]; d >= -off && d <= off {
					in[far]++
				}
			}
		}
		share := func(in, n int) float64 { return 100 * float64(in) / float64(n) }
		t.Logf("%s from %s: %.1f %% of the actual values lay in the band, %.1f %% within the hour", row.scenario, row.start, share(in[0]+in[1], n[0]+n[1]), share(in[0], n[0]))
		if got := share(in[0]+in[1], n[0]+n[1]); got < 70 || got > 92 {
			t.Errorf("%s from %s: %.1f %%, wanted near %.0f %%", row.scenario, row.start, got, 100*views.BandShare)
		}
		inside, all = inside+in[0]+in[1], all+n[0]+n[1]
	}
	if got := 100 * float64(inside) / float64(all); got < 77 || got > 86 {
		t.Errorf("%.1f %% of %d, wanted near %.0f %%", got, all, 100*views.BandShare)
	} else {
		t.Logf("%.1f %% of %d", got, all)
	}
}
