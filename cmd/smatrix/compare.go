package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

func newCompare() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "compare DIR DIR2",
		Short: "Say what differs between two runs",
		Long: `Compare goes through the records of two runs and says by how much the second is
more: energies, peaks, cost, CO2, ratios, what was not served and what waits; for each
community; and the households that gained and lost most.

Peak consumption + charging is what was used in a step, from wherever it came; peak
import and export are what passed the outer ties, peak drawn and fed in what passed a
community's border: its connection to the grid and the outer ties that are its members.

Ratios are in percent, and their differences in percentage points; in JSON both are
ratios, so that a difference of 0.01 is one point.

Cost is counted at the grid's outer ties: import less export of each step times its
market price; a household's cost is what its meter drew less what it fed in, at the
same price. CO2 is import times the mix of the step; what local plants emit is not in it.
Where there is no market both are null.

Only the time that both runs have is compared. What only one of them has, or cannot be
compared, is named, and so are reasons for differences besides the changes of a fork:
other scenarios, seeds or models, and later commands of its parent that a fork lacks.
Two runs without common time or without a common community are refused.

Exit codes: 0 done, 1 failed, 2 usage or nothing to compare, 3 what is kept is invalid.`,
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

func compareRuns(stderr io.Writer, a, b string) (c *views.Comparison, err error) {
	var runs [2]*comparedRun
	defer func() {
		for _, r := range runs {
			if r != nil {
				err = errors.Join(err, r.store.Close())
			}
		}
	}()
	for i, dir := range []string{a, b} {
		if runs[i], err = openCompared(dir); err != nil {
			return nil, err
		}
	}
	x, y := runs[0], runs[1]
	shared, ok := views.SharedSpan(&x.of, &y.of)
	if !ok || !x.sharesWith(y) {
		return nil, &problem.Usage{What: fmt.Sprintf("run %q and run %q have nothing to compare: %s and %s; wanted two runs that have some time and a community in common",
			a, b, x.what(), y.what())}
	}
	if err := x.account(stderr, shared.FromA, shared.ToA); err != nil {
		return nil, err
	}
	if err := y.account(stderr, shared.FromB, shared.ToB); err != nil {
		return nil, err
	}
	return views.Compare(x.accounts, y.accounts, x.of, y.of, shared, x.report, y.report), nil
}

// comparedRun is one of two runs that are compared.
type comparedRun struct {
	store    *persistence.Store
	world    *sim.World
	of       views.RunOf
	accounts *views.Accounts
	report   *views.Report
}

func openCompared(dir string) (*comparedRun, error) {
	store, err := persistence.Open(dir, persistence.Read)
	if err != nil {
		return nil, err
	}
	world, err := store.Twins()
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	digest, err := store.DigestText(store.Steps())
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	s := world.Scenario
	r := &comparedRun{store: store, world: world, of: views.RunOf{Run: dir, Scenario: s.Name, Seed: s.Seed, Steps: int64(store.Steps()),
		StepS: int64(s.Calendar.Step), Digest: digest, Start: s.Calendar.Start, First: int64(store.First())}}
	if p := store.Meta().Journal.Parent; p != nil {
		r.of.LaterCommands = p.Later()
	}
	return r, nil
}

// sharesWith reports whether two runs have a community in common.
func (r *comparedRun) sharesWith(o *comparedRun) bool {
	return slices.ContainsFunc(r.world.Cells, func(c *twins.Cell) bool {
		return slices.ContainsFunc(o.world.Cells, func(d *twins.Cell) bool { return c.Path == d.Path })
	})
}

// what says what a run is of.
func (r *comparedRun) what() string {
	cal := r.world.Scenario.Calendar
	const layout = "2006-01-02 15:04"
	return fmt.Sprintf("%s from %s to %s", r.of.Scenario, cal.Time(0).Format(layout), cal.Time(r.store.Steps()).Format(layout))
}

// account replays the steps from ≤ t < to into accounts.
func (r *comparedRun) account(stderr io.Writer, from, to twins.Tick) error {
	r.accounts, r.of.Models = views.NewAccounts(r.world), r.store.Models(from, to)
	if err := r.store.Replay(from, to, r.accounts); err != nil {
		return err
	}
	printFirst(stderr, r.store)
	printRepairs(stderr, r.store)
	r.report = r.accounts.Summary.Report(r.world)
	return nil
}

