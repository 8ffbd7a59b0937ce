package inputs

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/smatrix-grid/smatrix/sim/problem"
)

// fileWatch checks the rows of a file, one after the other, for values that can be read
// but are not plausible. It changes nothing: its results are warnings. Its memory does not
// depend on the number of rows.
//
// A reader calls row for each row, in order of time or in the reverse order, and value for
// each field that it reads from the row; warnings returns the results after the last row.
// In a long table, rows are in order for each column only.
type fileWatch struct {
	file    string
	unit    string  // of the values, for texts, after a space; "" if the columns have several
	watts   float64 // of a value of 1; per hour if the unit is an energy
	energy  bool    // a value is the energy of its interval
	end     bool    // stamps name the end of the interval
	counts  bool    // the values could be readings of a counter
	counter bool    // they are, as the format says
	marked  bool    // the format states the marks of numbers
	newest  bool    // rows are in the reverse order of time
	long    bool    // a row has a value of one column
	paced   bool    // rows of any length are wanted: a change of the interval is no doubt
	fill    string  // word for how gaps are filled; "" if they are refused
	spread  bool    // a gap's energy is in the row after it
	longest int64   // s: a longer filled gap is a warning
	from    int64   // Unix seconds of the record that the run needs: from ≤ t < to
	to      int64
	columns []columnWatch
	pace    paceWatch

	line   int
	at     int64 // start of the row's interval
	length int64 // of the row's interval, s
}

// columnWatch has what a fileWatch has seen of one column.
type columnWatch struct {
	name  string
	sum   bool    // it is added to others, and may have gaps where they have values
	draws float64 // factor with which a home draws or generates the values; 0 if no home uses them
	thou  thousandsWatch
	count counterWatch
	scale scaleWatch
	gaps  gapWatch
}

// row begins a row.
func (w *fileWatch) row(row *tableRow) {
	w.line, w.at, w.length = row.line, row.from, row.to-row.from
	if !w.long && !w.paced {
		w.pace.row(w.line, w.at, w.end)
	}
}

// value takes a field of the row: its text and the number that was read from it, in the
// file's unit. A field without a value is not passed.
func (w *fileWatch) value(column int, text string, number float64) {
	c := &w.columns[column]
	if !w.marked {
		c.thou.value(w.line, text, number)
	}
	c.count.value(w.line, number, w.newest)
	watts := number * w.watts
	if w.energy && w.length > 0 {
		watts *= 3600 / float64(w.length)
	}
	c.scale.value(w.line, math.Abs(watts))
	if !c.sum {
		c.gaps.value(w, number)
	}
}

// warnings returns the doubts about the file, at most one of a kind for each column, with the
// number of such rows, and the most telling kind only: a counter's readings are too large for a home as well.
func (w *fileWatch) warnings() (found []problem.Warning) {
	if change := w.pace.first; w.pace.changes > 0 {
		found = append(found, problem.Warning{File: w.file, Line: change.line, Column: "interval", Kind: problem.WarnInterval,
			Text: fmt.Sprintf("the interval changes from %s to %s here, likely a file whose source changed its resolution; each row is taken for %s", spanText(change.from), spanText(change.to), spanText(w.length)) + moreText(w.pace.changes, "such change")})
	}
	for i := range w.columns {
		c := &w.columns[i]
		add := func(kind string, line int, text string) bool {
			if text != "" {
				found = append(found, problem.Warning{File: w.file, Line: line, Column: c.name, Kind: kind, Text: text})
			}
			return text != ""
		}
		c.gaps.judge()
		line, text := c.gaps.caughtUp(w)
		if !add(problem.WarnCatchUp, line, text) {
			line, text = c.gaps.tooLong(w)
			add(problem.WarnGap, line, text)
		}
		line, text = c.thou.doubt()
		thousands := add(problem.WarnThousands, line, text)
		line, text = c.count.doubt(w.unit, w.energy, w.newest)
		if w.counts && add(problem.WarnCounter, line, text) || thousands {
			continue
		}
		line, text, kind := c.scale.doubt(c.draws, w.unit)
		add(kind, line, text)
	}
	return found
}

