package ui

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// waiting is a stepper in whose mailboxes 5 messages wait, 3 of them in one.
type waiting struct{ sim.Stepper }

func (waiting) Waiting() (all, longest int) { return 5, 3 }

// The histograms count each step, stage and record once; a replay has no actors, and so no
// such figures.
func TestMetricsOfSteps(t *testing.T) {
	meters := NewMeters()
	s := serve(t, "hamlet", func(o *Options) {
		o.Meters = meters
		o.Stepper = func(w *sim.World) (sim.Stepper, error) { return waiting{sim.NewFlat(w, nil, true)}, nil }
	})
	for range 2 {
		for _, stage := range []twins.Stage{twins.StageOffer, twins.StageSettle, twins.StageClose, twins.StageClose, twins.StageCommit} {
			meters.Asked(stage)
			meters.Answered(stage)
		}
		meters.Done()
		meters.Journal(3 * time.Millisecond)
	}
	_, _, body := s.ask("GET", "/metrics", "")
	for _, want := range []string{
		"smatrix_step_seconds_count 2", `smatrix_journal_seconds_bucket{le="0.001024"} 0`, `smatrix_journal_seconds_bucket{le="0.004096"} 2`,
		`smatrix_stage_seconds_count{part="communities",stage="offer"} 2`, `smatrix_stage_seconds_count{part="grid",stage="close"} 4`,
		`smatrix_stage_seconds_count{part="grid",stage="commit"} 2`,
		`smatrix_stage_seconds_count{part="communities",stage="revise"} 0`, "smatrix_mailbox_messages 5", "smatrix_mailbox_longest 3",
	} {
		if !regexp.MustCompile("(?m)^" + regexp.QuoteMeta(want) + "$").Match(body) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
	// The parts of a step follow each other, from its first question on.
	step, stages := 0.0, 0.0
	for _, m := range regexp.MustCompile(`(?m)^smatrix_(step|stage)_seconds_sum(?:\{.*\})? (.*)$`).FindAllStringSubmatch(string(body), -1) {
		v, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		if m[1] == "step" {
			step = v
		} else {
			stages += v
		}
	}
	if stages <= 0 || stages > step {
		t.Errorf("stages take %v s of %v", stages, step)
	}
}

// A replay serves metrics, without those of actors.
func TestMetricsOfAReplay(t *testing.T) {
	h := &shelf{notes: map[string][]byte{}}
	s := shelved(t, h, func(o *Options) { o.Replay, o.Sinks, o.Keep = true, nil, nil })
	status, _, body := s.ask("GET", "/metrics", "")
	if status != 200 || strings.Contains(string(body), "smatrix_mailbox_messages") || !strings.Contains(string(body), "smatrix_steps_total") {
		t.Errorf("%d\n%s", status, body)
	}
}

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
