package ui

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
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
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
}