// The interval.

// paceWatch finds where the distance between rows changes first, and how often. A distance counts
// once it has occurred settledAfter times in a row; a single longer one is a gap.
type paceWatch struct {
	steady    int64 // s; 0 until a distance counts
	last      int64 // start of the row before
	lastLine  int
	candidate int64 // the last distance, its number of occurrences in a row, and its first line
	times     int
	begins    int
	first     paceChange
	changes   int64 // their number
}

type paceChange struct {
	line     int
	from, to int64 // s
}

const settledAfter = 3

// row takes the next row. end: its stamp names the end of its interval.
func (p *paceWatch) row(line int, at int64, end bool) {
	apart, before := at-p.last, p.lastLine
	apart = max(apart, -apart)
	p.last, p.lastLine = at, line
	if before == 0 {
		return
	}
	if apart == p.candidate {
		p.times++
	} else {
		p.candidate, p.times, p.begins = apart, 1, before
		if end {
			p.begins = line
		}
	}
	if p.times < settledAfter || p.candidate == p.steady {
		return
	}
	if p.steady != 0 {
		if p.changes++; p.changes == 1 {
			p.first = paceChange{p.begins, p.steady, p.candidate}
		}
	}
	p.steady = p.candidate
}

// Gaps.

// gapWatch finds gaps of a column that are long, and values after a gap that hold its
// energy.
type gapWatch struct {
	pace   paceWatch // of the rows with a value
	last   lastValue
	any    bool
	recent [24]float64   // the last values, in the order of the file
	n      int           // number of values so far, without those after a gap
	hours  [24]hourUsual // of the values of each hour of the day, without those after a gap

	long, longs int64 // the longest filled gap, s, and how many there are
	longLine    int

	asked    []catchUp // values after a gap; judged once the usual values are known
	caught   catchUp
	catchUps int
}

// lastValue is the row with a value before, in the order of the file.
type lastValue struct {
	line  int
	at    int64 // start
	value float64
	apart int64 // s: from the row before it; 0 if it is the first
}

// hourUsual has the number of values in an hour of the day, their sum and that of their squares.
type hourUsual struct {
	n            int32
	sum, squares float32
}

// catchUp is a value after a gap.
type catchUp struct {
	line  int
	at    int64   // start of its interval
	gap   int64   // s
	every int64   // the interval, s
	value float64 // in the file's unit
	usual float64 // mean of the values beside it in the file
	high  float64 // and the highest of them
	next  int64   // s: to the row after it in time; 0 if it is the last, or that is not known yet
}

// mostAsked bounds the values after gaps that are kept for judgement.
const mostAsked = 1000

func (g *gapWatch) value(w *fileWatch, number float64) {
	g.pace.row(w.line, w.at, w.end)
	last := g.last
	from, apart, interval := min(last.at, w.at), max(w.at-last.at, last.at-w.at), g.pace.steady
	if !g.any {
		apart = 0
	}
	g.last = lastValue{w.line, w.at, number, apart}
	if !g.any {
		g.any = true
		if w.newest {
			return // it is known with the next row whether there is a gap before it
		}
	}
	if k := len(g.asked) - 1; !w.newest && k >= 0 && g.asked[k].line == last.line {
		g.asked[k].next = apart
	}
	gap := apart - interval
	isGap := apart > 0 && interval > 0 && gap > 0
	after := g.last
	next := int64(0)
	if w.newest { // the row before this one in the file is the one after the gap
		after, next = last, last.apart
	}
	if !isGap || gap < interval {
		g.usual(after.at, after.value)
	}
	if !isGap || from+interval >= w.to || from+apart <= w.from {
		return
	}
	if w.fill != "" && gap > max(w.longest, 2*interval) {
		if g.longs++; gap > g.long {
			g.long, g.longLine = gap, w.line
		}
	}
	if w.energy && w.counts && !w.spread && gap >= 2*interval {
		if len(g.asked) == mostAsked {
			g.judge()
		}
		c := catchUp{line: after.line, at: after.at, gap: gap, every: interval, value: after.value, next: next}
		c.usual, c.high = g.beside()
		g.asked = append(g.asked, c)
	}
}

