package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/sim/scenario"
)

func newScenario() *cobra.Command {
	c := &cobra.Command{
		Use:   "scenario",
		Short: "List, show, begin and check scenarios",
		Long: `A scenario is a YAML file: a grid, its members, and how long it is run. Some are
shipped and go by their name, your own go by their file.`,
		Example: `  smatrix scenario list
  smatrix scenario init my-street.yaml
  smatrix scenario validate my-street.yaml`,
	}
	c.AddCommand(newScenarioList(), newScenarioShow(), newScenarioInit(), newScenarioImport(), newScenarioValidate(), newScenarioSchema())
	return c
}

func newScenarioList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the shipped scenarios",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, l := range scenario.List() {
				fmt.Fprintf(w, "%s\t%s\n", l.Name, firstLine(l.Description))
			}
			return w.Flush() // which also returns earlier errors
		},
	}
}

func newScenarioSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of scenarios",
		Long: `Schema prints the JSON Schema (draft 2020-12) of scenarios: every key with its
bounds and default. Editors complete and check YAML with it. Keys marked
x-changeable may be changed in mid-run.`,
		Example: `  smatrix scenario schema > smatrix.schema.json`,
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			schema, err := scenario.Schema()
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(schema)
			return err
		},
	}
}
