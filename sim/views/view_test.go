package views_test

import (
	"bytes"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/operator"
)

// built returns a world with commands: limits, an order to a plant, a plant out of service.
func built(t *testing.T, name string, commands ...twins.Command) *sim.World {
	t.Helper()
	s, err := scenario.Load(name, scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := sim.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range commands {
		if err := w.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// run makes all steps of a world.
func run(t *testing.T, w *sim.World, sinks ...sim.Sink) {
	t.Helper()
	r := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, false), Sinks: sinks}
	for more := true; more; {
		var err error
		if more, err = r.Step(); err != nil {
			t.Fatal(err)
		}
	}
}

// forms returns the stored forms of a set's views, by name.
func forms(s *views.Set) map[string][]byte {
	all := map[string][]byte{}
	s.All(func(k *views.Kind, v views.View) { all[k.Name] = v.AppendBinary(nil) })
	return all
}

func setAt(step twins.Tick, seq int64, target, setting string, value int64) twins.Command {
	return twins.Set(target, setting, value).At(step, seq)
}

var hamletCommands = []twins.Command{
	setAt(3, 900, "grid/north", "limit_w", int64(8*twins.Kilowatt)), setAt(9, 901, "grid/north", "limit_w", int64(900*twins.Watt)),
	setAt(11, 902, "grid/supply/engine", "order", 1), setAt(15, 903, "grid/supply/engine", "order", 2), setAt(6, 904, "grid/supply/tie", "available", 0),
	setAt(13, 905, "grid/supply/tie", "available", 1),
	twins.Multiply("grid/north", "limit_w", int64(2*twins.One)).At(12, 906),
}

// Every declared kind of view keeps these laws, in a day with alerts, orders and changed limits. A view that is restored
// from its stored form after any step, and takes the remaining records, ends in the same state. Until returns the
// view as it was before a step, or nil. Copies share no memory with the view that they are of.
func TestViewLaws(t *testing.T) {
	w := built(t, "hamlet", hamletCommands...)
	fresh := built(t, "hamlet") // makes no steps
	live := views.NewSet(w)
	was := []map[string][]byte{forms(live)}
	var restored []*views.Set
	type copied struct {
		views.View
		name string
		at   twins.Tick
	}
	var copies []copied // made by Until
	known := map[string]int{}
	check := func(now twins.Tick) {
		for at := range now + 1 {
			live.All(func(k *views.Kind, v views.View) {
				u := v.Until(at)
				if u == nil {
					return
				}
				known[k.Name]++
				copies = append(copies, copied{u, k.Name, at})
				if !bytes.Equal(u.AppendBinary(nil), was[at][k.Name]) {
					t.Fatalf("%s after step %d: Until(%d) returned\n%x, wanted\n%x", k.Name, now, at, u.AppendBinary(nil), was[at][k.Name])
				}
			})
		}
	}
	run(t, w, live, sim.SinkFunc(func(r *sim.StepRecord) error {
		for _, o := range restored {
			if err := o.Commit(r); err != nil {
				return err
			}
		}
		was = append(was, forms(live))
		o := views.NewSet(fresh)
		if err := o.Restore(r.Tick+1, func(name string) ([]byte, error) { return was[r.Tick+1][name], nil }); err != nil {
			t.Fatal(err)
		}
		restored = append(restored, o)
		check(r.Tick + 1)
		return nil
	}))
	for _, c := range copies {
		if b := c.AppendBinary(nil); !bytes.Equal(b, was[c.at][c.name]) {
			t.Errorf("the copy of %s before step %d has changed with the view", c.name, c.at)
		}
	}
	end := forms(live)
	for i, o := range restored {
		for name, b := range forms(o) {
			if !bytes.Equal(b, end[name]) {
				t.Errorf("%s, restored after step %d and continued:\n%x, wanted\n%x", name, i+1, b, end[name])
			}
		}
	}
	for name, b := range end {
		if bytes.Equal(b, was[0][name]) && name != "judged" || known[name] < len(was)-1 {
			t.Errorf("%s has not changed in a day, or Until returned a copy only %d times", name, known[name])
		}
		for cut := range b {
			k := views.KindNamed(name)
			if err := k.New(fresh).UnmarshalBinary(b[:cut]); err == nil {
				t.Errorf("%s: the first %d of %d bytes are accepted as a whole form", name, cut, len(b))
			}
		}
		if err := views.KindNamed(name).New(fresh).UnmarshalBinary(append([]byte{b[0] + 1}, b[1:]...)); err == nil {
			t.Errorf("%s accepts a form of a later version", name)
		}
	}
}

// Declare refuses a name that is taken or malformed.
func TestDeclaredTwice(t *testing.T) {
	for _, name := range []string{"usage", "", "Ünusual"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Declare accepted name %q", name)
				}
			}()
			views.Declare(views.Kind{Name: name})
		}()
	}
}

