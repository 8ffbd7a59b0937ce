package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/regular"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// residualsFlags are the flags of residuals.
type residualsFlags struct {
	spec          inputs.RecordingSpec
	format        string
	columns       []string
	band, allowed string
	json          bool
}

func newResiduals() *cobra.Command {
	var f residualsFlags
	c := &cobra.Command{
		Use:   "residuals DIR --recording FILE --column MEMBER=COLUMN",
		Short: "Compare recorded meters with what the twins computed",
		Long: `Residuals reads a recorded CSV file as a scenario's recordings are read, and compares
it with a run step by step: residual = computed - recorded, at the member's meter with
the devices behind it. For each meter it prints the mean (bias), the root mean
square (RMSE), the worst step, and the share of steps in which the residual was
outside its band. A meter that was outside for more than --allow is flagged.

A recorded value below 0 is power fed in, as a net meter counts it.

MEMBER is a path, or its last part; a * in both names selects several meters.

Exit codes: 0 done, 1 failed, 2 usage, 3 recording or run invalid.`,
		Example: `  smatrix residuals runs/first --recording meters.csv --column household-0001=house0001 --unit kW
  smatrix residuals runs/first --recording meters.csv --column 'household-*=house*' --band 50 --json`,
		Args:              someArgs(1, 1, "no folder, wanted that of a run"),
		ValidArgsFunction: completeDir,
		RunE:              func(c *cobra.Command, args []string) error { return f.residuals(c, args[0]) },
	}
	c.Flags().StringVar(&f.spec.File, "recording", "", "recorded `FILE`, CSV or CSV packed with gzip")
	c.Flags().StringArrayVar(&f.columns, "column", nil, "`MEMBER=COLUMN` of the file; repeatable")
	c.Flags().StringVar(&f.spec.Unit, "unit", "W", "values are in `UNIT`: W, kW, Wh or kWh")
	c.Flags().StringVar(&f.spec.Time.Column, "time", "time", "stamps are in `COLUMN`")
	c.Flags().StringVar(&f.spec.Time.Zone, "zone", "", "stamps without an offset are of `ZONE`, by default the scenario's")
	c.Flags().StringVar(&f.spec.Time.Stamps, "stamps", "start", "stamps name the `END` of the interval that they stand at: start or end")
	c.Flags().StringVar(&f.format, "format", "", "the file is written as `KEYS` say, those of a scenario's format: '{decimal: comma, date: dd.mm.yyyy}'")
	c.Flags().StringVar(&f.spec.Gaps, "gaps", "refuse", "`WAY` to fill gaps: refuse, hold, linear, same_time_last_week or in_next_row")
	c.Flags().StringVar(&f.band, "band", "5%", "residuals may be `SIZE`: W, or % of the greatest recorded power")
	c.Flags().StringVar(&f.allowed, "allow", "1%", "flag meters that are outside in more than `SHARE` of steps")
	c.Flags().BoolVar(&f.json, "json", false, "print a JSON array")
	c.Flags().SortFlags = false
	_ = c.MarkFlagFilename("recording", "csv", "gz") // completion only
	return c
}

func (f *residualsFlags) residuals(c *cobra.Command, dir string) (err error) {
	if f.spec.File == "" || len(f.columns) == 0 {
		return usage(c, "wanted --recording, a file, and --column MEMBER=COLUMN")
	}
	band, err := f.readBand(c)
	if err != nil {
		return err
	}
	if f.format != "" {
		if f.spec.Format, err = scenario.ParseFormat(f.format); err != nil {
			return usage(c, "--format %s: %v", f.format, err)
		}
	}
	store, err := persistence.Open(dir, persistence.Read)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	world, err := store.Twins()
	if err != nil {
		return err
	}
	v := &views.Residuals{Band: band}
	if err := f.meters(v, world, store.Steps()); err != nil {
		return err
	}
	printFirst(c.ErrOrStderr(), store)
	if err := store.Replay(store.First(), store.Steps(), v); err != nil {
		return err
	}
	printRepairs(c.ErrOrStderr(), store)
	if f.json {
		return printJSON(c.OutOrStdout(), v.All())
	}
	return writeResiduals(c.OutOrStdout(), v.All())
}

