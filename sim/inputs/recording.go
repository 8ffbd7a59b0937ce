package inputs

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// RecordingSpec is one entry of a scenario's recordings.
type RecordingSpec struct {
	ID   string `json:"id"`
	File string `json:"file"` // relative to the scenario; .gz is unpacked
	Time struct {
		Column string `json:"column"` // "" for a column named time, or the first column if that has no name
		Zone   string `json:"zone"`   // IANA name, or "" for the scenario's
		Stamps string `json:"stamps"` // start | end: which end of its interval a stamp names; "" is start
	} `json:"time"`
	Format  Format            `json:"-"`       // how the file is written
	Columns map[string]string `json:"columns"` // our name → column of the file; with one * in both, every column that matches; empty: all columns
	// Sums are columns whose values are added up, by our name, such as the registers of a
	// meter for day and night. A value that some of them lack is 0 in these; the
	// readings of counters are counted apart, and each fills its own gaps.
	Sums map[string][]string `json:"-"`
	// Less are columns whose values are subtracted from the sum of the same name, such as
	// the register of what a home has fed in from that of what it has drawn.
	Less    map[string][]string `json:"-"`
	Unit    string              `json:"unit"` // W | kW | Wh | kWh
	Gaps    string              `json:"gaps"` // refuse | hold | linear | same_time_last_week | in_next_row; "" is refuse
	Longest int64               `json:"-"`    // gaps that last longer are refused, s; 0: however long

	// Calendar maps the weeks of the scenario year to weeks of the record.
	// Empty: the record covers the run's own days.
	Calendar []CalendarPart `json:"calendar"`
	// Moves are the weeks by which copies of a column are moved, other than 0.
	// They need a Calendar.
	Moves []int `json:"-"`
	// Signed reads values of both signs as they are, whatever Format.Negative.
	Signed bool `json:"-"`

	// Homes are the columns, by our name, that homes draw or generate, each with the
	// factor on it. Their values are compared with what a home can draw.
	Homes map[string]float64 `json:"-"`

	meters []string // of a long table, once they have been found
}

// AddUp makes a column of ours the sum of columns of the file, less others.
func (s *RecordingSpec) AddUp(ours string, add, subtract []string) {
	if s.Sums == nil {
		s.Sums = map[string][]string{}
	}
	s.Sums[ours] = add
	if len(subtract) > 0 {
		if s.Less == nil {
			s.Less = map[string][]string{}
		}
		s.Less[ours] = subtract
	}
}

// Recording has the values of a recorded file for each step of a run. It can be used by
// several goroutines.
type Recording struct {
	ID       string
	Columns  []string      // our names, in the order of the file
	Filled   int           // missing values that were filled: one per column and interval of the file that the run or a moved copy needs
	LeftOut  []string      // columns that Format.LeaveOut left out
	Interval twins.Seconds // of the file: the most frequent one
	Warnings []problem.Warning

	stored   spill
	energies []Column       // per column: energy of each slot that the run needs, mJ
	slots    map[int]Column // per move in weeks: the first slot of each step, as an index of energies
	perStep  int64          // slots in a step; 1 if several steps share one
	span     int64          // s: the time of the energies of a step

	mu     sync.Mutex
	copies map[columnCopy]Column // the powers that Column has computed
}

// columnCopy is a copy of a column that is moved by whole weeks.
type columnCopy struct{ column, weeks int }

// Column returns the powers of a column in a copy that is moved by whole weeks: in
// scenario week w it has the values of the column in week w + weeks, counted cyclically
// through the scenario year. The weeks must be among the spec's Moves, or 0.
//
// A value is the mean power of a step in mW, ≥ 0, of either sign if the spec is Signed,
// and exact in sum. An error is one of the temporary file.
func (r *Recording) Column(column, weeks int) (Column, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := columnCopy{column, weeks}
	if c, made := r.copies[key]; made {
		return c, nil
	}
	slots, energies := make([]int64, r.slots[weeks].count), make([]int64, r.energies[column].count)
	if err := errors.Join(r.slots[weeks].read(0, slots), r.energies[column].read(0, energies)); err != nil {
		return Column{}, err
	}
	c, err := r.stored.add(r.powers(energies, slots))
	if err == nil {
		r.copies[key] = c
	}
	return c, err
}

