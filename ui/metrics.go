package ui

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Meters are histograms of the times that a run's steps take, in seconds on the clock. Who
// makes the steps calls Asked, Answered and Done, who keeps them Journal.
type Meters struct {
	step, journal prometheus.Histogram
	stages        *prometheus.HistogramVec

	parts map[stagePart]prometheus.Observer // of stages
	began time.Time                         // of the step
	since time.Time                         // the last call of Asked or Answered
	last  stagePart                         // what has gone on since then
}

// stagePart is one side's part of a stage: what the communities do while they answer, or
// what the grid then decides.
type stagePart struct {
	stage twins.Stage
	part  string
}

// The parts of a stage.
const (
	partCommunities = "communities"
	partGrid        = "grid"
)

// NewMeters returns meters that have measured nothing.
func NewMeters() *Meters {
	buckets := prometheus.ExponentialBuckets(16e-6, 4, 11) // 16 µs to 17 s
	histogram := func(name, help string) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Name: "smatrix_" + name, Help: help, Buckets: buckets}
	}
	m := &Meters{
		step:    prometheus.NewHistogram(histogram("step_seconds", "Time of a step, from its inputs to its record.")),
		journal: prometheus.NewHistogram(histogram("journal_seconds", "Time of a step's record in the journal, without waiting for room.")),
		stages: prometheus.NewHistogramVec(histogram("stage_seconds", "Time of a stage of a step: until all communities have answered, and then the grid's."),
			[]string{"stage", "part"}),
		parts: map[stagePart]prometheus.Observer{},
	}
	for s := range twins.StageDone {
		for _, part := range []string{partCommunities, partGrid} {
			m.parts[stagePart{s, part}] = m.stages.WithLabelValues(s.String(), part)
		}
	}
	return m
}

func (m *Meters) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.step, m.journal, m.stages}
}

// Asked is called when the communities are asked at a stage.
func (m *Meters) Asked(s twins.Stage) {
	if s == twins.StageOffer {
		m.began, m.since = time.Now(), time.Time{}
	}
	m.turn(stagePart{s, partCommunities})
}

// Answered is called when they have answered.
func (m *Meters) Answered(s twins.Stage) { m.turn(stagePart{s, partGrid}) }

// Done is called when the record of the step is complete.
func (m *Meters) Done() {
	m.turn(stagePart{})
	m.step.Observe(time.Since(m.began).Seconds())
	m.since = time.Time{}
}

// turn ends the part that has gone on until now, and begins the next.
func (m *Meters) turn(next stagePart) {
	now := time.Now()
	if !m.since.IsZero() {
		m.parts[m.last].Observe(now.Sub(m.since).Seconds())
	}
	m.since, m.last = now, next
}

// Journal is called with the time that the journal took for a step.
func (m *Meters) Journal(took time.Duration) { m.journal.Observe(took.Seconds()) }

// mailboxes returns how many messages wait in the mailboxes of the run's actors: in all, and
// in the longest one. A stepper without mailboxes has none.
func (r *run) mailboxes() (all, longest int) {
	if s, ok := r.stepper.(interface{ Waiting() (all, longest int) }); ok {
		return s.Waiting()
	}
	return 0, 0
}

// metrics serves figures of the live run and of this process in Prometheus' text form.
func (s *Server) metrics() http.Handler {
	reg := prometheus.NewRegistry()
	gauge := func(name, help string, value func() float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "smatrix_" + name, Help: help}, value))
	}
	count := func(name, help string, value func() float64) {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "smatrix_" + name, Help: help}, value))
	}
	count("steps_total", "Steps of the live run.", func() float64 { return float64(s.live.pace.Clock().Tick) })
	gauge("speed_reached", "Simulated seconds per second of the last seconds.", func() float64 { return s.live.pace.Clock().Reached })
	gauge("residual_watts", "Energy created or lost in the latest step: 0.", func() float64 { return s.live.residual().Watts() })
	gauge("viewers", "Viewers of the live run.", func() float64 { return float64(s.live.hub.Count()) })
	gauge("alerts", "Active alerts that are not acknowledged.", func() float64 { return float64(s.live.openAlerts(s.live.pace.Clock().Tick)) })
	gauge("connections", "Open HTTP connections, without viewers.", func() float64 { return float64(s.connections.count()) })
	count("frames_sent_total", "Frames sent to viewers.", func() float64 { return float64(s.live.hub.Sent()) })
	count("frames_conflated_total", "Frames replaced by a later one before they were sent.", func() float64 { return float64(s.live.hub.Skipped()) })
	messages := func(name, help string, of func(sim.Messages) int64) {
		count("messages_"+name+"_total", help, func() float64 {
			if s.live.messages == nil {
				return 0 // a replay has no actors
			}
			return float64(of(s.live.messages()))
		})
	}
	messages("sent", "Messages that actors of the live run were sent, including those sent again.", func(m sim.Messages) int64 { return m.Sent })
	messages("handled", "Messages that their actors handled. Sent = handled + resent + reported, but for those on their way.", func(m sim.Messages) int64 { return m.Handled })
	messages("resent", "Messages whose handler failed, and which were sent again.", func(m sim.Messages) int64 { return m.Resent })
	messages("reported", "Messages that were addressed to no actor, or given up with the error that ended the run.", func(m sim.Messages) int64 { return m.Reported })
	if !s.options.Replay { // a replay has no actors
		gauge("mailbox_messages", "Messages that wait in the mailboxes of communities and their members.", func() float64 { all, _ := s.live.mailboxes(); return float64(all) })
		gauge("mailbox_longest", "Messages that wait in the longest of these mailboxes.", func() float64 { _, longest := s.live.mailboxes(); return float64(longest) })
	}
	if s.options.Meters != nil {
		reg.MustRegister(s.options.Meters.collectors()...)
	}
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
}
