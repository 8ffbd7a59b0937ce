package importer

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/problem"
)

// table is what a file has, as the reader of scenarios reads it.
type table struct {
	*source
	from, to time.Time // what all its columns cover
	interval time.Duration
	columns  []tableColumn
	several  bool   // homes
	others   string // the unit of columns whose names have none, "" until it is known
	warnings []problem.Warning
	missing  int64 // values that columns lack between their first and last one
	caughtUp bool  // after each gap comes a value that has its energy

	users      []string // of sessions
	stays      int
	guest      string // user of sessions without one, "" if there are none
	incomplete bool   // some sessions are left out
}

// tableColumn is a column of a table.
type tableColumn struct {
	inputs.ProfileColumn
	to     string
	theirs []string // names in the file, which are added up
	less   []string // and those that are subtracted
	role   role
	home   string // what its name tells of the home that it belongs to, "" if nothing
	tariff string // of a register, "" if it has none
	owner  string // of panels: the column of their home, "" if they have none
	fedIn  bool   // of a plant: it is the register of a home that is not in the file

	unit string // that a row of units or another column of the file says, or that of the columns it is made of

	// Of a column that is made of several:
	counter bool    // of readings of counters
	signed  bool    // they are of both signs, their sum is not
	net     bool    // it may be below 0, which was fed in
	clip    float64 // values from minus this to 0 are 0, in its unit
}

// listed reports whether the names are a list in a scenario: a single name with a * would be
// a pattern.
func (c *tableColumn) listed() bool {
	return len(c.theirs)+len(c.less) > 1 || strings.Contains(c.theirs[0], "*")
}

// names returns the names in the file as YAML.
func (c *tableColumn) names() string {
	if !c.listed() {
		return quote(c.theirs[0])
	}
	if len(c.less) > 0 {
		return "{add: " + quotedList(c.theirs) + ", subtract: " + quotedList(c.less) + "}"
	}
	return quotedList(c.theirs)
}

// quotedList returns names as a list in YAML.
func quotedList(names []string) string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = quote(name)
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// read reads a file, and finds the keys that only the whole file tells.
func (s *source) read() (*table, error) {
	t := &table{source: s}
	if s.form.kind == sessions {
		return t, t.readSessions()
	}
	s.form.time = s.columnNamed(s.form.time)
	s.format.Clock, s.format.Meter, s.format.Value, s.format.Units = s.columnNamed(s.form.clock), s.columnNamed(s.form.meter), s.columnNamed(s.form.value), s.columnNamed(s.form.units)
	if s.format.Meter == "" {
		if t.addColumns(); len(t.columns) == 0 {
			return nil, s.problem(len(s.before)+1, "none of the columns that the form %s has", s.form.title)
		}
	}
	p, err := t.profile()
	if err != nil {
		return nil, err
	}
	if p, err = t.chooseEnd(p); err != nil {
		return nil, err
	}
	if !s.preset && s.form.kind == recordings && s.form.stamps == "start" {
		s.doubt("stamps name the start of their intervals: a file cannot say it")
	}
	if s.format.Meter != "" { // its meters are known now
		if t.addMeters(p); len(t.columns) == 0 {
			return nil, s.problem(len(s.before)+1, "none of the meters that the form %s has", s.form.title)
		}
	}
	if err := t.take(p); err != nil {
		return nil, err
	}
	if s.form.kind == recordings && t.joinColumns() {
		if p, err = t.profile(); err != nil {
			return nil, err
		}
		t.retake(p)
	}
	t.span(p)
	return t, nil
}

// chooseEnd chooses the end of their intervals for stamps of a file whose form does not say which end they
// name, if they can only be the ends: with these the file has whole days, and its values are of intervals. It
// returns the profile with the stamps that were chosen.
func (t *table) chooseEnd(p *inputs.Profile) (*inputs.Profile, error) {
	interval := time.Duration(p.Interval) * time.Second
	counter := slices.ContainsFunc(p.Columns, func(c inputs.ProfileColumn) bool { return c.Counter })
	if t.preset || t.form.kind != recordings || t.form.stamps != "start" || interval >= 24*time.Hour || counter {
		return p, nil
	}
	isMidnight := func(at time.Time) bool { return at.Equal(midnight(at)) }
	from, to := p.From.In(t.zone).Add(-interval), p.To.In(t.zone).Add(-interval) // were they the ends
	irregular := t.format.Intervals != ""
	begins := isMidnight(p.From.In(t.zone)) // the end of an interval of less than a day after midnight is none
	if irregular && begins || !irregular && !(isMidnight(from) && isMidnight(to)) {
		return p, nil
	}
	if t.offsets && isMidnight(p.From.UTC()) && isMidnight(p.To.UTC()) { // whole days of UTC
		return p, nil
	}
	t.form.stamps = "end"
	ends, err := t.profile()
	if err != nil {
		return nil, err
	}
	if irregular && !(isMidnight(ends.From.In(t.zone)) && isMidnight(ends.To.In(t.zone))) {
		t.form.stamps = "start"
		return p, nil
	}
	since := ""
	if irregular {
		since = "; each row is read for the time since the one before it"
	}
	t.doubt("stamps name the end of their intervals: the first is an interval after midnight, and the last is midnight%s", since)
	return ends, nil
}

