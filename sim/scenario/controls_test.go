package scenario

import (
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
)

// A preset's word gives a strategy for each level. A level that a scenario leaves out has the
// strategy of full. --set changes a level or a strategy's key, with and without a preset.
func TestStrategiesOfAScenario(t *testing.T) {
	for _, row := range []struct {
		controls string
		set      []string
		want     string // by level
		spec     string // of the grid's
	}{
		{"", nil, "operator pro_rata own_aims", `{"import_share":0.45}`},
		{"controls: full", nil, "operator pro_rata own_aims", `{"import_share":0.45}`},
		{"controls: none", nil, "plain pro_rata own_aims", `{"import_share":0.45}`},
		{"controls: {}", nil, "operator pro_rata own_aims", `{"import_share":0.45}`},
		{"controls: {grid: plain}", nil, "plain pro_rata own_aims", `{"import_share":0.45}`},
		{"controls: {operator: {import_share: 0.2}}", nil, "operator pro_rata own_aims", `{"import_share":0.2}`},
		{"controls: full", []string{"controls=none"}, "plain pro_rata own_aims", `{"import_share":0.45}`},
		{"controls: none", []string{"controls.home=own_aims"}, "plain pro_rata own_aims", `{"import_share":0.45}`},
		{"controls: none", []string{"controls.plain.import_share=0.3"}, "plain pro_rata own_aims", `{"import_share":0.3}`},
		{"", []string{"controls.grid=plain", "controls.plain.import_share*=0.5"}, "plain pro_rata own_aims", `{"import_share":0.225}`},
		{"controls: {operator: {import_share: 0.2}}", []string{"controls=none"}, "plain pro_rata own_aims", `{"import_share":0.45}`},
	} {
		s, err := loadFrom([]byte(row.controls+"\n"+baseScenario(t)), testLocation(), Options{Set: row.set})
		if err != nil {
			t.Errorf("%s %v: %v", row.controls, row.set, err)
			continue
		}
		var names []string
		for _, c := range s.Strategies {
			names = append(names, c.Name)
		}
		if got := strings.Join(names, " "); got != row.want || string(s.Strategies[twins.LevelGrid].Spec) != row.spec {
			t.Errorf("%s %v: %s with %s, wanted %s with %s", row.controls, row.set, got, s.Strategies[twins.LevelGrid].Spec, row.want, row.spec)
		}
	}
	for _, row := range []struct {
		controls string
		set      []string
		want     string
	}{
		{"controls: {plain: {import_share: 0.2}}", nil, "controls.plain: keys of a strategy that is not chosen, wanted grid: plain, or no such keys"},
		{"", []string{"controls.grid=plane"}, `--set: controls.grid: "plane" is unknown, did you mean "plain"? wanted one of: operator, plain`},
		{"", []string{"controls.operator=1"}, "--set: controls.operator: not a single value, wanted one of its keys: import_share"},
		{"", []string{"controls.x=1"}, `--set: controls.x: unknown key "x", wanted one of: community, grid, home, operator, plain`},
	} {
		if _, err := loadFrom([]byte(row.controls+"\n"+baseScenario(t)), testLocation(), Options{Set: row.set}); err == nil || !strings.HasSuffix(err.Error(), row.want) {
			t.Errorf("%s %v: %v, wanted %s", row.controls, row.set, err, row.want)
		}
	}
}
