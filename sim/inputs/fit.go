package inputs

import (
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strconv"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// recordedFit maps the time of a file, in slots, to the steps of a run, and holds
// the energies of the slots that the run needs. A slot is an interval of the file;
// if the file has intervals of several lengths, it is a step.
type recordedFit struct {
	rules       *recordingRules
	fsys        fs.FS
	rows        *survey
	step        int64           // seconds
	slotsOf     map[int][]int32 // per move in weeks: the first slot of each step
	from, to    int64           // range of slots that the run needs, from ≤ slot < to
	needed      []bool          // per slot from … to: the run needs it; nil if it needs all of them
	weekOfSlots int64           // slots in a week, 0 if that is not a whole number
	clock       zoneClock       // in which a week ago is the same time of day
	most        twins.Power

	columns []recordedColumn
	series  []*recordedSeries // per column
}

// fit checks that the recording has one value for each moment of the run.
func (r *recordingRules) fit(fsys fs.FS, rows *survey) (*recordedFit, error) {
	f := &recordedFit{rules: r, fsys: fsys, rows: rows, step: int64(r.cal.Step), slotsOf: map[int][]int32{}}
	if rows.spacing != evenly {
		f.align()
	}
	if f.step%rows.interval != 0 && rows.interval%f.step != 0 {
		return nil, r.problem(0, "one value every %s does not fit steps of %s, wanted one that is a whole number of the other",
			spanText(rows.interval), spanText(f.step))
	}
	mapSlots := f.mapDays
	if r.weeks != nil {
		mapSlots = f.mapWeeks
	}
	if err := mapSlots(); err != nil {
		return nil, err
	}
	if secondsPerWeek := int64(7 * SecondsPerDay); secondsPerWeek%rows.interval == 0 {
		f.weekOfSlots = secondsPerWeek / rows.interval
	}
	f.clock.loc = r.zoneShown()
	f.most = min(mostRecorded, twins.Power(math.MaxInt64/max(f.step, rows.interval, rows.longest)-1))
	for ours, added := range r.spec.Sums {
		n := int64(len(added) + len(r.spec.Less[ours]))
		f.most = min(f.most, mostRecorded/twins.Power(n), twins.Power(math.MaxInt64/max(f.step, rows.interval, rows.longest)/n-1))
	}
	return f, nil
}

// align makes the steps the slots of the file.
func (f *recordedFit) align() {
	start := f.rules.cal.Start.Unix()
	if f.rules.weeks != nil {
		_, offset := f.rules.cal.Start.Zone()
		start += int64(offset)
	}
	f.rows.interval = f.step
	f.rows.origin = start + quoFloor(f.rows.start-start, f.step)*f.step
}

// perStep returns the number of slots in a step; 1 if several steps share one
// slot.
func (f *recordedFit) perStep() int64 { return max(f.step/f.rows.interval, 1) }

// mapDays maps a record of the run's own days: each moment of the run to the
// same moment of the record.
func (f *recordedFit) mapDays() error {
	r, rows := f.rules, f.rows
	start := r.cal.Start.Unix()
	if (start-rows.origin)%min(f.step, rows.interval) != 0 {
		return r.problem(rows.firstLine, "the interval that starts at %s does not meet the run's steps of %s from %s, wanted both to start together",
			r.local(rows.start), spanText(f.step), r.local(start))
	}
	end := r.cal.Unix(r.cal.Steps)
	slack := int64(0)
	if r.counter() && r.gaps != gapsRefuse { // n readings are the ends of n - 1 intervals: the last one is a gap
		slack = rows.usual
	}
	if start < rows.start || end > rows.end+slack {
		return r.problem(0, "covers %s to %s, wanted %s to %s, which is the run (times in %s)%s",
			r.local(rows.start), r.local(rows.end), r.local(start), r.local(end), r.zoneShown(), r.missingReading(rows, start, end))
	}
	slots := make([]int32, r.cal.Steps)
	for k := range slots {
		slots[k] = int32(rows.slot(r.cal.Unix(twins.Tick(k))))
	}
	f.slotsOf[0] = slots
	f.from = rows.slot(start)
	f.to = -quoFloor(rows.origin-end, rows.interval)
	return nil
}

// missingReading returns what helps against a counter that lacks the reading at the end
// of the run, "" if there is another fault.
func (r *recordingRules) missingReading(rows *survey, start, end int64) string {
	if !r.counter() || start < rows.start || end-rows.end > rows.usual {
		return ""
	}
	return fmt.Sprintf(": readings of a counter enclose one interval less than there are readings; add that of %s, let the run end at %s, or fill the last interval with gaps: hold or same_time_last_week",
		r.local(end), r.local(rows.end))
}

// needs reports whether the run needs a slot.
func (f *recordedFit) needs(slot int64) bool {
	return f.from <= slot && slot < f.to && (f.needed == nil || f.needed[slot-f.from])
}

// recordedSeries has the energies of a column in the slots that a run needs, and
// what a gap rule looks back and ahead at: the nearest values outside of them.
type recordedSeries struct {
	column        string
	sum           bool    // of several columns, which share it: a value that one of them lacks is 0
	energies      []int64 // per slot from … to, in mJ, or noValue
	guessed       []bool  // per slot: its energy is a share of what is known of a gap as a whole; nil if that is never known
	taken         []int64 // per slot: what was subtracted, mJ, of values above 0; nil if nothing is subtracted
	less          bool    // the value that is being added is one that is subtracted
	before, after recordedSlot
	lastWeek      []int64 // per slot of a week on the run's clock: the latest energy before from; nil if gaps do not look there
	covered       int64   // s of the file with a value

	last recordedSpan // the last value in the order of the file. Only if gaps are in_next_row

	readings *counterReadings // of a counter; nil before the first
	wrong    error            // the first that counting them has found
}

// recordedSpan is a value and the time that it is for, Unix seconds.
type recordedSpan struct {
	from, to, energy int64
	ok               bool
}

// recordedSlot is a slot with a value.
type recordedSlot struct {
	slot, energy int64
	ok           bool
}

// mostValues bounds the memory of reading a recording, 2 GiB: a header of a few kilobytes of
// gzip can have a hundred thousand columns.
const mostValues = 1 << 28

// Marks of slots besides noValue: a part of the slot has no value.
const partMissing = noValue + 1

func (f *recordedFit) newSeries(column string) *recordedSeries {
	s := &recordedSeries{column: column, energies: make([]int64, f.to-f.from)}
	fillWith(s.energies, noValue)
	if f.rules.counter() || f.rules.gaps == gapsNextRow {
		s.guessed = make([]bool, f.to-f.from)
	}
	if f.rules.gaps == gapsLastWeek {
		s.lastWeek = make([]int64, f.weekOfSlots)
		fillWith(s.lastWeek, noValue)
	}
	return s
}

// seriesOf returns a series for the next column: a new one, or that to which the column is
// added. Counters have one each: addRegisters adds them up.
func (f *recordedFit) seriesOf(c recordedColumn) *recordedSeries {
	if c.sum && !f.rules.counter() {
		for i, s := range f.series {
			if f.columns[i].ours == c.ours {
				return s
			}
		}
	}
	s := f.newSeries(c.theirs)
	s.sum = c.sum && !f.rules.counter()
	if f.subtracts(c.ours) {
		s.taken = make([]int64, f.to-f.from)
	}
	return s
}

// subtracts reports whether a column is subtracted from others of our name.
func (f *recordedFit) subtracts(ours string) bool { return len(f.rules.spec.Less[ours]) > 0 }

func fillWith(values []int64, v int64) {
	for i := range values {
		values[i] = v
	}
}

// readValues reads the mapped columns of the whole file.
func (f *recordedFit) readValues() error {
	put := f.put
	if f.rules.counter() {
		put = f.count
	}
	err := f.rules.eachRow(f.fsys, f.rows, func(file *recordedFile, row *tableRow) error {
		if f.series == nil {
			f.columns = file.columns
			if n, slots := int64(len(f.columns)), f.to-f.from; n*slots > mostValues {
				return f.rules.problem(file.headerLine, "%d columns with %d values each that the run needs, wanted at most %d in all: name the columns that it reads, or run fewer days", n, slots, int64(mostValues))
			}
			for _, c := range f.columns {
				f.series = append(f.series, f.seriesOf(c))
			}
			f.rules.watch = f.rules.newWatch(file, f.rows.starts(f.from), f.rows.starts(f.to))
		}
		if err := f.checkLengthOf(row); err != nil {
			return err
		}
		f.rules.watch.row(row)
		return file.eachField(row, func(column int, field recordedField) error {
			f.rules.watchField(column, field)
			return put(f.series[column], row, field)
		})
	})
	for _, s := range f.series {
		if err == nil {
			err = f.finishCounter(s)
		}
		if f.rules.format.NewestFirst && s.last.ok {
			f.addBehind(s, recordedSpan{}, s.last)
		}
		for i, e := range s.energies {
			if e == partMissing {
				s.energies[i] = noValue
			}
		}
	}
	return err
}

// checkLengthOf refuses a row that the run needs and that is for too long a time:
// longer than gaps may be or, for a power, so long that rows are missing.
func (f *recordedFit) checkLengthOf(row *tableRow) error {
	if f.rows.spacing != asTheyCome || f.rows.slot(row.to-1) < f.from || f.rows.slot(row.from) >= f.to {
		return nil
	}
	r := f.rules
	if longest := r.spec.Longest; longest > 0 && row.to-row.from > longest {
		return r.problem(row.line, "a row for %s, wanted at most %s, as gaps.longest says", spanText(row.to-row.from), spanText(longest))
	}
	if r.gaps == gapsRefuse && !r.unit.energy && f.rows.holdsTooLong(row) {
		return r.holdProblem(f.rows, row, ", or gaps: hold")
	}
	return nil
}

// eachField calls f with each field of a row that has values, and its index in
// columns.
func (f *recordedFile) eachField(row *tableRow, call func(column int, field recordedField) error) error {
	if f.meter >= 0 {
		for _, i := range f.ofMeter[row.meter] {
			if err := call(i, recordedField{row.line, row.at, row.meter, row.fields[f.value], f.columns[i].less}); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range f.columns {
		c := &f.columns[i]
		if err := call(i, recordedField{row.line, row.at, c.theirs, row.fields[c.index], c.less}); err != nil {
			return err
		}
	}
	return nil
}

// put adds the value of an interval.
func (f *recordedFit) put(s *recordedSeries, row *tableRow, field recordedField) error {
	e, err := f.rules.energy(field, row.to-row.from, f.most)
	if err != nil {
		return err
	}
	if s.less = field.less; s.less && e != noValue {
		e = -e
	}
	span := recordedSpan{row.from, row.to, e, true}
	switch {
	case f.rules.gaps != gapsNextRow:
		f.add(s, row.from, row.to, e)
	case e == noValue:
	case f.rules.format.NewestFirst: // the value before this one in the file is the next one in time
		f.addBehind(s, span, s.last)
		s.last = span
	default:
		f.addBehind(s, s.last, span)
		s.last = span
	}
	return nil
}

// addBehind adds the energy of a value to its time and to the gap between it and the value before it in time,
// if there is one.
func (f *recordedFit) addBehind(s *recordedSeries, before, v recordedSpan) {
	if !v.ok {
		return
	}
	from := v.from
	if before.ok && before.to < from {
		from = before.to
		f.guess(s, from, v.from)
	}
	f.add(s, from, v.to, v.energy)
}

// guess marks the slots of [from, to), whose energy is only known as a whole.
func (f *recordedFit) guess(s *recordedSeries, from, to int64) {
	for slot := max(f.from, f.rows.slot(from)); slot < min(f.to, f.rows.slot(to)); slot++ {
		s.guessed[slot-f.from] = true
	}
}

// add adds an energy to the slots of [from, to), evenly.
func (f *recordedFit) add(s *recordedSeries, from, to, e int64) {
	if e != noValue {
		s.covered += to - from
	} else if s.sum {
		return
	}
	for slot := f.rows.slot(from); slot <= f.rows.slot(to-1); slot++ {
		starts := f.rows.starts(slot)
		a, b := max(from, starts), min(to, starts+f.rows.interval)
		if a == from && b == to {
			f.addTo(s, slot, e)
			continue
		}
		if slot >= f.to && s.after.ok && s.after.slot <= slot { // nothing more to learn here
			return
		}
		share := int64(noValue)
		if e != noValue {
			upTo, _ := twins.MulDiv(e, b-from, to-from)
			before, _ := twins.MulDiv(e, a-from, to-from)
			share = upTo - before
		}
		f.addTo(s, slot, share)
	}
}

// addTo adds an energy to a slot, and notes it if the slot is outside the run.
func (f *recordedFit) addTo(s *recordedSeries, slot, e int64) {
	switch {
	case f.from <= slot && slot < f.to:
		at := &s.energies[slot-f.from]
		if s.taken != nil && s.less && e < 0 && e != noValue {
			s.taken[slot-f.from] -= e
		}
		switch {
		case e == noValue:
			*at = partMissing
		case *at == noValue:
			*at = e
		case *at != partMissing:
			*at += e
		}
	case e == noValue:
	case slot < f.from:
		if s.sum && s.before.ok && slot == s.before.slot {
			e += s.before.energy
		}
		if !s.before.ok || slot > s.before.slot || s.sum && slot == s.before.slot {
			s.before = recordedSlot{slot, e, true}
		}
		if len(s.lastWeek) > 0 {
			f.keepWeek(s, slot, e)
		}
	case s.sum && s.after.ok && slot == s.after.slot:
		s.after.energy += e
	case !s.after.ok || slot < s.after.slot:
		s.after = recordedSlot{slot, e, true}
	}
}

// keepWeek notes the energy of a slot before the run for the weeks after it, except
// in an hour that clocks show for the second time. A file with the newest row first
// has been there already.
func (f *recordedFit) keepWeek(s *recordedSeries, slot, e int64) {
	at := f.rows.starts(slot)
	if first, _, _ := f.clock.instants(f.clock.wall(at)); first != at {
		return
	}
	if kept := &s.lastWeek[f.slotOfWeek(slot)]; *kept == noValue || !f.rules.format.NewestFirst {
		*kept = e
	}
}

// slotOfWeek returns the place of a slot in a week of the run's clock.
func (f *recordedFit) slotOfWeek(slot int64) int64 {
	return modFloor(f.clock.wall(f.rows.starts(slot)), 7*SecondsPerDay) / f.rows.interval
}

// count passes a reading of a counter on. What was counted since the reading before is added once
// it is known what the reading is; a gap's energy is known, and spread evenly over it.
func (f *recordedFit) count(s *recordedSeries, row *tableRow, field recordedField) error {
	reading, missing, err := f.rules.number(field, f.rules.unit.scale)
	switch {
	case missing:
		return nil
	case err != nil || reading > math.MaxInt64/4:
		return f.rules.problem(row.line, "column %q: %q is not a number, wanted the reading of a counter in %s", field.column, field.text, f.rules.unit.name)
	case reading < 0:
		return f.rules.problem(row.line, "column %q: %q is negative, wanted the reading of a counter, 0 or more", field.column, field.text)
	}
	if s.readings == nil {
		s.readings = f.newReadings(s)
	}
	if !s.readings.read(reading, row.at, row.line) {
		last, fell := s.readings.hold[len(s.readings.hold)-1], s.readings.fell[0]
		return f.fallProblem(s, fell.line, last.value, fell.value)
	}
	return s.wrong
}

func (f *recordedFit) newReadings(s *recordedSeries) *counterReadings {
	c := &counterReadings{newest: f.rules.format.NewestFirst, unit: f.rules.unit.scale}
	if f.rows.spacing == evenly {
		c.apart = f.rows.interval
	}
	c.count = func(from, to stand, e twins.Energy) {
		if s.wrong == nil {
			s.wrong = f.counted(s, from, to, int64(e))
		}
	}
	c.stands = func(of stand) { f.add(s, min(of.from, of.to), max(of.from, of.to), 0) }
	return c
}

// fallProblem returns the error about a fall that is no restart, with a doubt about how numbers are
// written that may be the cause.
func (f *recordedFit) fallProblem(s *recordedSeries, line int, before, after int64) error {
	cause := ""
	for i := range f.series {
		if f.series[i] != s {
			continue
		}
		if _, text := f.rules.watch.columns[i].thou.doubt(); text != "" {
			cause = "; " + text
		}
	}
	return f.rules.problem(line, "column %q: the counter falls from %s to %s %s and does not go on from there, wanted readings that rise, or a restart%s",
		s.column, f.reading(max(before, after)), f.reading(min(before, after)), f.rules.unit.name, cause)
}

// finishCounter counts the last readings of a counter, and refuses readings that fall so often
// that they are none.
func (f *recordedFit) finishCounter(s *recordedSeries) error {
	c := s.readings
	if c == nil {
		return nil
	}
	if c.finish(); s.wrong != nil {
		return s.wrong
	}
	if first, odd := c.odd(); odd {
		return f.fallProblem(s, first.line, first.before, first.value)
	}
	return nil
}

// counterDoubts returns the warnings about the counters of some columns.
func (f *recordedFit) counterDoubts(columns []int) (found []problem.Warning) {
	for _, k := range columns {
		if s := f.series[k]; s != nil && s.readings != nil {
			found = append(found, s.readings.doubts(f.rules.spec.File, s.column, f.rules.unit.name, f.rows.starts(f.from), f.rows.starts(f.to))...)
		}
	}
	return found
}

// counted adds the energy between two readings of a counter, from an earlier to a later one.
func (f *recordedFit) counted(s *recordedSeries, before, after stand, e int64) error {
	from, to := max(before.from, before.to), min(after.from, after.to)
	if e/(to-from) >= int64(f.most) {
		return f.rules.problem(max(before.line, after.line), "column %q: the counter rises by %s %s, wanted a mean power of at most %d W", s.column, f.reading(e), f.rules.unit.name, f.most/twins.Watt)
	}
	gap := f.rows.spacing == evenly && to-from > f.rows.interval
	if gap && f.rules.gaps == gapsRefuse && !after.bridge {
		return nil
	}
	if gap {
		f.guess(s, from, to)
	}
	f.add(s, from, to, e)
	return nil
}

// reading returns an energy as a number in the unit of the file.
func (f *recordedFit) reading(e int64) string {
	return strconv.FormatFloat(float64(e)/float64(f.rules.unit.scale), 'f', -1, 64)
}

// The columns.

// splitSuffix returns the end of the name of the column that has what is below 0,
// "" if there is none.
func (r *recordingRules) splitSuffix() string {
	if r.spec.Signed {
		return ""
	}
	switch r.format.Negative {
	case negativeExport, negativeImport:
		return "-" + r.format.Negative
	}
	return ""
}

// ourNames returns our names for columns: two for each of a net meter.
func (r *recordingRules) ourNames(columns []recordedColumn) (names []string, err error) {
	suffix := r.splitSuffix()
	for _, c := range columns {
		names = append(names, c.ours)
		if suffix == "" {
			continue
		}
		if both := c.ours + suffix; slices.ContainsFunc(columns, func(o recordedColumn) bool { return o.ours == both }) {
			return nil, r.problem(0, "column %q, and column %q has values of both signs and makes one of this name as well, wanted another name for it", both, c.ours)
		}
		names = append(names, c.ours+suffix)
	}
	return names, nil
}

// leftOut reports whether a column has too little data.
func (r *recordingRules) leftOut(rows *survey, covered int64) bool {
	if !r.format.leaves {
		return false
	}
	span := rows.end - rows.start
	missing, _ := twins.MulDiv(max(0, span-covered), million, span)
	return missing > r.format.leaveOut
}

// columnsWithData reads the whole file, and returns our names for the columns
// that are not left out.
func (r *recordingRules) columnsWithData(fsys fs.FS) ([]string, error) {
	rows, err := r.readRows(fsys)
	if err != nil {
		return nil, err
	}
	f := &recordedFit{rules: r, fsys: fsys, rows: rows, most: twins.Power(math.MaxInt64 / max(rows.interval, rows.longest))}
	rows.interval = rows.usual
	f.from, f.to = rows.slots()+1, rows.slots()+1 // it needs none
	if err := f.readValues(); err != nil {
		return nil, err
	}
	var with []recordedColumn
	for i, s := range f.series {
		if !r.leftOut(rows, s.covered) {
			with = append(with, f.columns[i])
		}
	}
	if len(with) == 0 {
		return nil, r.leftOutProblem()
	}
	return r.ourNames(with)
}

func (r *recordingRules) leftOutProblem() error {
	return r.problem(0, "every column lacks more than %s of its values, wanted a greater format.leave_out", r.format.LeaveOut)
}

// finish fills the gaps and gives the columns to a recording.
func (f *recordedFit) finish(r *Recording) error {
	rules := f.rules
	var kept []int
	for i, s := range f.series {
		if f.columns[i].added {
			continue
		}
		if rules.leftOut(f.rows, s.covered) {
			r.LeftOut = append(r.LeftOut, f.columns[i].ours)
			continue
		}
		kept = append(kept, i)
	}
	if len(kept) == 0 {
		return rules.leftOutProblem()
	}
	if rules.gaps == gapsRefuse {
		if err := f.refuseGaps(f.withRegisters(kept)); err != nil {
			return err
		}
	}
	columns := make([]recordedColumn, len(kept))
	for i, k := range kept {
		columns[i] = f.columns[k]
	}
	names, err := rules.ourNames(columns)
	if err != nil {
		return err
	}
	r.Columns = names
	r.Warnings = append(r.Warnings, f.counterDoubts(f.withRegisters(kept))...)
	for _, k := range kept {
		filled, err := f.fillGaps(f.series[k])
		if err != nil {
			return err
		}
		r.Filled += filled
		if filled, err = f.addRegisters(k); err != nil {
			return err
		}
		r.Filled += filled
		doubts, err := f.checkNet(k)
		if err != nil {
			return err
		}
		r.Warnings = append(r.Warnings, doubts...)
		for _, energies := range rules.split(f.series[k].energies) {
			c, err := r.stored.add(energies)
			if err != nil {
				return err
			}
			r.energies = append(r.energies, c)
		}
		f.series[k] = nil
	}
	return f.keepSlots(r)
}

// keepSlots gives the slots of the steps to a recording.
func (f *recordedFit) keepSlots(r *Recording) error {
	for _, move := range f.rules.moves {
		slots := make([]int64, len(f.slotsOf[move]))
		for k, slot := range f.slotsOf[move] {
			slots[k] = int64(slot) - f.from
		}
		c, err := r.stored.add(slots)
		if err != nil {
			return err
		}
		r.slots[move] = c
	}
	return nil
}

// split returns what is above and what is below 0, each 0 or more, if the
// columns have values of both signs.
func (r *recordingRules) split(energies []int64) [][]int64 {
	if r.splitSuffix() == "" {
		return [][]int64{energies}
	}
	above, below := make([]int64, len(energies)), make([]int64, len(energies))
	for i, e := range energies {
		if e != noValue {
			above[i], below[i] = max(e, 0), max(-e, 0)
		}
	}
	return [][]int64{above, below}
}
