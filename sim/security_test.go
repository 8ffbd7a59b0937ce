package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// day is a world with its states at each hour of an undisturbed day, from which many
// disturbed days start.
type day struct {
	world *World
	hours []keptStates
	per   twins.Tick // steps per hour
}

func dayOf(t testing.TB, name string, set ...string) *day {
	t.Helper()
	s, err := scenario.Load(name, scenario.Options{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Build(s)
	if err != nil {
		t.Fatal(err)
	}
	d := &day{world: w, per: twins.Tick(3600 / s.Calendar.Step)}
	flat := NewFlat(w, nil, false)
	var env twins.Env
	for at := range s.Calendar.Steps {
		if at%d.per == 0 {
			d.hours = append(d.hours, stateOf(w))
		}
		w.Env(at, &env)
		if _, err := flat.Step(&env); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func stateOf(w *World) (s keptStates) {
	for _, c := range w.Cells {
		s.cells = append(s.cells, c.AppendStates(nil))
	}
	s.grid = w.Grid.AppendBinary(nil)
	s.grid = w.Controller.(twins.Stateful).AppendBinary(s.grid)
	return s
}

// lose restores the day at an hour, takes members out of service there, and steps to the
// day's end. It calls check with the record of each step.
func (d *day) lose(t testing.TB, hour int, check func(*StepRecord), lost ...string) {
	t.Helper()
	if err := d.world.Restore(d.hours[hour].cells, d.hours[hour].grid); err != nil {
		t.Fatal(err)
	}
	kept := d.world.commands
	defer func() { d.world.commands, d.world.courses = kept, nil }()
	d.world.commands = slices.Clone(kept)
	at := twins.Tick(hour) * d.per
	for k, path := range lost {
		c := twins.Set(path, "available", 0).At(at, int64(1000+k))
		if err := d.world.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	flat := NewFlat(d.world, nil, false)
	var env twins.Env
	for ; at < d.world.Scenario.Calendar.Steps; at++ {
		d.world.Env(at, &env)
		rec, err := flat.Step(&env)
		if err != nil {
			t.Fatal(err)
		}
		if rec.Tick = at; rec.Residual != 0 {
			t.Fatalf("step %d after losing %v: residual %d mW", at, lost, rec.Residual)
		}
		check(rec)
	}
}

// losable returns the members whose loss the grid must survive: units, ties and stores,
// without those that are absent at the start.
func (d *day) losable() (paths []string) {
	for _, c := range d.world.Cells {
		for _, b := range c.Blocks {
			if b.Kind.Role.Unit() || b.Kind.Role == twins.RoleStorage && b.Kind != twins.Vehicle {
				for i, path := range b.Paths {
					if !b.Prepared(i) {
						paths = append(paths, path)
					}
				}
			}
		}
	}
	return paths
}

// No customer loses supply when any single plant, store or tie is lost at any hour of
// the reference day. The long form loses each of them at each hour. The short form loses
// one in forty, which differ from hour to hour.
func TestLosses(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector, which finds no races in a single loop")
	}
	every := 40
	if long {
		every = 1
	}
	d := dayOf(t, "town")
	least := 0.0
	n := 0
	for hour := range d.hours {
		for k, path := range d.losable() {
			if (k+hour)%every != 0 {
				continue
			}
			n++
			d.lose(t, hour, func(r *StepRecord) {
				least = min(least, float64(r.Swing.Min)/1e6)
				if r.Flows.Unserved > 0 || r.Swing.Stages > 0 || r.Swing.Blackout {
					t.Fatalf("%s lost at %02d:00: in step %d %v W unserved, %d stages, least %v Hz", path, hour, r.Tick, r.Flows.Unserved.Watts(), r.Swing.Stages, 50+float64(r.Swing.Min)/1e6)
				}
			}, path)
		}
	}
	t.Logf("%d losses, least frequency %.3f Hz", n, 50+least)
}

// Two losses at once may be more than the grid can cover. Unserved energy is then reported:
// the sum of the events equals the sum of the readings, to the millijoule, and essential
// load is cut only when nothing else is left.
func TestDoubleLosses(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector, which finds no races in a single loop")
	}
	town, scarcity := 15, 30
	if long {
		town, scarcity = 500, 500
	}
	doubleLosses(t, town, "town")
	doubleLosses(t, scarcity, "scarcity")
}

func doubleLosses(t *testing.T, n int, name string) {
	d := dayOf(t, name)
	r := rand.New(rand.NewPCG(1, 2))
	paths := slices.DeleteFunc(d.losable(), func(path string) bool { return strings.Contains(path, "household") })
	short, black := 0, 0
	for range n {
		a, b, hour := paths[r.IntN(len(paths))], paths[r.IntN(len(paths))], r.IntN(24)
		var reported, sum twins.Energy
		what := fmt.Sprintf("%s and %s lost at %02d:00", a, b, hour)
		end := int64(0)
		d.lose(t, hour, func(r *StepRecord) {
			reported += unservedOf(r).For(d.world.Scenario.Calendar.Step)
			sum += r.Flows.Unserved.For(d.world.Scenario.Calendar.Step)
			if err := orderKept(d.world, r); err != nil {
				t.Fatalf("%s: step %d: %v", what, r.Tick, err)
			}
			if end = r.Swing.End; r.Swing.Blackout {
				black++
			}
		}, a, b)
		if reported != sum {
			t.Errorf("%s: the events have %d mJ unserved, the readings %d", what, reported, sum)
		}
		if end < -2_500_000 || end > 1_500_000 {
			t.Errorf("%s: the day ends at %v Hz", what, 50+float64(end)/1e6)
		}
		if sum > 0 {
			short++
		}
	}
	t.Logf("%s: %d double losses, %d with unserved energy, %d steps black", name, n, short, black)
}

// unservedOf adds up the unserved power of a step's events.
func unservedOf(r *StepRecord) (sum twins.Power) {
	for _, c := range r.Cells {
		for i := range c.Events {
			if e := &c.Events[i].Event; e.Type == twins.SupplyCut {
				sum += twins.Power(e.Field("unserved_w"))
			}
		}
	}
	return sum
}

// orderKept checks that where the dispatch cuts essential load, vehicles do not charge and
// batteries discharge as much as they can.
func orderKept(w *World, r *StepRecord) error {
	if r.Flows.UnservedEssential <= r.Swing.Shed {
		return nil
	}
	for _, c := range w.Cells {
		for _, b := range c.Blocks {
			for i := range b.Read {
				f, set := &b.Flex[i], &b.Set[i]
				if b.Kind == twins.Vehicle && b.Read[i].Power > 0 {
					return fmt.Errorf("essential load is cut while %s charges", b.Paths[i])
				}
				if b.Kind == twins.Battery && set.Tier[twins.Storage] > f.Deepest && b.Read[i].Power > f.Deepest {
					return fmt.Errorf("essential load is cut while %s gives %v of %v W", b.Paths[i], b.Read[i].Power.Watts(), f.Deepest.Watts())
				}
			}
		}
	}
	return nil
}
