package scenario_test

import (
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
)

func init() {
	scenario.Build = func(s *scenario.Scenario) error {
		_, err := sim.Build(s)
		return err
	}
}