// comparisonText returns the comparison for people.
func comparisonText(c *views.Comparison) string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\t%s\t%s\tmore\t\n", printableLine(c.A.Run), printableLine(c.B.Run))
	for _, e := range (&views.EnergyReport{}).All() {
		if e.Name != "turned_down" { // always 0
			differenceRow(t, words(e.Name), c.Energy[e.Name], energy)
		}
	}
	differenceRow(t, "peak consumption + charging", c.PeakW, power)
	differenceRow(t, "peak import", c.PeakImportW, power)
	differenceRow(t, "peak export", c.PeakExportW, power)
	differenceRow(t, "cost at the ties", c.CostEUR, euros)
	differenceRow(t, "CO2 of import", c.CO2G, func(g float64) string { return quantity(g, "g") })
	differenceRow(t, "community-steps above their limit", c.LimitBreachSteps, func(n float64) string { return grouped(int64(n)) })
	ratioRows(t, c)
	fmt.Fprintln(t)
	fmt.Fprintf(t, "community\tdrawn\tfed in\tpeak drawn\tpeak fed in\tunserved\twaiting\t\n")
	for _, x := range c.Communities {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", printableLine(x.Community), moreText(x.DrawnWh, energy), moreText(x.FedInWh, energy),
			moreText(x.PeakDrawnW, power), moreText(x.PeakFedInW, power), moreText(x.UnservedWh, energy), moreText(x.WaitingWh, energy))
	}
	for _, side := range []struct {
		name  string
		homes []views.HouseholdDifference
	}{{"gained most", c.Households.Gained}, {"lost most", c.Households.Lost}} {
		if len(side.homes) == 0 {
			continue
		}
		fmt.Fprintf(t, "\n%s\tdrawn\tcost\tunserved\twaiting\t\n", side.name)
		for _, h := range side.homes {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t\n", printableLine(h.Household), moreText(h.DrawnKWh, func(k float64) string { return energy(k * 1e3) }),
				moreText(h.CostEUR, euros), moreText(h.UnservedWh, energy), moreText(h.WaitingWh, energy))
		}
	}
	_ = t.Flush() // a write to memory never fails
	fmt.Fprintf(&b, "\n%s of %s changed\n", grouped(int64(c.ChangedHouseholds)), counted(int64(c.ComparedHouseholds), "household", "households"))
	for _, line := range c.NotCompared {
		fmt.Fprintf(&b, "not compared: %s\n", printableLine(line))
	}
	for _, line := range c.Notes {
		fmt.Fprintf(&b, "note: %s\n", printableLine(line))
	}
	return b.String()
}

// ratioRows writes the ratios, and their differences in percentage points. The three shares by source of each run add up
// to 100 %.
func ratioRows(w io.Writer, c *views.Comparison) {
	all := c.Ratios()
	a, b := make([]*float64, len(all)), make([]*float64, len(all))
	for i, d := range all {
		a[i], b[i] = d.A, d.B
	}
	textsA, textsB := ratioTexts(a), ratioTexts(b)
	for i, d := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\n", strings.ToLower(views.RatioKinds[i].Label), textsA[i], textsB[i], moreText(d, pointsText))
	}
}

// ratioTexts formats ratios, which are in the order of RatioKinds.
func ratioTexts(all []*float64) (texts []string) {
	for i, v := range all {
		switch first := slices.IndexFunc(views.RatioKinds, func(k views.RatioKind) bool { return k.Name == "renewable_share" }); {
		case v == nil:
			texts = append(texts, "—")
		case i < first:
			texts = append(texts, shareText(*v))
		default:
			of := views.SumToHundred(*all[first], *all[first+1], *all[first+2])
			texts = append(texts, fmt.Sprintf("%.1f %%", of[i-first]))
		}
	}
	return texts
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

// pointsText formats a difference of ratios in percentage points.
func pointsText(r float64) string { return fmt.Sprintf("%.1f points", 100*r) }
