package sim

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// keptStates is a sink that keeps the states after one step, and the chain's head.
type keptStates struct {
	after twins.Tick
	chain *Chain
	cells [][]byte
	grid  []byte
	head  Hash
}

func (s *keptStates) Commit(r *StepRecord) error {
	if r.Tick+1 != s.after {
		return nil
	}
	for i := range r.Cells {
		s.cells = append(s.cells, r.States.AppendCell(nil, i))
	}
	s.grid, s.head = r.States.AppendGrid(nil), s.chain.Head()
	return nil
}

// A run that continues from restored states has the digest of the uninterrupted one: with a
// vehicle on its way, a plant that starts, a home that was cut, a member in quarantine.
func TestRestoredRunHasTheSameDigest(t *testing.T) {
	for _, row := range []struct {
		scenario string
		set      []string
		failed   bool
		after    twins.Tick
	}{
		{"hamlet", nil, true, 1},
		{"hamlet", []string{"ties.tie.import_w=1000"}, false, 20},
		{"town", []string{"ties.tie.available=false", "producers.*.rated_w*=0.3"}, false, 75},
	} {
		if testing.Short() && row.scenario == "town" {
			continue // long under the race detector
		}
		build := func() *World {
			s, err := scenario.Load(row.scenario, scenario.Options{Set: row.set})
			if err != nil {
				t.Fatal(err)
			}
			w, err := Build(s)
			if err != nil {
				t.Fatal(err)
			}
			return w
		}
		w := build()
		chain := w.NewChain()
		kept := &keptStates{after: row.after, chain: chain}
		first := Runner{World: w, Stepper: NewFlat(w, nil, true), Sinks: []Sink{chain, kept}}
		if row.failed {
			w.Cells[0].Quarantine(twins.Slot{})
		}
		if _, err := first.Run(context.Background()); err != nil {
			t.Fatal(err)
		}

		again := build()
		if err := again.Restore(kept.cells, kept.grid); err != nil {
			t.Fatal(err)
		}
		second := Runner{World: again, Stepper: NewFlat(again, nil, true), Sinks: []Sink{ResumeChain(kept.head)}}
		second.From(row.after)
		if _, err := second.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := second.Sinks[0].(*Chain).Digest(); got != chain.Digest() {
			t.Errorf("%s %v restored after step %d: digest %s, wanted %s", row.scenario, row.set, row.after, got, chain.Digest())
		}
	}
}

// A state that is cut short anywhere is refused without a panic.
func TestRestoreRefusesACutState(t *testing.T) {
	s, err := scenario.Load("hamlet", scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Build(s)
	if err != nil {
		t.Fatal(err)
	}
	kept := &keptStates{after: 3, chain: NewChain(1, nil, Form{})}
	r := Runner{World: w, Stepper: NewFlat(w, nil, true), Sinks: []Sink{kept}}
	if _, err := r.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	for i, whole := range kept.cells {
		for cut := range whole {
			kept.cells[i] = whole[:cut]
			if err := w.Restore(kept.cells, kept.grid); err == nil {
				t.Fatalf("community %d: state cut to %d bytes was accepted", i, cut)
			}
		}
		kept.cells[i] = whole
	}
	if err := w.Restore(kept.cells, kept.grid[:len(kept.grid)-1]); err == nil {
		t.Error("a grid's state without its last byte was accepted")
	}
	if err := w.Restore(kept.cells, append(kept.grid, 0)); err == nil {
		t.Error("a grid's state with a byte too many was accepted")
	}
}

// Flat, as actors do, reports each event of a step once.
func TestFlatReportsEachEventOnce(t *testing.T) {
	steps := 60
	s, err := scenario.Load("town", scenario.Options{Steps: &steps})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Build(s)
	if err != nil {
		t.Fatal(err)
	}
	m := &Memory{}
	r := Runner{World: w, Stepper: NewFlat(w, nil, true), Sinks: []Sink{m}}
	if _, err := r.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	reported := 0
	for step, events := range m.Events {
		seen := map[twins.Notice]bool{}
		for _, e := range events {
			if seen[e] {
				t.Fatalf("step %d: %s %v is reported twice", step, e.Member, &e.Event)
			}
			seen[e] = true
			reported++
		}
	}
	if reported == 0 {
		t.Error("no event was reported")
	}
}

// In runs that this program begins, the stored state of the grid's strategy starts with the
// strategy's name and version. A state of an older run, without a name, is the operator's. A
// state of another strategy or of a later version is refused. The hash of all states does
// not depend on the name.
func TestGridStateNamesItsStrategy(t *testing.T) {
	build := func(controls string, form *Form) (*World, *StepRecord) {
		s, err := scenario.Load("hamlet", scenario.Options{Set: []string{controls}})
		if err != nil {
			t.Fatal(err)
		}
		w, err := BuildAs(s, form)
		if err != nil {
			t.Fatal(err)
		}
		var env twins.Env
		w.Env(0, &env)
		r, err := NewFlat(w, nil, true).Step(&env)
		if err != nil {
			t.Fatal(err)
		}
		return w, r
	}
	w, r := build("controls=full", nil)
	old, before := build("controls=full", &Form{Chain: FirstChain, Model: 1, Layout: twins.FirstLayout()})
	var cells [][]byte
	for i := range w.Cells {
		cells = append(cells, r.States.AppendCell(nil, i))
	}
	named, bare := r.States.AppendGrid(nil), before.States.AppendGrid(nil)
	name := append([]byte{0, 8}, "operator\x01"...)
	at := len(named) - (len(bare) - len(w.Grid.AppendBinary(nil))) - len(name)
	if at != len(w.Grid.AppendBinary(nil)) || !bytes.Equal(slices.Delete(slices.Clone(named), at, at+len(name)), bare) ||
		!bytes.Equal(named[at:at+len(name)], name) {
		t.Fatalf("state %q, wanted %q after the grid's own, and without it %q", named, name, bare)
	}
	if r.States.Hash() != before.States.Hash() {
		t.Error("the hash of the states depends on the name")
	}
	later, other := slices.Clone(named), slices.Clone(named)
	later[at+len(name)-1]++
	other[at+2] = 'O'
	plain, _ := build("controls=none", nil)
	for _, row := range []struct {
		what     string
		to       *World
		state    []byte
		accepted bool
	}{
		{"of the same strategy", w, named, true}, {"without a name", w, bare, true},
		{"without a name in an old run", old, bare, true}, {"without a name for controls none", plain, bare, true},
		{"of another strategy", plain, named, false}, {"of an unknown strategy", w, other, false},
		{"of a later version", w, later, false}, {"cut in its name", w, named[:at+5], false},
	} {
		if err := row.to.Restore(cells, row.state); (err == nil) != row.accepted {
			t.Errorf("a state %s: %v, wanted it accepted: %v", row.what, err, row.accepted)
		}
	}
}
