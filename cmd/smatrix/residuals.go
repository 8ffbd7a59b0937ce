package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
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
	columns, fed  []string // MEMBER=COLUMN: of what was drawn, or of both signs, and of what was fed in
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

A recorded value below 0 is power fed in, as a net meter counts it. Of a meter with two
registers, --column is what was drawn, and --fed-in is subtracted from it. Readings of
counters are read with --format '{reading: counter}' and --unit kWh or Wh.

MEMBER is a path, or its last part; a * in both names selects several meters.

Exit codes: 0 done, 1 failed, 2 usage, 3 recording or run invalid.`,
		Example: `  smatrix residuals runs/first --recording meters.csv --column household-0001=house0001 --unit kW
  smatrix residuals runs/first --recording meters.csv --column 'household-*=house*' --band 50 --json
  smatrix residuals runs/first --recording registers.csv --column 'household-*=in *' --fed-in 'household-*=out *' --unit kWh --format '{reading: counter}'`,
		Args:              someArgs(1, 1, "no folder, wanted that of a run"),
		ValidArgsFunction: completeDir,
		RunE:              func(c *cobra.Command, args []string) error { return f.residuals(c, args[0]) },
	}
	c.Flags().StringVar(&f.spec.File, "recording", "", "recorded `FILE`, CSV or CSV packed with gzip")
	c.Flags().StringArrayVar(&f.columns, "column", nil, "`MEMBER=COLUMN` of the file; repeatable")
	c.Flags().StringArrayVar(&f.fed, "fed-in", nil, "`MEMBER=COLUMN` of what the member fed in, subtracted from its --column; repeatable")
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
	warnings, err := f.meters(v, world, store.Steps())
	if err != nil {
		return err
	}
	printWarnings(c.ErrOrStderr(), warnings)
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

// meters reads the recording and adds a meter for each column that the flags name. It returns
// the doubts about the recording.
func (f *residualsFlags) meters(v *views.Residuals, w *sim.World, steps twins.Tick) ([]problem.Warning, error) {
	f.spec.ID, f.spec.Signed = "recording", true // a meter goes below 0 when the roof feeds in
	folder, name := filepath.Split(f.spec.File)
	if folder == "" {
		folder = "."
	}
	f.spec.File = name
	fsys, cal := regular.Dir(folder), inputs.NewCalendar(w.Scenario.Calendar.Start, w.Scenario.Calendar.Step, max(steps, 1))
	columns, err := inputs.RecordingColumns(fsys, f.spec, cal)
	if err != nil {
		return nil, err
	}
	asked, err := f.askedMeters(paths(w), columns)
	if err != nil {
		return nil, err
	}
	f.spec.Columns = map[string]string{}
	for _, m := range asked {
		switch {
		case m.fedIn != "":
			f.spec.AddUp(m.key(), []string{m.column}, []string{m.fedIn})
		case strings.Contains(m.column, "*"): // a name, and no pattern
			f.spec.AddUp(m.key(), []string{m.column}, nil)
		default:
			f.spec.Columns[m.key()] = m.column
		}
	}
	recorded, err := inputs.ReadRecording(fsys, f.spec, cal)
	if err != nil {
		return nil, err
	}
	for _, m := range asked {
		at := slices.Index(recorded.Columns, m.key())
		if at < 0 {
			return nil, &problem.Usage{What: fmt.Sprintf("--column %s: %s lacks more of its values than format.leave_out allows", m.key(), name)}
		}
		if err := meter(v, w, m, recorded, at); err != nil {
			return nil, err
		}
	}
	return recorded.Warnings, nil
}

// askedMeter is a member and its columns in the recording.
type askedMeter struct {
	path          string
	column, fedIn string // fedIn is "" if column has both signs
}

// key is the name under which the columns are read.
func (m *askedMeter) key() string { return m.path + "=" + m.column }

// shown is the name of the columns in the output.
func (m *askedMeter) shown() string {
	if m.fedIn == "" {
		return m.column
	}
	return m.column + " - " + m.fedIn
}

// askedMeters returns the meters that the flags name, among the paths of members and the columns of the
// file.
func (f *residualsFlags) askedMeters(paths, columns []string) (all []askedMeter, err error) {
	for _, asked := range f.columns {
		found, err := pairsOf("--column", asked, f.spec.File, paths, columns)
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			if slices.Contains(all, m) {
				return nil, &problem.Usage{What: fmt.Sprintf("--column %q: %s is named twice, wanted each column of a member once", asked, m.key())}
			}
			all = append(all, m)
		}
	}
	for _, asked := range f.fed {
		found, err := pairsOf("--fed-in", asked, f.spec.File, paths, columns)
		if err != nil {
			return nil, err
		}
		for _, fed := range found {
			at := slices.IndexFunc(all, func(m askedMeter) bool { return m.path == fed.path })
			if at < 0 || all[at].fedIn != "" || all[at].column == fed.column {
				return nil, &problem.Usage{What: fmt.Sprintf("--fed-in %q: wanted one --column of %s, from which this one is subtracted", asked, fed.path)}
			}
			all[at].fedIn = fed.column
		}
	}
	return all, nil
}

// pairsOf returns the members and columns that a MEMBER=COLUMN of a flag fits, at least one.
func pairsOf(flag, asked, file string, paths, columns []string) (found []askedMeter, err error) {
	member, column, ok := strings.Cut(asked, "=")
	if !ok || member == "" || column == "" {
		return nil, &problem.Usage{What: fmt.Sprintf("%s %q: wanted MEMBER=COLUMN", flag, asked)}
	}
	several := strings.Contains(member, "*")
	for _, path := range paths {
		part, ok := fitsPath(path, member)
		if !ok {
			continue
		}
		name := column
		if several {
			name = strings.Replace(column, "*", part, 1)
		}
		if !slices.Contains(columns, name) {
			if several {
				continue
			}
			return nil, &problem.Usage{What: fmt.Sprintf("%s %q: %s has no column %s; wanted one of: %s", flag, asked, file, column, strings.Join(columns, ", "))}
		}
		if found = append(found, askedMeter{path: path, column: name}); len(found) > 1 && !several {
			return nil, &problem.Usage{What: fmt.Sprintf("%s %q: several members are called so, wanted a whole path such as %s", flag, asked, path)}
		}
	}
	if len(found) == 0 {
		return nil, &problem.Usage{What: fmt.Sprintf("%s %q: no member of the run and column of %s fit", flag, asked, file)}
	}
	return found, nil
}

// meter adds a recorded column as the meter of a member.
func meter(v *views.Residuals, w *sim.World, m askedMeter, recorded *inputs.Recording, column int) error {
	c, err := recorded.Column(column, 0)
	if err != nil {
		return err
	}
	values, err := c.Powers()
	if err != nil {
		return err
	}
	return v.Meter(w, m.path, m.shown(), values)
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