// The order in which rules are shown does not change; rules of events have the severity and text of
// their row.
func TestRules(t *testing.T) {
	var names []string
	for _, r := range views.Rules() {
		names = append(names, r.Rule)
		if r.Text == "" || !slices.Contains([]string{"note", "warning", "critical"}, r.Severity) {
			t.Errorf("rule %+v, wanted a text and a known severity", r)
		}
	}
	want := []string{"balance.residual", "grid.islanded", "frequency.blackout", "frequency.shedding", "reserve.short", "frequency.outside", "load.unserved",
		"limit.above", "limit.near", "member.quarantined", "unit.unavailable", "unit.stopped_early", "vehicle.not_ready", "vehicle.impossible", "heat.left_comfort",
		"hot_water.short", "generation.curtailed", "storage.empty"}
	if !slices.Equal(names, want) {
		t.Errorf("rules %v, wanted %v", names, want)
	}
}

// restless makes a run by changing one record, so that everything that views follow changes in each
// step.
type restless struct {
	record sim.StepRecord
	events []twins.Notice // of a plant
	parks  []twins.Notice // of a vehicle
	cell   *twins.CellRecord
}

func newRestless(t *testing.T, w *sim.World) *restless {
	x := &restless{}
	r := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, false), Sinks: []sim.Sink{sim.SinkFunc(func(r *sim.StepRecord) error { x.record = *r; return nil })}}
	if _, err := r.Step(); err != nil {
		t.Fatal(err)
	}
	for _, c := range w.Cells {
		for _, at := range c.Units() {
			if b := c.Blocks[at.Block]; b.Kind.Name == "producer" {
				x.cell = c.Record()
				for _, name := range []string{"producer.starting", "producer.started", "producer.stopped"} {
					x.events = append(x.events, twins.Notice{Member: b.Paths[at.Index], Event: twins.Event{Type: twins.EventNamed(name)}})
				}
			}
		}
	}
	if x.cell == nil {
		t.Fatal("no plant")
	}
	for _, name := range []string{"vehicle.plugged_in", "vehicle.unplugged"} {
		x.parks = append(x.parks, twins.Notice{Member: "grid/south/home-5/car", Event: twins.Event{Type: twins.EventNamed(name)}})
	}
	return x
}

