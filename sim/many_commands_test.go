package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// pumps makes a world of communities with 20 water pumps each. It does so without the text
// of a scenario, which takes only a second.
func pumps(t *testing.T, communities int) *World {
	t.Helper()
	day := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	w := &World{Scenario: &scenario.Scenario{Calendar: inputs.NewCalendar(day, 900, 96)}}
	w.calendar = *w.Scenario.Calendar
	site := &twins.Site{Step: 900, Steps: 96, Days: 1, At: func(day, second int) twins.Tick { return twins.Tick(day*96 + second/900) }}
	var err error
	if w.Grid, err = twins.NewNode(twins.Grid, twins.Member{Path: twins.GridPath, Spec: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	for i := range communities {
		path := fmt.Sprintf("grid/c%04d", i)
		var members []twins.CellMember
		for k := range 20 {
			spec := []byte(`{"rated_w":1500,"daily_wh":6000,"from":"00:00","until":"23:45"}`)
			members = append(members, twins.CellMember{Kind: twins.WaterPump, Member: twins.Member{Path: fmt.Sprintf("%s/pump-%02d", path, k), Spec: spec}})
		}
		c, err := twins.NewCell(site, twins.Member{Path: path, Spec: []byte("{}")}, members, twins.Lossless{})
		if err != nil {
			t.Fatal(err)
		}
		w.Cells = append(w.Cells, c)
	}
	return w
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// A step of 5,000 communities in which commands set 100,000 twins takes at most three times
// as long as one in which they set 1,000.
func TestManyCommandsInAStep(t *testing.T) {
	if testing.Short() {
		t.Skip("its times mean nothing under the race detector")
	}
	w := pumps(t, 5000)
	flat := NewFlat(w, twins.MeritOrder{}, true)
	random := rand.New(rand.NewPCG(1, 2))
	var targets []string
	for _, c := range w.Cells {
		targets = append(targets, c.Blocks[0].Paths...)
	}
	env := twins.Env{}
	took := map[int][]time.Duration{}
	step := twins.Tick(0)
	for range 5 {
		for _, n := range []int{1000, 100_000} {
			random.Shuffle(len(targets), func(i, j int) { targets[i], targets[j] = targets[j], targets[i] })
			for i, target := range targets[:n] {
				w.added = append(w.added, twins.Set(target, "rated_w", 1_500_000+int64(step)).At(step, int64(i)))
			}
			w.mergeAdded()
			began := time.Now()
			w.Env(step, &env)
			if _, err := flat.Step(&env); err != nil {
				t.Fatal(err)
			}
			took[n] = append(took[n], time.Since(began))
			if len(env.Commands) != n {
				t.Fatalf("%d commands in the step, wanted %d", len(env.Commands), n)
			}
			step++
		}
	}
	few, many := median(took[1000]), median(took[100_000])
	t.Logf("1,000 commands %v, 100,000 commands %v: %.2f times", few, many, float64(many)/float64(few))
	if many > 3*few {
		t.Errorf("a step with 100,000 commands takes %v, one with 1,000 %v: more than 3 times as long", many, few)
	}
}

// A course refuses the same commands as a slow check that follows the setting through all
// commands each time, in whatever order they arrive.
func TestCoursesAgreeWithSlowCheck(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	w := mustBuild(t, mustLoad(t, baseScenario(t)+"  - {at: 20, set: [ties.tie.import_w*=3, ties.tie.import_w=4000]}\n", scenario.Options{}))
	taken := slices.Clone(w.commands)
	refused := 0
	for n := range 1000 {
		c := twins.Set("grid/supply/tie", "import_w", random.Int64N(1e15)).At(twins.Tick(random.IntN(24)), int64(10+n))
		if random.IntN(2) == 0 {
			c = twins.Multiply(c.Target, c.Setting(), random.Int64N(8*int64(twins.One))).At(c.Step, c.Seq)
		}
		err := w.Add(c)
		if want := refusedSlowly(t, w, append(slices.Clone(taken), c)); (err != nil) != want {
			t.Fatalf("command %d, %+v: %v; the slow check refuses it: %v", n, c, err, want)
		}
		if err != nil {
			refused++
			continue
		}
		taken = append(taken, c)
	}
	t.Logf("%d refused", refused)
	if refused < 100 || refused > 900 {
		t.Errorf("%d of 1000 were refused, wanted 100…900 for the test to mean something", refused)
	}
}

// refusedSlowly follows the tie's import_w through all commands and reports whether it
// exceeds its bound.
func refusedSlowly(t *testing.T, w *World, all []twins.Command) bool {
	t.Helper()
	slices.SortStableFunc(all, compareCommands)
	e, ok := w.Scenario.Entry(twins.Tie, "grid/supply/tie")
	set, has := e.Setting("import_w")
	if !ok || !has {
		t.Fatal("no tie")
	}
	v := float64(set.Value)
	for _, c := range all {
		switch {
		case c.Target != "grid/supply/tie" || c.Setting() != "import_w":
			continue
		case c.Type == twins.CommandSet:
			v = float64(c.Value())
		default:
			v = math.Round(v * float64(c.Value()) / float64(twins.One))
		}
		if v > float64(set.Max) {
			return true
		}
	}
	return false
}
