package importer

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// The columns of one home: what it has drawn and what it has fed in are the two registers of
// its meter, whose difference is what the meter knows. What its panels gave is theirs, and
// with the registers tells what it consumed.

// homeColumns are the columns of a home, as indexes of a table's columns.
type homeColumns struct {
	name                     string // "" if the columns name none
	drawn, used, fedIn, made []int
}

// home reports whether there is a column of what the home took.
func (h *homeColumns) home() bool { return len(h.drawn)+len(h.used) > 0 }

// homes divides the columns by the homes that their names tell. What was fed in or generated
// without a home of its own belongs to the only one, if there is only one.
func (t *table) homes() (all []*homeColumns) {
	by := map[string]*homeColumns{}
	for i, c := range t.columns {
		h := by[c.home]
		if h == nil {
			h = &homeColumns{name: c.home}
			by[c.home], all = h, append(all, h)
		}
		switch c.role {
		case drawn:
			h.drawn = append(h.drawn, i)
		case fedIn:
			h.fedIn = append(h.fedIn, i)
		case generated:
			h.made = append(h.made, i)
		default:
			h.used = append(h.used, i)
		}
	}
	var only *homeColumns
	for _, h := range all {
		if h.home() && only != nil {
			return all
		}
		if h.home() {
			only = h
		}
	}
	if only == nil {
		only = all[0]
	}
	for _, h := range all {
		if h != only {
			only.fedIn, only.made = append(only.fedIn, h.fedIn...), append(only.made, h.made...)
		}
	}
	return []*homeColumns{only}
}

// joinColumns makes the columns of each home those that a scenario reads. It reports whether a
// column of the file is now part of another one.
func (t *table) joinColumns() (joined bool) {
	var columns []tableColumn
	homes := t.homes()
	t.several = len(homes) > 1
	for _, h := range homes {
		columns = append(columns, t.joinHome(h)...)
	}
	joined = slices.ContainsFunc(columns, func(c tableColumn) bool { return c.listed() })
	t.columns = columns
	return joined
}

// joinHome returns the columns of a home.
func (t *table) joinHome(h *homeColumns) []tableColumn {
	t.findCounters(h)
	takes, other := h.drawn, h.used
	if len(takes) == 0 {
		takes, other = h.used, nil
	}
	switch {
	case len(h.fedIn)+len(h.made) == 0 && len(h.drawn) == 1 && len(h.used) == 1:
		takes, other = h.used, h.drawn
	case len(h.fedIn)+len(h.made) == 0 && !t.isOneMeter(takes) || len(takes) > 1 && len(h.fedIn) == 0 && !t.isOneMeter(takes):
		return t.apart(h)
	case !h.home() && (len(h.fedIn) == 0 || len(h.made) == 0):
		for _, i := range h.fedIn {
			t.found("column %q: fed in, by its name, and the file has no column of what was drawn", t.columns[i].theirs[0])
		}
		for _, i := range h.made {
			if !t.preset {
				t.doubt("column %q: generated, by its name", t.columns[i].theirs[0])
			}
		}
		return t.apart(h)
	case len(h.fedIn) == 0 && len(h.made) > 0 && len(h.drawn) > 0 && len(h.used) > 0:
		takes, other = h.used, h.drawn
	}
	fedIn, made := h.fedIn, h.made
	if len(h.drawn) == 0 && len(made) > 0 && h.home() && len(fedIn) > 0 {
		t.leaveOut(fedIn, "it follows from what the home consumed and its panels gave")
		fedIn = nil
	}
	if len(other) > 0 {
		t.leaveOut(other, "what the other columns of the home say already")
	}
	return t.meter(h, takes, fedIn, made)
}

// isOneMeter reports whether several columns are the registers of one meter, for tariffs.
func (t *table) isOneMeter(columns []int) bool {
	return len(columns) > 1 && !slices.ContainsFunc(columns, func(i int) bool { return t.columns[i].tariff == "" })
}

