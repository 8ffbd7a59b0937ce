package sim

import (
	"os"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/scenario"
)

// baseScenario returns testdata/scenario/base.yaml, from which tests start.
func baseScenario(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("testdata/scenario/base.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// edited returns the base scenario with one piece of text replaced.
func edited(t testing.TB, old, by string) string {
	t.Helper()
	base := baseScenario(t)
	if !strings.Contains(base, old) {
		t.Fatalf("%q is not in the base", old)
	}
	return strings.Replace(base, old, by, 1)
}

func loadText(source string, o scenario.Options) (*scenario.Scenario, error) {
	return scenario.Origin{File: "x.yaml", Dir: "testdata/scenario", Text: []byte(source), Options: o, Events: scenario.EventsDue}.Load()
}

func mustLoad(t testing.TB, source string, o scenario.Options) *scenario.Scenario {
	t.Helper()
	s, err := loadText(source, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustBuild(t testing.TB, s *scenario.Scenario) *World {
	t.Helper()
	w, err := Build(s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// loadAndBuild loads and builds a scenario, as `scenario validate` does.
func loadAndBuild(source string, o scenario.Options) error {
	s, err := loadText(source, o)
	if err == nil {
		_, err = Build(s)
	}
	return err
}
