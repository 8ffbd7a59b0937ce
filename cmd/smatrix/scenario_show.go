package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/sim/scenario"
)

func newScenarioShow() *cobra.Command {
	var resolved bool
	var set []string
	c := &cobra.Command{
		Use:   "show SCENARIO",
		Short: "Print a scenario",
		Long: `Show prints a scenario as it was written, with its comments, and below it, as
comments, which days of recorded years lie where; resolved, with one entry for
each member and all defaults, which has every path that --set knows.`,
		Example: `  smatrix scenario show street > my-street.yaml
  smatrix scenario show hamlet --resolved --set batteries.battery.rated_wh=20000`,
		Args:              someArgs(1, 1, "no scenario, wanted the name of one or a YAML file"),
		ValidArgsFunction: completeScenario,
		RunE: func(c *cobra.Command, args []string) error {
			text, err := showScenario(c, args[0], resolved, set)
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		},
	}
	c.Flags().BoolVar(&resolved, "resolved", false, "with all members, defaults and changes")
	addSet(c, &set)
	c.Flags().SortFlags = false
	return c
}

func showScenario(c *cobra.Command, name string, resolved bool, set []string) ([]byte, error) {
	if !resolved {
		if len(set) > 0 {
			return nil, usage(c, "--set without --resolved, which alone shows changes")
		}
		return withCalendar(name)
	}
	s, err := scenario.Load(name, scenario.Options{Set: set})
	if err != nil {
		return nil, err
	}
	return s.YAML()
}

// withCalendar returns a scenario as it was written, with its calendar map below. An
// invalid scenario is shown without the map.
func withCalendar(name string) ([]byte, error) {
	text, err := scenario.Source(name)
	if err != nil {
		return nil, err
	}
	s, err := scenario.Load(name, scenario.Options{})
	if err != nil {
		return text, nil
	}
	lines := s.CalendarMap()
	if len(lines) == 0 {
		return text, nil
	}
	return fmt.Appendf(text, "\n# Which recorded days lie where:\n#   %s\n", strings.Join(lines, "\n#   ")), nil
}
