package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim"
)

func newRuns() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "runs [DIR]",
		Short: "List the runs that are kept in a folder",
		Long: `Runs lists the folders of runs in and below DIR (by default here): the state of each
run, how many of its steps are made, what it takes on disk. A run is "killed" if it
has not ended and no process has it open. For a fork it names the run that it begins
in, and after how many steps.`,
		Example: `  smatrix runs
  smatrix runs ~/grids --json`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(c, "unexpected argument %q", args[1])
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			found, err := persistence.List(dir)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), listedRuns(found))
			}
			return writeRuns(c.OutOrStdout(), found)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return c
}

// listedRun is a run in `runs --json`.
type listedRun struct {
	Run      string            `json:"run"` // folder
	Scenario string            `json:"scenario"`
	Seed     uint64            `json:"seed"`
	State    persistence.State `json:"state"`
	Steps    int64             `json:"steps"`    // made
	StepsOf  int64             `json:"steps_of"` // of the whole run
	Created  time.Time         `json:"created"`
	Smatrix  string            `json:"smatrix"`
	Bytes    int64             `json:"bytes"`
	Parent   *listedParent     `json:"parent"` // null if the run is no fork
	Error    string            `json:"error,omitempty"`
}

// listedParent is the run that a fork begins in.
type listedParent struct {
	Run   string `json:"run"`
	Step  int64  `json:"step"`
	There bool   `json:"there"` // the parent exists where it was
	// LaterCommands is drop if the fork lacks commands that its parent had for later steps, otherwise keep.
	LaterCommands sim.Later `json:"later_commands"`
}

func listedRuns(found []persistence.Listed) []listedRun {
	all := make([]listedRun, 0, len(found))
	for i := range found {
		l := &found[i]
		r := listedRun{Run: l.Dir, Scenario: l.Scenario, Seed: l.Seed, State: l.State, Steps: int64(l.Made), Created: l.Created, Smatrix: l.Smatrix, Bytes: l.Bytes}
		if l.Journal != nil {
			r.StepsOf = l.Journal.Steps
			if p := l.Journal.Parent; p != nil {
				dir, there := persistence.FindParent(l.Dir, p)
				r.Parent = &listedParent{dir, p.Step, there, p.Later()}
			}
		}
		if l.Err != nil {
			r.Error = l.Err.Error()
		}
		all = append(all, r)
	}
	return all
}

func writeRuns(w io.Writer, found []persistence.Listed) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "RUN\tSCENARIO\tSTATE\tSTEPS\tSIZE\tCREATED\tFORK OF")
	for _, l := range listedRuns(found) {
		if l.Error != "" {
			fmt.Fprintf(t, "%s\t\t%s\n", printableLine(l.Run), printableLine(l.Error))
			continue
		}
		steps := "—"
		if l.StepsOf > 0 {
			steps = fmt.Sprintf("%d of %d", l.Steps, l.StepsOf)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%.1f MB\t%s\t%s\n", printableLine(l.Run), printableLine(l.Scenario), printableLine(string(l.State)), steps,
			float64(l.Bytes)/1e6, l.Created.Local().Format("2006-01-02 15:04"), parentText(l.Parent))
	}
	return t.Flush()
}

// parentText names the run that a fork begins in.
func parentText(p *listedParent) string {
	switch {
	case p == nil:
		return ""
	case !p.There:
		return fmt.Sprintf("%s at %d (gone)", printableLine(p.Run), p.Step)
	}
	return fmt.Sprintf("%s at %d", printableLine(p.Run), p.Step)
}
