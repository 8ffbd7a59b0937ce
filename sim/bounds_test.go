package sim_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// Law E4: input that breaks physics is refused with file, line and reason. For
// every number that a member's entry may have, a value at its bound is accepted
// and one beyond it is refused.
func TestEveryBoundIsEnforced(t *testing.T) {
	bounds := 0
	for _, k := range twins.Kinds() {
		if k.New == nil {
			continue
		}
		var schema property
		if err := json.Unmarshal([]byte(k.Schema), &schema); err != nil {
			t.Fatal(err)
		}
		for _, b := range schema.bounds(nil) {
			bounds++
			name := k.Plural + ".it." + strings.Join(b.path, ".")
			err := loadWith(t, k, b.path, b.beyond)
			var problem *problem.At
			if !errors.As(err, &problem) || problem.Line == 0 || !strings.Contains(problem.Error(), name) {
				t.Errorf("%s: %v, which is beyond %v: got %v", name, b.beyond, b.bound, err)
			}
			if err := loadWith(t, k, b.path, b.bound); err != nil && strings.Contains(err.Error(), "above") && strings.Contains(err.Error(), name+":") {
				t.Errorf("%s: %v is its bound: got %v", name, b.bound, err)
			}
		}
	}
	if bounds < 50 {
		t.Errorf("only %d bounds found in the schemas", bounds)
	}
}

// property is the part of a JSON Schema that bounds need.
type property struct {
	Properties       map[string]property
	Minimum          *float64
	Maximum          *float64
	ExclusiveMinimum *float64
}

type bound struct {
	path          []string
	bound, beyond float64
}

func (p property) bounds(path []string) (all []bound) {
	add := func(at, beyond float64) { all = append(all, bound{slices.Clone(path), at, beyond}) }
	if p.Minimum != nil {
		add(*p.Minimum, *p.Minimum-1)
	}
	if p.Maximum != nil {
		add(*p.Maximum, *p.Maximum*2+1)
	}
	if p.ExclusiveMinimum != nil {
		add(*p.ExclusiveMinimum+1, *p.ExclusiveMinimum)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Properties)) {
		all = append(all, p.Properties[name].bounds(append(path, name))...)
	}
	return all
}

// loadWith loads a scenario that has one member of the kind, with one of its
// keys set, and builds it.
func loadWith(t *testing.T, k *twins.Kind, path []string, value float64) error {
	t.Helper()
	entry := entryWith(t, k, path)
	entry["id"], entry["community"] = "it", "c"
	at := entry
	for _, key := range path[:len(path)-1] {
		at = at[key].(map[string]any)
	}
	at[path[len(path)-1]] = value
	text, err := json.MarshalIndent(map[string]any{
		"name": "bounds", "step_s": 3600, "start": "2018-01-08", "zone": "Etc/UTC",
		"recordings":  []any{map[string]any{"id": "r", "file": "r.csv", "unit": "W"}},
		"communities": []any{map[string]any{"id": "c"}},
		k.Plural:      []any{entry},
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	rows := "time,c0,c1,c2,c3,c4,c5,c6,c7,c8,c9\n"
	for hour := range 24 {
		rows += fmt.Sprintf("2018-01-08 %02d:00,1,2,3,4,5,6,7,8,9,10\n", hour)
	}
	for name, b := range map[string]string{"r.csv": rows, "bounds.yaml": string(text)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(b), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := scenario.Load(filepath.Join(dir, "bounds.yaml"), scenario.Options{})
	if err != nil {
		return err
	}
	_, err = sim.Build(s)
	return err
}

// entryWith returns the first sample of a kind that has the key at the end of a path, or,
// if none has it, the first that has all objects on the path.
func entryWith(t *testing.T, k *twins.Kind, path []string) map[string]any {
	t.Helper()
	var nearly map[string]any
	for seed := range uint64(1000) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(k.Sample(twintest.Between(rand.New(rand.NewPCG(seed, 1))))), &entry); err != nil {
			t.Fatal(err)
		}
		at, ok := entry, true
		for _, key := range path[:len(path)-1] {
			if at, ok = at[key].(map[string]any); !ok {
				break
			}
		}
		if ok && nearly == nil {
			nearly = entry
		}
		if _, has := at[path[len(path)-1]]; ok && has {
			return entry
		}
	}
	if nearly == nil {
		t.Fatalf("no sample of %s has the objects of %v", k.Name, path)
	}
	return nearly
}
