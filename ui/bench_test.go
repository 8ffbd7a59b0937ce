package ui

import (
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// BenchmarkShow measures what showing a step costs beyond making it: record, history, alerts, and
// frames, without viewers.
func BenchmarkShow(b *testing.B) {
	w := load(b, "city", scenario.Options{})
	x := NewIndex(w)
	r := &run{index: x, scenario: w.Scenario, views: &folded{Live: views.NewLive(views.NewSet(w))}}
	r.hub = newHub(r)
	r.alerts = newAlerts(r.views, map[string]twins.Tick{})
	m := NewMemory(x, 64<<20)
	show := &recorder{index: x, to: func(s *Step, rec *sim.StepRecord) {
		m.Add(s)
		r.alerts.step(rec.Tick)
		r.show(s)
	}}
	for _, row := range []struct {
		name  string
		sinks []sim.Sink
	}{{"bare", nil}, {"shown", []sim.Sink{r.views, show}}} {
		b.Run(row.name, func(b *testing.B) {
			runner := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: row.sinks}
			runner.From(0)
			for b.Loop() {
				if more, err := runner.Step(); err != nil {
					b.Fatal(err)
				} else if !more {
					runner.From(0)
					r.views.Live = views.NewLive(views.NewSet(w))
				}
			}
			b.ReportMetric(float64(x.Twins), "twins")
		})
	}
}
