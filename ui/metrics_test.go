package ui

import (
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
)

// posted is a stepper whose actors have sent messages.
type posted struct{ sim.Stepper }

func (posted) Messages() sim.Messages {
	return sim.Messages{Sent: 10, Handled: 6, Resent: 3, Reported: 1}
}

func TestMetricsOfMessages(t *testing.T) {
	s := serve(t, "hamlet", func(o *Options) {
		o.Stepper = func(w *sim.World) (sim.Stepper, error) { return posted{sim.NewFlat(w, nil, true)}, nil }
	})
	_, _, b := s.ask("GET", "/metrics", "")
	for _, line := range []string{"messages_sent_total 10", "messages_handled_total 6", "messages_resent_total 3", "messages_reported_total 1"} {
		if !strings.Contains(string(b), "\nsmatrix_"+line+"\n") {
			t.Errorf("/metrics lacks %s", line)
		}
	}
}
