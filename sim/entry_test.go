package sim

import (
	"fmt"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
)

// An entry says what a member has of its kind's settings.
func TestEntrySettings(t *testing.T) {
	w := mustBuild(t, mustLoad(t, baseScenario(t), Options{}))
	names := func(path string) (all []string) {
		e, ok := w.Scenario.Entry(w.KindOf(path), path)
		if !ok {
			t.Fatal(path)
		}
		for _, s := range e.Settings() {
			all = append(all, fmt.Sprint(s.Name, "=", s.Value, s.None, s.Boolean))
		}
		return all
	}
	for path, want := range map[string]string{
		"grid/street/h2/b1": "[available=1 false true reserve_soc=0 false false mode=0 false false peak_w=0 false false]",
		"grid/street":       "[limit_w=0 true false]",
		"grid/street/h1":    "[load.scale=1000000000 false false]",
	} {
		if got := fmt.Sprint(names(path)); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if _, ok := w.Scenario.Entry(twins.Battery, "grid/supply/b1"); ok {
		t.Error("an entry at another's path")
	}
}
