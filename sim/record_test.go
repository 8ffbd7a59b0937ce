package sim

import (
	"testing"

	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// The reading that a record gives from its columns alone equals the member's own reading,
// including its powers, which replays and the page's sources need. If records lacked a
// column, the figures of a replay would differ from those of the live run.
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
		r := Runner{World: w, Stepper: NewFlat(w, nil, false), Sinks: []Sink{SinkFunc(func(r *StepRecord) error {
			for i, c := range w.Cells {
				if rec := r.Cells[i]; rec.Flows != c.Flows || rec.Limit != c.Node.Limit() || rec.Path != c.Path {
					t.Fatalf("step %d: %s: flows %+v, limit %d, wanted %+v and %d", r.Tick, c.Path, rec.Flows, rec.Limit, c.Flows, c.Node.Limit())
				}
				for k, b := range c.Blocks {
					for m, path := range b.Paths {
						got, want := r.Cells[i].Blocks[k].Reading(m), b.Read[m]
						seen[b.Kind.Name] = seen[b.Kind.Name] || want.Power != 0
						if powers(&got) != powers(&want) || len(got.Parts) != len(want.Parts) {
							t.Fatalf("step %d: %s: the record has %+v, the member's reading is %+v", r.Tick, path, got, want)
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
					t.Errorf("%s: no %s has had any power", name, b.Kind.Name)
				}
			}
		}
	}
}

// powers returns the powers of a reading.
func powers(r *twins.Reading) [5]twins.Power {
	return [...]twins.Power{r.Power, r.Load, r.Generation, r.Storage, r.Exchange}
}