// profile reads the file with other keys until it can be read: an encoding, loose quotes,
// intervals as they come, the newest row first. Each is tried once, and said.
func (t *table) profile() (*inputs.Profile, error) {
	var first error
	for {
		p, err := inputs.ReadProfile(t.fsys, t.spec(), t.zone)
		if err == nil {
			return p, nil
		}
		err = t.named(err)
		if !t.mend(err) {
			return nil, cmp.Or(first, err)
		}
		if errors.Is(err, inputs.ErrOrder) {
			first = err
		}
	}
}

// mend changes a key of the format for an error. It reports whether it did.
func (s *source) mend(err error) bool {
	f := &s.format
	switch {
	case errors.Is(err, inputs.ErrEncoding) && f.Encoding == "":
		s.assumeEncoding()
	case errors.As(err, new(*csv.ParseError)) && f.Quotes == "":
		f.Quotes = "loose"
		s.say("quotes: within fields, read as they are")
	case errors.Is(err, inputs.ErrInterval) && f.Intervals == "" && s.form.stamps != "middle":
		f.Intervals = "as_they_come"
		what, _, _ := strings.Cut(err.Error(), ", wanted one ")
		s.doubt("%s: each row is read for the time until the next, and the last for as long as the one before it", what)
	case errors.Is(err, inputs.ErrOrder) && !f.NewestFirst:
		f.NewestFirst = true
		s.say("order: newest first")
	default:
		return false
	}
	return true
}

// spec returns how the file is read: the columns that are known, or all meters of a long table.
func (t *table) spec() inputs.RecordingSpec {
	spec := t.baseSpec()
	spec.Columns, spec.Sums = map[string]string{}, map[string][]string{}
	for i, c := range t.columns {
		if c.listed() {
			spec.Sums[key(i)] = slices.Concat(c.theirs, c.less) // each value for itself
		} else {
			spec.Columns[key(i)] = c.theirs[0]
		}
	}
	return spec
}

// baseSpec returns how the file is read, without its columns.
func (t *table) baseSpec() inputs.RecordingSpec {
	spec := inputs.RecordingSpec{ID: "import", File: t.Path, Unit: cmp.Or(t.form.unit, "kWh"), Format: t.format}
	spec.Time.Column, spec.Time.Zone = t.form.time, t.zone.String()
	if t.form.stamps == "end" {
		spec.Time.Stamps = "end"
	}
	return spec
}

// key is the name under which column i is read to find its profile.
func key(i int) string { return fmt.Sprintf("column-%d", i) }

// addColumns adds the columns of the form that a wide file has.
func (t *table) addColumns() {
	seen := map[string]bool{}
	for _, c := range t.form.columns {
		name := t.columnNamed(c.from)
		if name == "" {
			continue // a quantity that not every file has
		}
		to := c.to
		for n := 2; seen[to]; n++ {
			to = fmt.Sprintf("%s %d", c.to, n)
		}
		seen[to] = true
		home := cmp.Or(c.home, homeOf(name))
		if c.role == charged || c.role == discharge {
			home = cmp.Or(c.home, homeOfBattery(name))
		}
		t.columns = append(t.columns, tableColumn{to: to, theirs: []string{name}, role: cmp.Or(c.role, load), home: home, tariff: tariffOf(name), unit: c.unit})
	}
	for i := range t.columns {
		if c := &t.columns[i]; c.to == "ghi_w_per_m2" && t.place.tilt != 0 {
			c.to = "poa_w_per_m2" // the light of the tilted plane
		}
	}
}

