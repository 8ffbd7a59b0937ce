package actors

import (
	"fmt"
	"slices"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
)

// told is what a watch has been told.
type told struct{ words []string }

func (w *told) Asked(s twins.Stage)    { w.words = append(w.words, "asked "+s.String()) }
func (w *told) Answered(s twins.Stage) { w.words = append(w.words, "answered "+s.String()) }
func (w *told) Done()                  { w.words = append(w.words, "done") }

// A watch sees each stage begin and end once, in the order of the protocol, in every
// hosting; and no message waits between two steps.
func TestWatch(t *testing.T) {
	for _, h := range hostings {
		t.Run(string(h), func(t *testing.T) {
			w := &told{}
			s, err := Start(homes(300), Options{Hosting: h, Shards: 2, Watch: w})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			var env twins.Env
			run(t, s, &env, 0, 2)
			var step []string
			for _, stage := range []twins.Stage{twins.StageOffer, twins.StageSettle, twins.StageClose, twins.StageCommit} {
				step = append(step, fmt.Sprintf("asked %s", stage), fmt.Sprintf("answered %s", stage))
			}
			step = append(step, "done")
			if want := slices.Concat(step, step); !slices.Equal(w.words, want) {
				t.Errorf("got %q", w.words)
			}
			if all, longest := s.Waiting(); all != 0 || longest != 0 {
				t.Errorf("%d messages wait, %d in one mailbox", all, longest)
			}
		})
	}
}

// Waiting counts messages of communities and of their members.
func TestWaiting(t *testing.T) {
	s, err := Start(homes(300), Options{Hosting: Batched, Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, n := range []int{2, 3} {
		c := s.core.communities[i]
		c.mailbox.mu.Lock()
		c.mailbox.running = true // nobody takes what comes
		c.mailbox.mu.Unlock()
		for range n {
			c.members[0].PostUserMessage(memberAsk{})
		}
	}
	if all, longest := s.Waiting(); all != 5 || longest != 3 {
		t.Errorf("%d messages wait, %d in one mailbox, want 5 and 3", all, longest)
	}
	for i := range 2 { // the messages are taken
		s.core.communities[i].mailbox.run()
	}
}