// found says what columns are: what a form states, or what was assumed by names.
func (t *table) found(format string, args ...any) {
	if t.preset {
		t.say(format, args...)
	} else {
		t.doubt(format, args...)
	}
}

func (t *table) leaveOut(columns []int, why string) {
	for _, i := range columns {
		t.doubt("column %q: left out, %s", t.columns[i].theirs[0], why)
	}
}

// apart returns the columns of a home as they are: each load a home, and what was generated or fed
// in a plant.
func (t *table) apart(h *homeColumns) (columns []tableColumn) {
	all := slices.Concat(h.drawn, h.used, h.fedIn, h.made)
	slices.Sort(all)
	for _, i := range all {
		c := t.columns[i]
		if c.role == fedIn || c.role == generated {
			c.role, c.fedIn = park, c.role == fedIn
		} else {
			c.role = load
		}
		columns = append(columns, c)
	}
	return columns
}

// meter returns the columns of a home with its registers: what it takes, what it has fed in, and what its
// panels gave.
func (t *table) meter(h *homeColumns, takes, fedIn, made []int) []tableColumn {
	name := "home" // a name tells it from others
	if t.several {
		name = cmp.Or(h.name, name)
	}
	takes, fedIn, made = t.alike(takes, takes), t.alike(takes, fedIn), t.alike(takes, made)
	same := len(takes)+len(made) > 0 && t.isAlike(slices.Concat(takes, made, fedIn))
	consumes := len(takes) > 0 && t.columns[takes[0]].role != drawn
	switch {
	case len(made) > 0 && len(fedIn) == 0 && consumes:
		roof := t.sumOf(name+" roof", made)
		roof.role, roof.owner = generated, name
		return []tableColumn{t.sumOf(name, takes), roof}
	case len(made) > 0 && same && !t.isBelow(fedIn):
		return t.withPanels(name, takes, fedIn, made)
	case len(made) > 0:
		t.leaveOut(made, "written otherwise than what was drawn and fed in, so that they cannot be added up")
	}
	return t.twoRegisters(name, takes, fedIn)
}

// twoRegisters returns the columns of a home without panels of its own: what it has drawn is its
// load, and what it has fed in that of a roof, so that its meter has the difference.
func (t *table) twoRegisters(name string, takes, fedIn []int) []tableColumn {
	switch {
	case len(fedIn) == 0:
		return []tableColumn{t.sumOf(name, takes)}
	case t.isBelow(fedIn) && t.isAlike(slices.Concat(takes, fedIn)):
		net := t.sumOf(name, slices.Concat(takes, fedIn))
		net.net = true
		t.found("column %q: a net meter: %s was drawn, and %s, which is below 0, was fed in", name, quoted(t.names(takes)), quoted(t.names(fedIn)))
		return []tableColumn{net}
	}
	out := t.sumOf(name+" fed in", fedIn)
	out.role, out.owner = generated, name
	t.found("column %q: a net meter: %s was drawn, and %s was fed in", name, quoted(t.names(takes)), quoted(t.names(fedIn)))
	t.doubtBothWays(name, takes, fedIn)
	return []tableColumn{t.sumOf(name, takes), out}
}

// isBelow reports whether what was fed in is written below 0.
func (t *table) isBelow(fedIn []int) bool {
	return slices.ContainsFunc(fedIn, func(i int) bool { return t.columns[i].Max <= 0 && t.columns[i].Min < 0 })
}

// names returns the names of columns in the file.
func (t *table) names(columns []int) (names []string) {
	for _, i := range columns {
		names = append(names, t.columns[i].theirs...)
	}
	return names
}

