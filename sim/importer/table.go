package importer

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smatrix-grid/smatrix/twins"
)

// micro is the scale of values: millionths of the file's unit.
const micro = 1_000_000

// none stands for a missing value.
const none = -1 << 62

// table is the content of a file, in order of time.
type table struct {
	*source
	zone     *time.Location
	stated   bool // the zone is that of the form or of the caller, not an assumption
	times    []time.Time
	interval time.Duration
	columns  []column
	values   [][]int64 // by column and row, in millionths; none where there is no value
	lines    []int     // of the rows
	place    place
	stays    []stay
	at       map[int64]int // rows of a long table, by Unix second
}

// stay is a charging session.
type stay struct {
	user, energy string
	from, to     time.Time
}

// read reads the rows of a file. zone is that of stamps if neither the form nor the file
// states one.
func (s *source) read(zone *time.Location, given bool) (*table, error) {
	t := &table{source: s, zone: zone, stated: given, at: map[int64]int{}}
	if s.form.place != nil {
		var err error
		if t.place, err = s.form.place(s.lines); err != nil {
			return nil, s.problem(0, "%v", err)
		}
		if t.place.doubt != "" {
			s.doubt("%s", t.place.doubt)
		}
	}
	if name := firstOf(s.form.zone, t.place.zone); name != "" {
		of, err := time.LoadLocation(name)
		if err != nil {
			return nil, fmt.Errorf("zone %s: %w", name, err)
		}
		t.zone, t.stated = of, true
	}
	err := t.readRows()
	switch {
	case err != nil:
		return nil, err
	case s.form.kind == sessions && len(t.stays) == 0:
		return nil, s.problem(s.line, "no session after the header, wanted one at least")
	case s.form.kind == sessions:
		return t, nil
	case len(t.times) < 2:
		return nil, s.problem(s.line, "%d rows with a time after the header, wanted two or more", len(t.times))
	}
	return t, t.order()
}

