package scenario

import (
	"errors"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/problem"
)

// A new scenario is refused if its seed is above 2⁵³, or if a value that is not 0 would be stored as
// 0; a kept run that was begun with either is loaded again.
func TestRefusedOfNewScenarios(t *testing.T) {
	const battery = "    rated_w: 5000"
	seed := func(n uint64) Options { return Options{Seed: &n} }
	for _, row := range []struct {
		name    string
		old, by string // in the base
		o       Options
		want    string // "": it is accepted
	}{
		{"the greatest seed", "", "", seed(1 << 53), ""},
		{"seed by flag", "", "", seed(1<<53 + 1), "--seed 9007199254740993 is above 9007199254740992"},
		{"seed of all bits", "", "", seed(1<<64 - 1), "--seed 18446744073709551615 is above 9007199254740992"},
		{"seed in the file", "step_s: 3600", "seed: 9007199254740993", Options{}, "x.yaml:2: seed: 9007199254740993 is above 9007199254740992"},
		{"seed by --set", "", "", Options{Set: []string{"seed=9007199254740993"}}, "seed: 9007199254740993 is above"},
		{"reserve in the file", battery, battery + "\n    reserve_soc: 4e-10", Options{}, "batteries.b1.reserve_soc: 0.0000000004 would be taken as 0, wanted 0 or at least 1e-09"},
		{"reserve rounded up", battery, battery + "\n    reserve_soc: 6e-10", Options{}, ""},
		{"no reserve", battery, battery + "\n    reserve_soc: 0.000", Options{}, ""},
		{"peak in the file", battery, battery + "\n    peak_w: 0.0004", Options{}, "batteries.b1.peak_w: 0.0004 would be taken as 0, wanted 0 or at least 0.001"},
		{"peak by --set", "", "", Options{Set: []string{"batteries.b1.peak_w=1e-30"}}, "--set: batteries.b1.peak_w: "},
		{"scale by factor", "", "", Options{Set: []string{"households.*.load.scale*=1e-30"}}, "--set: households.h1.load.scale: "},
		{"scale of 0 by factor", "", "", Options{Set: []string{"households.*.load.scale*=0"}}, ""},
		{"event", "events:", "events:\n  - at: 1\n    set: batteries.b1.peak_w=0.0004", Options{}, "events: batteries.b1.peak_w: 0.0004 would be taken as 0"},
		{"factor of an event", "events:", "events:\n  - at: 1\n    set: households.h1.load.scale*=1e-30", Options{}, "events: households.h1.load.scale: factor "},
	} {
		t.Run(row.name, func(t *testing.T) {
			source := edited(t, row.old, row.by)
			_, err := loadFrom([]byte(source), testLocation(), row.o)
			if got := oneLine(err); (err == nil) != (row.want == "") || !strings.Contains(got, row.want) {
				t.Errorf("%q, wanted %q", got, row.want)
			}
			kept, err := Origin{File: "x.yaml", Dir: "../testdata/scenario", Text: []byte(source), Options: row.o}.Load()
			if err != nil {
				t.Fatalf("of a kept run: %v", err)
			}
			if _, err := kept.Commands([]string{"batteries.b1.peak_w=0.0004"}, 1); err == nil {
				t.Error("a change of a kept run is taken as 0")
			}
		})
	}
}

// Changes in mid-run, by the API or a fork, are refused if they would be stored as 0 and are not.
func TestVanishingCommands(t *testing.T) {
	s := mustLoad(t, baseScenario(t), Options{})
	for change, want := range map[string]string{
		"communities.street.limit_w=0.0004":  "communities.street.limit_w: 0.0004 would be taken as 0, wanted 0 or at least 0.001",
		"communities.street.limit_w=1e-30":   "would be taken as 0",
		"households.h1.load.scale*=1e-30":    "households.h1.load.scale: factor ",
		"communities.street.limit_w=0":       "",
		"communities.street.limit_w=0.0006":  "",
		"households.h1.load.scale*=0":        "",
		"households.h1.load.scale*=1e-9":     "",
		"batteries.b1.reserve_soc=0.0000001": "",
	} {
		if _, err := s.Commands([]string{change}, 1); (err == nil) != (want == "") || !strings.Contains(oneLine(err), want) {
			t.Errorf("%s: %v, wanted %q", change, err, want)
		}
		if _, err := s.Changes([]string{change}, 1, nil); (err == nil) != (want == "") {
			t.Errorf("%s in a fork: %v, wanted %q", change, err, want)
		}
	}
}

// oneLine is the text of an error as people read it, "" for none.
func oneLine(err error) string {
	var at *problem.At
	switch {
	case err == nil:
		return ""
	case errors.As(err, &at):
		return at.Error()
	}
	return err.Error()
}