// addMeters adds the meters of a long table: those of the form, or all, whose names say what
// they are.
func (t *table) addMeters(p *inputs.Profile) {
	var names []string
	for _, meter := range p.Columns {
		names = append(names, meter.Name)
	}
	for _, meter := range p.Columns {
		c, known := t.form.meterColumn(meter.Name, names)
		switch of := notPower(meter.Name); {
		case !known && len(t.form.columns) > 0:
		case !known && of != "" && of != aSum && t.form.byName:
			t.doubt("%q: left out, %s by its name", meter.Name, of)
		default:
			home := cmp.Or(c.home, homeOf(meter.Name))
			if t.form.byName {
				home = "home"
				c.to = map[bool]string{true: "home", false: c.to}[c.role == load || c.role == drawn]
			}
			t.columns = append(t.columns, tableColumn{ProfileColumn: meter, to: c.to, theirs: []string{meter.Name}, role: c.role, home: home, tariff: tariffOf(meter.Name)})
		}
	}
}

// meterColumn returns the column that a meter of a long table makes, and whether the form
// knows it.
func (f *form) meterColumn(meter string, all []string) (column, bool) {
	for _, c := range f.columns {
		if fits(c.from, meter) {
			return c, true
		}
	}
	return column{from: meter, to: meter, role: cmp.Or(roleOf(meter, all), load)}, false
}

// take takes what was found of the columns of the file.
func (t *table) take(p *inputs.Profile) error {
	if t.format.Meter == "" {
		of := profilesOf(p)
		for i := range t.columns {
			t.columns[i].ProfileColumn = of[key(i)]
		}
	}
	t.interval = time.Duration(p.Interval) * time.Second
	if p.LeftOut == 0 {
		t.format.Undated = ""
	} else {
		t.say("left out: %s without a time, the first of them line %d, %q", counted(p.LeftOut, "line", "lines"), p.LeftLine, p.LeftText)
	}
	empty := func(c tableColumn) bool { return c.Values == 0 }
	for _, c := range t.columns {
		if empty(c) {
			t.say("left out: column %q, which has no value", c.theirs[0])
		}
	}
	if t.columns = slices.DeleteFunc(t.columns, empty); len(t.columns) == 0 {
		return t.problem(len(t.before)+1, "no value after the header, wanted one at least")
	}
	return nil
}

// retake takes what was found of columns that are made of several, apart from counters, which
// are profiled one by one.
func (t *table) retake(p *inputs.Profile) {
	of := profilesOf(p)
	for i := range t.columns {
		if c := &t.columns[i]; !c.counter {
			c.ProfileColumn = of[key(i)]
		}
	}
}

func profilesOf(p *inputs.Profile) map[string]inputs.ProfileColumn {
	of := map[string]inputs.ProfileColumn{}
	for _, c := range p.Columns {
		of[c.Name] = c
	}
	return of
}

// span finds the time that all columns cover, and what they lack in it.
func (t *table) span(p *inputs.Profile) {
	longest, gaps, caught := time.Duration(0), 0, 0
	for i := range t.columns {
		c := &t.columns[i]
		to := c.To
		if t.counts(c) { // its readings are of moments
			to = c.Last
		}
		if i == 0 || c.From.After(t.from) {
			t.from = c.From
		}
		if i == 0 || to.Before(t.to) {
			t.to = to
		}
		t.missing = t.missing + c.Missing
		if strings.HasSuffix(t.unit(c), "h") {
			gaps, caught = gaps+c.Gaps, caught+c.CaughtUp
		}
		longest = max(longest, time.Duration(c.Longest)*time.Second)
	}
	t.caughtUp = t.form.kind == recordings && gaps > 0 && gaps == caught
	if t.form.stamps == "middle" { // a value of a moment is taken for half an interval around it
		t.from = t.from.Add(-t.interval / 2)
	}
	t.describe(p, longest)
}

// counts reports whether a column is taken for readings of a counter.
func (t *table) counts(c *tableColumn) bool {
	if c.listed() {
		return c.counter
	}
	unit := cmp.Or(t.form.unit, c.namedUnit(), t.unitOfFile, "kWh")
	return t.form.kind == recordings && c.Counter && c.Min >= 0 && strings.HasSuffix(unit, "h")
}

func (t *table) hasCounter() bool {
	return slices.ContainsFunc(t.columns, func(c tableColumn) bool { return t.counts(&c) })
}

