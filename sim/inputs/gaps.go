package inputs

import (
	"errors"
	"time"

	"github.com/smatrix-grid/smatrix/twins"
)

// refuseGaps returns an error about the earliest slot without a value that the
// run needs, among some columns.
func (f *recordedFit) refuseGaps(columns []int) error {
	first, of := f.to, -1
	for _, k := range columns {
		for i, e := range f.series[k].energies[:first-f.from] {
			if e == noValue && f.needs(f.from+int64(i)) {
				first, of = f.from+int64(i), k
				break
			}
		}
	}
	if of < 0 {
		return nil
	}
	s := f.series[of]
	row, lacks, err := f.rowFor(s, first)
	if err != nil {
		return err
	}
	if lacks {
		return f.rules.problem(row, "column %q: no value, wanted %s, or gaps: hold, linear or same_time_last_week", s.column, f.rules.unit.name)
	}
	column := ""
	if f.rules.format.Meter != "" {
		column = "meter " + s.column + ": "
	}
	where := "before this one"
	if f.rules.format.NewestFirst {
		where = "after this one"
	}
	if row == 0 {
		where = "at the end"
	}
	return f.rules.problem(row, "%sno row for %s %s, wanted one every %s, or gaps: hold, linear or same_time_last_week",
		column, f.local(first), where, spanText(f.rows.usual))
}

var errFound = errors.New("found")

// rowFor reads the file again, and returns the line of the row for a slot of a
// column, and whether it is that row, which lacks a value, or the next one in
// time; 0 if there is none.
func (f *recordedFit) rowFor(s *recordedSeries, slot int64) (line int, lacks bool, err error) {
	at := f.rows.starts(slot)
	if f.rules.counter() { // the reading at the end of the slot is missing
		at += f.rows.interval
	}
	var next tableRow
	err = f.rules.eachRow(f.fsys, f.rows, func(file *recordedFile, row *tableRow) error {
		if file.meter >= 0 && row.meter != s.column || row.to <= at {
			return nil
		}
		if next.line == 0 || row.at < next.at {
			next = *row
		}
		if !f.rules.format.NewestFirst && file.meter < 0 {
			return errFound
		}
		return nil
	})
	if err != nil && !errors.Is(err, errFound) {
		return 0, false, err
	}
	return next.line, next.line > 0 && next.from <= at, nil
}

// fillGaps fills the gaps of a column, and returns the number of values filled.
func (f *recordedFit) fillGaps(s *recordedSeries) (filled int, err error) {
	for i, guessed := range s.guessed {
		if guessed && f.needs(f.from+int64(i)) {
			filled++
		}
	}
	if err := f.checkGuessed(s); err != nil {
		return 0, err
	}
	for i := 0; i < len(s.energies); i++ {
		if s.energies[i] != noValue {
			continue
		}
		end := i
		for end < len(s.energies) && s.energies[end] == noValue {
			end++
		}
		if needed := f.countNeeded(i, end); needed > 0 {
			if err := f.fill(recordedGap{s, i, end}); err != nil {
				return 0, err
			}
			filled += needed
		}
		i = end
	}
	return filled, nil
}

// countNeeded counts the slots with from ≤ index < to that the run needs.
func (f *recordedFit) countNeeded(from, to int) (n int) {
	for i := from; i < to; i++ {
		if f.needs(f.from + int64(i)) {
			n++
		}
	}
	return n
}

// checkGuessed refuses gaps between two readings of a counter that are too long.
func (f *recordedFit) checkGuessed(s *recordedSeries) error {
	for i := 0; i < len(s.guessed); i++ {
		end := i
		for end < len(s.guessed) && s.guessed[end] {
			end++
		}
		if f.countNeeded(i, end) > 0 {
			if err := f.checkLength(recordedGap{s, i, end}, int64(end-i)); err != nil {
				return err
			}
		}
		i = end
	}
	return nil
}

// recordedGap is a range of a column's slots, from ≤ index < to, that have no
// value.
type recordedGap struct {
	*recordedSeries
	from, to int
}

func (f *recordedFit) fill(g recordedGap) error {
	if err := f.checkLength(g, f.lengthOf(g)); err != nil {
		return err
	}
	switch f.rules.gaps {
	case gapsHold:
		return f.fillHold(g)
	case gapsLinear:
		return f.fillLinear(g)
	case gapsLastWeek:
		return f.fillLastWeek(g)
	case gapsNextRow:
		return f.gapProblem(g, g.from, "none after it that holds its energy")
	}
	panic("sim: a gap was neither refused nor filled")
}

