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
// its meter, whose difference is what the meter knows; a net column is that difference. What its
// panels gave is theirs, and with the meter tells what it consumed, if no battery is between
// them or what that took and gave is known. A home has no battery in the run.

// homeColumns are the columns of a home, as indexes of a table's columns.
type homeColumns struct {
	name                     string // "" if the columns name none
	drawn, used, fedIn, made []int
	net                      []int // at the grid, of both signs
	took, gave               []int // of a battery
}

// home reports whether there is a column of what the home took.
func (h *homeColumns) home() bool { return len(h.drawn)+len(h.used)+len(h.net) > 0 }

// all returns the columns of a home, but for those of a battery.
func (h *homeColumns) all() []int { return slices.Concat(h.drawn, h.used, h.net, h.fedIn, h.made) }

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
		case net:
			h.net = append(h.net, i)
		case charged:
			h.took = append(h.took, i)
		case discharge:
			h.gave = append(h.gave, i)
		case fedIn:
			h.fedIn = append(h.fedIn, i)
		case generated:
			h.made = append(h.made, i)
		default:
			h.used = append(h.used, i)
		}
	}
	for _, h := range all {
		t.findDrawn(h)
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
			only.took, only.gave = append(only.took, h.took...), append(only.gave, h.gave...)
		}
	}
	return []*homeColumns{only}
}

// findDrawn takes net columns that are never below 0 for what was drawn, but for phases beside
// one that is.
func (t *table) findDrawn(h *homeColumns) {
	below := func(i int) bool { c := &t.columns[i]; return c.Min < 0 && -c.Min > smallShare*c.Max }
	phases := slices.ContainsFunc(h.net, func(i int) bool { return below(i) && t.columns[i].tariff != "" })
	h.net = slices.DeleteFunc(h.net, func(i int) bool {
		if below(i) || phases && t.columns[i].tariff != "" {
			return false
		}
		h.drawn, t.columns[i].role = append(h.drawn, i), drawn
		return true
	})
}

// joinColumns makes the columns of each home those that a scenario reads. It reports whether a
// column of the file is now part of another one.
func (t *table) joinColumns() (joined bool) {
	var columns []tableColumn
	homes := t.homes()
	t.several = len(homes) > 1
	for _, h := range homes {
		t.joinNet(h)
		t.joinBattery(h)
		columns = append(columns, t.joinHome(h)...)
	}
	joined = slices.ContainsFunc(columns, func(c tableColumn) bool { return c.listed() })
	t.columns = columns
	return joined
}

// joinNet chooses between the net column of a home and what says the same: registers, or what the home
// consumed beside what its panels gave.
func (t *table) joinNet(h *homeColumns) {
	if len(h.net) == 0 {
		return
	}
	if len(h.net) > 1 && !t.isOneMeter(h.net) && len(h.all()) > len(h.net) {
		t.leaveOut(h.net[1:], fmt.Sprintf("what %q says already", t.columns[h.net[0]].theirs[0]))
		h.net = h.net[:1]
	}
	switch {
	case len(h.drawn) > 0:
		t.leaveOut(h.net, "the difference of what was drawn and fed in")
		h.net = nil
	case len(h.used) > 0 && len(h.made) > 0:
		t.leaveOut(h.net, "it follows from what the home consumed and its panels gave")
		t.compareNet(h)
		h.net = nil
	case len(h.made) == 0:
		t.leaveOut(h.used, fmt.Sprintf("%q is the meter, and no column has what panels gave", t.columns[h.net[0]].theirs[0]))
		h.used, h.net = h.net, nil
	}
}

// compareNet says by how much a net column differs from what the home consumed less what its panels gave.
func (t *table) compareNet(h *homeColumns) {
	registers := slices.Concat(h.net, h.made, h.used)
	if t.hasBattery(h) || !t.isAlike(registers) {
		return
	}
	c := tableColumn{theirs: t.names(slices.Concat(h.net, h.made)), less: t.names(h.used)}
	c.joined(t, registers)
	least, most, err := t.bounds(&c, registers)
	if off := max(most, -least); err == nil && off > smallShare*t.columns[h.used[0]].Max {
		t.doubt("column %q: %s and %s differ from %s by up to %s %s, wanted none: consumption and panels are taken as they are", t.columns[h.net[0]].theirs[0],
			quoted(t.names(h.net)), quoted(t.names(h.made)), quoted(t.names(h.used)), number(off), t.unitOf(registers))
	}
}

// hasBattery reports whether a battery is between the panels of a home and its meter.
func (t *table) hasBattery(h *homeColumns) bool { return t.battery || len(h.took)+len(h.gave) > 0 }

