package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

func newCompare() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "compare DIR DIR2",
		Short: "Say what differs between two runs",
		Long: `Compare goes through the records of two runs and says by how much the second is
more: energies, peaks, cost, CO2, self-sufficiency, what was not served; for each
community; and the households that gained and lost most.

Peak consumption + charging is what was used in a step, from wherever it came; peak
import and export are what passed the outer ties, peak drawn and fed in what passed a
community's border.

Cost is counted at the grid's outer ties: import less export of each step times its
market price; a household's cost is what its meter drew less what it fed in, at the
same price. CO2 is import times the mix of the step; what local plants emit is not in it.
Where there is no market both are null. What cannot be compared, since the
runs differ in steps, length or households, is named.

Exit codes: 0 done, 1 failed, 2 usage, 3 what is kept is invalid.`,
		Example: `  smatrix compare runs/first runs/more-sun
  smatrix compare runs/first runs/loss --json | jq .households.lost`,
		Args:              someArgs(2, 2, "wanted the folders of two runs"),
		ValidArgsFunction: completeDir,
		RunE: func(c *cobra.Command, args []string) error {
			compared, err := compareRuns(c.ErrOrStderr(), args[0], args[1])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), compared)
			}
			_, err = io.WriteString(c.OutOrStdout(), comparisonText(compared))
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

func compareRuns(stderr io.Writer, a, b string) (*views.Comparison, error) {
	var accounts [2]*views.Accounts
	var reports [2]*views.Report
	var of [2]views.RunOf
	from := twins.Tick(0) // both from the same step on
	for _, dir := range []string{a, b} {
		first, err := firstOf(stderr, dir)
		if err != nil {
			return nil, err
		}
		from = max(from, first)
	}
	for i, dir := range []string{a, b} {
		var err error
		if accounts[i], reports[i], err = accountsOf(stderr, dir, from); err != nil {
			return nil, err
		}
		r := reports[i]
		of[i] = views.RunOf{Run: dir, Scenario: r.Scenario, Seed: r.Seed, Steps: r.Steps, StepS: r.StepS, Digest: r.Digest}
	}
	return views.Compare(accounts[0], accounts[1], of[0], of[1], reports[0], reports[1]), nil
}

// firstOf returns the first step that can be shown of a run.
func firstOf(stderr io.Writer, dir string) (first twins.Tick, err error) {
	store, err := persistence.Open(dir, persistence.Read)
	if err != nil {
		return 0, err
	}
	printFirst(stderr, store)
	return store.First(), store.Close()
}

// accountsOf replays a run, from a step on, into accounts.
func accountsOf(stderr io.Writer, dir string, from twins.Tick) (a *views.Accounts, r *views.Report, err error) {
	store, err := persistence.Open(dir, persistence.Read)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	world, err := store.Twins()
	if err != nil {
		return nil, nil, err
	}
	a = views.NewAccounts(world)
	if err := store.Replay(min(from, store.Steps()), store.Steps(), a); err != nil {
		return nil, nil, err
	}
	printRepairs(stderr, store)
	digest, err := store.DigestText(store.Steps())
	if err != nil {
		return nil, nil, err
	}
	r = a.Summary.Report(world)
	r.Digest, r.StepS = digest, int64(world.Scenario.Calendar.Step)
	return a, r, nil
}

// comparisonText returns the comparison for people.
func comparisonText(c *views.Comparison) string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\t%s\t%s\tmore\t\n", printable(c.A.Run), printable(c.B.Run))
	for _, name := range []string{"consumed", "produced", "imported", "exported", "charged", "discharged", "lost", "curtailed", "shifted", "unserved"} {
		differenceRow(t, name, c.Energy[name], energy)
	}
	differenceRow(t, "peak consumption + charging", c.PeakW, power)
	differenceRow(t, "peak import", c.PeakImportW, power)
	differenceRow(t, "peak export", c.PeakExportW, power)
	differenceRow(t, "cost at the ties", c.CostEUR, euros)
	differenceRow(t, "CO2 of import", c.CO2G, func(g float64) string { return quantity(g, "g") })
	differenceRow(t, "self-sufficiency", c.SelfSufficiency, shareText)
	fmt.Fprintln(t)
	fmt.Fprintf(t, "community\tdrawn\tfed in\tpeak drawn\tpeak fed in\tunserved\t\n")
	for _, x := range c.Communities {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t\n", printable(x.Community), moreText(x.DrawnWh, energy), moreText(x.FedInWh, energy),
			moreText(x.PeakDrawnW, power), moreText(x.PeakFedInW, power), moreText(x.UnservedWh, energy))
	}
	for _, side := range []struct {
		name  string
		homes []views.HouseholdDifference
	}{{"gained most", c.Households.Gained}, {"lost most", c.Households.Lost}} {
		if len(side.homes) == 0 {
			continue
		}
		fmt.Fprintf(t, "\n%s\tdrawn\tcost\tunserved\t\n", side.name)
		for _, h := range side.homes {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\n", printable(h.Household), moreText(h.DrawnKWh, func(k float64) string { return energy(k * 1e3) }),
				moreText(h.CostEUR, euros), moreText(h.UnservedWh, energy))
		}
	}
	_ = t.Flush() // a write to memory never fails
	fmt.Fprintf(&b, "\n%s of %s changed\n", grouped(int64(c.ChangedHouseholds)), counted(int64(c.ComparedHouseholds), "household", "households"))
	for _, line := range c.NotCompared {
		fmt.Fprintf(&b, "not compared: %s\n", printable(line))
	}
	return b.String()
}

func differenceRow(w io.Writer, name string, d views.Difference, unit func(float64) string) {
	text := func(v *float64) string {
		if v == nil {
			return "—"
		}
		return unit(*v)
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\n", name, text(d.A), text(d.B), moreText(d, unit))
}

// moreText formats by how much the second run is more, with its sign.
func moreText(d views.Difference, unit func(float64) string) string {
	switch {
	case d.More == nil:
		return "—"
	case *d.More == 0:
		return "="
	case *d.More > 0:
		return "+" + unit(*d.More)
	}
	return unit(*d.More)
}

func euros(e float64) string { return fmt.Sprintf("%.2f €", e) }

// shareText formats a ratio in percent.
func shareText(r float64) string { return fmt.Sprintf("%.1f %%", 100*r) }
