package actors

import (
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
	_ "github.com/smatrix-grid/smatrix/twins/strategytest"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// A stateful community strategy gives one digest in each hosting and in the flat loop, also
// while members, communities, shards and the grid fail. The digest differs from that of the
// default strategy, and load waits for it.
func TestStrategyUnderInjectedPanics(t *testing.T) {
	w := smallIsland(t, "controls.community=pro_rata")
	ships := digestOf(t, w, sim.NewFlat(w, nil, true))
	w = smallIsland(t, "controls.community=halving")
	planned := 0
	want := digestOf(t, w, sim.NewFlat(w, nil, true), onStep(func(r *sim.StepRecord) {
		for _, c := range r.Cells {
			for _, d := range c.Notes {
				if d.Reason == twins.Planned && strings.Contains(d.Member, "household") && d.Shifted > 0 {
					planned++
				}
			}
		}
	}))
	if want == ships || planned == 0 {
		t.Errorf("digest %s, with the strategy that ships %s; load waited %d times as planned", want, ships, planned)
	}
	failed := 0
	for _, h := range hostings {
		for seed := range uint64(2) {
			w := smallIsland(t, "controls.community=halving")
			s := start(t, w, Options{Hosting: h, Shards: 2})
			f := newFaults(seed, 25)
			if seed > 0 { // seed 0: no faults
				f.arm(w, s)
			}
			if got := digestOf(t, w, s, onStep(f.next)); got != want {
				t.Errorf("hosting %s, seed %d: digest %s, flat loop %s; %v", h, seed, got, want, f.counts())
			}
			failed += f.counts()["community between"]
		}
	}
	if failed < 10 {
		t.Errorf("communities failed %d times between what they apply at the end of a step, wanted more", failed)
	}
}

// brittle is a strategy of homes that fails at every call.
type brittle struct{}

func (brittle) Fold(*twins.Env, twins.Members, *twins.NetworkState, *twins.Flex) { panic("fold") }
func (brittle) Divide(*twins.Env, twins.Members, *twins.NetworkState, *twins.Setpoint) {
	panic("divide")
}

// A home whose strategy always fails is quarantined like a home that fails itself; the
// devices behind its meter continue, and the books close.
func TestHomeWhoseStrategyFailsIsQuarantined(t *testing.T) {
	home := twins.Choice{Strategy: &twins.Strategy{Name: "brittle", Version: 1, Level: twins.LevelHome,
		Steward: func([]byte) (twins.Steward, error) { return brittle{}, nil }}}
	for _, h := range hostings {
		for _, seed := range seeds(5) {
			g := twintest.NewGrid(seed)
			w := world(g)
			homes, gone := 0, 0
			for _, c := range w.Cells {
				if err := c.Adopt(twins.Choice{Strategy: twins.ProRata}, home); err != nil {
					t.Fatal(err)
				}
				for _, b := range c.Blocks {
					if b.Kind == twins.Household {
						homes += len(b.Paths)
					}
				}
			}
			_, err := drive(g, start(t, w, Options{Hosting: h}), func(r *sim.StepRecord) {
				for _, c := range r.Cells {
					gone += len(c.Isolated)
				}
			})
			if err != nil || gone != homes {
				t.Fatalf("hosting %s, seed %d: %d of %d homes are in quarantine: %v\n%s", h, seed, gone, homes, err, again(t, seed))
			}
		}
	}
}