// joinBattery leaves out what a battery took and gave if the home says what it consumed: beside that
// its meter says nothing of a home that runs without it. Otherwise both tell what was consumed.
func (t *table) joinBattery(h *homeColumns) {
	if !t.hasBattery(h) || !h.home() {
		h.took, h.gave = t.leaveOutBattery(h), nil
		return
	}
	sums := len(h.used) == 0 && len(h.net) == 0 && len(h.made) > 0 && len(h.took) > 0 && len(h.gave) > 0
	if sums && t.isAlike(slices.Concat(h.drawn, h.made, h.took, h.gave)) {
		t.doubt("battery: %s was charged, and %s discharged: the home runs without it, so that it draws and feeds in more than its meter did; batteries: adds one", quoted(t.names(h.took)), quoted(t.names(h.gave)))
		return
	}
	h.took, h.gave = t.leaveOutBattery(h), nil
	switch {
	case len(h.used) > 0 && len(h.made) > 0:
		t.leaveOut(slices.Concat(h.drawn, h.fedIn), "the meter of a home with a battery")
		h.drawn, h.fedIn = nil, nil
		t.doubt("battery: the home runs without it, so that it draws and feeds in more than its meter did; batteries: adds one")
	case len(h.made) > 0:
		t.doubt("battery: what it takes and gives is within what the home consumes, as no column says both by their names")
	}
}

// leaveOutBattery leaves out the columns of a battery. It returns nil.
func (t *table) leaveOutBattery(h *homeColumns) []int {
	t.leaveOut(slices.Concat(h.took, h.gave), "what a battery charges or discharges")
	return nil
}

// joinHome returns the columns of a home.
func (t *table) joinHome(h *homeColumns) []tableColumn {
	if len(h.all()) == 0 {
		return nil
	}
	t.findCounters(h)
	takes, other := h.drawn, h.used
	if len(takes) == 0 {
		takes, other = slices.Concat(h.used, h.net), nil
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
	all := h.all()
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
	consumes := len(takes) > 0 && t.columns[takes[0]].role != drawn && len(h.net) == 0
	switch {
	case len(made) > 0 && len(fedIn) == 0 && consumes:
		roof := t.sumOf(name+" roof", made)
		roof.role, roof.owner = generated, name
		return []tableColumn{t.sumOf(name, takes), roof}
	case len(made) > 0 && same:
		return t.withPanels(name, h, takes, fedIn, made)
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
		return c.namedUnit() != first.namedUnit() || t.counts(c) != t.counts(first)
	})
}

// findCounters takes registers that stand still for counters if another one of their home is a counter.
func (t *table) findCounters(h *homeColumns) {
	all := slices.Concat(h.all(), h.took, h.gave)
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
	c.unit, c.counter = t.columns[columns[0]].namedUnit(), t.counts(&t.columns[columns[0]])
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
// they gave, less what it has fed in; of a battery it consumed what that gave, less what it took.
func (t *table) withPanels(name string, h *homeColumns, takes, fedIn, made []int) []tableColumn {
	registers := slices.Concat(takes, made, h.gave, fedIn, h.took)
	home := tableColumn{to: name, role: load}
	home.add(t, slices.Concat(takes, made, h.gave), slices.Concat(fedIn, h.took))
	home.signed = len(h.net) > 0 || t.isBelow(fedIn) || t.isBelow(made)
	home.joined(t, registers)
	least, most, err := t.bounds(&home, registers)
	switch {
	case err != nil:
		t.leaveOut(made, fmt.Sprintf("what was drawn, fed in and generated cannot be compared: %v", t.named(err)))
		return t.withoutPanels(name, takes, fedIn, made)
	case least < 0 && -least > smallShare*most:
		t.leaveOut(made, fmt.Sprintf("it is less than what was fed in, by up to %s %s: does a battery feed in?", number(-least), t.unitOf(registers)))
		return t.withoutPanels(name, takes, fedIn, made)
	case least < 0:
		if home.clip = -least; home.signed {
			home.clip = 0 // what is below 0 is another column, which has no reader
		}
		t.doubt("column %q: values from %s to 0 are 0", name, number(least))
	}
	switch {
	case len(h.net) > 0:
		t.doubt("column %q: %s, of both signs, is the meter, and %s was generated: their sum was consumed; above 0 was drawn, below 0 fed in", name, quoted(t.names(h.net)), quoted(t.names(made)))
	case len(fedIn) == 0:
		t.doubt("column %q: %s was drawn, and %s generated; that nothing was fed in is assumed, as no column says it", name, quoted(t.names(takes)), quoted(t.names(made)))
	default:
		t.found("column %q: %s, less %s, which was fed in: what was drawn and generated and did not leave the home was consumed", name, quoted(t.names(slices.Concat(takes, made, h.gave))), quoted(t.names(fedIn)))
		t.doubtBothWays(name, takes, fedIn)
	}
	roof := t.sumOf(name+" roof", made)
	roof.role, roof.owner = generated, name
	return []tableColumn{home, roof}
}

// add makes a column the sum of columns, less others. What is written below 0 changes sides.
func (c *tableColumn) add(t *table, more, less []int) {
	for _, i := range more {
		if t.isBelow([]int{i}) && t.columns[i].role == generated {
			c.less = append(c.less, t.columns[i].theirs...)
		} else {
			c.theirs = append(c.theirs, t.columns[i].theirs...)
		}
	}
	for _, i := range less {
		if t.isBelow([]int{i}) {
			c.theirs = append(c.theirs, t.columns[i].theirs...)
		} else {
			c.less = append(c.less, t.columns[i].theirs...)
		}
	}
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
