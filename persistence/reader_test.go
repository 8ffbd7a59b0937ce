package persistence

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// keeping begins the journal of a killedWorld.
func keeping(t *testing.T) (*sim.World, *RunDir, *sim.Chain, *Journal) {
	t.Helper()
	w, err := killedWorld()
	if err != nil {
		t.Fatal(err)
	}
	r, err := CreateRun(filepath.Join(t.TempDir(), "run"), Run{})
	if err != nil {
		t.Fatal(err)
	}
	chain := w.NewChain()
	j, err := r.Keep(w, chain, Durability{})
	if err != nil {
		t.Fatal(err)
	}
	return w, r, chain, j
}

// While a journal appends steps and commands, readers read the same steps, devices included,
// and worlds that continue as the run did.
func TestReaderBesideAJournal(t *testing.T) {
	often(t)
	w, r, chain, j := keeping(t)
	var mu sync.Mutex
	var flows []twins.Flows
	var parts []twins.Power // of the first home's first device
	homes := slices.IndexFunc(w.Cells[0].Blocks, func(b *twins.Block) bool { return b.Kind == twins.Household })
	device := func(r *sim.StepRecord) twins.Power { return r.Cells[0].Blocks[homes].PartsOf(0)[0] }
	note := sim.SinkFunc(func(r *sim.StepRecord) error {
		mu.Lock()
		defer mu.Unlock()
		flows, parts = append(flows, r.Flows), append(parts, device(r))
		return nil
	})
	reader := j.Reader()
	done := make(chan struct{})
	var all sync.WaitGroup
	for k := range uint64(3) {
		all.Go(func() {
			random := rand.New(rand.NewPCG(k, 5))
			for round := 0; ; round++ {
				select {
				case <-done:
					if round > 3 {
						return
					}
				default:
				}
				n := int64(reader.Steps())
				if n == 0 {
					continue
				}
				from := twins.Tick(random.Int64N(n))
				to := min(twins.Tick(n), from+1+twins.Tick(random.Int64N(60)))
				deep := random.IntN(3) == 0
				next := from
				err := reader.Replay(from, to, deep, sim.SinkFunc(func(r *sim.StepRecord) error {
					mu.Lock()
					defer mu.Unlock()
					if r.Tick != next || int(r.Tick) < len(flows) && (r.Flows != flows[r.Tick] || deep && device(r) != parts[r.Tick]) {
						t.Errorf("step %d, wanted step %d: %+v", r.Tick, next, r.Flows)
					}
					next++
					return nil
				}))
				if err != nil || next != to {
					t.Errorf("steps %d to %d: got to %d: %v", from, to, next, err)
					return
				}
				m, at, c, err := reader.ForkAt(to)
				if err != nil || at > to {
					t.Errorf("fork at %d: at %d, %v", to, at, err)
					return
				}
				run := sim.Runner{World: m, Stepper: sim.NewFlat(m, nil, true), Sinks: []sim.Sink{c}}
				run.From(at)
				for run.Done() < to {
					if _, err := run.Step(); err != nil {
						t.Error(err)
						return
					}
				}
				if head := headOf(reader, to); c.Head() != head {
					t.Errorf("a fork at %d is another run", to)
				}
			}
		})
	}
	run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain, j, note}}
	for at := range twins.Tick(killSteps) {
		if at%20 == 7 {
			c := killCommand(at)
			if err := errors.Join(j.AppendNote("key/x", []byte("y")), j.AppendCommand(c)); err != nil {
				t.Fatal(err)
			}
			if err := w.Add(c); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := run.Step(); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	all.Wait()
	if err := r.Finish(Done, nil); err != nil {
		t.Fatal(err)
	}
	s := open(t, r.dir, Read)
	defer s.Close()
	if notes, err := s.Notes("key/"); err != nil || len(notes) != 1 || string(notes["key/x"]) != "y" || len(s.Commands(0, killSteps)) != 12 {
		t.Errorf("notes %q, %d commands, %v", notes, len(s.Commands(0, killSteps)), err)
	}
}

// Gauges are not kept: a record that is read has none, and when steps are computed again the
// gauges of every member in every step are as they were.
func TestGaugesAreComputedAgain(t *testing.T) {
	often(t)
	w, r, chain, j := keeping(t)
	gauges := func(r *sim.StepRecord) (all []int64, known bool) {
		for _, c := range r.Cells {
			for i := range c.Blocks {
				all, known = append(all, c.Blocks[i].Gauges...), known || c.Blocks[i].Gauges != nil
			}
		}
		return all, known
	}
	var was [][]int64
	note := sim.SinkFunc(func(r *sim.StepRecord) error {
		all, _ := gauges(r)
		was = append(was, all)
		return nil
	})
	run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain, j, note}}
	for run.Done() < killSteps {
		if _, err := run.Step(); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Finish(Done, nil); err != nil {
		t.Fatal(err)
	}
	s := open(t, r.dir, Read)
	defer s.Close()
	changed := 0
	for from := twins.Tick(0); from < killSteps; from += 37 {
		to := min(from+20, killSteps)
		err := s.recompute(from, to, []sim.Sink{sim.SinkFunc(func(r *sim.StepRecord) error {
			if again, _ := gauges(r); !slices.Equal(again, was[r.Tick]) {
				t.Fatalf("step %d: gauges %d, were %d", r.Tick, again, was[r.Tick])
			}
			if r.Tick > 0 && !slices.Equal(was[r.Tick], was[r.Tick-1]) {
				changed++
			}
			return nil
		})})
		if err == nil {
			err = s.Replay(from, to, sim.SinkFunc(func(r *sim.StepRecord) error {
				if all, known := gauges(r); known {
					t.Fatalf("step %d is only read and has gauges %d", r.Tick, all)
				}
				return nil
			}))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(was[0]) < 5 || changed < 20 {
		t.Errorf("%d gauges, changed in %d steps", len(was[0]), changed)
	}
}

// A *HeldError has the address at which the other process serves the run.
func TestHeldErrorHasTheAddress(t *testing.T) {
	_, r, _, _ := keeping(t)
	if err := r.Shown("http://127.0.0.1:7070/"); err != nil {
		t.Fatal(err)
	}
	_, err := Open(r.dir, Write)
	var held *HeldError
	if !errors.As(err, &held) || held.Address != "http://127.0.0.1:7070/" {
		t.Errorf("%v", err)
	}
	if err := r.Finish(Interrupted, nil); err != nil {
		t.Fatal(err)
	}
	s := open(t, r.dir, Write)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