// readBand parses --band and --allow.
func (f *residualsFlags) readBand(c *cobra.Command) (b views.Band, err error) {
	if text, share := strings.CutSuffix(f.band, "%"); share {
		var v int64
		v, err = twins.ParseScaled(strings.TrimSpace(text), int64(twins.One)/100)
		b.Share = twins.Ratio(v)
	} else {
		var v int64
		v, err = twins.ParseScaled(f.band, int64(twins.Watt))
		b.Watts = twins.Power(v)
	}
	if err != nil || b.Share < 0 || b.Watts < 0 {
		return b, usage(c, "--band %q: wanted W such as 50, or a share such as 5%%", f.band)
	}
	text, share := strings.CutSuffix(f.allowed, "%")
	v, err := twins.ParseScaled(strings.TrimSpace(text), int64(twins.One)/100)
	if b.Allowed = twins.Ratio(v); err != nil || !share || v < 0 || v > int64(twins.One) {
		return b, usage(c, "--allow %q: wanted a share from 0%% to 100%%", f.allowed)
	}
	return b, nil
}

// meters reads the recording and adds a meter for each column that the flags name.
func (f *residualsFlags) meters(v *views.Residuals, w *sim.World, steps twins.Tick) error {
	cal := w.Scenario.Calendar
	f.spec.ID, f.spec.Signed = "recording", true // a meter goes below 0 when the roof feeds in
	folder, name := filepath.Split(f.spec.File)
	if folder == "" {
		folder = "."
	}
	f.spec.File = name
	recorded, err := inputs.ReadRecording(regular.Dir(folder), f.spec, inputs.NewCalendar(cal.Start, cal.Step, max(steps, 1)))
	if err != nil {
		return err
	}
	paths := paths(w)
	for _, asked := range f.columns {
		member, column, ok := strings.Cut(asked, "=")
		if !ok || member == "" || column == "" {
			return &problem.Usage{What: fmt.Sprintf("--column %q: wanted MEMBER=COLUMN", asked)}
		}
		found := 0
		for _, path := range paths {
			part, ok := fitsPath(path, member)
			if !ok {
				continue
			}
			at := columnNamed(recorded.Columns, strings.Replace(column, "*", part, 1))
			if at < 0 {
				if strings.Contains(member, "*") {
					continue
				}
				return &problem.Usage{What: fmt.Sprintf("--column %q: %s has no column %s; wanted one of: %s", asked, name, column, strings.Join(recorded.Columns, ", "))}
			}
			if found++; found > 1 && !strings.Contains(member, "*") {
				return &problem.Usage{What: fmt.Sprintf("--column %q: several members are called so, wanted a whole path such as %s", asked, path)}
			}
			if err := meter(v, w, path, recorded, at); err != nil {
				return err
			}
		}
		if found == 0 {
			return &problem.Usage{What: fmt.Sprintf("--column %q: no member of the run and column of %s fit", asked, name)}
		}
	}
	return nil
}

// meter adds a recorded column as the meter of a member.
func meter(v *views.Residuals, w *sim.World, path string, recorded *inputs.Recording, column int) error {
	c, err := recorded.Column(column, 0)
	if err != nil {
		return err
	}
	values, err := c.Powers()
	if err != nil {
		return err
	}
	return v.Meter(w, path, recorded.Columns[column], values)
}

// paths returns the paths of all members.
func paths(w *sim.World) (all []string) {
	for _, c := range w.Cells {
		for _, b := range c.Blocks {
			all = append(all, b.Paths...)
		}
	}
	return all
}

func columnNamed(columns []string, name string) int {
	for i, c := range columns {
		if c == name {
			return i
		}
	}
	return -1
}

// fitsPath reports whether a path or its last part matches a name with at most one *,
// and returns the text that the * matches.
func fitsPath(path, name string) (part string, fits bool) {
	for _, is := range []string{path, path[strings.LastIndexByte(path, '/')+1:]} {
		before, after, star := strings.Cut(name, "*")
		if !star {
			if is == name {
				return "", true
			}
			continue
		}
		if len(is) >= len(before)+len(after) && strings.HasPrefix(is, before) && strings.HasSuffix(is, after) {
			return is[len(before) : len(is)-len(after)], true
		}
	}
	return "", false
}

func writeResiduals(w io.Writer, all []views.Residual) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "METER\tCOLUMN\tBIAS\tRMSE\tWORST\tAT\tBAND\tOUTSIDE\t")
	flagged := 0
	for _, r := range all {
		at, flag := "—", ""
		if r.WorstAt != nil {
			at = r.WorstAt.Format("2006-01-02 15:04")
		}
		if r.Flagged {
			flagged++
			flag = "FLAGGED"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", printableLine(r.Member), printableLine(r.Column), power(r.BiasW), power(r.RMSEW), power(r.WorstW),
			at, power(r.BandW), shareText(r.OutsideShare), flag)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d of %s flagged\n", flagged, counted(int64(len(all)), "meter", "meters"))
	return err
}