// describe says what was found about a table's columns, times and gaps.
func (t *table) describe(p *inputs.Profile, longest time.Duration) {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.to
	}
	shown := strings.Join(names[:min(len(names), 8)], ", ")
	if len(names) > 8 {
		shown += fmt.Sprintf(", … (%d in all)", len(names))
	}
	t.say("columns: %s", shown)
	t.say("%d rows from %s to %s, zone %s, one every %s", p.Rows, p.From.In(t.zone).Format("2006-01-02 15:04"), p.To.In(t.zone).Format("2006-01-02 15:04"), t.zone, shortDuration(t.interval))
	switch {
	case t.missing == 0:
		t.say("gaps: none")
	case t.form.kind == market:
		t.doubt("%s missing between the first and the last: days without all of them cannot be run", counted(t.missing, "price is", "prices are"))
	case t.caughtUp:
		t.doubt("%s missing (longest gap %s), and the row after each gap has its energy: spread over both, as gaps: says", counted(t.missing, "value is", "values are"), shortDuration(longest))
	default:
		t.doubt("%s missing between the first and the last (longest gap %s): filled as gaps: says", counted(t.missing, "value is", "values are"), shortDuration(longest))
	}
	for _, c := range t.columns {
		if len(c.theirs) > 1 && len(c.less) == 0 && c.counter {
			t.doubt("column %q: %s, added up; each is the readings of a counter", c.to, strings.Join(c.theirs, " and "))
		} else if len(c.theirs) > 1 && len(c.less) == 0 {
			t.doubt("column %q: %s, added up; a value that some of them lack is 0 in these", c.to, strings.Join(c.theirs, " and "))
		}
	}
	if t.interval >= 24*time.Hour && t.form.kind == recordings {
		t.doubt("values of a day are spread evenly over its hours: the file does not say when")
	}
}

// gaps returns how gaps of the columns of a group are filled.
func (t *table) gaps(g *group) string {
	switch {
	case t.missing == 0:
		return "refuse"
	case t.caughtUp && strings.HasSuffix(g.unit, "h") && !slices.ContainsFunc(t.columns, func(c tableColumn) bool { return c.listed() }):
		return "in_next_row"
	}
	return "linear"
}

// group are the columns of a file that one entry of recordings reads: of one unit, with the
// same meaning of values.
type group struct {
	unit    string
	net     bool // values of both signs: drawn, and fed in
	signed  bool // of both signs, whose sum is not below 0
	below   bool // values below 0 are what panels gave
	counter bool
	small   bool // values slightly below 0 are 0
	format  inputs.Format
	columns []int
}

// groups divides the columns, in their order, and says what was assumed of them.
func (t *table) groups() (all []*group) {
	if t.form.unit == "" && t.unitOfFile == "" && !slices.ContainsFunc(t.columns, func(c tableColumn) bool { return c.namedUnit() != "" }) {
		t.doubt("unit: %s, by what homes draw", t.unit(&t.columns[0]))
	}
	for k := range t.columns {
		c := &t.columns[k]
		g := group{unit: t.unit(c), counter: t.counts(c), format: t.format}
		g.signed = c.signed
		g.below = (c.role == generated || c.role == park) && !c.fedIn && c.Max <= 0 && c.Min < 0
		g.small = !c.signed && (c.Min < 0 && -c.Min <= smallShare*c.Max || c.clip > 0)
		g.net = !c.signed && !g.below && (c.Min < 0 && !g.small || c.net)
		at := slices.IndexFunc(all, func(o *group) bool {
			return o.unit == g.unit && o.net == g.net && o.signed == g.signed && o.below == g.below && o.counter == g.counter && o.small == g.small
		})
		if at < 0 {
			at, all = len(all), append(all, &g)
		}
		all[at].columns = append(all[at].columns, k)
		all[at].say(t, c)
	}
	return all
}

// namedUnit is the unit that a column's name has, "" if it has none.
func (c *tableColumn) namedUnit() string { return cmp.Or(c.unit, unitOf(c.to), unitOf(c.theirs[0])) }

// unit is the unit of a column: that of the form, of its name or of the name of another one, or
// that by which homes draw what they usually do.
func (t *table) unit(c *tableColumn) string {
	if unit := cmp.Or(t.form.unit, c.namedUnit(), t.unitOfFile, t.others); unit != "" {
		return unit
	}
	all := make([]int, len(t.columns))
	for i := range all {
		all[i] = i
	}
	t.others = t.unitOf(all)
	return t.others
}

// unitOf is the unit of columns: that of the form, of a name, or that by which homes draw what they
// usually do.
func (t *table) unitOf(columns []int) string {
	unit := t.form.unit
	for _, i := range columns {
		unit = cmp.Or(unit, t.columns[i].namedUnit())
	}
	if unit = cmp.Or(unit, t.unitOfFile); unit == "" {
		unit = t.guessUnit(columns)
	}
	return unit
}

// smallShare is the greatest value below 0, as a share of the greatest above, that is taken
// for the noise or the standby of a meter that only counts in one direction.
const smallShare = 0.01

