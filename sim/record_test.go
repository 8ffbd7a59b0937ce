package sim

import (
	"testing"

	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// What a record says of a member, from its columns alone, is what the member's reading said:
// also what its power is, which replays and the page's sources need. A column that records
// lack would make figures of a replay other than those of the live run.
func TestRecordIsTheReading(t *testing.T) {
	for _, name := range []string{"hamlet", "scarcity"} {
		if name != "hamlet" && testing.Short() {
			continue
		}
		s, err := scenario.Load(name, scenario.Options{})
		if err != nil {
			t.Fatal(err)
		}
		w := mustBuild(t, s)
		seen := map[string]bool{}
		r := Runner{World: w, Stepper: NewFlat(w, nil, false), Sinks: []Sink{sinkFunc(func(r *StepRecord) error {
			for i, c := range w.Cells {
				if rec := r.Cells[i]; rec.Flows != c.Flows || rec.Limit != c.Node.Limit() || rec.Path != c.Path {
					t.Fatalf("step %d: %s: flows %+v, limit %d, wanted %+v and %d", r.Tick, c.Path, rec.Flows, rec.Limit, c.Flows, c.Node.Limit())
				}
				for k, b := range c.Blocks {
					for m, path := range b.Paths {
						got, want := r.Cells[i].Blocks[k].Reading(m), b.Read[m]
						seen[b.Kind.Name] = seen[b.Kind.Name] || want.Power != 0
						if powers(&got) != powers(&want) || len(got.Parts) != len(want.Parts) {
							t.Fatalf("step %d: %s: %+v, its reading was %+v", r.Tick, path, got, want)
						}
					}
				}
			}
			return nil
		})}}
		for more := true; more; {
			var err error
			if more, err = r.Step(); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range w.Cells {
			for _, b := range c.Blocks {
				if !seen[b.Kind.Name] && b.Kind != twins.WindFarm && b.Kind != twins.Tie { // no wind, and an island
					t.Errorf("%s: no %s has drawn or given anything", name, b.Kind.Name)
				}
			}
		}
	}
}

// powers are what a reading says of its power.
func powers(r *twins.Reading) [5]twins.Power {
	return [...]twins.Power{r.Power, r.Load, r.Generation, r.Storage, r.Exchange}
}
