package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
)

func newScenarioValidate() *cobra.Command {
	return &cobra.Command{
		Use:   "validate SCENARIO...",
		Short: "Check scenarios and the data that they name",
		Long: `Validate reads scenarios and all that they name, and prints for each what it has,
or what is wrong and what was wanted, with file and line.`,
		Example:           `  smatrix scenario validate my-street.yaml`,
		Args:              someArgs(1, 0, "no scenario, wanted names or YAML files"),
		ValidArgsFunction: completeScenarios,
		RunE: func(c *cobra.Command, args []string) error {
			var errs []error
			for _, name := range args {
				prefix := ""
				if len(args) > 1 {
					prefix = name + ": "
				}
				errs = append(errs, validate(c.OutOrStdout(), name, prefix))
			}
			return errors.Join(errs...)
		},
	}
}

// validate prints the members of a scenario, or returns its errors.
func validate(w io.Writer, name, prefix string) error {
	s, err := scenario.Load(name, scenario.Options{})
	if err != nil {
		return err
	}
	world, err := sim.Build(s)
	if err != nil {
		return err
	}
	prepared := membersText(world.Prepared)
	if prepared != "" {
		prepared = ", prepared " + prepared
	}
	_, err = fmt.Fprintf(w, "%sok: %s%s, %s\n", prefix, membersText(world.Members), prepared, counted(int64(s.Calendar.Steps), "step", "steps"))
	return err
}