// usual takes a value that has no gap before it.
func (g *gapWatch) usual(at int64, v float64) {
	g.recent[g.n%len(g.recent)] = v
	g.n++
	h := &g.hours[modFloor(quoFloor(at, 3600), 24)]
	h.n++
	h.sum += float32(v)
	h.squares += float32(v * v)
}

// beside returns the mean of the last values, and the highest; 0 without enough of them.
func (g *gapWatch) beside() (mean, high float64) {
	const fewest = 3
	before := g.recent[:min(g.n, len(g.recent))]
	if len(before) < fewest {
		return 0, 0
	}
	for _, v := range before {
		mean += v / float64(len(before))
	}
	return mean, slices.Max(before)
}

// judge counts the values that have the energy of the gap before them as well: each is about as high as the
// values of the whole gap together, and far above each value beside it, or above what is usual at its
// time of day. The interval is the same after it: otherwise it has changed.
func (g *gapWatch) judge() {
	for _, c := range g.asked {
		if c.next != 0 && c.next != c.every || c.value <= 0 {
			continue
		}
		missing := float64(c.gap / c.every)
		isAll := func(all float64) bool { return c.value >= all/2 && c.value <= 2*all }
		own, most, known := g.ofHour(c.at)
		all := g.ofHours(c.at-c.gap, c.at, c.every) + own
		aboveDay := known && c.value > most && isAll(all) && c.value > (own+all)/2
		aboveLast := c.usual > 0 && !(known && c.value <= most) && c.value >= 1.8*c.high && isAll(c.usual*(missing+1))
		if !aboveDay && !aboveLast {
			continue
		}
		if g.catchUps++; c.gap > g.caught.gap {
			if aboveDay {
				c.usual = all / (missing + 1)
			}
			g.caught = c
		}
	}
	g.asked = g.asked[:0]
}

// ofHour returns the usual value at a moment, and the highest that is usual; both need the values of two
// days.
func (g *gapWatch) ofHour(at int64) (usual, most float64, known bool) {
	h := &g.hours[modFloor(quoFloor(at, 3600), 24)]
	if h.n < 2 {
		return 0, 0, false
	}
	usual = float64(h.sum) / float64(h.n)
	spread := math.Sqrt(math.Max(0, float64(h.squares)/float64(h.n)-float64(usual*usual)))
	return usual, math.Max(1.8*usual, usual+float64(3*spread)), true
}

// ofHours returns the usual values of the intervals in from ≤ t < to together; an hour without values is as
// the others.
func (g *gapWatch) ofHours(from, to, every int64) (sum float64) {
	all := hourUsual{}
	for _, h := range g.hours {
		all.n, all.sum = all.n+h.n, all.sum+h.sum
	}
	mean := float64(all.sum) / math.Max(1, float64(all.n))
	const most = 10_000
	if n := (to - from) / every; n > most {
		return mean * float64(n)
	}
	for at := from; at < to; at += every {
		if h := &g.hours[modFloor(quoFloor(at, 3600), 24)]; h.n > 0 {
			sum += float64(h.sum) / float64(h.n)
		} else {
			sum += mean
		}
	}
	return sum
}

func (g *gapWatch) caughtUp(w *fileWatch) (line int, text string) {
	if g.catchUps == 0 {
		return 0, ""
	}
	c := g.caught
	text = fmt.Sprintf("%s%s after a gap of %s, and usually about %s: likely the energy of the gap as well", numberText(c.value), w.unit, spanText(c.gap), aboutText(c.usual))
	if w.fill != "" {
		text += ", which is counted twice where the gap is filled (gaps: " + w.fill + "); gaps: in_next_row spreads it over the gap"
	}
	return c.line, text + moreText(int64(g.catchUps), "such row")
}