func firstOf(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

func (t *table) readRows() error {
	if t.form.transposed {
		return t.readTransposed()
	}
	row := &reader{table: t, lasts: map[string]time.Time{}, columnOf: map[string]int{}}
	if err := row.find(); err != nil {
		return err
	}
	row.newest = row.newestFirst()
	left, first := 0, ""
	for {
		fields, err := row.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		used, err := row.take(fields)
		if err != nil {
			return err
		}
		if !used {
			if left++; left == 1 {
				first = fmt.Sprintf("line %d, %q", row.line, strings.Join(fields, string(t.separator)))
			}
		}
	}
	for k := range t.values {
		t.values[k] = grown(t.values[k], len(t.times))
	}
	if left > 0 {
		t.plain = false
		t.say("left out: %d lines without a time, the first of them %s", left, first)
	}
	return nil
}

// reader takes the rows of a wide or long table, or of sessions.
type reader struct {
	*table
	line          int
	time, clock   int // indexes of fields; clock is -1 if there is none
	meter, value  int
	units         int   // -1 if there is none
	fields        []int // of the columns of a wide table
	user, arrive  int
	leave, energy int
	newest        bool      // rows are in the reverse order of time
	last          time.Time // of the row above, in a long table of the row above of its meter
	lasts         map[string]time.Time
	columnOf      map[string]int // of the meters of a long table; -1 for one that is left out
	grouped       bool           // a mark of thousands was found and said
}

// next returns the fields of the next row, and io.EOF after the last. A quote that opens a
// field and is not closed would take the rows behind it into the field: it is an error.
func (r *reader) next() ([]string, error) {
	fields, err := r.rows.Read()
	if err == io.EOF {
		return nil, err
	}
	if err != nil {
		return nil, r.problem(0, "cannot be read as a CSV: %v", err)
	}
	for i, field := range fields {
		if strings.Contains(field, `"`) {
			r.plain = false // scenarios want quotes within a field doubled
		}
		_, more, _ := strings.Cut(field, "\n")
		for line := range strings.Lines(more) {
			if len(splitLine(line, r.separator)) >= len(r.header) {
				at, _ := r.rows.FieldPos(i)
				return nil, r.problem(r.table.line+at, `the quote in this line is not closed before the next row, wanted "…" around a field or no quote`)
			}
		}
	}
	at, _ := r.rows.FieldPos(0)
	r.line = r.table.line + at
	return fields, nil
}

// find finds the indexes of the fields that the form names.
func (r *reader) find() error {
	f := &r.form
	r.clock, r.meter, r.value, r.units = -1, -1, -1, -1
	at := func(name string) int { return indexOf(r.header, name, 0) }
	if f.kind == sessions {
		r.user, r.arrive, r.leave, r.energy = at(f.user), at(f.arrive), at(f.leave), at(f.energy)
		return nil
	}
	if f.guessed {
		r.time = f.at
		for _, c := range f.columns {
			r.fields = append(r.fields, c.at)
			r.add(c)
		}
		return nil
	}
	r.time = at(f.time)
	if f.units != "" {
		r.units = at(f.units)
	}
	if f.clock != "" {
		r.clock = at(f.clock)
	}
	if f.meter != "" {
		r.meter, r.value = at(f.meter), at(f.value)
		for _, m := range f.meters {
			r.add(m)
		}
		return nil
	}
	seen := map[string]int{}
	for _, c := range f.columns {
		i := indexOf(r.header, c.from, seen[c.from])
		seen[c.from]++
		if i < 0 {
			continue // a quantity that not every file has
		}
		if c.role == ignored && f.kind == recordings {
			continue
		}
		r.fields = append(r.fields, i)
		r.add(c)
	}
	if len(r.fields) == 0 {
		return r.problem(r.table.line, "none of the columns that the form %s has", f.title)
	}
	return nil
}

func (t *table) add(c column) int {
	t.columns = append(t.columns, c)
	t.values = append(t.values, nil)
	return len(t.columns) - 1
}

// grown returns the values of n rows: those given, and none behind them.
func grown(values []int64, n int) []int64 {
	values = slices.Grow(values, max(0, n-len(values)))
	for len(values) < n {
		values = append(values, none)
	}
	return values
}

// newestFirst reports whether the rows that were looked at descend in time; of a long table
// those of the first meter.
func (r *reader) newestFirst() bool {
	var first, last time.Time
	meter := ""
	for _, line := range r.head {
		fields := splitLine(line, r.separator)
		text, ok := r.stamp(fields)
		if !ok || r.meter >= len(fields) {
			continue
		}
		if r.meter >= 0 {
			if meter = firstOf(meter, fields[r.meter]); fields[r.meter] != meter {
				continue
			}
		}
		for _, layout := range r.form.layouts {
			if at, err := time.Parse(layout, text); err == nil {
				if first.IsZero() {
					first = at
				}
				last = at
				break
			}
		}
	}
	return last.Before(first)
}

// stamp returns the text of a row's time. It reports false for lines of units and notes, which
// have none.
func (r *reader) stamp(fields []string) (text string, ok bool) {
	if r.form.kind == sessions || r.time >= len(fields) || !startsWithDigit(fields[r.time]) || r.clock >= len(fields) {
		return "", false
	}
	text = strings.TrimSpace(fields[r.time])
	if r.form.span != "" {
		text, _, _ = strings.Cut(text, r.form.span)
	}
	if r.clock >= 0 {
		text += " " + strings.TrimSpace(fields[r.clock])
	}
	return strings.TrimSpace(text), true
}

// take takes a row. It reports whether the row has a time: lines of units and notes have
// none.
func (r *reader) take(fields []string) (used bool, err error) {
	if r.form.kind == sessions {
		return r.takeStay(fields)
	}
	text, ok := r.stamp(fields)
	if !ok {
		return false, nil
	}
	if r.meter >= 0 {
		return r.takeLong(text, fields)
	}
	if err := r.checkUnit(fields); err != nil {
		return false, err
	}
	at, err := r.moment(text)
	if err != nil {
		return false, err
	}
	r.times, r.lines = append(r.times, at), append(r.lines, r.line)
	for k, i := range r.fields {
		v := int64(none)
		if i < len(fields) {
			if v, err = r.number(fields[i], r.header[i], r.columns[k].scale); err != nil {
				return false, err
			}
		}
		r.values[k] = append(r.values[k], v)
	}
	return true, nil
}

// takeLong adds a value of a long table: values of one meter and time are added up, as the
// registers of day and night are.
func (r *reader) takeLong(text string, fields []string) (bool, error) {
	if max(r.meter, r.value) >= len(fields) {
		return false, nil
	}
	name := strings.TrimSpace(fields[r.meter])
	k := r.meterOf(name)
	if k < 0 {
		return false, nil
	}
	if err := r.checkUnit(fields); err != nil {
		return false, err
	}
	r.last = r.lasts[name]
	at, err := r.moment(text)
	if err != nil {
		return false, err
	}
	r.lasts[name] = r.last
	v, err := r.number(fields[r.value], r.header[r.value], 0)
	if err != nil || v == none {
		return err == nil, err
	}
	row, ok := r.at[at.Unix()]
	if !ok {
		row = len(r.times)
		r.at[at.Unix()] = row
		r.times, r.lines = append(r.times, at), append(r.lines, r.line)
		if len(r.times)*len(r.columns) > mostValues {
			return false, r.problem(r.line, "more than %d times and meters, wanted fewer: cut the file", mostValues)
		}
	}
	r.values[k] = grown(r.values[k], row+1)
	if r.values[k][row] == none {
		r.values[k][row] = 0
	}
	r.values[k][row] += v
	return true, nil
}

// checkUnit refuses a row that names another unit than the form's.
func (r *reader) checkUnit(fields []string) error {
	if r.units < 0 || r.units >= len(fields) {
		return nil
	}
	if unit := strings.TrimSpace(fields[r.units]); unit != "" && !strings.EqualFold(unit, r.form.unit) {
		return r.problem(r.line, "column %q: unit %q, wanted %s", r.header[r.units], unit, r.form.unit)
	}
	return nil
}

// mostValues bounds the number of times multiplied by the number of meters of a long table: a
// gigabyte of values.
const mostValues = 1 << 27

// meterOf returns the column of a meter of a long table, -1 if the form leaves it out.
func (r *reader) meterOf(name string) int {
	k, ok := r.columnOf[name]
	if !ok {
		if r.form.meters == nil {
			k = r.add(column{from: name, to: name, role: load})
		} else {
			k = slices.IndexFunc(r.columns, func(c column) bool { return fits(c.from, name) })
		}
		r.columnOf[strings.Clone(name)] = k
	}
	return k
}

func (r *reader) takeStay(fields []string) (bool, error) {
	if max(r.user, r.arrive, r.leave, r.energy) >= len(fields) || !startsWithDigit(fields[r.arrive]) || !startsWithDigit(fields[r.leave]) {
		return false, nil // such as a session that has not ended
	}
	r.last = time.Time{} // sessions may be in any order
	from, err := r.moment(fields[r.arrive])
	if err != nil {
		return false, err
	}
	r.last = from
	to, err := r.moment(fields[r.leave])
	if err != nil {
		return false, err
	}
	energy, err := r.number(fields[r.energy], r.header[r.energy], 0)
	if err != nil || energy == none || !to.After(from) {
		return false, err
	}
	user := firstOf(strings.TrimSpace(fields[r.user]), "vehicle")
	r.stays = append(r.stays, stay{user: user, energy: decimalText(energy), from: from, to: to})
	return true, nil
}

// readTransposed reads a table with a row for each series and a column for each time: the
// energy export of Home Assistant.
func (t *table) readTransposed() error {
	r := &reader{table: t, line: t.line}
	for _, text := range t.header[3:] {
		at, err := r.moment(text)
		if err != nil {
			return err
		}
		t.times, t.lines = append(t.times, at), append(t.lines, t.line)
	}
	of := map[string][]int64{}
	for {
		fields, err := r.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if len(fields) < 3 || fields[2] != t.form.unit {
			continue // costs, gas and water
		}
		sum := of[fields[1]]
		if sum == nil {
			sum = make([]int64, len(t.times))
		}
		for i := range t.times {
			if 3+i < len(fields) {
				v, err := r.number(fields[3+i], fields[1], 0)
				if err != nil {
					return err
				}
				if v != none {
					sum[i] += v
				}
			}
		}
		of[fields[1]] = sum
	}
	return t.addHome(of)
}

// addHome adds the columns of a home: what it consumed and what its roof generated.
func (t *table) addHome(of map[string][]int64) error {
	solar, used := of["solar_production"], of["calculated_total_consumption"]
	if used == nil {
		used = make([]int64, len(t.times))
		below := 0
		for i := range used {
			for name, sign := range map[string]int64{"grid_consumption": 1, "solar_production": 1, "battery_out": 1, "grid_return": -1, "battery_in": -1} {
				if of[name] != nil {
					used[i] += sign * of[name][i]
				}
			}
			if used[i] < 0 {
				used[i], below = 0, below+1
			}
		}
		t.doubt("consumption is grid + solar + battery out - return - battery in: the file has no row calculated_total_consumption")
		if below > 0 {
			t.doubt("consumption: %d values below 0 were set to 0", below)
		}
	}
	t.columns, t.values = []column{{from: "consumption", to: "home", role: load}}, [][]int64{used}
	if solar != nil {
		t.columns, t.values = append(t.columns, column{from: "solar_production", to: "home-roof", role: roof}), append(t.values, solar)
	}
	if len(of) == 0 {
		return t.problem(t.line, "no row in %s, wanted energy", t.form.unit)
	}
	return nil
}

func startsWithDigit(s string) bool {
	s = strings.TrimSpace(s)
	return s != "" && s[0] >= '0' && s[0] <= '9'
}

// number reads a value in millionths, times scale ÷ 1000; none if it is missing.
func (r *reader) number(text, column string, scale int64) (int64, error) {
	text = strings.TrimSpace(text)
	if text == "" || slices.Contains(r.form.missing, text) {
		return none, nil
	}
	pointed, ok := withPoint(text, r.form.decimal, r.form.group)
	if !ok {
		return 0, r.problem(r.line, "column %q: %q is not a number with a decimal comma", column, text)
	}
	v, err := twins.ParseScaled(pointed, micro)
	if err != nil {
		return 0, r.problem(r.line, "column %q: %q is not a number", column, text)
	}
	if r.form.guessed && r.form.group != 0 && !r.grouped && strings.Contains(text, string(r.form.group)) {
		r.grouped = true
		r.doubt("column %q: %q in line %d is read as %s: its point is taken for a mark of thousands, as others have a decimal comma", column, text, r.line, pointed)
	}
	if scale != 0 {
		v, _ = twins.MulDiv(v, scale, 1000)
	}
	return v, nil
}

// withPoint writes a number with a decimal point and without marks of thousands (group, 0 for
// none). It reports false if a mark is where it cannot be: there are three digits behind each,
// one to three before the first and no leading 0, and with a decimal comma no other point.
func withPoint(text string, decimal, group byte) (string, bool) {
	whole, fraction, cut := strings.Cut(text, string(decimal))
	if group != 0 {
		parts := strings.Split(whole, string(group))
		if len(parts) > 1 && !thousands(parts) || strings.IndexByte(fraction, group) >= 0 {
			return text, false
		}
		whole = strings.Join(parts, "")
	} else if decimal == ',' && strings.Contains(text, ".") {
		return text, false
	}
	if cut {
		whole += "." + fraction
	}
	return whole, true
}

// thousands reports whether the parts of a number between marks are groups of thousands.
func thousands(parts []string) bool {
	first := strings.TrimLeft(parts[0], "+-")
	if len(first) < 1 || len(first) > 3 || first[0] == '0' {
		return false
	}
	return !slices.ContainsFunc(parts[1:], func(p string) bool { return len(p) != 3 || strings.Trim(p, "0123456789") != "" })
}

func isNumber(text string, decimal byte) bool {
	group := byte(0)
	if decimal == ',' {
		group = '.'
	}
	text, ok := withPoint(text, decimal, group)
	_, err := strconv.ParseFloat(text, 64)
	return ok && err == nil
}

func parses(layout, text string) bool {
	_, err := time.Parse(layout, text)
	return err == nil
}

// moment reads a stamp. A local time that clocks show twice is its first occurrence, unless
// that is not after the row above, and with the newest row first its last one, unless that is
// not before the row above. One that clocks skip is an error; a day whose midnight they skip
// begins an hour later.
func (r *reader) moment(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	late := time.Duration(0)
	if day, ok := strings.CutSuffix(text, " 24:00"); ok {
		text, late = day+" 00:00", 24*time.Hour
	}
	for _, layout := range r.form.layouts {
		if strings.Contains(layout, "Z07:00") {
			if at, err := time.Parse(layout, text); err == nil {
				return at, nil
			}
			continue
		}
		wall, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if wall = wall.Add(late); r.form.typical {
			wall = time.Date(r.year, wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, time.UTC)
			if late > 0 && wall.Month() == time.January && wall.Day() == 1 {
				wall = wall.AddDate(1, 0, 0)
			}
		}
		at, ok := r.instant(wall)
		if !ok && !strings.Contains(layout, "15") {
			at, ok = dayStart(wall, r.zone)
		}
		if !ok {
			return at, r.problem(r.line, "time %q does not exist in %s, where clocks skip it, wanted another zone (--zone)", text, r.zone)
		}
		r.last = at
		return at, nil
	}
	return time.Time{}, r.problem(r.line, "time %q cannot be read, wanted one like %s", text, r.form.layouts[0])
}

// instant returns the moment at which clocks show a wall time, given as UTC: the first one
// that is after the row above, or the last one; with the newest row first the last one before
// the row above, or the first one.
func (r *reader) instant(wall time.Time) (at time.Time, ok bool) {
	first, last, ok := instants(wall, r.zone)
	switch {
	case !r.newest && first.After(r.last), r.newest && !r.last.IsZero() && !last.Before(r.last):
		return first, ok
	}
	return last, ok
}

// instants returns the moments, one or two, at which clocks in a zone show a wall time, given
// as UTC. It reports false if they skip it.
func instants(wall time.Time, zone *time.Location) (first, last time.Time, ok bool) {
	const day = 24 * time.Hour // longer than any offset
	for _, near := range []time.Time{wall.Add(-day), wall.Add(day)} {
		_, offset := near.In(zone).Zone()
		candidate := wall.Add(-time.Duration(offset) * time.Second).In(zone)
		if _, shown := candidate.Zone(); shown != offset {
			continue
		}
		if last = candidate; !ok {
			first, ok = candidate, true
		}
	}
	return first, last, ok
}

// dayStart returns the first moment of a local day, given as its midnight in UTC: where clocks
// skip midnight, it is an hour later.
func dayStart(midnight time.Time, zone *time.Location) (at time.Time, ok bool) {
	if at, _, ok = instants(midnight, zone); !ok {
		at, _, ok = instants(midnight.Add(time.Hour), zone)
	}
	return at, ok
}

// order sorts the rows by time, finds the interval, and lays days out in hours.
func (t *table) order() error {
	index := make([]int, len(t.times))
	for i := range index {
		index[i] = i
	}
	if t.times[0].After(t.times[len(t.times)-1]) {
		t.say("order: newest first, turned round")
		slices.Reverse(index)
		t.plain = false
	}
	slices.SortStableFunc(index, func(a, b int) int { return t.times[a].Compare(t.times[b]) })
	t.pick(index)
	for i := 1; i < len(t.times); i++ {
		if t.times[i].Equal(t.times[i-1]) {
			return t.problem(max(t.lines[i], t.lines[i-1]), "time %s appears twice, wanted each once", t.times[i].Format(time.RFC3339))
		}
	}
	t.findInterval()
	if t.form.kind == recordings && t.form.unit == "" {
		t.form.unit = t.guessUnit()
		t.doubt("unit: %s, by what homes draw", t.form.unit)
	}
	if t.interval == 24*time.Hour && t.form.kind == recordings {
		t.hours()
	}
	switch t.form.stamps {
	case "end":
		t.shift(-t.interval)
	case "middle":
		t.shift(-t.interval / 2)
	}
	return nil
}

// pick puts the rows into another order, and drops those left out.
func (t *table) pick(index []int) {
	times, lines := make([]time.Time, len(index)), make([]int, len(index))
	for i, from := range index {
		times[i], lines[i] = t.times[from], t.lines[from]
	}
	for k := range t.values {
		values := make([]int64, len(index))
		for i, from := range index {
			values[i] = t.values[k][from]
		}
		t.values[k] = values
	}
	t.times, t.lines = times, lines
}

func (t *table) shift(by time.Duration) {
	for i := range t.times {
		t.times[i] = t.times[i].Add(by)
	}
}

// findInterval finds the most frequent distance between rows; a local day counts as 24 h.
func (t *table) findInterval() {
	counts := map[time.Duration]int{}
	for i := 1; i < len(t.times); i++ {
		apart := t.times[i].Sub(t.times[i-1])
		if t.times[i].Hour() == 0 && t.times[i-1].Hour() == 0 && t.times[i-1].AddDate(0, 0, 1).Equal(t.times[i]) {
			apart = 24 * time.Hour
		}
		counts[apart]++
	}
	for apart, n := range counts {
		if best := counts[t.interval]; n > best || n == best && apart < t.interval {
			t.interval = apart
		}
	}
}

// hours lays the energy of each local day out evenly over its hours, of which it has 23,
// 24 or 25; a power holds in each of them. The unit must be known.
func (t *table) hours() {
	days, values := t.times, t.values
	t.times, t.values = nil, make([][]int64, len(values))
	var lines []int
	for i, day := range days {
		midnight := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, time.UTC)
		from, _ := dayStart(midnight, t.zone)
		next, _ := dayStart(midnight.AddDate(0, 0, 1), t.zone)
		n := int64(next.Sub(from) / time.Hour)
		for h := range n {
			t.times, lines = append(t.times, from.Add(time.Duration(h)*time.Hour)), append(lines, t.lines[i])
			for k := range values {
				v := values[k][i]
				if v != none && strings.HasSuffix(t.form.unit, "h") {
					v = part(v, h+1, n) - part(v, h, n)
				}
				t.values[k] = append(t.values[k], v)
			}
		}
	}
	t.lines, t.interval, t.plain = lines, time.Hour, false
	t.doubt("values of a day are spread evenly over its hours: the file does not say when")
}

// part returns v·h/n, rounded towards 0, for 0 ≤ h ≤ n: the product may be beyond int64.
func part(v, h, n int64) int64 {
	quo, _ := twins.MulDiv(v, h, n)
	return quo
}

// decimalText formats millionths as a decimal number.
func decimalText(v int64) string {
	sign := ""
	if v < 0 {
		sign, v = "-", -v
	}
	text := fmt.Sprintf("%s%d.%06d", sign, v/micro, v%micro)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
