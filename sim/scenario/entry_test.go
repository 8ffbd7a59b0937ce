package scenario

import (
	"fmt"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
)

// An entry has the settings of its kind that the member has.
func TestEntrySettings(t *testing.T) {
	s := mustLoad(t, baseScenario(t), Options{})
	names := func(kind *twins.Kind, path string) (all []string) {
		e, ok := s.Entry(kind, path)
		if !ok {
			t.Fatalf("no entry at %s", path)
		}
		for _, s := range e.Settings() {
			all = append(all, fmt.Sprint(s.Name, "=", s.Value, s.None, s.Boolean))
		}
		return all
	}
	for _, row := range []struct {
		kind       *twins.Kind
		path, want string
	}{
		{twins.Battery, "grid/street/h2/b1", "[available=1 false true reserve_soc=0 false false mode=0 false false peak_w=0 false false]"},
		{twins.Community, "grid/street", "[limit_w=0 true false]"},
		{twins.Household, "grid/street/h1", "[load.scale=1000000000 false false]"},
	} {
		if got := fmt.Sprint(names(row.kind, row.path)); got != row.want {
			t.Errorf("%s: %s, want %s", row.path, got, row.want)
		}
	}
	if _, ok := s.Entry(twins.Battery, "grid/supply/b1"); ok {
		t.Error("there is an entry at a path of another community")
	}
}