func (g *gapWatch) tooLong(w *fileWatch) (line int, text string) {
	if g.longs == 0 {
		return 0, ""
	}
	if w.counter {
		return g.longLine, fmt.Sprintf("a gap of %s before this row, longer than %s: what the counter has counted meanwhile is spread evenly over it, likely an outage of what reads it",
			spanText(g.long), spanText(w.longest)) + moreText(g.longs, "such gap")
	}
	return g.longLine, fmt.Sprintf("a gap of %s before this row is filled (gaps: %s), longer than %s: likely an outage of the meter, its values are made up",
		spanText(g.long), w.fill, spanText(w.longest)) + moreText(g.longs, "such gap")
}

// moreText says how many things there are besides the one that a warning is about.
func moreText(n int64, what string) string {
	if n < 2 {
		return ""
	}
	return "; " + countText(int(n), what)
}

// Counters.

// counterWatch recognises readings of a counter: they only rise, apart from resets to
// almost 0, dropouts and a change of the meter, and by little compared to their level. Many energies that all rise are readings
// of a counter whatever their level: the energy of an interval also falls.
type counterWatch struct {
	n, ups, resets   int
	falls            int // how often a value fell, and not to almost 0
	first, last      float64
	firstLine        int
	rises, sum, high float64
	low              float64
	steepest, second float64 // the highest rises
	restart          float64 // the highest value to which one fell
}

// value takes the next value. newest: its row is before that of the last value in time.
func (c *counterWatch) value(line int, v float64, newest bool) {
	before, after := c.last, v
	if newest {
		before, after = v, c.last
	}
	if c.n == 0 {
		c.first, c.firstLine, c.low = v, line, v
	} else if rise := after - before; rise > 0 {
		c.ups++
		c.rises += rise
		c.second = math.Max(c.second, math.Min(rise, c.steepest))
		c.steepest = math.Max(c.steepest, rise)
	} else if rise < 0 {
		c.resets++
		c.restart = math.Max(c.restart, after)
		if after > before/restartShare {
			c.falls++
		}
	}
	c.n++
	c.last = v
	c.sum += v
	c.high, c.low = math.Max(c.high, v), math.Min(c.low, v)
}

// counts reports whether the values are likely readings of a counter. energy: they are energies.
func (c *counterWatch) counts(energy bool) bool {
	const fewest, fewestRising = 12, 20
	if c.n < fewest || c.resets > c.n/fewest {
		return false
	}
	if energy && c.n >= fewestRising && c.low >= 0 && c.ups+c.resets == c.n-1 && c.restart <= c.steepest {
		return true
	}
	// One that stands still for most of the time, such as of what is fed in, is far above its rises.
	const fewestStanding, fewestUps, above = 48, 3, 10
	if c.n >= fewestStanding && c.ups >= fewestUps && c.resets == 0 && c.low > above*c.steepest {
		return true
	}
	dropout := c.resets == 1 && c.falls == 0
	if c.n >= fewestStanding && c.ups > fewestUps && dropout && min(c.first, c.last) > above*c.second {
		return true
	}
	if c.falls > 1+c.n/1000 || c.ups < c.n/4 {
		return false
	}
	mean := c.rises / float64(c.ups)
	if c.resets > 0 && c.ups > 1 { // the way back from a dropout is no rise of the counter
		mean = (c.rises - c.steepest) / float64(c.ups-1)
	}
	slow := mean < 0.05*c.sum/float64(c.n)
	return slow || c.falls == 0 && c.resets > 0 && c.n >= 4*fewest
}

func (c *counterWatch) doubt(unit string, energy, newest bool) (line int, text string) {
	if !c.counts(energy) {
		return 0, ""
	}
	first := c.first
	if newest {
		first = c.last
	}
	taken, reads := "mean powers", "unit: kWh or Wh with format: {reading: counter}"
	if energy {
		taken, reads = "energies of their intervals", "format: {reading: counter}"
	}
	text = fmt.Sprintf("%d values that only rise, from %s to %s%s, are taken as %s: likely readings of a counter, which %s reads", c.n, numberText(first), numberText(c.high), unit, taken, reads)
	if c.resets > 0 {
		text += " with " + countText(c.resets, "reset")
	}
	return c.firstLine, text
}

// Unit and scale.

// scaleWatch has the range of a column's mean powers, W.
type scaleWatch struct {
	n       int
	sum     float64
	high    float64
	line    int // of the highest
	anyLine int // of the first value
}