// powers returns the power of each step, given the energies of the slots. The
// remainder of a division is carried into the next step: all powers together fall
// short of the energies by less than one milliwatt over one step, and a power that
// is a whole number of milliwatts in the file is the same in the run as long as
// nothing is carried.
func (r *Recording) powers(energies, slots []int64) []int64 {
	powers := make([]int64, len(slots))
	var carry int64 // mJ, 0 ≤ carry < span
	for k, slot := range slots {
		energy := carry
		for i := range r.perStep {
			energy += energies[slot+i]
		}
		powers[k] = quoFloor(energy, r.span)
		carry = energy - powers[k]*r.span
	}
	return powers
}

// Words in the fields of a RecordingSpec.
const (
	stampsStart = "start"
	stampsEnd   = "end"

	gapsRefuse   = "refuse"
	gapsHold     = "hold"
	gapsLinear   = "linear"
	gapsLastWeek = "same_time_last_week"
	gapsNextRow  = "in_next_row"
)

// recordedUnit is a unit of the values of a file.
type recordedUnit struct {
	name   string
	scale  int64 // mJ per unit; for a power, mW per unit
	energy bool  // a value is the energy of an interval, not its mean power
}

var recordedUnits = []recordedUnit{
	{name: "W", scale: int64(twins.Watt)},
	{name: "kW", scale: int64(twins.Kilowatt)},
	{name: "Wh", scale: int64(twins.WattHour), energy: true},
	{name: "kWh", scale: int64(twins.KilowattHour), energy: true},
}

// mostRecorded is the highest mean power that is accepted: 1e15 W, a thousand
// times the output of all power stations in the world.
const mostRecorded = 1_000_000 * twins.Gigawatt

// noValue stands for an energy that is not known.
const noValue = math.MinInt64

// ReadRecording reads a file of recorded loads or generation and maps it to the
// steps of cal, whose length must be known.
//
// The file is CSV with a header, separated by commas, semicolons or tabs,
// packed with gzip if its name ends in .gz; spec.Format says what is different.
// Time stamps are RFC 3339, or a date and a time of day in the recording's zone,
// or a time of day alone, which is on the run's first day, or a date alone. In an
// hour that clocks show twice, a stamp without an offset means the first
// occurrence, unless that is not later than the row before; a time that they skip
// is refused. The file's interval is the most frequent distance between two rows;
// it divides the step or is a multiple of it. An interval of two hours or more may
// be one of the wall clock: days of 23 and 25 h. A file in which one interval
// follows another is refused, unless its format says that intervals come as they
// come. Values are exact: over the run, the power of a column times the step
// differs from its recorded energy by less than one milliwatt held for one step,
// and not at all where powers are whole milliwatts.
//
// A missing row or an empty field is a gap. Where the run needs a value, gaps
// are refused, or filled and counted; elsewhere in the file they are allowed.
// Hold repeats the last recorded value, linear interpolates between the
// recorded neighbours, same_time_last_week takes the value of the same time of day
// a week earlier on the run's clock, and if that is a gap as well, the value a week
// before it, in_next_row spreads the energy of the row after the gap evenly over
// the gap and its own interval; each may use rows outside the run. All other checks cover the whole
// file, which is read twice; of its values, only those are held that the run needs
// or that fill its gaps.
//
// With a Calendar, the record may be from another year, place and hemisphere:
// see CalendarPart.
//
// An error in the file or in the spec is a *problem.At.
func ReadRecording(fsys fs.FS, spec RecordingSpec, cal *Calendar) (*Recording, error) {
	rules, err := newRecordingRules(spec, cal)
	if err != nil {
		return nil, err
	}
	rows, err := rules.readRows(fsys)
	if err != nil {
		return nil, err
	}
	fit, err := rules.fit(fsys, rows)
	if err != nil {
		return nil, err
	}
	if err := fit.readValues(); err != nil {
		return nil, err
	}
	r := &Recording{ID: spec.ID, Interval: twins.Seconds(rows.usual), Warnings: rules.watch.warnings(),
		stored: spill{most: fewValues}, slots: map[int]Column{}, perStep: fit.perStep(), span: max(fit.step, rows.interval), copies: map[columnCopy]Column{}}
	return r, fit.finish(r)
}

