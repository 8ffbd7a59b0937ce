package ui

import (
	"fmt"
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

// BenchmarkFrame measures the frames of a step that all viewers share: the step's columns out
// of its record, and their encoding for every scope, per household and step.
func BenchmarkFrame(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("households=%d", n), func(b *testing.B) {
			w := load(b, "city", scenario.Options{Set: []string{fmt.Sprintf("households=%d", n)}})
			x := NewIndex(w)
			r := &run{index: x, scenario: w.Scenario, views: &folded{Live: views.NewLive(views.NewSet(w))}}
			r.hub = newHub(r)
			show := &recorder{index: x, to: func(s *Step, _ *sim.StepRecord) { r.show(s) }}
			var last *sim.StepRecord
			keep := sim.SinkFunc(func(rec *sim.StepRecord) error { last = rec; return nil })
			runner := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, false), Sinks: []sim.Sink{keep}}
			for range 40 { // until ten in the morning
				if _, err := runner.Step(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := show.Commit(last); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/household-step")
		})
	}
}