func (s *scaleWatch) value(line int, watts float64) {
	if s.n == 0 {
		s.anyLine = line
	}
	if s.n++; s.n == 1 || watts > s.high {
		s.high, s.line = watts, line
	}
	s.sum += watts
}

// What a home draws or its roof gives, in W: its connection carries at most mostOfHome, it
// draws at most usualOfHome on average, and a fridge alone peaks above leastOfHome.
const (
	mostOfHome  = 100_000
	usualOfHome = 30_000
	leastOfHome = 20
	fewestOfDay = 12 // values from which a low peak is a doubt
)

// doubt compares the column with what a home can draw. draws is the factor with which a
// home uses the column, 0 if none does.
func (s *scaleWatch) doubt(draws float64, unit string) (line int, text, kind string) {
	if draws <= 0 || s.n == 0 {
		return 0, "", problem.WarnUnit
	}
	mean, high := draws*(s.sum-s.high)/float64(max(s.n-1, 1)), draws*s.high // the mean of the others
	switch {
	case mean > usualOfHome:
		return s.anyLine, fmt.Sprintf("%s on average, more than a home draws (at most about %s): likely another unit than%s", wattsText(mean), wattsText(usualOfHome), unit), problem.WarnUnit
	case high > mostOfHome:
		return s.line, fmt.Sprintf("%s here and %s on average elsewhere, more than the connection of a home carries (about %s): likely a spike of the meter", wattsText(high), wattsText(mean), wattsText(mostOfHome)), problem.WarnSpike
	case s.n >= fewestOfDay && high > 0 && high < leastOfHome:
		return s.line, fmt.Sprintf("%s at most, less than a fridge draws: likely another unit than%s", wattsText(high), unit), problem.WarnUnit
	}
	return 0, "", problem.WarnUnit
}

// Thousands.

// thousandsWatch recognises thousands marks that are read as decimal points: 1.242 beside
// 987, and no other number of decimals.
type thousandsWatch struct {
	grouped, whole, other int // 1.242; integers of 100 and more; other decimals
	line                  int
	text                  string // the first grouped value
	beside                string // the first whole value
}

