package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// usageFlags are the flags of usage.
type usageFlags struct {
	household, community, month, by string
	json                            bool
}

func newUsage() *cobra.Command {
	var f usageFlags
	c := &cobra.Command{
		Use:   "usage DIR",
		Short: "Say what a household, a community or the whole grid used, and when",
		Long: `Usage reads the read models of a run: what was consumed, produced, stored, drawn
and fed in, by hour, local day or month, and for a household by device. Hours are
kept for 60 days, or what --keep-hours said, days for ever. A household's meter is read with the batteries and
vehicles behind it. A community draws and feeds in what crosses its border: its connection to
the grid and the outer ties that are its members. The whole grid's border is its outer ties.
What is fed in is never netted against what is drawn. Driven is what vehicles used on the way, out
of their batteries; it is not known of runs that an earlier program has begun, until
` + "`smatrix rebuild`" + `.

PATH is a path such as grid/north/household-1, or its last part if that is unique.

Exit codes: 0 done, 1 failed, 2 usage, 3 what is kept is invalid.`,
		Example: `  smatrix usage runs/first
  smatrix usage runs/first --household grid/community-01/household-0001 --by hour
  smatrix usage runs/first --community community-01 --month 2018-01 --json`,
		Args:              someArgs(1, 1, "no folder, wanted that of a run"),
		ValidArgsFunction: completeDir,
		RunE:              func(c *cobra.Command, args []string) error { return f.usage(c, args[0]) },
	}
	c.Flags().StringVar(&f.household, "household", "", "of the household `PATH`")
	c.Flags().StringVar(&f.community, "community", "", "of the community `PATH`")
	c.Flags().StringVar(&f.month, "month", "", "only the month `YYYY-MM`")
	c.Flags().StringVar(&f.by, "by", "day", "list by `SPAN`: hour, day or month")
	c.Flags().BoolVar(&f.json, "json", false, "print one JSON object")
	c.Flags().SortFlags = false
	_ = c.RegisterFlagCompletionFunc("by", cobra.FixedCompletions([]string{"hour", "day", "month"}, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	return c
}

// usedEnergy is energies in Wh by name.
type usedEnergy map[string]float64

// usedSpan is a row of usage.
type usedSpan struct {
	From    time.Time          `json:"from"`
	Energy  usedEnergy         `json:"energy_wh"`
	Devices map[string]float64 `json:"devices_wh,omitempty"` // + drawn, − injected
	figures views.Figures
	driven  twins.Energy
	devices map[string]twins.Energy
}

// usedJSON is the object of `usage --json`.
type usedJSON struct {
	Run     string             `json:"run"`
	Of      string             `json:"of"`
	By      string             `json:"by"`
	Steps   int64              `json:"steps"` // in the read models
	Energy  usedEnergy         `json:"energy_wh"`
	Devices map[string]float64 `json:"devices_wh,omitempty"`
	Most    *usedMost          `json:"most,omitempty"`
	Spans   []*usedSpan        `json:"spans"`
}

// usedMost is the device that used most, and the span in which most was used.
type usedMost struct {
	Device string    `json:"device,omitempty"`
	From   time.Time `json:"from"`
	Wh     float64   `json:"consumed_wh"`
}

func (f *usageFlags) usage(c *cobra.Command, dir string) (err error) {
	if f.household != "" && f.community != "" {
		return usage(c, "--household with --community, wanted one of them")
	}
	if !slices.Contains([]string{"hour", "day", "month"}, f.by) {
		return usage(c, "--by %q: wanted hour, day or month", f.by)
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
	u := &usageQuery{world: world, by: f.by, spans: map[int64]*usedSpan{}}
	if err := u.find(f.household, f.community); err != nil {
		return err
	}
	from, to, err := f.months(c, world.Scenario.Calendar, store)
	if err != nil {
		return err
	}
	if err := u.read(store, from, to); err != nil {
		return err
	}
	if until, deleted := u.deletedHours(store); deleted {
		fmt.Fprintf(c.ErrOrStderr(), "smatrix: hours before %s have been deleted (--keep-hours) and are not in the sum; `--by day` has them\n", until.Format("2006-01-02 15:04 MST"))
	}
	out := u.object(dir, int64(store.Steps()))
	if f.json {
		return printJSON(c.OutOrStdout(), out)
	}
	_, err = io.WriteString(c.OutOrStdout(), usageText(out))
	return err
}

// months returns the bounds of --month in Unix seconds. A month in which the run has made no step is an error:
// its use is not 0.
func (f *usageFlags) months(c *cobra.Command, cal *inputs.Calendar, s *persistence.Store) (from, to int64, err error) {
	if f.month == "" {
		return math.MinInt64 / 2, math.MaxInt64 / 2, nil
	}
	at, err := time.ParseInLocation("2006-01", f.month, cal.Start.Location())
	if err != nil {
		return 0, 0, usage(c, "--month %q: wanted a month such as 2018-01", f.month)
	}
	noon := func(months int) int64 { // of the first day: noon exists on every clock
		y, m, _ := at.Date()
		return cal.DayStart(time.Date(y, m+time.Month(months), 1, 12, 0, 0, 0, cal.Start.Location()).Unix())
	}
	from, to = noon(0), noon(1)
	if to <= cal.Time(0).Unix() || from >= cal.Time(s.Steps()).Unix() {
		return 0, 0, usage(c, "--month %s is outside the run: %s", f.month, spanText(s, cal))
	}
	return from, to, nil
}

// usageQuery sums the usage of a household, a community or the grid.
type usageQuery struct {
	world           *sim.World
	by, of          string
	cell            int // −1: all
	block, member   int // −1: the community
	devices         []usedDevice
	from, to        int64 // bounds of the windows' starts, Unix s
	spans           map[int64]*usedSpan
	total           views.Figures
	driven          twins.Energy
	drivenKnown     bool // an earlier program has not kept it
	totalsOfDevices map[string]twins.Energy
}

// usedDevice is a member behind the household's meter.
type usedDevice struct {
	block, member int
	name          string
	prepared      bool // prepared only: it may not have been installed
}

// find finds the household or community that the flags name.
func (u *usageQuery) find(household, community string) error {
	u.cell, u.block, u.member, u.of = -1, -1, -1, twins.GridPath
	asked, what := household, "household"
	if asked == "" {
		asked, what = community, "community"
	}
	if asked == "" {
		return nil
	}
	var paths []string
	fits := func(path string) bool {
		if path == asked || strings.HasSuffix(path, "/"+asked) {
			paths = append(paths, path)
			return true
		}
		return false
	}
	for i, c := range u.world.Cells {
		if what == "community" {
			if fits(c.Path) {
				u.cell, u.of = i, c.Path
			}
			continue
		}
		for k, b := range c.Blocks {
			for m, path := range b.Paths {
				if b.Kind == twins.Household && fits(path) {
					u.cell, u.block, u.member, u.of = i, k, m, path
				}
			}
		}
	}
	switch len(paths) {
	case 0:
		return &problem.Usage{What: fmt.Sprintf("--%s %s: no such %s in the run", what, asked, what)}
	case 1:
		u.addDevices()
		return nil
	}
	return &problem.Usage{What: fmt.Sprintf("--%s %s: %d are called so, wanted a whole path such as %s", what, asked, len(paths), paths[0])}
}

// addDevices adds the members behind the household's meter.
func (u *usageQuery) addDevices() {
	if u.block < 0 {
		return
	}
	for k, b := range u.world.Cells[u.cell].Blocks {
		for m, path := range b.Paths {
			if name, ok := strings.CutPrefix(path, u.of+"/"); ok {
				u.devices = append(u.devices, usedDevice{k, m, name, b.Prepared(m)})
			}
		}
	}
}

func (u *usageQuery) read(s *persistence.Store, from, to int64) error {
	span := persistence.Days
	switch u.by {
	case "hour":
		span = persistence.Hours
	case "month":
		span = persistence.Months
	}
	u.totalsOfDevices = map[string]twins.Energy{}
	u.from, u.to = from, to
	rest, behind := u.behind(s)
	err := s.Usage(span, from, to, func(start int64, community int, c *views.CellUsage) error {
		if behind && start >= rest {
			return nil
		}
		if u.cell < 0 || u.cell == community {
			u.add(u.span(start), community, c)
		}
		return nil
	})
	if u.drivenKnown = s.HasWindows(views.DrivingKind); err == nil && u.drivenKnown {
		err = s.Windows(views.DrivingKind, span, from, to, func(start int64, community int, w views.Window) error {
			if (!behind || start < rest) && (u.cell < 0 || u.cell == community) {
				u.addDriven(u.span(start), views.DrivingOf(w))
			}
			return nil
		})
	}
	if err != nil || !behind {
		return err
	}
	return u.addRecords(s, rest)
}

// deletedHours returns the first of the hours asked for that is still kept, if earlier ones have
// been deleted.
func (u *usageQuery) deletedHours(s *persistence.Store) (until time.Time, deleted bool) {
	if u.by != "hour" || s.Steps() == 0 {
		return until, false
	}
	wanted, end := max(u.from, u.window(0)), min(u.to, u.window(s.Steps()-1)+3600)
	first := end
	for start := range u.spans {
		first = min(first, start)
	}
	return time.Unix(first, 0).In(u.world.Scenario.Calendar.Start.Location()), first > wanted && wanted < end
}

// window returns the start of the hour, or else the local day, of a step, in Unix seconds.
func (u *usageQuery) window(t twins.Tick) int64 {
	if u.by == "hour" {
		return views.LocalHour(u.world.Scenario.Calendar, t)
	}
	return views.LocalDay(u.world.Scenario.Calendar, t)
}

// behind returns the start of the first window that is not kept as a whole: a run that was
// killed has steps that are not in its windows yet.
func (u *usageQuery) behind(s *persistence.Store) (rest int64, behind bool) {
	if s.Steps() == 0 || s.Folded() >= s.Steps() && s.Meta().State != persistence.Running {
		return 0, false
	}
	return u.window(min(s.Folded(), s.Steps()-1)), true
}

// addRecords adds the windows from a start on, summed from the records of their steps. They have
// the use of devices if the steps can be computed again.
func (u *usageQuery) addRecords(s *persistence.Store, rest int64) error {
	first := s.Steps()
	for first > s.First() && u.window(first-1) >= rest {
		first--
	}
	var sums []*views.CellUsage
	var driving []*views.Driving
	step, at := u.world.Scenario.Calendar.Step, rest
	take := func() {
		for i, c := range sums {
			if (u.cell < 0 || u.cell == i) && u.from <= at && at < u.to {
				u.add(u.monthly(at), i, c)
				u.addDriven(u.monthly(at), driving[i])
			}
			c.Reset()
			driving[i].Reset()
		}
	}
	sink := sim.SinkFunc(func(r *sim.StepRecord) error {
		if sums == nil {
			for i, c := range u.world.Cells {
				sums = append(sums, views.NewCellUsage(c.Layout(), step))
				driving = append(driving, views.DrivingOf(views.DrivingKind.Window(u.world, i)))
			}
		}
		if start := u.window(r.Tick); start != at {
			take()
			at = start
		}
		for i, c := range r.Cells {
			sums[i].Add(c, step)
			driving[i].Add(r)
		}
		return nil
	})
	parts := s.Recomputable(first, s.Steps()) == nil
	if err := s.Reader().Replay(first, s.Steps(), parts, sink); err != nil {
		return err
	}
	take()
	return nil
}

// monthly is the span of a window that was summed from records: its month, or itself.
func (u *usageQuery) monthly(start int64) *usedSpan {
	if u.by == "month" {
		zone := u.world.Scenario.Calendar.Start.Location()
		y, m, _ := time.Unix(start, 0).In(zone).Date()
		for _, s := range u.spans {
			if ys, ms, _ := s.From.Date(); ys == y && ms == m {
				return s
			}
		}
	}
	return u.span(start)
}

// span returns the row of a time.
func (u *usageQuery) span(start int64) *usedSpan {
	s := u.spans[start]
	if s == nil {
		s = &usedSpan{From: time.Unix(start, 0).In(u.world.Scenario.Calendar.Start.Location()), devices: map[string]twins.Energy{}}
		u.spans[start] = s
	}
	return s
}

func (u *usageQuery) add(s *usedSpan, community int, c *views.CellUsage) {
	f := c.AtBorder()
	if u.cell < 0 {
		f = c.OfGrid()
	}
	if u.block >= 0 {
		b := &c.Blocks[u.block]
		f = b.Of(u.member)
		for i, name := range u.world.Cells[community].Blocks[u.block].Slab.Parts(u.member) {
			s.devices[name] += b.PartsOf(u.member)[i]
			u.totalsOfDevices[name] += b.PartsOf(u.member)[i]
		}
		for _, d := range u.devices {
			g := c.Blocks[d.block].Of(d.member)
			if d.prepared && g == (views.Figures{}) {
				continue
			}
			net := g[views.Charged] - g[views.Discharged]
			s.devices[d.name] += net
			u.totalsOfDevices[d.name] += net
			for _, k := range []views.Figure{views.Charged, views.Discharged, views.Unserved, views.Shifted} {
				f[k] += g[k]
			}
		}
	}
	s.figures.Plus(&f)
	u.total.Plus(&f)
}

// addDriven adds what the vehicles in a community, or behind a household's meter, have used by driving.
func (u *usageQuery) addDriven(s *usedSpan, d *views.Driving) {
	driven := d.Total()
	if u.block >= 0 {
		driven = 0
		for _, v := range u.devices {
			driven += d.Of(v.block, v.member)
		}
	}
	s.driven += driven
	u.driven += driven
}

// inWh returns energies by name; driven is missing if it is not known.
func (u *usageQuery) inWh(f *views.Figures, driven twins.Energy) usedEnergy {
	e := usedEnergy{}
	if u.drivenKnown {
		e["driven"] = driven.WattHours()
	}
	for i, name := range views.FigureNames {
		e[strings.TrimSuffix(name, "_wh")] = f[i].WattHours()
	}
	return e
}

func devicesInWh(devices map[string]twins.Energy) map[string]float64 {
	e := map[string]float64{}
	for name, v := range devices {
		e[name] = v.WattHours()
	}
	return e
}

func (u *usageQuery) object(dir string, steps int64) *usedJSON {
	o := &usedJSON{Run: dir, Of: u.of, By: u.by, Steps: steps, Energy: u.inWh(&u.total, u.driven), Devices: devicesInWh(u.totalsOfDevices), Spans: []*usedSpan{}}
	for _, s := range u.spans {
		s.Energy, s.Devices = u.inWh(&s.figures, s.driven), devicesInWh(s.devices)
		o.Spans = append(o.Spans, s)
	}
	slices.SortFunc(o.Spans, func(a, b *usedSpan) int { return a.From.Compare(b.From) })
	for _, s := range o.Spans {
		if wh := s.Energy["consumed"]; o.Most == nil || wh > o.Most.Wh {
			o.Most = &usedMost{From: s.From, Wh: wh}
		}
	}
	if names := byUse(o.Devices); o.Most != nil && len(names) > 0 && o.Devices[names[0]] > 0 {
		o.Most.Device = names[0]
	}
	return o
}

// byUse lists devices, the greatest consumers first.
func byUse(devices map[string]float64) (names []string) {
	for name := range devices {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(devices[b], devices[a]), cmp.Compare(a, b)) })
	return names
}

// usageText returns the usage for people.
func usageText(o *usedJSON) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", printableLine(o.Of))
	t := tabwriter.NewWriter(&b, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, o.By+"\tconsumed\tdriven\tproduced\tdrawn\tfed in\tunserved\t")
	row := func(name string, e usedEnergy) {
		driven := "not known"
		if wh, ok := e["driven"]; ok {
			driven = energy(wh)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", name, energy(e["consumed"]), driven, energy(e["produced"]), energy(e["drawn"]), energy(e["fed_in"]), energy(e["unserved"]))
	}
	for _, s := range o.Spans {
		row(s.From.Format(map[string]string{"hour": "2006-01-02 15:04 MST", "day": "Mon 2006-01-02", "month": "2006-01"}[o.By]), s.Energy)
	}
	row("all", o.Energy)
	if len(o.Devices) > 0 {
		fmt.Fprintln(t, "\ndevice\tnet energy\t")
		for _, name := range byUse(o.Devices) {
			fmt.Fprintf(t, "%s\t%s\t\n", printableLine(name), energy(o.Devices[name]))
		}
	}
	_ = t.Flush() // a write to memory never fails
	return b.String()
}

func newRebuild() *cobra.Command {
	return &cobra.Command{
		Use:   "rebuild DIR",
		Short: "Build the read models of a run again from its log",
		Long: `Rebuild computes all steps of a run again, compares each with what is kept, and
builds the read models of usage, alerts, plants and forecasts again: the same to the bit.
Steps that another model made are read instead of computed. Their records do not have
the use of single devices, so use by hour and day is replaced only where it cannot be read.

Exit codes: 0 done, 1 failed, 2 usage, 3 what is kept is invalid.`,
		Example:           `  smatrix rebuild runs/first`,
		Args:              someArgs(1, 1, "no folder, wanted that of a run"),
		ValidArgsFunction: completeDir,
		RunE: func(c *cobra.Command, args []string) (err error) {
			store, err := persistence.Open(args[0], persistence.Write)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, store.Close()) }()
			if err := store.Rebuild(); err != nil {
				return err
			}
			printRepairs(c.ErrOrStderr(), store)
			_, err = fmt.Fprintf(c.OutOrStdout(), "%d steps are in the read models of %s\n", store.Folded(), printableLine(args[0]))
			return err
		},
	}
}
