package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

func TestEnv(t *testing.T) {
	base := baseScenario(t)
	source := base[:strings.Index(base, "  - at:")] + `  - {at: 5, set: [ties.tie.import_w=1, producers.coal.rated_w=2, ties.tie.import_w=3]}
  - {at: 4, set: ties.tie.available=false}
  - {at: 5, set: producers.coal.available=false}
`
	w := mustBuild(t, mustLoad(t, source, scenario.Options{Seed: new(uint64(9))}))
	var env twins.Env
	w.Env(5, &env)
	if env.Tick != 5 || env.Seed != 9 || env.Step != 3600 || env.SecondOfDay != 5*3600 || env.Weekday != 1 {
		t.Errorf("got %+v", env)
	}
	// In the order in which members asked: h1's load, h2's load, h2's sun.
	if want := []twins.Power{500 * twins.Watt, 450 * twins.Watt, 0}; !slices.Equal(env.Recorded, want) {
		t.Errorf("recorded %v, want %v", env.Recorded, want)
	}
	var got []string
	for _, c := range env.Commands {
		got = append(got, fmt.Sprint(c.Target, " ", c.Seq))
	}
	if want := "[grid/supply/coal 2 grid/supply/coal 5 grid/supply/tie 1 grid/supply/tie 3]"; fmt.Sprint(got) != want {
		t.Errorf("commands %v, want %s", got, want)
	}
	w.Env(6, &env)
	if len(env.Commands) != 0 || len(env.Recorded) != 3 {
		t.Errorf("step 6: %d commands, %d recorded", len(env.Commands), len(env.Recorded))
	}
	if n := testing.AllocsPerRun(10, func() { w.Env(5, &env); w.Env(7, &env) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Env has only columns that a member follows.
func TestUnusedColumns(t *testing.T) {
	w := mustBuild(t, mustLoad(t, edited(t, "column: two}\n    pv: {recording: homes, column: sun}", "column: one}"), scenario.Options{}))
	if w.recorded.Len() != 1 || len(w.Recordings) != 1 || len(w.Recordings[0].Columns) != 3 {
		t.Errorf("%d columns of %v", w.recorded.Len(), w.Recordings[0].Columns)
	}
}

// Every shipped scenario runs with its books closed.
func TestShippedScenariosRun(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector, which finds no races in a single loop")
	}
	for _, l := range scenario.List() {
		t.Run(l.Name, func(t *testing.T) {
			s, err := scenario.Load(l.Name, scenario.Options{})
			if err != nil {
				t.Fatal(err)
			}
			w := mustBuild(t, s)
			r := Runner{World: w, Stepper: NewFlat(w, twins.MeritOrder{}, false)}
			if n, err := r.Run(context.Background()); err != nil || n != s.Calendar.Steps {
				t.Errorf("%d steps: %v", n, err)
			}
		})
	}
}

// The hamlet's event takes effect: the engine is out of service from 17:00 to 20:00, and
// the tie imports instead.
func TestHamletEngineFails(t *testing.T) {
	s, err := scenario.Load("hamlet", scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := mustBuild(t, s)
	m := &Memory{}
	r := Runner{World: w, Stepper: NewFlat(w, twins.MeritOrder{}, false), Sinks: []Sink{m}}
	if _, err := r.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	engine, tie := m.Column("grid/supply/engine", "power_w"), m.Column("grid/supply/tie", "power_w")
	for hour := 17; hour < 20; hour++ {
		if engine[hour] != 0 || tie[hour] >= 0 {
			t.Errorf("%d:00: engine %d mW, tie %d mW", hour, engine[hour], tie[hour])
		}
	}
	if engine[0] >= 0 || engine[22] >= 0 {
		t.Errorf("engine %d mW at midnight, %d mW at 22:00", engine[0], engine[22])
	}
}

// grown returns the base scenario with n more households, 200 to a community, and a battery
// for every tenth of them.
func grown(t testing.TB, n int) *scenario.Scenario {
	t.Helper()
	var communities, households, batteries strings.Builder
	for i := range n {
		if i%200 == 0 {
			fmt.Fprintf(&communities, "  - id: c-%d\n", i/200)
		}
		fmt.Fprintf(&households, "  - {id: h-%d, community: c-%d, load: {recording: homes, column: one}}\n", i, i/200)
		if i%10 == 0 {
			fmt.Fprintf(&batteries, "  - {id: b-%d, community: c-%d, owner: h-%d, rated_wh: 10000, rated_w: 5000}\n", i/10, i/200, i)
		}
	}
	base := baseScenario(t)
	base = base[:strings.Index(base, "events:")]
	base = strings.Replace(base, "households:\n", communities.String()+"households:\n", 1)
	base = strings.Replace(base, "batteries:\n", households.String()+"batteries:\n", 1)
	base = strings.Replace(base, "producers:\n", batteries.String()+"producers:\n", 1)
	return mustLoad(t, base, scenario.Options{})
}

func TestBuildLarge(t *testing.T) {
	s := grown(t, 2000)
	w := mustBuild(t, s)
	if w.Members["household"] != 2002 || w.Members["battery"] != 201 || len(w.Cells) != 12 || w.recorded.Len() != 3 {
		t.Errorf("got %v in %d cells, %d columns", w.Members, len(w.Cells), w.recorded.Len())
	}
	if !slices.IsSortedFunc(w.Cells, func(a, b *twins.Cell) int { return strings.Compare(a.Path, b.Path) }) {
		t.Error("cells are not in path order")
	}
}

func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("households=%d", n), func(b *testing.B) {
			s := grown(b, n)
			b.ReportAllocs()
			for b.Loop() {
				mustBuild(b, s)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/household")
		})
	}
}

func BenchmarkEnv(b *testing.B) {
	s, err := scenario.Load("street", scenario.Options{})
	if err != nil {
		b.Fatal(err)
	}
	w := mustBuild(b, s)
	var env twins.Env
	b.ReportAllocs()
	t := twins.Tick(0)
	for b.Loop() {
		w.Env(t, &env)
		t = (t + 1) % s.Calendar.Steps
	}
}

// The records of a world that is built for a kept run have the columns of the run's layout,
// and the chain hashes no others.
func TestRecordsHaveTheLayoutOfTheRun(t *testing.T) {
	s, err := scenario.Load("hamlet", scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	now, err := Build(s)
	if err != nil {
		t.Fatal(err)
	}
	older := now.Form
	layout := *older.Layout
	older.Layout, layout.Kinds = &layout, slices.Clone(layout.Kinds)
	want := map[string][]twins.ColumnLayout{}
	for i := range layout.Kinds { // each kind has had its last column since a later program only
		k := &layout.Kinds[i]
		if n := len(k.Columns); n > 1 {
			k.Columns = k.Columns[:n-1]
		}
		want[k.Name] = k.Columns
	}
	for name, build := range map[string]func(*scenario.Scenario, *Form) (*World, error){"BuildAs": BuildAs, "BuildTwins": BuildTwins} {
		w, err := build(s, &older)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range w.Cells {
			for _, b := range c.Layout().Blocks {
				got := []twins.ColumnLayout{}
				for _, column := range b.Columns {
					got = append(got, twins.ColumnLayout{Name: column.Name, Places: column.Places, Derived: column.Derived})
				}
				if !slices.Equal(got, want[b.Kind.Name]) {
					t.Errorf("%s: records of %s in %s have columns %v, wanted %v", name, b.Kind.Plural, c.Path, got, want[b.Kind.Name])
				}
			}
		}
		if name == "BuildAs" {
			digestsDiffer(t, now, w)
		}
	}
}

// digestsDiffer makes a step of two worlds and checks that the digests of the communities with
// households differ: their records have other columns.
func digestsDiffer(t *testing.T, a, b *World) {
	t.Helper()
	var digests [2][]Hash
	for i, w := range []*World{a, b} {
		r := Runner{World: w, Stepper: NewFlat(w, nil, true), Sinks: []Sink{SinkFunc(func(r *StepRecord) error {
			digests[i] = slices.Clone(r.Digests)
			return nil
		})}}
		if _, err := r.Step(); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range a.Cells {
		homes := slices.ContainsFunc(c.Blocks, func(b *twins.Block) bool { return b.Kind == twins.Household })
		if homes && digests[0][i] == digests[1][i] {
			t.Errorf("%s has one digest in both layouts", c.Path)
		}
	}
}