func (t *thousandsWatch) value(line int, text string, number float64) {
	text = strings.TrimPrefix(strings.TrimSpace(text), "-")
	before, after, dotted := strings.Cut(text, ".")
	switch {
	case !dotted && math.Abs(number) >= 100:
		if t.whole++; t.whole == 1 {
			t.beside = strings.Clone(text)
		}
	case !dotted:
	case len(after) == 3 && len(before) >= 1 && len(before) <= 3 && before[0] != '0' && digits(after):
		if t.grouped++; t.grouped == 1 {
			t.line, t.text = line, strings.Clone(text)
		}
	default:
		t.other++
	}
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

func (t *thousandsWatch) doubt() (line int, text string) {
	if t.grouped == 0 || t.whole == 0 || t.other > 0 {
		return 0, ""
	}
	return t.line, fmt.Sprintf("%s beside %s is read as a little more than %s: likely a thousands mark, which format: {decimal: comma, thousands: point} reads, as in %d values of the column",
		t.text, t.beside, t.text[:strings.IndexByte(t.text, '.')], t.grouped)
}

// Texts.

// numberText formats a number for a message, with eight digits at the most.
func numberText(v float64) string { return strconv.FormatFloat(v, 'g', 8, 64) }

// aboutText formats a number for a message, with three digits.
func aboutText(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }

// wattsText formats a power in W for a message: 12.3 MW.
func wattsText(w float64) string {
	unit := "W"
	for _, larger := range []string{"kW", "MW", "GW"} {
		if math.Abs(w) < 1000 {
			break
		}
		w, unit = w/1000, larger
	}
	decimals := 2
	switch a := math.Abs(w); {
	case a >= 100:
		decimals = 0
	case a >= 10:
		decimals = 1
	}
	text := strconv.FormatFloat(w, 'f', decimals, 64)
	if decimals > 0 {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text + " " + unit
}

// The watches of the readers.

// newWatch returns the watch of a file's columns. The run needs the record from ≤ t < to,
// Unix seconds.
func (r *recordingRules) newWatch(file *recordedFile, from, to int64) *fileWatch {
	w := &fileWatch{file: r.spec.File, unit: " " + r.unit.name, watts: 1, energy: r.unit.energy, end: r.endsAtStamp(), longest: longestGap, from: from, to: to}
	w.newest = r.format.NewestFirst
	w.marked = r.format.Thousands != ""
	w.counter = r.counter()
	w.counts, w.long, w.paced = !r.counter(), file.meter >= 0, r.format.Intervals == intervalsAny
	if strings.HasPrefix(r.unit.name, "k") {
		w.watts = 1000
	}
	switch r.gaps {
	case gapsRefuse:
	case gapsNextRow:
		w.spread = true
	case gapsLastWeek:
		w.fill, w.longest = r.gaps, longestWeekly
	default:
		w.fill = r.gaps
	}
	if r.spec.Longest > 0 {
		w.longest = r.spec.Longest
	}
	for _, c := range file.columns {
		draws := r.spec.Homes[c.ours]
		if r.counter() {
			draws = 0 // its values are levels
		}
		w.columns = append(w.columns, columnWatch{name: c.theirs, draws: draws, sum: c.sum && !r.counter()})
	}
	return w
}

// watchField passes a field on to the watch. Errors in it are those of the reader.
func (r *recordingRules) watchField(column int, field recordedField) {
	if v, missing, err := r.number(field, micro); err == nil && !missing {
		r.watch.value(column, field.text, float64(v)/micro)
	}
}

const micro = 1_000_000

// The longest gaps that are filled without a warning, in s: hold and linear lose the shape
// of the day, same_time_last_week keeps it.
const (
	longestGap    = 3 * 3600
	longestWeekly = 7 * SecondsPerDay
)

// watch begins the watches of the weather's file.
func (r *weatherReader) watch(file *recordedFile) {
	spec := &r.weather.spec
	w := r.rules.newWatch(file, 0, 0)
	w.unit, w.energy, w.counts = "", false, false
	if spec.Gaps == gapsClearSky {
		w.fill, w.longest = gapsClearSky, SecondsPerDay
		w.from, w.to = r.span()
	}
	r.rules.watch = w
	if !spec.wind {
		r.sun = &sunWatch{file: spec.File, zone: r.rules.zone.String(), place: spec.Place, ghi: spec.Columns["ghi_w_per_m2"], degrees: spec.Columns["temperature_c"]}
	}
}

// span returns the Unix seconds of the record that the run needs, from ≤ t < to.
func (r *weatherReader) span() (from, to int64) {
	cal := r.rules.cal
	from, to = math.MaxInt64, math.MinInt64
	for t := range cal.Steps {
		at := r.weather.moment(cal.Unix(t))
		from, to = min(from, at), max(to, at+int64(cal.Step))
	}
	return from, to
}

func (r *weatherReader) warnings() []problem.Warning {
	found := r.rules.watch.warnings()
	if r.sun != nil {
		found = append(found, r.sun.warnings()...)
	}
	return found
}

// watchSun passes a row on to the watch of the sun.
func (r *weatherReader) watchSun(row *tableRow, ghi, temperature float64) {
	if r.sun == nil {
		return
	}
	at := row.from
	if r.weather.spec.Time.Stamps == stampsMiddle {
		at -= (row.to - row.from) / 2
	}
	r.sun.row(row.line, at, row.to-row.from, ghi, temperature)
}

// watch passes a row of a market on to its watch, which it begins with the first row.
func (r *marketReader) watch(file *recordedFile, row *tableRow) {
	if r.rules.watch == nil {
		r.columns = file.columns
		r.rules.watch = r.rules.newWatch(file, 0, 0)
		r.rules.watch.unit, r.rules.watch.energy, r.rules.watch.counts = "", false, false // prices and shares of a mix
	}
	r.rules.watch.row(row)
}

func (r *marketReader) warnings() []problem.Warning {
	if r.rules.watch == nil {
		return nil
	}
	return append(r.rules.watch.warnings(), r.priceDoubt(r.columns)...)
}

// priceDoubt compares the prices with those of day-ahead markets, in €/MWh.
func (r *marketReader) priceDoubt(columns []recordedColumn) []problem.Warning {
	const least, most, fewest = 2, 4000, 12
	i := slices.IndexFunc(columns, func(c recordedColumn) bool { return c.ours == PriceColumn })
	s := &r.rules.watch.columns[i].scale
	warning := problem.Warning{File: r.spec.File, Line: s.line, Column: columns[i].theirs, Kind: problem.WarnUnit}
	switch {
	case s.n >= fewest && s.high > 0 && s.high < least:
		warning.Text = fmt.Sprintf("%s €/MWh at most in %d intervals: likely €/kWh", numberText(s.high), s.n)
	case s.n >= fewest && s.sum/float64(s.n) > most:
		warning.Text = fmt.Sprintf("%s €/MWh on average: likely another unit, or a decimal mark that is missing", numberText(s.sum/float64(s.n)))
	default:
		return nil
	}
	return []problem.Warning{warning}
}

// energyDoubt compares the energy of a session with what vehicles charge.
func (s *Sessions) energyDoubt() (found []problem.Warning) {
	const least, most, fewest = 100, 200_000, 12 // Wh on average; a battery holds 20 to 120 kWh
	column := cmp.Or(s.spec.Columns.Energy, columnEnergy)
	if line, text := s.thousands.doubt(); text != "" {
		return []problem.Warning{{File: s.spec.File, Line: line, Column: column, Kind: problem.WarnThousands, Text: text}}
	}
	n, sum, first := 0, 0.0, 0
	for _, user := range sortedUsers(s.of) { // a sum of floats depends on its order
		for _, one := range s.of[user] {
			n++
			sum += one.energy.WattHours()
			if first == 0 || one.line < first {
				first = one.line
			}
		}
	}
	if mean := sum / float64(max(n, 1)); n >= fewest && sum > 0 && (mean < least || mean > most) {
		found = append(found, problem.Warning{File: s.spec.File, Line: first, Column: column, Kind: problem.WarnUnit,
			Text: fmt.Sprintf("%s Wh on average in %d sessions, and vehicles charge some kWh: likely another unit than %s", numberText(math.Round(mean)), n, s.spec.Unit)})
	}
	return found
}

// watchEnergy looks at how the energy of a session is written.
func (s *Sessions) watchEnergy(rules *recordingRules, line int, text string) {
	if v, missing, err := rules.number(recordedField{line: line, text: text}, micro); err == nil && !missing && rules.format.Thousands == "" {
		s.thousands.value(line, text, float64(v)/micro)
	}
}

// shortDoubt recognises sessions that begin and end within one step, if they matter: the
// vehicle is then at the plug for all of the step.
func (s *Sessions) shortDoubt() []problem.Warning {
	const share = 0.05 // of the sessions, or of their energy
	var all, short int
	var energy, shortEnergy float64
	first := 0
	for _, user := range sortedUsers(s.of) {
		for _, one := range s.of[user] {
			all++
			energy += one.energy.WattHours()
			left := one.leave
			if left.at--; s.tick(one.arrive) != s.tick(left) {
				continue
			}
			short++
			shortEnergy += one.energy.WattHours()
			if first == 0 || one.line < first {
				first = one.line
			}
		}
	}
	if float64(short) <= share*float64(all) && shortEnergy <= share*energy {
		return nil
	}
	return []problem.Warning{{File: s.spec.File, Line: first, Column: cmp.Or(s.spec.Columns.Leave, columnLeave), Kind: problem.WarnShortSession,
		Text: fmt.Sprintf("%s of %d, with %.0f %% of the energy, begin and end within one step of %s: each lasts the whole step, likely steps that are too long for the file", countText(short, "session"), all, 100*shortEnergy/math.Max(energy, 1e-9), spanText(int64(s.cal.Step)))}}
}

func sortedUsers(of map[string][]session) []string {
	users := make([]string, 0, len(of))
	for user := range of {
		users = append(users, user)
	}
	slices.Sort(users)
	return users
}
