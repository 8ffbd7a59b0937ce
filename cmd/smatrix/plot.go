package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/guptarohit/asciigraph"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// The size of a plot, axes left out. A day has 72 columns of 20 minutes.
const (
	plotColumns = 72
	plotRows    = 10
)

// plot draws demand, and production if there is any, over the run.
func plot(s *views.Summary, calendar *inputs.Calendar, colour bool) string {
	x := newColumns(s.Demand.Steps(), s.Demand.Each())
	demand, production := x.fold(&s.Demand), x.fold(&s.Production)
	series := [][]float64{demand}
	if highest(production) > 0 {
		series = append(series, production)
	}
	most := max(highest(demand), highest(production))
	unit := scaleOf(most)
	for _, values := range series {
		for i := range values {
			values[i] /= unit.factor
		}
	}
	graph := asciigraph.PlotMany(series, plotOptions(roundUp(most/unit.factor), colour)...)
	left := axisColumn(graph) + 1
	var b strings.Builder
	b.WriteString(graph + "\n")
	b.WriteString(timeAxis(x, calendar, left))
	b.WriteString(strings.Repeat(" ", left) + plotCaption(x, calendar, unit.prefix+"W", len(series) > 1, colour) + "\n\n")
	return strings.TrimSuffix(b.String(), "\n")
}

// The second curve is coloured, or dotted without colours.
var (
	plotColours = []asciigraph.AnsiColor{asciigraph.Default, asciigraph.Goldenrod}
	dotted      = asciigraph.CreateCharSet("·")
)

func plotOptions(top float64, colour bool) []asciigraph.Option {
	decimals := 0 // of the labels, ten of which lie below the top
	for step := top / plotRows; decimals < 3 && math.Abs(step-math.Round(step)) > 1e-9; step *= 10 {
		decimals++
	}
	options := []asciigraph.Option{
		asciigraph.Height(plotRows), asciigraph.LowerBound(0), asciigraph.UpperBound(top),
		asciigraph.YAxisValueFormatter(func(v float64) string { return fmt.Sprintf("%.*f", decimals, v) }),
		asciigraph.SeriesChars(asciigraph.DefaultCharSet, dotted),
	}
	if colour {
		options = append(options, asciigraph.SeriesColors(plotColours...))
	}
	return options
}

func plotCaption(x columns, calendar *inputs.Calendar, unit string, production, colour bool) string {
	curves := "demand, " + unit
	if production {
		made := "production ···"
		if colour {
			made = plotColours[1].String() + made + asciigraph.Default.String()
		}
		curves = fmt.Sprintf("demand ───  %s  in %s", made, unit)
	}
	if x.steps == 1 {
		return curves
	}
	return curves + "; a column is the mean of " + span(int64(x.steps)*int64(calendar.Step))
}

// columns maps the steps of a run to the columns of a plot: either a column is
// several steps or a step several columns.
type columns struct {
	count  int // of columns
	values int // in a column
	steps  int // in a column
	wide   int // columns of a value
	of     int // steps in all
}

// newColumns returns the columns of a run with one value for each so many steps.
func newColumns(steps, each int) columns {
	n := (steps + each - 1) / each
	x := columns{values: (n + plotColumns - 1) / plotColumns, wide: max(1, plotColumns/n), of: steps}
	x.steps = x.values * each
	x.count = (n + x.values - 1) / x.values * x.wide
	return x
}

// fold returns a mean for each column, and one more: asciigraph draws segments from
// value to value, one fewer than values.
func (x columns) fold(of *views.Trace) []float64 {
	means := make([]float64, 0, x.count+1)
	for from := 0; from < of.Len(); from += x.values {
		mean := of.Mean(from, min(from+x.values, of.Len()))
		for range x.wide {
			means = append(means, mean)
		}
	}
	return append(means, means[len(means)-1])
}

// at returns the column in which a step begins.
func (x columns) at(step float64) int {
	return int(math.Round(step * float64(x.wide) / float64(x.steps)))
}

func highest(values []float64) float64 {
	h := 0.0
	for _, v := range values {
		h = max(h, v)
	}
	return h
}

// roundUp returns the next round number, at which an axis can end.
func roundUp(x float64) float64 {
	if x <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(x)))
	for _, round := range []float64{1, 1.5, 2, 3, 4, 5, 6, 8} {
		if x <= round*unit {
			return round * unit
		}
	}
	return 10 * unit
}

// axisColumn returns the column of a graph's vertical axis.
func axisColumn(graph string) int {
	line, _, _ := strings.Cut(graph, "\n")
	for i, r := range []rune(line) {
		if r == '┤' || r == '┼' {
			return i
		}
	}
	return 0
}

// timeAxis draws the hours, or the dates, below a graph whose first column is
// left.
func timeAxis(x columns, calendar *inputs.Calendar, left int) string {
	line := []rune(strings.Repeat(" ", left-1) + "└" + strings.Repeat("─", x.count))
	labels := []rune(strings.Repeat(" ", reportWidth))
	for _, tick := range ticks(x, calendar) {
		at := left + x.at(float64(tick.Unix()-calendar.Start.Unix())/float64(calendar.Step))
		label := []rune(tick.label)
		start := max(0, at-len(label)/2)
		if at > left+x.count || start+len(label) > reportWidth {
			continue
		}
		if at < left+x.count {
			line[at] = '┬'
		}
		copy(labels[start:], label)
	}
	return string(line) + "\n" + strings.TrimRight(string(labels), " ") + "\n"
}

// tick is a labelled moment on the time axis.
type tick struct {
	time.Time
	label string
}

// tickColumns is the least distance between two labels.
const tickColumns = 12

// ticks returns ticks at round local times of day, or at midnights if the run is long.
func ticks(x columns, calendar *inputs.Calendar) (all []tick) {
	from, to := calendar.Time(0), calendar.Time(twins.Tick(x.of))
	apart := tickColumns * to.Sub(from).Minutes() / float64(x.count)
	y, m, d := from.Date()
	minutes, days := tickSteps(apart)
	for i := 0; ; i++ {
		at := time.Date(y, m, d+i*days, 0, i*minutes, 0, 0, from.Location())
		if at.After(to) {
			return all
		}
		if !at.Before(from) {
			all = append(all, tick{at, tickLabel(at, calendar.Days())})
		}
	}
}

// tickSteps returns a round time of at least so many minutes, in minutes or in days.
func tickSteps(apart float64) (minutes, days int) {
	for _, minutes := range []int{1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720} {
		if float64(minutes) >= apart {
			return minutes, 0
		}
	}
	return 0, int(math.Ceil(apart / (24 * 60)))
}

// tickLabel returns a time of day; at the midnights of a run of many days, the date.
func tickLabel(at time.Time, days int) string {
	if days > 1 && at.Hour() == 0 && at.Minute() == 0 {
		return at.Format("Mon 2 Jan")
	}
	return at.Format("15:04")
}
