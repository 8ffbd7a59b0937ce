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

// What a community draws less what it feeds in at its border is what its members use, whatever stands in it: homes,
// plants or the tie.
func TestUsageAtTheBorder(t *testing.T) {
	for _, in := range []string{"supply", "south"} {
		s, err := scenario.Load("hamlet", scenario.Options{Set: []string{"ties.tie.community=" + in, "producers.engine.available=false"}})
		if err != nil {
			t.Fatal(err)
		}
		w, err := sim.Build(s)
		if err != nil {
			t.Fatal(err)
		}
		var usage []*views.CellUsage
		for _, c := range w.Cells {
			usage = append(usage, views.NewCellUsage(c.Layout(), s.Calendar.Step))
		}
		accounts := views.NewAccounts(w)
		run(t, w, accounts, sim.SinkFunc(func(r *sim.StepRecord) error {
			for i, c := range r.Cells {
				usage[i].Add(c, r.Step)
			}
			return nil
		}))
		report := accounts.Summary.Report(w)
		c := views.Compare(accounts, accounts, views.RunOf{StepS: 3600}, views.RunOf{StepS: 3600}, views.Shared{}, report, report)
		for i, u := range usage {
			f := u.AtBorder()
			if net, uses := f[views.Drawn]-f[views.FedIn], f[views.Consumed]-f[views.Produced]+f[views.Charged]-f[views.Discharged]; net != uses {
				t.Errorf("tie in %s: %s draws %v Wh net at its border, its members use %v Wh", in, w.Cells[i].Path, net.WattHours(), uses.WattHours())
			}
			if w.Cells[i].Path == "grid/"+in && f[views.Drawn].WattHours() < report.Energy.Imported-1e-6 {
				t.Errorf("%s draws %v Wh, and %v Wh come in over its tie", w.Cells[i].Path, f[views.Drawn].WattHours(), report.Energy.Imported)
			}
			if got := c.Communities[i]; *got.DrawnWh.A != f[views.Drawn].WattHours() || *got.FedInWh.A != f[views.FedIn].WattHours() {
				t.Errorf("tie in %s: the comparison has %v and %v Wh of %s, usage %v and %v", in, *got.DrawnWh.A, *got.FedInWh.A, got.Community,
					f[views.Drawn].WattHours(), f[views.FedIn].WattHours())
			}
		}
	}
}