// lengthOf returns the length of a gap in slots, with its parts outside the run.
func (f *recordedFit) lengthOf(g recordedGap) int64 {
	from, to := f.from+int64(g.from), f.from+int64(g.to)
	if g.from == 0 && g.before.ok {
		from = g.before.slot + 1
	}
	if g.to == len(g.energies) && g.after.ok {
		to = g.after.slot
	}
	return to - from
}

// checkLength refuses a gap of more slots than the spec allows.
func (f *recordedFit) checkLength(g recordedGap, slots int64) error {
	longest := f.rules.spec.Longest
	if longest <= 0 || slots*f.rows.interval <= longest {
		return nil
	}
	line, _, err := f.rowFor(g.recordedSeries, f.from+int64(g.from))
	if err != nil {
		return err
	}
	return f.rules.problem(line, "column %q: no value for %s from %s on, wanted gaps of at most %s, as gaps.longest says",
		g.column, spanText(slots*f.rows.interval), f.local(f.from+int64(g.from)), spanText(longest))
}

func (f *recordedFit) fillHold(g recordedGap) error {
	left := f.recordedBefore(g)
	if !left.ok {
		return f.gapProblem(g, g.from, "none before it to hold")
	}
	for i := g.from; i < g.to; i++ {
		g.energies[i] = left.energy
	}
	return nil
}

func (f *recordedFit) fillLinear(g recordedGap) error {
	left := f.recordedBefore(g)
	if !left.ok {
		return f.gapProblem(g, g.from, "none before it, wanted neighbours on both sides")
	}
	right := f.recordedAfter(g)
	if !right.ok {
		return f.gapProblem(g, g.from, "none after it, wanted neighbours on both sides")
	}
	for i := g.from; i < g.to; i++ {
		part, _ := twins.MulDiv(right.energy-left.energy, f.from+int64(i)-left.slot, right.slot-left.slot)
		g.energies[i] = left.energy + part
	}
	return nil
}

func (f *recordedFit) fillLastWeek(g recordedGap) error {
	for i := g.from; i < g.to; i++ {
		value, ok := f.weekBefore(g, i)
		if !ok && !f.needs(f.from+int64(i)) {
			continue
		}
		if !ok {
			return f.gapProblem(g, i, "none 7 days before it")
		}
		g.energies[i] = value
	}
	return nil
}

// weekBefore returns the value at the same local time a week before index i: that
// of the run, recorded or filled, or else the latest value of the file that lies a
// whole number of weeks earlier. Of an hour that clocks show twice it is the first
// occurrence; a week in which they skip the time is passed over.
func (f *recordedFit) weekBefore(g recordedGap, i int) (value int64, ok bool) {
	if f.weekOfSlots == 0 {
		return 0, false
	}
	wall := f.clock.wall(f.rows.starts(f.from + int64(i)))
	for weeks := int64(1); ; weeks++ {
		earlier, _, exists := f.clock.instants(wall - weeks*7*SecondsPerDay)
		before := f.rows.slot(earlier) - f.from
		if before < 0 {
			break
		}
		if exists && g.energies[before] != noValue {
			return g.energies[before], true
		}
	}
	value = g.lastWeek[f.slotOfWeek(f.from+int64(i))]
	return value, value != noValue
}

// recordedBefore returns the last slot before the gap that has a value: the
// gap's neighbour within the run, or the last one of the file before the run that
// has one.
func (f *recordedFit) recordedBefore(g recordedGap) recordedSlot {
	if g.from > 0 {
		return recordedSlot{f.from + int64(g.from) - 1, g.energies[g.from-1], true}
	}
	return g.before
}

// recordedAfter returns the first slot after the gap with a value.
func (f *recordedFit) recordedAfter(g recordedGap) recordedSlot {
	if g.to < len(g.energies) {
		return recordedSlot{f.from + int64(g.to), g.energies[g.to], true}
	}
	return g.after
}

// gapProblem returns the error about a gap that cannot be filled. Its line is
// that of the row, or of the next row if the row is missing.
func (f *recordedFit) gapProblem(g recordedGap, i int, why string) error {
	slot := f.from + int64(i)
	line, _, err := f.rowFor(g.recordedSeries, slot)
	if err != nil {
		return err
	}
	return f.rules.problem(line, "column %q: no value for %s and %s (gaps: %s)", g.column, f.local(slot), why, f.rules.gaps)
}

// local returns the start of a slot as a time for a message, in zoneShown.
func (f *recordedFit) local(slot int64) string { return f.rules.local(f.rows.starts(slot)) }

func (r *recordingRules) local(unix int64) string {
	return timeText(time.Unix(unix, 0).In(r.zoneShown()))
}

// zoneShown returns the zone of times in messages: that of the run, or under a
// calendar that of the record.
func (r *recordingRules) zoneShown() *time.Location {
	if r.weeks != nil {
		return r.zone
	}
	return r.cal.Start.Location()
}
