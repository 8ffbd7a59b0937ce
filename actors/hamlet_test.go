package actors_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/actors"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

var rewrite = flag.Bool("rewrite", false, "accept what is seen as what is wanted")

// The hamlet is small enough to be checked by hand: each line of its
// transcript is a step, with the power that every member drew (+) or injected
// (−) in watts, and their sum; below it the events.
func TestHamletTranscript(t *testing.T) {
	w := load(t, "hamlet")
	s, err := actors.Start(w, actors.Options{Hosting: actors.PerMember, Hash: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	log := &transcript{}
	runner := sim.Runner{World: w, Stepper: s, Sinks: []sim.Sink{log}}
	if _, err := runner.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/hamlet.txt", log.String())
}

// load builds a shipped scenario with some settings.
func load(t testing.TB, name string, set ...string) *sim.World {
	t.Helper()
	s, err := scenario.Load(name, scenario.Options{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	w, err := sim.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// builder builds a shipped scenario again and again, and reads its data once.
func builder(t testing.TB, name string) func() *sim.World {
	t.Helper()
	s, err := scenario.Load(name, scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.KeepData()
	return func() *sim.World {
		t.Helper()
		w, err := sim.Build(s)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Fatalf("not as in %s; accept with: go test ./actors -run %s -rewrite\n%s", file, t.Name(), got)
	}
}

// transcript is a sink that writes a run as text.
type transcript struct{ strings.Builder }

func (l *transcript) Commit(r *sim.StepRecord) error {
	if r.Tick == 0 {
		l.head(r)
	}
	fmt.Fprintf(l, "%s", r.Time.Format("15:04"))
	sum := twins.Power(0)
	each(r, func(_ string, b *twins.BlockRecord, i int) {
		fmt.Fprintf(l, " %8.0f", b.Reading(i).Power.Watts())
		sum += b.Reading(i).Power
	})
	fmt.Fprintf(l, " │ sum %d mW\n", sum)
	for _, c := range r.Commands {
		fmt.Fprintf(l, "      command %d: %s %s of %s: %d\n", c.Seq, c.Type.Name, c.Setting(), c.Target, c.Value())
	}
	each(r, func(name string, b *twins.BlockRecord, i int) {
		if b.Kind.Role == twins.RoleStorage {
			fmt.Fprintf(l, "      %s holds %.1f Wh, %.1f %%\n", name, b.Reading(i).Content.WattHours(), 100*b.Reading(i).SoC.Float())
		}
	})
	for _, c := range r.Cells {
		for _, e := range c.Events {
			fmt.Fprintf(l, "      %s: %s\n", short(e.Member), e.Event.String())
		}
		for _, d := range c.Notes {
			fmt.Fprintf(l, "      %s: %s, asked for %.0f W\n", short(d.Member), d.Reason, d.Power.Watts())
		}
	}
	return nil
}

func (l *transcript) head(r *sim.StepRecord) {
	fmt.Fprintf(l, "     ")
	n := 0
	each(r, func(name string, _ *twins.BlockRecord, _ int) {
		n++
		fmt.Fprintf(l, " %8d", n)
	})
	fmt.Fprintln(l)
	n = 0
	each(r, func(name string, b *twins.BlockRecord, _ int) {
		n++
		fmt.Fprintf(l, "      %d is %s, a %s\n", n, name, b.Kind.Name)
	})
}

// each visits all members in path order of communities and slot order in them.
func each(r *sim.StepRecord, f func(name string, b *twins.BlockRecord, i int)) {
	for _, c := range r.Cells {
		for k := range c.Blocks {
			b := &c.Blocks[k]
			for i := range b.Paths {
				f(short(b.Paths[i]), b, i)
			}
		}
	}
}

func short(path string) string { return strings.TrimPrefix(path, twins.GridPath+"/") }