// RecordingColumns reads the header of a recording's file and returns our names
// for its columns, in the order of the file; for a long table, or if columns with
// little data are left out, it reads the whole file, with the first day of cal
// for stamps without a date. An error in the file or in the spec is a *problem.At.
func RecordingColumns(fsys fs.FS, spec RecordingSpec, cal *Calendar) ([]string, error) {
	f, err := openRecorded(fsys, spec)
	if err != nil {
		return nil, err
	}
	defer f.close()
	if !f.format.leaves {
		header := recordingRules{spec: spec, format: f.format}
		return header.ourNames(slices.DeleteFunc(f.columns, func(c recordedColumn) bool { return c.added }))
	}
	if CheckCalendar(spec.Calendar) != nil {
		spec.Calendar = nil // another check reports it
	}
	spec.meters = f.spec.meters
	rules, err := newRecordingRules(spec, cal)
	if err != nil {
		return nil, err
	}
	return rules.columnsWithData(fsys)
}

// recordingRules are the parsed fields of a RecordingSpec.
type recordingRules struct {
	spec     RecordingSpec
	format   formatRules
	cal      *Calendar
	zone     *time.Location // of stamps without an offset
	wall     zoneClock      // in zone
	unixWall zoneClock      // in the zone of the record
	shown    int64          // the wall time of the last stamp, s since 1970-01-01 00:00
	unit     recordedUnit
	late     bool // stamps name the end of their interval
	gaps     string

	weeks *weekMap // nil: the record covers the run's own days
	moves []int    // 0 and spec.Moves

	headerLine int
	watch      *fileWatch
}

// endsAtStamp reports whether stamps name the end of their interval.
func (r *recordingRules) endsAtStamp() bool { return r.late }

// counter reports whether values are readings of a counter.
func (r *recordingRules) counter() bool { return r.format.Reading == readingCounter }

func newRecordingRules(spec RecordingSpec, cal *Calendar) (*recordingRules, error) {
	r := &recordingRules{spec: spec, cal: cal, zone: cal.Start.Location()}
	unit := slices.IndexFunc(recordedUnits, func(u recordedUnit) bool { return u.name == spec.Unit })
	if unit < 0 {
		return nil, recordedProblem(spec, 0, "unit %q is unknown, wanted W, kW, Wh or kWh", spec.Unit)
	}
	r.unit = recordedUnits[unit]

	switch spec.Time.Stamps {
	case "", stampsStart:
	case stampsEnd:
		r.late = true
	default:
		return nil, recordedProblem(spec, 0, "stamps %q is unknown, wanted start or end", spec.Time.Stamps)
	}

	switch r.gaps = cmp.Or(spec.Gaps, gapsRefuse); r.gaps {
	case gapsRefuse, gapsHold, gapsLinear, gapsLastWeek, gapsNextRow:
	default:
		return nil, recordedProblem(spec, 0, "gaps %q is unknown, wanted refuse, hold, linear, same_time_last_week or in_next_row", spec.Gaps)
	}

	if name := spec.Time.Zone; name != "" {
		zone, err := time.LoadLocation(name)
		if err != nil || name == "Local" { // Local would make the run depend on the machine
			return nil, recordedProblem(spec, 0, "time zone %q is unknown, wanted a name such as Europe/Berlin", name)
		}
		r.zone = zone
	}
	if err := r.readFormat(); err != nil {
		return nil, err
	}
	r.unixWall.loc = r.zone
	if err := r.readCalendar(); err != nil {
		return nil, err
	}
	r.wall.loc = r.zone
	return r, nil
}

// readFormat parses the format, and refuses what contradicts the rest of the
// spec.
func (r *recordingRules) readFormat() (err error) {
	if r.format, err = r.spec.Format.rules(); err != nil {
		return recordedProblem(r.spec, 0, "%v", err)
	}
	switch {
	case r.counter() && !r.unit.energy:
		return recordedProblem(r.spec, 0, "format.reading: counter in %s, wanted Wh or kWh: a counter counts energy", r.unit.name)
	case r.counter() && r.late:
		return recordedProblem(r.spec, 0, "format.reading: counter with stamps of the end, wanted stamps: start: a reading is that of its moment")
	case r.counter() && r.format.Negative != "" && r.format.Negative != negativeRefuse && len(r.spec.Less) == 0:
		return recordedProblem(r.spec, 0, "format.negative with reading: counter, wanted one of the two: a counter only rises")
	case len(r.spec.Sums) > 0 && (r.gaps == gapsNextRow || r.format.leaves):
		return recordedProblem(r.spec, 0, "columns that are added up beside format.leave_out or gaps: in_next_row, wanted each of them by its own name")
	case r.gaps == gapsNextRow && (!r.unit.energy || r.counter() || r.format.Intervals == intervalsAny):
		return recordedProblem(r.spec, 0, "gaps: in_next_row beside a power, a counter or intervals of any length, wanted energies of regular intervals")
	case r.format.Span != "" && r.late:
		return recordedProblem(r.spec, 0, "format.span with stamps of the end, wanted stamps: start: a span begins with its start")
	}
	return nil
}