// say sets the keys of the group for a column, and says why.
func (g *group) say(t *table, c *tableColumn) {
	switch {
	case g.counter:
		g.format.Reading = "counter"
		if g.net || g.signed || g.below {
			g.format.Negative = "export"
		}
		if g.small {
			g.format.ClipBelow = number(c.clip)
		}
		if c.counter {
			return // it is said
		}
		t.doubt("column %q: readings of a counter, from %s to %s", c.to, number(c.Min), number(c.Max))
	case c.net, g.signed:
		g.format.Negative = "export"
	case g.below:
		g.format.Negative = "export"
		t.doubt("column %q: values from %s to 0: what is below 0 was generated", c.to, number(c.Min))
	case g.net:
		g.format.Negative = "export"
		t.doubt("column %q: a net meter with values from %s to %s: what is below 0 was fed in", c.to, number(c.Min), number(c.Max))
	case g.small:
		least, _ := strconv.ParseFloat(g.format.ClipBelow, 64)
		g.format.ClipBelow = number(max(least, -c.Min, c.clip))
		if c.clip == 0 {
			t.doubt("column %q: values from %s to 0 are 0", c.to, number(c.Min))
		}
	}
}

func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// number formats a number of at most six decimals.
func number(v float64) string {
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}

// watts is the power of a value of 1 in a unit, W; of an energy per interval.
func (t *table) watts(unit string) float64 {
	w := 1.0
	if strings.HasPrefix(unit, "k") {
		w = 1000
	}
	if strings.HasSuffix(unit, "h") {
		w *= float64(time.Hour) / float64(t.interval)
	}
	return w
}

// peak is the highest power of a column in either direction, W; of a counter ten times its
// mean rise.
func (t *table) peak(k int, unit string) float64 {
	c := &t.columns[k]
	if t.counts(c) {
		return 10 * c.Rise * t.watts(unit)
	}
	return math.Max(c.Max, -c.Min) * t.watts(unit) * float64(len(c.theirs)+len(c.less))
}

// guessUnit returns the unit in which the mean magnitude of columns is nearest to that of a home,
// 500 W.
func (t *table) guessUnit(columns []int) (best string) {
	sum, n := 0.0, 0
	counts := false
	for _, i := range columns {
		c := &t.columns[i]
		v := c.Mean
		if t.counts(c) {
			v, counts = c.Rise, true
		}
		sum, n = sum+v, n+1
	}
	apart := math.Inf(1)
	for _, unit := range []string{"kWh", "Wh", "kW", "W"} {
		if counts && !strings.HasSuffix(unit, "h") {
			continue
		}
		mean := sum / float64(max(n, 1)) * t.watts(unit)
		if a := math.Abs(math.Log(math.Max(mean, 1e-9) / 500)); a < apart {
			best, apart = unit, a
		}
	}
	return best
}

// guestName is the user of sessions without one.
const guestName = "guest"

// readSessions reads a file of sessions.
func (t *table) readSessions() error {
	f := &t.form
	f.user, f.arrive, f.leave, f.energy = t.columnNamed(f.user), t.columnNamed(f.arrive), t.columnNamed(f.leave), t.columnNamed(f.energy)
	spec := inputs.SessionsSpec{ID: "import", File: t.Path, Unit: f.unit, Zone: t.zone.String(), Guest: guestName, Incomplete: "leave_out"}
	spec.Columns.User, spec.Columns.Arrive, spec.Columns.Leave, spec.Columns.Energy = f.user, f.arrive, f.leave, f.energy
	cal := inputs.NewCalendar(time.Date(2000, 1, 1, 0, 0, 0, 0, t.zone), 900, 1)
	for {
		spec.Format = t.format
		s, err := inputs.ReadSessions(t.fsys, spec, cal)
		if err == nil {
			return t.takeSessions(s)
		}
		if err = t.named(err); !t.mend(err) {
			return err
		}
	}
}

func (t *table) takeSessions(s *inputs.Sessions) error {
	if t.from, t.to, t.stays = s.Bounds(); t.stays == 0 {
		return t.problem(len(t.before)+1, "no session after the header, wanted one at least")
	}
	if t.users = s.Users; s.Undated == 0 {
		t.format.Undated = ""
	} else {
		t.say("left out: %s without a time", counted(s.Undated, "line", "lines"))
	}
	if slices.Contains(s.Users, guestName) {
		t.guest = guestName
		t.doubt("sessions without a vehicle are those of one vehicle, %s", guestName)
	}
	if t.incomplete = s.LeftOut > 0; t.incomplete {
		t.say("left out: %s without a departure, an energy or a length, the first in line %d", counted(int64(s.LeftOut), "session", "sessions"), s.FirstLeftOut)
	}
	return nil
}
