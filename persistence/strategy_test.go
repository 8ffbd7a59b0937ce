package persistence

import (
	"path/filepath"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/scenario"
	_ "github.com/smatrix-grid/smatrix/twins/strategytest"
)

// A run whose communities have a strategy with state is kept, verified, restored at a moment,
// resumed and forked with one digest: the strategy's state is in the snapshots.
func TestStrategyIsKept(t *testing.T) {
	days := 2
	o := scenario.Options{Days: &days, Set: []string{"households=40", "controls.community=halving", "controls.halving.turns=5"}}
	dir := filepath.Join(t.TempDir(), "run")
	want := kept(t, dir, build(t, "scarcity", o), -1)
	if ships := digestOf(t, build(t, "scarcity", scenario.Options{Days: &days, Set: []string{"households=40"}})); ships == want {
		t.Fatal("the strategy changes nothing")
	}
	s := open(t, dir, Read)
	if err := s.Verify(0, s.Steps(), nil, nil); err != nil || len(s.Repairs()) > 0 {
		t.Errorf("verify: %v, repairs %q", err, s.Repairs())
	}
	head, _ := s.HeadAt(130)
	if m, err := s.At(130); err != nil || m.Steps != 130 || m.Chain.Head() != head {
		t.Errorf("after step 129: %v", err)
	}
	s.Close()

	left := filepath.Join(t.TempDir(), "left")
	kept(t, left, build(t, "scarcity", o), 121)
	s = open(t, left, Write)
	j, m, err := s.Resume(Durability{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Steps == 0 {
		t.Error("it resumes from the beginning, wanted from a snapshot")
	}
	if got := carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1); got != want {
		t.Errorf("left after step 121 and resumed: digest %s, wanted %s", got, want)
	}
	if got := forked(t, dir, filepath.Join(t.TempDir(), "fork"), "2018-01-09T13:00", -1); got != want {
		t.Errorf("forked on the second day: digest %s, wanted %s", got, want)
	}
}