// readCalendar parses the calendar. Under a calendar, stamps are read as wall
// time of the record, whatever its zone.
func (r *recordingRules) readCalendar() error {
	r.moves = append([]int{0}, r.spec.Moves...)
	if len(r.spec.Calendar) == 0 {
		if len(r.spec.Moves) > 0 {
			return recordedProblem(r.spec, 0, "no calendar, wanted one: without it there is no year in which a copy could be moved by weeks")
		}
		return nil
	}
	weeks, wrong := newWeekMap(r.spec.Calendar)
	if wrong != nil {
		return recordedProblem(r.spec, 0, "calendar: %s", wrong.What)
	}
	r.weeks, r.zone = weeks, time.UTC
	return nil
}

func (r *recordingRules) problem(line int, format string, args ...any) error {
	return recordedProblem(r.spec, line, format, args...)
}

func recordedProblem(spec RecordingSpec, line int, format string, args ...any) error {
	return &problem.At{File: cmp.Or(spec.File, spec.ID), Line: line, What: fmt.Sprintf(format, args...)}
}

// The values.

// recordedField is a field of a file, on its way into a value.
type recordedField struct {
	line   int
	at     int64 // Unix second that the stamp of its row names
	column string
	text   string
	less   bool // it is subtracted from a sum
}

// number returns the value of a field times scale, rounded, or that it is
// missing. Every number of every input passes through here.
func (r *recordingRules) number(f recordedField, scale int64) (v int64, missing bool, err error) {
	if r.format.isMissing(f.text) {
		return 0, true, nil
	}
	if v, err = r.format.parse(f.text, scale); err != nil {
		return 0, false, err
	}
	if v < 0 && r.format.ClipBelow != "" {
		if least, err := twins.ParseScaled(r.format.ClipBelow, scale); err != nil || v >= -least {
			v = 0
		}
	}
	return v, false, nil
}

// signed reports whether values may be below 0.
func (r *recordingRules) signed() bool {
	return r.spec.Signed || r.format.Negative == negativeExport || r.format.Negative == negativeImport
}

// energy returns the energy of a field in mJ over a number of seconds, rounded to
// a whole one, or noValue. most is the greatest power that is accepted.
func (r *recordingRules) energy(f recordedField, seconds int64, most twins.Power) (int64, error) {
	scale, limit := r.unit.scale, int64(most)*seconds
	if !r.unit.energy {
		scale *= seconds
	}
	e, missing, err := r.number(f, scale)
	if missing {
		return noValue, nil
	}
	if err == nil && (0 <= e || r.signed() && -limit <= e) && e <= limit {
		return e, nil
	}
	return 0, r.problem(f.line, "column %q: %q %s", f.column, f.text, r.complaint(f.text, scale, limit, seconds))
}

// complaint returns the error text for a field whose value is scale times its
// number, at most limit.
func (r *recordingRules) complaint(text string, scale, limit, seconds int64) string {
	unit := r.unit.name
	plain := strings.TrimSpace(text)
	if r.format.decimal != '.' || r.format.thousands != "" {
		plain, _ = r.format.plain(plain)
	}
	about, notFloat := strconv.ParseFloat(plain, 64)
	e, err := r.format.parse(text, scale)
	isNumber := err == nil || !math.IsNaN(about) && (notFloat == nil && !math.IsInf(about, 0) || errors.Is(notFloat, strconv.ErrRange))
	switch {
	case isNumber && about < 0 && !r.signed():
		return "is negative, wanted " + unit + " of 0 or more"
	case isNumber && (max(e, -e) > limit || math.Abs(about)*float64(scale) > float64(limit)):
		return fmt.Sprintf("%s is too large, wanted a mean power of at most %d W", unit, twins.Power(limit/seconds)/twins.Watt)
	case r.format.decimal == '.' && strings.Count(text, ",") == 1:
		return "is not a number, wanted " + unit + " with a decimal point, or format: {decimal: comma}"
	case r.format.decimal == ',' && strings.Count(text, ".") == 1:
		return "is not a number, wanted " + unit + " with a decimal comma, as format.decimal says"
	}
	return "is not a number, wanted " + unit
}

func countText(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
