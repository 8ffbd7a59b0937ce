package main

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

func newReport() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "report DIR --out FILE.html",
		Short: "Write a page with the plots and figures of a run",
		Long: `Report writes one self-contained HTML page: demand and production stacked by
kind, import and export, frequency, communities against their limits, what was not
served, each as a plot and as a table, and the figures of the run. It has no scripts, opens
offline, and prints.

` + ratiosHelp() + `

Exit codes: 0 done, 1 failed, 2 usage, 3 what is kept is invalid.`,
		Example:           `  smatrix report runs/first --out first.html`,
		Args:              someArgs(1, 1, "no folder, wanted that of a run"),
		ValidArgsFunction: completeDir,
		RunE: func(c *cobra.Command, args []string) error {
			if !strings.HasSuffix(out, ".html") {
				return usage(c, "--out %q: wanted a file that ends in .html", out)
			}
			if _, err := os.Lstat(out); err == nil {
				return usage(c, "--out %q is there already, wanted another name", out)
			}
			p, err := pageOf(c.ErrOrStderr(), args[0])
			if err != nil {
				return err
			}
			return writePage(c, out, p)
		},
	}
	c.Flags().StringVar(&out, "out", "", "write to `FILE.html`")
	_ = c.MarkFlagFilename("out", "html")
	return c
}

// writePage writes the file whole or not at all.
func writePage(c *cobra.Command, name string, p *page) error {
	f, err := persistence.CreateFile(name)
	if err != nil {
		return usage(c, "--out %q cannot be written: %v", name, errors.Unwrap(err))
	}
	w := bufio.NewWriter(f)
	if err := errors.Join(pageTemplate.Execute(w, p), w.Flush()); err != nil {
		f.Discard()
		return err
	}
	return f.Keep()
}

// page is the data of the template.
type page struct {
	Scenario, About string
	Figures         []pageFigure
	Warnings        []string
	Plots           []*pagePlot
}

type pageFigure struct{ Name, Value, About string }

// pagePlot is a plot of 880 by 240, from (70, 10) to (950, 250).
type pagePlot struct {
	ID, Title, About string
	Lines            []pageLine
	Ticks            []pageTick
	Shapes           []pageShape
	Keys             []pageKey
	Zero             string
	Table            pageTable

	lo, hi float64
	unit   string
	curves *views.Curves
}

type pageLine struct{ Y, TextY, Label string }
type pageTick struct{ X, Label string }
type pageKey struct{ Name, Colour string }
type pageShape struct {
	Name, Class, Path, Colour string
	Fill                      bool
}
type pageTable struct {
	About string
	Head  []string
	Rows  []pageRow
}
type pageRow struct {
	Name  string
	Cells []string
}

func pageOf(stderr io.Writer, dir string) (p *page, err error) {
	store, err := persistence.Open(dir, persistence.Read)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	world, err := store.Twins()
	if err != nil {
		return nil, err
	}
	curves, summary := views.NewCurves(world), views.NewSummary(world)
	if err := store.Replay(store.First(), store.Steps(), curves, summary); err != nil {
		return nil, err
	}
	printFirst(stderr, store)
	printRepairs(stderr, store)
	curves.Pad()
	digest, err := store.DigestText(store.Steps())
	if err != nil {
		return nil, err
	}
	r := summary.Report(world)
	r.Digest = digest
	return makePage(r, curves, world.Scenario), nil
}

func makePage(r *views.Report, v *views.Curves, s *scenario.Scenario) *page {
	cal := s.Calendar
	p := &page{Scenario: s.Name, About: fmt.Sprintf("%s, %s; %d steps of %s from %s; seed %d; digest %s", s.Description, membersText(r.Members), r.Steps, span(int64(cal.Step)),
		cal.Start.Format("2006-01-02 15:04 MST"), r.Seed, r.Digest)}
	p.figures(r)
	for _, w := range r.Warnings {
		p.Warnings = append(p.Warnings, firstLine(w.String()))
	}
	if r.Steps == 0 {
		return p
	}
	p.stacked("production", "Production by kind", "What gives power, stacked: plants, roofs, storage, import.", v, v.Production)
	p.stacked("demand", "Demand by kind", "What draws power, stacked: homes, storage, export, losses.", v, v.Demand)
	p.lines("import", "Import and export", "Over the outer ties: above 0 import, below 0 export.", "W", v, []views.Curve{v.Import}, 0)
	if len(v.FrequencyMin) > 0 {
		p.lines("frequency", "Frequency", "", "Hz", v,
			[]views.Curve{{Name: "highest", Values: v.FrequencyMax}, {Name: "lowest", Values: v.FrequencyMin}}, 0)
	}
	for i, c := range v.Communities {
		about := "At its border: above 0 drawn, below 0 given. It has no limit."
		if c.LimitW > 0 {
			about = fmt.Sprintf("At its border: above 0 drawn, below 0 given; the dashed lines are its limit of %s.", power(c.LimitW))
		}
		p.lines(fmt.Sprintf("community-%d", i), "Community "+c.Name, about, "W", v, []views.Curve{c.Curve}, c.LimitW)
	}
	p.lines("unserved", "Unserved", "Wanted and not delivered.", "W", v, []views.Curve{v.Unserved}, 0)
	return p
}