// alike returns those of the columns that can be added up: those of the unit of the first of
// others, if there are some, or else of the first of them. The rest is left out.
func (t *table) alike(others, columns []int) (alike []int) {
	if len(columns) == 0 {
		return nil
	}
	first := columns[0]
	for _, like := range slices.Concat(others, columns) {
		if i := slices.IndexFunc(columns, func(i int) bool { return t.isAlike([]int{like, i}) }); i >= 0 {
			first = columns[i]
			break
		}
	}
	var rest []int
	for _, i := range columns {
		if t.isAlike([]int{first, i}) {
			alike = append(alike, i)
		} else {
			rest = append(rest, i)
		}
	}
	t.leaveOut(rest, fmt.Sprintf("in another unit than %q", t.columns[first].theirs[0]))
	return alike
}

// isAlike reports whether columns have one unit, and all or none are readings of a counter.
func (t *table) isAlike(columns []int) bool {
	first := &t.columns[columns[0]]
	return !slices.ContainsFunc(columns, func(i int) bool {
		c := &t.columns[i]
		return unitOf(c.theirs[0]) != unitOf(first.theirs[0]) || t.counts(c) != t.counts(first)
	})
}

// findCounters takes registers that stand still for counters if another one of their home is a counter.
func (t *table) findCounters(h *homeColumns) {
	all := slices.Concat(h.drawn, h.used, h.fedIn, h.made)
	if !slices.ContainsFunc(all, func(i int) bool { return t.counts(&t.columns[i]) }) {
		return
	}
	for _, i := range all {
		if c := &t.columns[i]; c.Falls == 0 {
			c.Counter = true
		}
	}
}

// sumOf returns a column that is the sum of columns, or the only one under another name.
func (t *table) sumOf(name string, columns []int) tableColumn {
	c := t.columns[columns[0]]
	c.to, c.role = name, load
	if len(columns) > 1 {
		c.theirs = t.names(columns)
		c.joined(t, columns)
	}
	return c
}

// joined sets what is known of a column that is made of several: a counter's values are those of all.
func (c *tableColumn) joined(t *table, columns []int) {
	c.unit, c.counter = unitOf(t.columns[columns[0]].theirs[0]), t.counts(&t.columns[columns[0]])
	if !c.counter {
		return // it is read again
	}
	c.ProfileColumn = t.columns[columns[0]].ProfileColumn
	c.Counter = true
	for _, i := range columns[1:] {
		o := &t.columns[i]
		if o.From.After(c.From) {
			c.From = o.From
		}
		if o.Last.Before(c.Last) {
			c.To, c.Last = o.To, o.Last
		}
		c.Missing, c.Gaps, c.Longest = max(c.Missing, o.Missing), max(c.Gaps, o.Gaps), max(c.Longest, o.Longest)
		c.Rise, c.Max, c.Min = c.Rise+o.Rise, max(c.Max, o.Max), min(c.Min, o.Min)
	}
}

// withPanels returns the columns of a home whose panels are known: it consumed what it has drawn and
// they gave, less what it has fed in.
func (t *table) withPanels(name string, takes, fedIn, made []int) []tableColumn {
	home := tableColumn{to: name, theirs: t.names(slices.Concat(takes, made)), less: t.names(fedIn), role: load}
	home.joined(t, slices.Concat(takes, made, fedIn))
	registers := slices.Concat(takes, made, fedIn)
	least, most, err := t.bounds(&home, registers)
	switch {
	case err != nil:
		t.leaveOut(made, fmt.Sprintf("what was drawn, fed in and generated cannot be compared: %v", t.named(err)))
		return t.withoutPanels(name, takes, fedIn, made)
	case least < 0 && -least > smallShare*most:
		t.leaveOut(made, fmt.Sprintf("it is less than what was fed in, by up to %s %s: does a battery feed in?", number(-least), t.unitOf(registers)))
		return t.withoutPanels(name, takes, fedIn, made)
	case least < 0:
		home.clip = -least
		t.doubt("column %q: values from %s to 0 are 0", name, number(least))
	}
	if len(fedIn) == 0 {
		t.doubt("column %q: %s was drawn, and %s generated; that nothing was fed in is assumed, as no column says it", name, quoted(t.names(takes)), quoted(t.names(made)))
	} else {
		t.found("column %q: %s, less %s, which was fed in: what was drawn and generated and did not leave the home was consumed", name, quoted(home.theirs), quoted(home.less))
		t.doubtBothWays(name, takes, fedIn)
	}
	roof := t.sumOf(name+" roof", made)
	roof.role, roof.owner = generated, name
	return []tableColumn{home, roof}
}

