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
	row := &reader{table: t}
	if err := row.find(); err != nil {
		return err
	}
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
	fields        []int // of the columns of a wide table
	user, arrive  int
	leave, energy int
	last          time.Time
	grouped       bool // a mark of thousands was found and said
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
	r.clock, r.meter, r.value = -1, -1, -1
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
	values := make([]int64, len(t.times))
	for i := range values {
		values[i] = none
	}
	t.values = append(t.values, values)
	return len(t.columns) - 1
}

// take takes a row. It reports whether the row has a time: lines of units and notes have
// none.
func (r *reader) take(fields []string) (used bool, err error) {
	if r.form.kind == sessions {
		return r.takeStay(fields)
	}
	if r.time >= len(fields) || !startsWithDigit(fields[r.time]) || r.clock >= len(fields) {
		return false, nil
	}
	text := strings.TrimSpace(fields[r.time])
	if r.form.span != "" {
		text, _, _ = strings.Cut(text, r.form.span)
	}
	if r.clock >= 0 {
		text += " " + strings.TrimSpace(fields[r.clock])
	}
	at, err := r.moment(text)
	if err != nil {
		return false, err
	}
	if r.meter >= 0 {
		return r.takeLong(at, fields)
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
func (r *reader) takeLong(at time.Time, fields []string) (bool, error) {
	if max(r.meter, r.value) >= len(fields) {
		return false, nil
	}
	name := strings.TrimSpace(fields[r.meter])
	k := slices.IndexFunc(r.columns, func(c column) bool { return fits(c.from, name) })
	if k < 0 && r.form.meters != nil {
		return false, nil
	}
	if k < 0 {
		k = r.add(column{from: name, to: name, role: load})
	}
	v, err := r.number(fields[r.value], r.header[r.value], 0)
	if err != nil || v == none {
		return err == nil, err
	}
	row, ok := r.at[at.Unix()]
	if !ok {
		row = len(r.times)
		r.at[at.Unix()] = row
		r.times, r.lines = append(r.times, at), append(r.lines, r.line)
		for i := range r.values {
			r.values[i] = append(r.values[i], none)
		}
	}
	if r.values[k][row] == none {
		r.values[k][row] = 0
	}
	r.values[k][row] += v
	return true, nil
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
// that is not after the row above; one that they skip is an error.
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
		at, ok := instant(wall, r.zone, r.last)
		if !ok {
			return at, r.problem(r.line, "time %q does not exist in %s, where clocks skip it, wanted another zone (--zone)", text, r.zone)
		}
		r.last = at
		return at, nil
	}
	return time.Time{}, r.problem(r.line, "time %q cannot be read, wanted one like %s", text, r.form.layouts[0])
}

// instant returns the moment at which clocks in a zone show a wall time, given as UTC: the
// first one that is after last, or the last one.
func instant(wall time.Time, zone *time.Location, last time.Time) (at time.Time, ok bool) {
	const day = 24 * time.Hour // longer than any offset
	for _, near := range []time.Time{wall.Add(-day), wall.Add(day)} {
		_, offset := near.In(zone).Zone()
		candidate := wall.Add(-time.Duration(offset) * time.Second).In(zone)
		if _, shown := candidate.Zone(); shown != offset {
			continue
		}
		if at, ok = candidate, true; at.After(last) {
			break
		}
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
		from := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, t.zone)
		n := int64(from.AddDate(0, 0, 1).Sub(from) / time.Hour)
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
