package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/scenario"
)

// validateFlags are the flags of scenario validate.
type validateFlags struct{ json, strict bool }

func newScenarioValidate() *cobra.Command {
	var f validateFlags
	c := &cobra.Command{
		Use:   "validate SCENARIO...",
		Short: "Check scenarios and the data that they name",
		Long: `Validate reads scenarios and all that they name, and prints for each what it has,
or what is wrong and what was wanted, with file and line. What can be read but is
not plausible, such as the readings of a counter or weather of another zone, is a
warning on stderr: nothing is changed, and a run takes it as it is. --strict makes
warnings an error.

--json prints one object for each scenario, with its warnings and errors.

Exit codes: 0 valid, 2 usage, 3 invalid, or doubtful with --strict.`,
		Example: `  smatrix scenario validate my-street.yaml
  smatrix scenario validate --strict my-street.yaml
  smatrix scenario validate --json my-street.yaml | jq .warnings`,
		Args:              someArgs(1, 0, "no scenario, wanted names or YAML files"),
		ValidArgsFunction: completeScenarios,
		RunE: func(c *cobra.Command, args []string) error {
			var errs []error
			for _, name := range args {
				prefix := ""
				if len(args) > 1 {
					prefix = name + ": "
				}
				errs = append(errs, f.validate(c, name, prefix))
			}
			return errors.Join(errs...)
		},
	}
	c.Flags().BoolVar(&f.json, "json", false, "print what was found as JSON")
	c.Flags().BoolVar(&f.strict, "strict", false, "take warnings for errors")
	c.Flags().SortFlags = false
	return c
}

// validated is what validate --json prints for a scenario.
type validated struct {
	Scenario string            `json:"scenario"` // as it was asked for
	Valid    bool              `json:"valid"`
	Steps    int64             `json:"steps"`
	Members  map[string]int    `json:"members"`  // by kind, at the start
	Prepared map[string]int    `json:"prepared"` // by kind, absent at the start
	Warnings []problem.Warning `json:"warnings"`
	Errors   []validationError `json:"errors"`
}

type validationError struct {
	File string `json:"file"` // "" for an error that is in no file
	Line int    `json:"line"` // from 1; 0 if the error is about the whole file
	Text string `json:"text"`
}

// validate prints what a scenario has and its warnings, and returns its errors.
func (f *validateFlags) validate(c *cobra.Command, name, prefix string) error {
	world, err := buildNamed(name)
	found := validated{Scenario: name, Valid: err == nil, Members: map[string]int{}, Prepared: map[string]int{}, Warnings: []problem.Warning{}, Errors: validationErrors(err)}
	if err == nil {
		found.Steps, found.Members, found.Prepared, found.Warnings = int64(world.Scenario.Calendar.Steps), world.Members, world.Prepared, world.Warnings
		printWarnings(c.ErrOrStderr(), world.Warnings)
		if f.strict && len(world.Warnings) > 0 {
			err = &problem.At{File: world.Scenario.File, What: counted(int64(len(world.Warnings)), "warning", "warnings") + ", wanted none (--strict)"}
		}
	}
	if f.json {
		return errors.Join(err, printJSON(c.OutOrStdout(), found))
	}
	if err != nil {
		return err
	}
	prepared := membersText(world.Prepared)
	if prepared != "" {
		prepared = ", prepared " + prepared
	}
	doubts := ""
	if n := len(world.Warnings); n > 0 {
		doubts = ", " + counted(int64(n), "warning", "warnings")
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%sok: %s%s, %s%s\n", prefix, membersText(world.Members), prepared, counted(int64(world.Scenario.Calendar.Steps), "step", "steps"), doubts)
	return err
}

func buildNamed(name string) (*sim.World, error) {
	s, err := scenario.Load(name, scenario.Options{})
	if err != nil {
		return nil, err
	}
	return sim.Build(s)
}

func validationErrors(err error) []validationError {
	all := []validationError{}
	for _, e := range splitJoined(err) {
		one := validationError{Text: e.Error()}
		var at *problem.At
		if errors.As(e, &at) {
			one = validationError{at.File, at.Line, at.What}
		}
		all = append(all, one)
	}
	return all
}