func (p *page) figures(r *views.Report) {
	add := func(name, value string) { p.Figures = append(p.Figures, pageFigure{Name: name, Value: value}) }
	for _, e := range r.Energy.All() {
		switch {
		case e.Name == "turned_down": // always 0
		case e.Wh == nil:
			p.Figures = append(p.Figures, pageFigure{words(e.Name), "not known", e.About})
		case strings.HasPrefix(e.Name, "stored_"):
			p.Figures = append(p.Figures, pageFigure{words(e.Name), signed(*e.Wh), e.About})
		default:
			p.Figures = append(p.Figures, pageFigure{words(e.Name), energy(*e.Wh), e.About})
		}
	}
	add("peak consumption + charging", power(r.PeakW))
	add("peak import", power(r.PeakImportW))
	add("peak export", power(r.PeakExportW))
	p.Figures = append(p.Figures, pageFigure{"community-steps above their limit", breachText(r),
		"a step counts once for each community above its limit; limits are watched, and not kept yet"})
	texts := ratioTexts(r.ReportRatios.All())
	for i, v := range r.ReportRatios.All() {
		if k := &views.RatioKinds[i]; v != nil {
			text := texts[i]
			if originUnknown(r) && (v == r.RenewableShare || v == r.NonRenewableShare) {
				text = "unknown"
			}
			p.Figures = append(p.Figures, pageFigure{k.Label, text, k.Definition + "; " + words(k.Formula())})
		}
	}
	if r.CO2G != nil {
		add("CO2 of import", quantity(*r.CO2G, "g"))
	}
	for _, row := range slices.Concat(serviceRows(r), vehicleRows(r), operationRows(r)) {
		add(row.label, row.value)
	}
	add("balance residual", fmt.Sprintf("%d mJ", r.BalanceResidualMJ))
}

// colourOf returns a colour of the page's style; they repeat after ten.
func colourOf(i int) string { return fmt.Sprintf("--c%d", i%10) }

func (p *page) stacked(id, title, about string, v *views.Curves, curves []views.Curve) {
	sums := make([]float64, len(v.Times))
	var below [][]float64
	for _, c := range curves {
		below = append(below, append([]float64(nil), sums...))
		for i, w := range c.Values {
			sums[i] += w
		}
	}
	plot := newPlot(id, title, about, "W", v, 0, highest(sums))
	for i, c := range curves {
		above := make([]float64, len(sums))
		for k := range above {
			above[k] = below[i][k] + c.Values[k]
		}
		plot.Shapes = append(plot.Shapes, pageShape{c.Name, "area", plot.path(above) + plot.backPath(below[i]) + "Z", colourOf(i), true})
		plot.Keys = append(plot.Keys, pageKey{c.Name, colourOf(i)})
	}
	plot.table(curves)
	p.Plots = append(p.Plots, plot)
}

func (p *page) lines(id, title, about, unit string, v *views.Curves, curves []views.Curve, limit float64) {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, c := range curves {
		for _, w := range c.Values {
			if !math.IsNaN(w) {
				lo, hi = min(lo, w), max(hi, w)
			}
		}
	}
	if unit == "W" {
		lo, hi = min(lo, 0), max(hi, 0, limit)
		if limit > 0 {
			lo = min(lo, -limit)
		}
	}
	plot := newPlot(id, title, about, unit, v, lo, hi)
	for i, c := range curves {
		plot.Shapes = append(plot.Shapes, pageShape{c.Name, "line", plot.path(c.Values), colourOf(i), false})
		plot.Keys = append(plot.Keys, pageKey{c.Name, colourOf(i)})
	}
	if limit > 0 {
		for _, at := range []float64{limit, -limit} {
			plot.Shapes = append(plot.Shapes, pageShape{"limit", "limit", fmt.Sprintf("M70 %sH950", plot.y(at)), "", false})
		}
	}
	plot.table(curves)
	p.Plots = append(p.Plots, plot)
}