// withoutPanels returns the columns of a home whose panels do not fit to its registers: without registers
// the panels are a plant.
func (t *table) withoutPanels(name string, takes, fedIn, made []int) []tableColumn {
	if len(takes) > 0 {
		return t.twoRegisters(name, takes, fedIn)
	}
	return t.apart(&homeColumns{made: made})
}

// quoted joins names for a message.
func quoted(names []string) string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = fmt.Sprintf("%q", name)
	}
	return strings.Join(all, " + ")
}

// mostSlots bounds the intervals of registers that are compared: seconds of a year.
const mostSlots = 32_000_000

// readSum reads a column that is made of registers, over the time that all of them have.
func (t *table) readSum(c *tableColumn, registers []int, negative string) (*inputs.Recording, error) {
	spec := t.baseSpec()
	spec.Unit, spec.Gaps = t.unitOf(registers), "linear"
	spec.Columns = map[string]string{}
	spec.AddUp("home", c.theirs, c.less)
	if c.counter {
		spec.Format.Reading = "counter"
	}
	spec.Signed, spec.Format.Negative = negative == "", negative
	from, to := t.common()
	steps := to.Sub(from) / t.interval
	switch {
	case steps < 1:
		return nil, t.problem(0, "no time that all of the columns have")
	case steps > mostSlots || to.Sub(from) > mostDays*24*time.Hour:
		return nil, t.problem(0, "%d intervals, wanted at most %d in %d days", steps, mostSlots, mostDays)
	}
	return inputs.ReadRecording(t.fsys, spec, inputs.NewCalendar(from, twins.Seconds(t.interval/time.Second), twins.Tick(steps)))
}

// common returns the time that all columns have.
func (t *table) common() (from, to time.Time) {
	for i := range t.columns {
		c := &t.columns[i]
		end := c.To
		if t.counts(c) {
			end = c.Last
		}
		if i == 0 || c.From.After(from) {
			from = c.From
		}
		if i == 0 || end.Before(to) {
			to = end
		}
	}
	return from.In(t.zone), to.In(t.zone)
}

// bounds returns the least and the greatest value of a column that is made of registers, in their unit.
func (t *table) bounds(c *tableColumn, registers []int) (least, most float64, err error) {
	r, err := t.readSum(c, registers, "")
	if err != nil {
		return 0, 0, err
	}
	column, err := r.Column(0, 0)
	if err != nil {
		return 0, 0, err
	}
	powers, err := column.Powers()
	if err != nil {
		return 0, 0, err
	}
	low, high := twins.Power(0), twins.Power(0)
	for _, p := range powers {
		low, high = min(low, p), max(high, p)
	}
	scale := 1000 * t.watts(t.unitOf(registers))
	return math.Min(0, math.Floor(1e6*float64(low)/scale)/1e6), float64(high) / scale, nil
}

// doubtBothWays says how much was drawn and fed in within the same intervals, which is netted.
func (t *table) doubtBothWays(name string, takes, fedIn []int) {
	if len(takes) == 0 || !t.isAlike(slices.Concat(takes, fedIn)) {
		return
	}
	net := tableColumn{to: name, theirs: t.names(takes), less: t.names(fedIn)}
	net.joined(t, slices.Concat(takes, fedIn))
	r, err := t.readSum(&net, slices.Concat(takes, fedIn), "export")
	if err != nil {
		return // the panels fit, so it can be read
	}
	for _, w := range r.Warnings {
		if w.Kind == problem.WarnBothWays {
			w.File, w.Column = t.Name, name
			t.warnings = append(t.warnings, w)
			t.doubt("line %d: %s: %s", w.Line, name, w.Text)
		}
	}
}