// to makes the steps before the given one.
func (x *restless) to(t *testing.T, from, to twins.Tick, sinks ...sim.Sink) {
	t.Helper()
	for n := from; n < to; n++ {
		r := &x.record
		r.Tick, r.Time = n, r.Time.Add(15*time.Minute)
		e := &x.events[n%3]
		e.Event.V = [7]int64{int64(n), int64(n)}
		park := &x.parks[n%2]
		park.Event.V = [7]int64{int64(n), int64(n + 1)}
		x.cell.Events = []twins.Notice{*e, *park}
		judged := twins.Event{Type: sim.ForecastJudged, V: [7]int64{int64(n % 977), int64(n % 733), int64(n % 599), 1}}
		r.Events = []twins.Notice{{Member: twins.GridPath, Event: judged}, {Member: twins.GridPath, Event: twins.Event{Type: operator.ReserveShort}}}
		r.Commands = []twins.Command{setAt(n, int64(n), x.cell.Path, "limit_w", int64(n)), setAt(n, int64(n), e.Member, "fixed_w", int64(n)),
			setAt(n, int64(n), e.Member, "available", int64(n%2))}
		x.cell.Limit = twins.Power(n)
		for _, s := range sinks {
			if err := s.Commit(r); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// held returns the size of the live heap in bytes.
func held() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// The memory of a run's views and of its report depends on the grid, not on the number of steps: after ten
// times the steps it is the same.
func TestViewsDoNotGrow(t *testing.T) {
	const steps = 20_000 // more than any view keeps
	w := built(t, "hamlet")
	x := newRestless(t, w)
	before := held()
	s, report := views.NewSet(built(t, "hamlet")), views.NewSummary(w)
	x.to(t, 0, steps, s, report)
	first := held() - before
	x.to(t, steps, 10*steps, s, report)
	last := held() - before
	if limit := first + first/10; last > limit || first < 500_000 {
		t.Errorf("%d B after %d steps and %d B after %d, wanted at most %d", first, steps, last, 10*steps, limit)
	}
	if judged := views.Of[*views.Judged](s, views.JudgedKind); s.Steps() != 10*steps || judged.Until(s.Steps()) == nil {
		t.Errorf("the views have taken %d steps, wanted all, and a copy of the last state", s.Steps())
	}
	runtime.KeepAlive(report)
}

// A view reports that it has dropped a past state, and never returns a wrong one. A past state that it returns
// equals that of a view that has taken no later record.
func TestDroppedStates(t *testing.T) {
	x := newRestless(t, built(t, "hamlet"))
	s := views.NewSet(built(t, "hamlet"))
	const end = 30_000
	x.to(t, 0, end, s)
	plants, judged := views.Of[*views.Plants](s, views.PlantsKind), views.Of[*views.Judged](s, views.JudgedKind)
	knew := 0
	for at := twins.Tick(0); at < end; at++ {
		if p, known := plants.At(x.events[0].Member, at); known {
			knew++
			if p.Since != at {
				t.Fatalf("step %d: the plant has its state since step %d, wanted this step", at, p.Since)
			}
		}
	}
	if p, known := plants.At(x.events[0].Member, end-1); !known || p.Since != twins.Tick(end-1) || knew < 60 || knew > 66 {
		t.Errorf("the plant is %v since step %d, wanted the last; its state is known in %d steps, wanted 60 … 66", p.State, p.Since, knew)
	}
	if _, known := plants.At(x.events[0].Member, end/2); known || plants.Until(end/2) != nil {
		t.Error("the view returns a state that it has dropped")
	}
	hands, service, vehicles := views.Of[*views.Hands](s, views.HandsKind), views.Of[*views.Service](s, views.ServiceKind), views.Of[*views.Vehicles](s, views.VehiclesKind)
	plugged := 0 // the record has an event of the vehicle itself, so that a step has two
	for at := twins.Tick(0); at < end; at++ {
		if h, ordered, known := hands.At(x.events[0].Member, at); !ordered || known != (at >= end-65) || known && h.Fixed != twins.Power(at) {
			t.Fatalf("step %d: the output is fixed at %d mW, wanted as many mW as the step; known %v, wanted so for the last 65 steps", at, h.Fixed, known)
		}
		if in, known := service.In(x.events[0].Member, at); known != (at >= end-65) || known && in != (at%2 == 1) {
			t.Fatalf("step %d: the plant is in service %v, wanted so in odd steps; known %v, wanted so for the last 65 steps", at, in, known)
		}
		if p, known := vehicles.At(x.parks[0].Member, at); known {
			if plugged++; p.Since != at || p.Plugged != (at%2 == 0) || p.Plugged && p.Leaves != at+1 {
				t.Fatalf("step %d: the vehicle has its state since step %d, wanted this step: %+v", at, p.Since, p)
			}
		}
	}
	if plugged < 2000 || plugged > 2100 || vehicles.Until(end/2) != nil || hands.Until(end/2) != nil || service.Until(end/2) != nil {
		t.Errorf("the state of the vehicle is known in %d steps, wanted 2000 … 2100; or a view returned a state that it has dropped", plugged)
	}
	if _, _, known := judged.Before(end / 10); known {
		t.Error("the view returns a band although half of its quarter hours have been dropped")
	}
	short := views.NewSet(built(t, "hamlet"))
	again := newRestless(t, built(t, "hamlet"))
	again.to(t, 0, end-500, short)
	band, all, known := judged.Before(end - 500)
	wantBand, want, _ := views.Of[*views.Judged](short, views.JudgedKind).Before(end - 500)
	off, _ := band.Off(3600)
	wantOff, ok := wantBand.Off(3600)
	if n := 5000; !known || off != wantOff || !ok || !slices.Equal(all[len(all)-n:], want[len(want)-n:]) {
		t.Errorf("the band is %d wide, known %v, wanted %d", off, known, wantOff)
	}
}
