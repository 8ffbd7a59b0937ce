package ui

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/smatrix-grid/smatrix/sim"
)

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
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
}
