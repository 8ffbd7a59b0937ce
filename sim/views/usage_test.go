package views_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// Usage is folded from columns, whose meaning follows from a kind's role. Over a day with one
// of every kind, each figure of each member equals the sum of its readings.
func TestUsageIsTheSumOfReadings(t *testing.T) {
	for _, name := range []string{"hamlet", "scarcity"} {
		s, err := scenario.Load(name, scenario.Options{})
		if err != nil {
			t.Fatal(err)
		}
		w, err := sim.Build(s)
		if err != nil {
			t.Fatal(err)
		}
		var usage []*views.CellUsage
		want := map[string]*views.Figures{}
		devices := map[string][]twins.Energy{}
		for _, c := range w.Cells {
			usage = append(usage, views.NewCellUsage(c.Layout(), s.Calendar.Step))
		}
		run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, false), Sinks: []sim.Sink{sim.SinkFunc(func(r *sim.StepRecord) error {
			for i, c := range r.Cells {
				usage[i].Add(c, r.Step)
				for _, b := range w.Cells[i].Blocks {
					for m, path := range b.Paths {
						if want[path] == nil {
							want[path], devices[path] = &views.Figures{}, make([]twins.Energy, len(b.Read[m].Parts))
						}
						addReading(want[path], &b.Read[m], r.Step)
						for k, p := range b.Read[m].Parts {
							devices[path][k] += p.For(r.Step)
						}
					}
				}
			}
			return nil
		})}}
		for more := true; more; {
			if more, err = run.Step(); err != nil {
				t.Fatal(err)
			}
		}
		for i, c := range w.Cells {
			for k, b := range c.Blocks {
				for m, path := range b.Paths {
					f := usage[i].Blocks[k].Of(m)
					f[views.Drawn], f[views.FedIn] = 0, 0 // counted by the meter, which the devices share
					if f != *want[path] {
						t.Errorf("%s: usage of %s is %v, the sum of its readings %v", name, path, f, *want[path])
					}
					for n, e := range usage[i].Blocks[k].PartsOf(m) {
						if e != devices[path][n] {
							t.Errorf("%s: usage of device %d of %s is %d mJ, the sum of its readings %d", name, n, path, e, devices[path][n])
						}
					}
				}
			}
		}
	}
}

func addReading(f *views.Figures, r *twins.Reading, step twins.Seconds) {
	for k, p := range map[views.Figure]twins.Power{
		views.Consumed: r.Load, views.Produced: r.Generation, views.Charged: max(r.Storage, 0), views.Discharged: max(-r.Storage, 0),
		views.Unserved: r.Unserved, views.Curtailed: r.Curtailed, views.Shifted: r.Shifted,
	} {
		f[k] += p.For(step)
	}
}