func newPlot(id, title, about, unit string, v *views.Curves, lo, hi float64) *pagePlot {
	if hi-lo < 1e-9 {
		hi = lo + 1
	}
	if unit == "Hz" {
		hi, lo = max(hi, 50.05), min(lo, 49.95)
	}
	plot := &pagePlot{ID: id, Title: title, unit: unit, curves: v}
	plot.About, plot.Table.About = plot.each(about, 1), plot.each(about, plot.rowPoints())
	step := roundUp((hi - lo) / 5)
	plot.lo, plot.hi = math.Floor(lo/step)*step, math.Ceil(hi/step)*step
	for n := math.Round(plot.lo / step); n*step <= plot.hi+step/2; n++ {
		y := plot.yOf(n * step)
		plot.Lines = append(plot.Lines, pageLine{fixed(y), fixed(y + 4), plot.label(n * step)})
	}
	plot.Zero = plot.y(max(plot.lo, 0))
	from, to := v.Times[0], v.End
	apart := time.Duration(math.Ceil(to.Sub(from).Hours()/8)) * time.Hour
	if apart > 12*time.Hour {
		apart = (apart + 24*time.Hour - 1) / (24 * time.Hour) * 24 * time.Hour
	}
	layout := "15:04"
	if apart >= 24*time.Hour {
		layout = "2 Jan"
	}
	for at := from; !at.After(to); at = at.Add(apart) {
		plot.Ticks = append(plot.Ticks, pageTick{fixed(70 + 880*at.Sub(from).Seconds()/to.Sub(from).Seconds()), at.Format(layout)})
	}
	return plot
}

func fixed(x float64) string { return fmt.Sprintf("%.1f", x) }

func (p *pagePlot) label(v float64) string {
	if p.unit == "Hz" {
		return fmt.Sprintf("%.2f Hz", v)
	}
	return power(v)
}

func (p *pagePlot) yOf(v float64) float64 { return 250 - 240*(v-p.lo)/(p.hi-p.lo) }
func (p *pagePlot) y(v float64) string    { return fixed(p.yOf(v)) }

// x returns the coordinate at which a point begins.
func (p *pagePlot) x(i int) string {
	at := p.curves.End
	if i < len(p.curves.Times) {
		at = p.curves.Times[i]
	}
	from := p.curves.Times[0]
	return fixed(70 + 880*at.Sub(from).Seconds()/p.curves.End.Sub(from).Seconds())
}

// path returns the SVG path of a curve of steps, from left to right, with gaps where there is no value.
func (p *pagePlot) path(values []float64) string {
	var b strings.Builder
	gap := true
	for i, v := range values {
		if math.IsNaN(v) {
			gap = true
			continue
		}
		if gap {
			fmt.Fprintf(&b, "M%s %s", p.x(i), p.y(v))
		} else {
			fmt.Fprintf(&b, "V%s", p.y(v))
		}
		fmt.Fprintf(&b, "H%s", p.x(i+1))
		gap = false
	}
	return b.String()
}

// backPath returns the same path from right to left.
func (p *pagePlot) backPath(values []float64) string {
	var b strings.Builder
	for i := len(values) - 1; i >= 0; i-- {
		fmt.Fprintf(&b, "V%sH%s", p.y(values[i]), p.x(i))
	}
	return b.String()
}

// tableRows is the greatest number of rows in a table: a row covers several points if the
// curve has more.
const tableRows = 48

// rowPoints returns how many points of a curve a row of the table has.
func (p *pagePlot) rowPoints() int { return max(1, (len(p.curves.Times)+tableRows-1)/tableRows) }

// each says of what and how long a value of several points is.
func (p *pagePlot) each(about string, points int) string {
	of := span(int64(points) * int64(p.curves.PerPoint) * int64(p.curves.Step))
	switch {
	case p.unit != "Hz":
		return about + " Mean of each " + of + ", in W."
	case points == 1:
		return "Lowest and highest of each " + of + ", in Hz."
	}
	return "Lowest and highest of each " + of + ": the values farthest from 50 Hz, in Hz."
}

func (p *pagePlot) table(curves []views.Curve) {
	every := p.rowPoints()
	for _, c := range curves {
		p.Table.Head = append(p.Table.Head, c.Name)
	}
	for i := 0; i < len(p.curves.Times); i += every {
		row := pageRow{Name: p.curves.Times[i].Format("2006-01-02 15:04")}
		for _, c := range curves {
			row.Cells = append(row.Cells, p.cell(c, i, min(i+every, len(c.Values))))
		}
		p.Table.Rows = append(p.Table.Rows, row)
	}
}

// cell returns the mean of some points; of a frequency, the value farthest from 50 Hz, empty if
// there was none.
func (p *pagePlot) cell(c views.Curve, from, to int) string {
	sum, far := 0.0, math.NaN()
	for _, v := range c.Values[from:to] {
		sum += v
		if math.IsNaN(far) || math.Abs(v-50) > math.Abs(far-50) {
			far = v
		}
	}
	if p.unit == "Hz" && math.IsNaN(far) {
		return ""
	}
	if p.unit == "Hz" {
		return fmt.Sprintf("%.3f", far)
	}
	return fmt.Sprintf("%.0f", sum/float64(to-from))
}
