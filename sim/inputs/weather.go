package inputs

import (
	"errors"
	"io/fs"
	"math"
	"strings"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// WeatherSpec is a scenario's weather: a recorded file, and the place where it
// was recorded.
type WeatherSpec struct {
	File string // relative to the scenario; .gz is unpacked
	Time struct {
		Column string `json:"column"` // "" for a column named time
		Zone   string `json:"zone"`   // IANA name, or "" for the scenario's
		Stamps string `json:"stamps"` // start | middle | end: which point of its interval a stamp names; "" is start
	}
	Format     Format // how the file is written
	Place      Place
	WindHeight float64           // of the recorded wind, m above ground; 0 is 10
	Shear      float64           // exponent of the power law that converts it to 10 m
	Columns    map[string]string // a quantity's name → column of the file
	Plane      *Plane            // on which the light of column poa_w_per_m2 was recorded; nil: there is none
	Gaps       string            // refuse | clear_sky; "" is refuse
	Longest    int64             // gaps that last longer are refused, s; 0: however long
	// Wind is another record, from which wind and air density are taken; nil:
	// they are taken from this one.
	Wind *WeatherSpec
	// Calendar maps the record to the weeks of the scenario year. Unlike a
	// recording, weather is moved by whole days of 24 h, so that daylight
	// saving does not move the sun.
	Calendar []CalendarPart

	wind bool // this is the Wind of another spec

	// Moment maps a Unix second of the run to the Unix second of the record
	// whose weather it has; nil: they are the same. All seconds of a step must
	// be moved by the same amount.
	Moment func(unix int64) int64
}

// Weather has recorded weather, which a run reads step by step. It caches the
// sun of the last interval, so a Weather must be used by one goroutine at a
// time.
//
// Irradiance keeps its energy: whatever the length of the steps, its mean over
// an interval of the record is the recorded value. Within an interval, global
// and diffuse irradiance follow the sine of the sun's height, which means one
// clearness index for the interval, and the beam is constant while the sun is
// up. If the sun is up for less than an eighth of an interval, irradiance is
// spread evenly over it.
//
// Temperature, wind and pressure are linear between the middles of the
// intervals.
type Weather struct {
	Interval twins.Seconds // of the file
	Filled   int           // missing values that the run needs and that were filled

	Warnings []problem.Warning

	spec  WeatherSpec
	wind  *Weather // of another record, or nil
	first int64    // Unix second at which the first interval of the file starts
	count int64    // intervals of the file
	from  int64    // interval of the first of rows, which are those around the run
	rows  rowWindow[weatherRow]
	sun   slotSun // of the interval that was read last
	err   error   // of the temporary file
}

// Clone returns a copy for another goroutine. The copies share the temporary file.
func (w *Weather) Clone() *Weather {
	clone := *w
	clone.rows = w.rows.clone()
	if w.wind != nil {
		clone.wind = w.wind.Clone()
	}
	return &clone
}

// weatherRow has the means of one interval, in the units of twins.Weather; NaN
// where the file lacks a value that the run does not need.
type weatherRow struct {
	ghi, dni, dhi               float64
	temperature, wind, pressure float64 // pressure in hPa
}

const weatherValues = 6 // of a weatherRow

func encodeWeather(r *weatherRow, to []int64) {
	for i, v := range [weatherValues]float64{r.ghi, r.dni, r.dhi, r.temperature, r.wind, r.pressure} {
		to[i] = int64(math.Float64bits(v))
	}
}

func decodeWeather(from []int64, r *weatherRow) {
	for i, v := range [weatherValues]*float64{&r.ghi, &r.dni, &r.dhi, &r.temperature, &r.wind, &r.pressure} {
		*v = math.Float64frombits(uint64(from[i]))
	}
}

// heldDays is how many days of weather and prices a run holds: those that a forecast looks
// ahead, and the next one.
const heldDays = 2

// weatherColumn is a quantity for which a file can have a column.
type weatherColumn struct {
	name        string
	unit        string
	least, most float64
	optional    bool
	of          func(*weatherRow) *float64
}

func (c *weatherColumn) irradiance() bool { return c.unit == "W/m²" }

var weatherColumns = []weatherColumn{
	{"ghi_w_per_m2", "W/m²", 0, mostGlobal, false, func(r *weatherRow) *float64 { return &r.ghi }},
	{columnPlane, "W/m²", 0, 2000, true, func(r *weatherRow) *float64 { return &r.ghi }}, // it becomes the global one
	{"dni_w_per_m2", "W/m²", 0, 1400, true, func(r *weatherRow) *float64 { return &r.dni }},
	{"dhi_w_per_m2", "W/m²", 0, 1000, true, func(r *weatherRow) *float64 { return &r.dhi }},
	{"temperature_c", "°C", -60, 60, false, func(r *weatherRow) *float64 { return &r.temperature }},
	{"wind_m_per_s", "m/s", 0, 75, true, func(r *weatherRow) *float64 { return &r.wind }},
	{columnPressure, "hPa", 300, 1100, true, func(r *weatherRow) *float64 { return &r.pressure }},
	{columnPascal, "Pa", 30_000, 110_000, true, func(r *weatherRow) *float64 { return &r.pressure }}, // it becomes hPa
}

const (
	stampsMiddle = "middle"
	gapsClearSky = "clear_sky"

	columnPressure = "pressure_hpa"
	columnPascal   = "pressure_pa"

	// longestWeather is the longest interval that is accepted: in a longer one
	// the sun moves too far for one clearness index.
	longestWeather = 3 * 3600
)

// ReadWeather reads a file of recorded weather for the steps of cal, whose
// length must be known. The file has the format of ReadRecording. It must cover
// the run; if stamps name the middle of an interval, the first and the last
// value also hold for half an interval outside the file. A missing row or an
// empty field is a gap. Where the run needs a value, gaps are refused, or
// filled and counted: irradiance with that of a clear sky, the rest linearly
// between neighbours.
//
// Without columns for beam and diffuse irradiance, both are estimated from the
// global one. Without a column for wind, the wind is 0; without one for
// pressure, the pressure is that of the standard atmosphere. An error in the
// file or the spec is a *problem.At.
func ReadWeather(fsys fs.FS, spec WeatherSpec, cal *Calendar) (*Weather, error) {
	r, err := newWeatherReader(spec, cal)
	if err != nil {
		return nil, err
	}
	if err := r.readTimes(fsys); err != nil {
		return nil, err
	}
	if err := r.cover(); err != nil {
		return nil, err
	}
	if err := r.readValues(); err != nil {
		return nil, err
	}
	if err := r.fillGaps(); err != nil {
		return nil, err
	}
	if err := r.keep(); err != nil {
		return nil, err
	}
	r.weather.Warnings = r.warnings()
	if spec.Wind != nil {
		if r.weather.wind, err = ReadWeather(fsys, *spec.Wind.AsWind(), cal); err != nil {
			return nil, err
		}
		r.weather.Filled += r.weather.wind.Filled
		r.weather.Warnings = append(r.weather.Warnings, r.weather.wind.Warnings...)
	}
	return &r.weather, nil
}

// weatherReader reads a file of weather.
type weatherReader struct {
	weather Weather
	rules   *recordingRules
	rows    *survey
	fsys    fs.FS
	columns []weatherColumn // those of the file
	edges   []weatherEdges  // per column
	needed  []bool          // per row: the run needs its values
	lines   []int           // per row: its line, 0 if it is missing
	whole   []weatherRow    // the rows around the run
	sun     *sunWatch       // nil for the wind of another spec
}

// weatherEdges are the nearest values outside of the rows that are kept.
type weatherEdges struct{ before, after weatherValue }

// weatherValue is the value of an interval.
type weatherValue struct {
	slot  int64
	value float64
	ok    bool
}

func (s *WeatherSpec) recording() (r RecordingSpec) {
	r.ID, r.File, r.Columns, r.Unit, r.Format = "weather", s.File, s.Columns, "W", s.Format
	r.Time.Column, r.Time.Zone = s.Time.Column, s.Time.Zone
	if s.Time.Stamps == stampsEnd {
		r.Time.Stamps = stampsEnd
	}
	return r
}

// AsWind returns a spec for the Wind of another WeatherSpec: only wind and air
// density are taken from it.
func (s WeatherSpec) AsWind() *WeatherSpec {
	s.wind = true
	return &s
}

func newWeatherReader(spec WeatherSpec, cal *Calendar) (*weatherReader, error) {
	recording := spec.recording()
	if err := spec.check(); err != nil {
		return nil, err
	}
	rules, err := newRecordingRules(recording, cal)
	if err != nil {
		return nil, err
	}
	if len(spec.Calendar) > 0 {
		weeks, wrong := newWeekMap(spec.Calendar)
		if wrong != nil {
			return nil, recordedProblem(recording, 0, "calendar: %s", wrong.What)
		}
		spec.Moment = weeks.moment(cal)
	}
	return &weatherReader{weather: Weather{spec: spec}, rules: rules}, nil
}

func (s *WeatherSpec) check() error {
	problem := func(format string, args ...any) error { return recordedProblem(s.recording(), 0, format, args...) }
	if err := s.Format.only("weather", "intervals", "meter", "newest_first", "span", "clock", "clip_below", "year"); err != nil {
		return problem("%v", err)
	}
	switch s.Time.Stamps {
	case "", stampsStart, stampsEnd:
	case stampsMiddle:
		if s.Format.Intervals == intervalsAny {
			return problem("stamps of the middle of intervals of any length, wanted stamps: start or end beside intervals: %s", intervalsAny)
		}
	default:
		return problem("stamps %q is unknown, wanted start, middle or end", s.Time.Stamps)
	}
	if s.Gaps != "" && s.Gaps != gapsRefuse && s.Gaps != gapsClearSky {
		return problem("gaps %q is unknown, wanted refuse or clear_sky", s.Gaps)
	}
	known := 0
	for _, c := range weatherColumns {
		if s.Columns[c.name] != "" && !(s.wind && c.irradiance()) {
			known++
		} else if !c.optional && !s.wind && !(c.irradiance() && s.Columns[columnPlane] != "") {
			or := ""
			if c.irradiance() {
				or = ", or " + columnPlane + " and the plane of its light"
			}
			return problem("no column for %s, wanted one in %s%s", c.name, c.unit, or)
		}
	}
	if known != len(s.Columns) {
		return problem("columns for unknown quantities, wanted %s", weatherNames())
	}
	if what := s.checkPlane(); what != "" {
		return problem("%s", what)
	}
	if s.wind && s.Columns["wind_m_per_s"] == "" {
		return problem("no column for wind_m_per_s, wanted one in m/s")
	}
	if s.Columns[columnPressure] != "" && s.Columns[columnPascal] != "" {
		return problem("pressure_hpa and pressure_pa, wanted one of them")
	}
	if s.wind && (s.Columns["temperature_c"] != "") != s.hasPressure() {
		return problem("one of temperature_c and pressure_hpa without the other, wanted both for the density of the air, or neither")
	}
	if (s.Columns["dni_w_per_m2"] == "") != (s.Columns["dhi_w_per_m2"] == "") {
		return problem("one of dni_w_per_m2 and dhi_w_per_m2 without the other, wanted both or neither")
	}
	return nil
}

func (s *WeatherSpec) hasPressure() bool {
	return s.Columns[columnPressure] != "" || s.Columns[columnPascal] != ""
}

// CheckHeader checks the spec and reads the header of the weather's file, not
// of its Wind. An error in either is a *problem.At.
func (s *WeatherSpec) CheckHeader(fsys fs.FS, cal *Calendar) error {
	if err := s.check(); err != nil {
		return err
	}
	_, err := RecordingColumns(fsys, s.recording(), cal)
	return err
}

func weatherNames() string {
	names := make([]string, len(weatherColumns))
	for i, c := range weatherColumns {
		names[i] = c.name
	}
	return strings.Join(names, ", ")
}

// readTimes reads the stamps of the whole file.
func (r *weatherReader) readTimes(fsys fs.FS) (err error) {
	if r.rows, err = r.rules.readRows(fsys); err != nil {
		return err
	}
	r.fsys = fsys
	w, interval := &r.weather, r.rows.interval
	if interval > longestWeather {
		return r.rules.problem(0, "one value every %s, wanted one every %s or more often", spanText(interval), spanText(longestWeather))
	}
	w.Interval, w.first, w.count = twins.Seconds(interval), r.rows.origin, r.rows.slots()
	if w.spec.Time.Stamps == stampsMiddle {
		w.first -= interval / 2
	}
	return nil
}

// readValues reads the values of the whole file, and keeps those that the run
// needs.
func (r *weatherReader) readValues() error {
	w := &r.weather
	for i := range r.whole {
		r.whole[i] = weatherRow{math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()}
	}
	return r.rules.eachRow(r.fsys, r.rows, func(file *recordedFile, row *tableRow) error {
		if r.columns == nil {
			r.findColumns(file)
			r.watch(file)
		}
		r.rules.watch.row(row)
		ghi, temperature := math.NaN(), math.NaN()
		from, to := r.rows.slot(row.from), r.rows.slot(row.to-1)
		for slot := max(from, w.from); slot <= min(to, w.from+int64(len(r.whole))-1); slot++ {
			if r.needed[slot-w.from] && r.rows.holdsTooLong(row) {
				return r.rules.holdProblem(r.rows, row, "")
			}
			r.lines[slot-w.from] = row.line
		}
		err := file.eachField(row, func(column int, field recordedField) error {
			r.rules.watchField(column, field)
			v, err := r.value(r.columns[column], field)
			if err == nil && !math.IsNaN(v) {
				r.store(column, from, to, v)
			}
			switch r.columns[column].name {
			case "ghi_w_per_m2":
				ghi = v
			case "temperature_c":
				temperature = v
			}
			return err
		})
		r.watchSun(row, ghi, temperature)
		return err
	})
}

func (r *weatherReader) findColumns(file *recordedFile) {
	for _, c := range file.columns {
		for _, known := range weatherColumns {
			if known.name == c.ours {
				r.columns = append(r.columns, known)
			}
		}
	}
	r.edges = make([]weatherEdges, len(r.columns))
}

// store stores the value of the intervals from … to, or notes it if it is nearest
// to the rows that are kept.
func (r *weatherReader) store(column int, from, to int64, v float64) {
	w, e := &r.weather, &r.edges[column]
	end := w.from + int64(len(r.whole))
	for slot := max(from, w.from); slot <= min(to, end-1); slot++ {
		*r.columns[column].of(&r.whole[slot-w.from]) = v
	}
	if before := min(to, w.from-1); before >= from && (!e.before.ok || before > e.before.slot) {
		e.before = weatherValue{before, v, true}
	}
	if after := max(from, end); after <= to && (!e.after.ok || after < e.after.slot) {
		e.after = weatherValue{after, v, true}
	}
}

// value reads a field; NaN if it is missing.
func (r *weatherReader) value(c weatherColumn, field recordedField) (float64, error) {
	const micro = 1_000_000
	scaled, missing, err := r.rules.number(field, micro)
	if missing {
		return math.NaN(), nil
	}
	v := float64(scaled) / micro
	if err != nil {
		return 0, r.rules.problem(field.line, "column %q: %q is not a number, wanted %s", field.column, field.text, c.unit)
	}
	if v < c.least || v > c.most {
		return 0, r.rules.problem(field.line, "column %q: %s is impossible, wanted %s of %g … %g %s",
			field.column, strings.TrimSpace(field.text), c.name, c.least, c.most, c.unit)
	}
	if c.name == columnPascal {
		v /= 100
	}
	return v, nil
}

// cover finds the intervals that the run needs, and checks that the file covers
// the run. It keeps two more rows on each side, for the values between middles.
func (r *weatherReader) cover() error {
	w, cal := &r.weather, r.rules.cal
	slack := int64(0)
	if w.spec.Time.Stamps == stampsMiddle {
		slack = int64(w.Interval+1) / 2
	}
	least, most := int64(math.MaxInt64), int64(math.MinInt64)
	for t := range cal.Steps {
		from := w.moment(cal.Unix(t))
		least, most = min(least, from), max(most, from+int64(cal.Step))
	}
	if end := w.first + int64(w.Interval)*w.count; least < w.first-slack || most > end+slack {
		return r.rules.problem(0, "covers %s to %s, wanted %s to %s, which is the run (times in %s)",
			r.rules.local(w.first), r.rules.local(end), r.rules.local(least), r.rules.local(most), cal.Start.Location())
	}
	const beside = 2
	w.from = max(0, w.slot(least)-beside)
	rows := min(w.count, w.slot(most-1)+beside+1) - w.from
	r.whole, r.needed, r.lines = make([]weatherRow, rows), make([]bool, rows), make([]int, rows)
	for t := range cal.Steps {
		from := w.moment(cal.Unix(t))
		for s := w.slot(from); s <= w.slot(from+int64(cal.Step)-1); s++ {
			r.needed[s-w.from] = true
		}
	}
	return nil
}

// fillGaps refuses or fills the gaps where the run needs a value, and computes
// the quantities for which the file has no column.
func (r *weatherReader) fillGaps() error {
	w := &r.weather
	if w.spec.Gaps != gapsClearSky {
		if err := r.refuseGaps(); err != nil {
			return err
		}
	}
	if err := r.checkLengths(); err != nil {
		return err
	}
	for i, c := range r.columns {
		if c.irradiance() {
			continue
		}
		if err := r.fillLinear(i); err != nil {
			return err
		}
	}
	globalOnly := w.spec.Columns["dni_w_per_m2"] == ""
	shear := 1.0
	if h := w.spec.WindHeight; h > 0 && h != 10 {
		shear = twins.Pow(10/h, w.spec.Shear)
	}
	for s := range r.whole {
		row := &r.whole[s]
		if row.wind *= shear; w.spec.Columns["wind_m_per_s"] == "" {
			row.wind = 0
		}
		if !w.spec.hasPressure() {
			row.pressure = standardPressure(w.spec.Place.Elevation)
		}
		switch {
		case w.spec.wind:
		case math.IsNaN(row.ghi) || !globalOnly && math.IsNaN(row.dni+row.dhi):
			r.fillClear(s)
		case w.spec.Plane != nil:
			row.ghi = w.global(row.ghi, w.from+int64(s), row)
			row.dni, row.dhi = w.slotSunOf(w.from + int64(s)).decompose(row.ghi)
		case globalOnly:
			sun := w.slotSunOf(w.from + int64(s))
			row.dni, row.dhi = sun.decompose(row.ghi)
		}
	}
	return nil
}

// keep gives the rows to the weather.
func (r *weatherReader) keep() (err error) {
	held := int(heldDays * SecondsPerDay / int64(r.weather.Interval))
	r.weather.rows, err = keepRows(r.whole, held, weatherValues, encodeWeather)
	r.whole = nil
	return err
}

func (r *weatherReader) refuseGaps() error {
	w := &r.weather
	for i, needed := range r.needed {
		switch {
		case !needed:
		case r.lines[i] == 0:
			start := r.rows.starts(w.from + int64(i))
			line, err := r.rules.rowAfter(r.fsys, r.rows, start)
			if err != nil {
				return err
			}
			return r.rules.problem(line, "no row for %s before this one, wanted one every %s, or gaps: clear_sky",
				r.rules.local(w.first+(w.from+int64(i))*int64(w.Interval)), spanText(r.rows.usual))
		default:
			for _, c := range r.columns {
				if math.IsNaN(*c.of(&r.whole[i])) {
					return r.rules.problem(r.lines[i], "column %q: no value, wanted %s, or gaps: clear_sky", w.spec.Columns[c.name], c.unit)
				}
			}
		}
	}
	return nil
}

// checkLengths refuses gaps that are longer than the spec allows.
func (r *weatherReader) checkLengths() error {
	w := &r.weather
	if w.spec.Longest <= 0 {
		return nil
	}
	for column, c := range r.columns {
		for i := 0; i < len(r.whole); i++ {
			from, needed := i, false
			for i < len(r.whole) && math.IsNaN(*c.of(&r.whole[i])) {
				needed = needed || r.needed[i]
				i++
			}
			if needed {
				if err := r.checkLength(column, from, i); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// checkLength refuses a gap of the rows from ≤ row < to, and of those beside the
// rows that are kept, if it is longer than the spec allows.
func (r *weatherReader) checkLength(column, from, to int) error {
	w, e := &r.weather, &r.edges[column]
	start, end := w.from+int64(from), w.from+int64(to)
	if from == 0 && e.before.ok {
		start = e.before.slot + 1
	}
	if to == len(r.whole) && e.after.ok {
		end = e.after.slot
	}
	long := (end - start) * int64(w.Interval)
	if long <= w.spec.Longest {
		return nil
	}
	line, err := r.rules.rowAfter(r.fsys, r.rows, r.rows.starts(start))
	if err != nil {
		return err
	}
	return r.rules.problem(line, "column %q: no value for %s from %s on, wanted gaps of at most %s, as gaps.longest says",
		w.spec.Columns[r.columns[column].name], spanText(long), r.rules.local(w.first+start*int64(w.Interval)), spanText(w.spec.Longest))
}

// fillLinear fills the gaps of a column linearly between their neighbours, and
// gaps at the ends of the file with the nearest value.
func (r *weatherReader) fillLinear(column int) error {
	w, c := &r.weather, r.columns[column]
	at := func(i int) *float64 { return c.of(&r.whole[i]) }
	last := r.edges[column].before
	for i := 0; i <= len(r.whole); i++ {
		if i < len(r.whole) && math.IsNaN(*at(i)) {
			continue
		}
		next := r.edges[column].after
		if i < len(r.whole) {
			next = weatherValue{w.from + int64(i), *at(i), true}
		}
		if !last.ok && !next.ok {
			return r.rules.problem(0, "column %q: no value in all the file, wanted %s", w.spec.Columns[c.name], c.unit)
		}
		for k := i - 1; k >= 0 && math.IsNaN(*at(k)); k-- {
			*at(k) = between(last, next, w.from+int64(k))
			if r.needed[k] {
				w.Filled++
			}
		}
		last = next
	}
	return nil
}

// between returns the value of an interval between two others, or the one that
// there is.
func between(last, next weatherValue, slot int64) float64 {
	switch {
	case !last.ok:
		return next.value
	case !next.ok:
		return last.value
	}
	rise := next.value - last.value
	return last.value + float64(rise*(float64(slot-last.slot)/float64(next.slot-last.slot)))
}

// fillClear gives an interval the irradiance of a clear sky.
func (r *weatherReader) fillClear(s int) {
	row, sun := &r.whole[s], r.weather.slotSunOf(r.weather.from+int64(s))
	for _, c := range r.columns {
		if r.needed[s] && c.irradiance() && math.IsNaN(*c.of(row)) {
			r.weather.Filled++
		}
	}
	row.ghi, row.dni = sun.clearSky(r.weather.spec.Place.Elevation)
	row.dhi = row.ghi
	if sun.whole.lit > 0 {
		row.dhi = max(0, row.ghi-float64(row.dni*(sun.whole.height/sun.whole.lit)))
	}
}

// standardPressure returns the pressure of the standard atmosphere (ISO 2533)
// in hPa, at a height in m.
func standardPressure(height float64) float64 {
	return 1013.25 * twins.Pow(1-float64(2.25577e-5*height), 5.25588)
}

// The step.

func (w *Weather) moment(unix int64) int64 {
	if w.spec.Moment == nil {
		return unix
	}
	return w.spec.Moment(unix)
}

// slot returns the interval that contains a Unix second, or the one nearest to
// it.
func (w *Weather) slot(unix int64) int64 {
	return max(0, min(w.count-1, quoFloor(unix-w.first, int64(w.Interval))))
}

// row returns the row of an interval: only those around the run are kept. After an error it
// returns an empty one.
func (w *Weather) row(slot int64) *weatherRow {
	row, err := w.rows.at(max(0, min(w.rows.count-1, slot-w.from)), decodeWeather)
	if err != nil {
		w.err = err
		return &weatherRow{}
	}
	return row
}

// Fill writes into out the weather of the step that starts at a Unix second of
// the run. It allocates nothing while the time grows. An error is one of the temporary file.
func (w *Weather) Fill(unix int64, step twins.Seconds, out *twins.Weather) error {
	from := w.moment(unix)
	to := from + int64(step)
	*out = twins.Weather{}
	pressure := 0.0
	w.between(from, to, func(r *weatherRow, share float64) {
		out.Temperature += float64(share * r.temperature)
		out.Wind += float64(share * r.wind)
		pressure += float64(share * r.pressure)
	})
	day := w.irradiance(from, to, out)
	middle := float64(from) + float64(float64(step)/2)
	if day.lit > 0 {
		middle = (day.from + day.to) / 2
	}
	out.AirDensity = airDensity(pressure, out.Temperature)
	out.Sun = SunAt(w.spec.Place, middle, Air{pressure, out.Temperature}).Toward
	if w.wind != nil {
		w.wind.fillWind(unix, step, out)
		return errors.Join(w.err, w.wind.err)
	}
	return w.err
}

// fillWind writes the wind into out, and the density of air if the record has
// temperature and pressure.
func (w *Weather) fillWind(unix int64, step twins.Seconds, out *twins.Weather) {
	from := w.moment(unix)
	var wind, temperature, pressure float64
	w.between(from, from+int64(step), func(r *weatherRow, share float64) {
		wind += float64(share * r.wind)
		temperature += float64(share * r.temperature)
		pressure += float64(share * r.pressure)
	})
	out.Wind = wind
	if w.spec.Columns["temperature_c"] != "" {
		out.AirDensity = airDensity(pressure, temperature)
	}
}

// airDensity returns the density of dry air in kg/m³, at a pressure in hPa and
// a temperature in °C.
func airDensity(pressure, temperature float64) float64 {
	const gas = 287.05 // J/(kg·K)
	return float64(100*pressure) / float64(gas*(temperature+273.15))
}

// between calls f with the rows, and their shares, whose weighted sum is the
// mean over [from, to) of the linear interpolation between the middles of
// intervals. The shares add up to 1.
func (w *Weather) between(from, to int64, f func(r *weatherRow, share float64)) {
	interval := float64(w.Interval)
	last := w.count - 1
	x := float64(from-w.first)/interval - 0.5 // 0 is the middle of the first interval
	end := float64(to-w.first)/interval - 0.5
	whole := end - x
	for x < end {
		k := math.Floor(x)
		next := math.Min(end, k+1)
		share := (next - x) / whole
		right := float64((x+next)/2) - k // share of the way to the next middle
		a, b := max(0, min(last, int64(k))), max(0, min(last, int64(k)+1))
		f(w.row(a), float64(share*(1-right)))
		f(w.row(b), float64(share*right))
		x = next
	}
}

// daylight is the part of a period in which the sun is up.
type daylight struct {
	from, to float64 // Unix seconds of the first and the last light
	lit      float64 // seconds with the sun up
	height   float64 // integral over time of the sine of the sun's height, seconds
}

func (d *daylight) add(e daylight) {
	if e.lit == 0 {
		return
	}
	if d.lit == 0 {
		d.from, d.to = e.from, e.to
	}
	d.from, d.to = math.Min(d.from, e.from), math.Max(d.to, e.to)
	d.lit += e.lit
	d.height += e.height
}

// irradiance adds the irradiance of [from, to) to out, interval by interval,
// and returns the daylight of [from, to).
func (w *Weather) irradiance(from, to int64, out *twins.Weather) (all daylight) {
	step := float64(to - from)
	for s := w.slot(from); s <= w.slot(to-1); s++ {
		start := w.first + s*int64(w.Interval)
		a, b := max(from, start), min(to, start+int64(w.Interval))
		if s == 0 {
			a = from
		}
		if s == w.count-1 {
			b = to
		}
		sun := w.slotSunOf(s)
		part := sun.daylight(float64(a), float64(b))
		all.add(part)
		even := float64(b-a) / step
		height, lit := even, even
		if sun.whole.lit*8 >= float64(w.Interval) {
			scale := float64(w.Interval) / step
			height, lit = part.height/sun.whole.height*scale, part.lit/sun.whole.lit*scale
		}
		row := w.row(s)
		out.GHI += float64(row.ghi * height)
		out.DHI += float64(row.dhi * height)
		out.DNI += float64(row.dni * lit)
	}
	return all
}

// slotSun is the path of the sun during one interval: its declination is
// constant, and its hour angle grows at a constant rate.
type slotSun struct {
	middle float64 // Unix second; 0 is none
	half   float64 // of the interval, seconds
	hour   float64 // hour angle in the middle, radians
	base   float64 // sine of the height = base + swing·cos(hour angle)
	swing  float64
	sunset float64 // hour angle, 0 … π
	normal float64 // W/m² outside the atmosphere, on a plane normal to the beam
	whole  daylight
}

const (
	turnPerSecond = 2 * math.Pi / 86_400
	solarConstant = 1361.1 // W/m² at 1 au: ASTM E490-22, Gueymard 2018
)

func (w *Weather) slotSunOf(slot int64) *slotSun {
	half := float64(float64(w.Interval) / 2)
	middle := float64(w.first+slot*int64(w.Interval)) + half
	if w.sun.middle == middle {
		return &w.sun
	}
	at := SunAt(w.spec.Place, middle, Air{})
	sinD, cosD := sinCos(at.Declination)
	sinP, cosP := sinCos(float64(w.spec.Place.Latitude * degree))
	w.sun = slotSun{
		middle: middle, half: half, hour: at.HourAngle,
		base: float64(sinP * sinD), swing: float64(cosP * cosD),
		normal: solarConstant / float64(at.Distance*at.Distance),
	}
	switch s := &w.sun; {
	case s.base >= s.swing:
		s.sunset = math.Pi
	case s.base > -s.swing:
		s.sunset = twins.Acos(-s.base / s.swing)
	}
	w.sun.whole = w.sun.daylight(middle-half, middle+half)
	return &w.sun
}

// daylight returns the daylight of [from, to), which must lie within half a day
// of the interval.
func (s *slotSun) daylight(from, to float64) (d daylight) {
	a := s.hour + float64((from-s.middle)*turnPerSecond)
	b := s.hour + float64((to-s.middle)*turnPerSecond)
	for _, turn := range [...]float64{-2 * math.Pi, 0, 2 * math.Pi} {
		lo, hi := math.Max(a, turn-s.sunset), math.Min(b, turn+s.sunset)
		if hi <= lo {
			continue
		}
		height := float64(s.base*(hi-lo)) + float64(s.swing*(twins.Sin(hi)-twins.Sin(lo)))
		d.add(daylight{
			from: from + (lo-a)/turnPerSecond, to: from + (hi-a)/turnPerSecond,
			lit: (hi - lo) / turnPerSecond, height: math.Max(height, 0) / turnPerSecond,
		})
	}
	return d
}

// clearSky returns the mean global irradiance and the mean beam of the interval
// under a clear sky, at a height in m: Ineichen and Perez, Solar Energy 73
// (2002), with the air mass of Kasten and Young (1989) and a Linke turbidity of
// 3, which is clear, mild air.
func (s *slotSun) clearSky(elevation float64) (ghi, dni float64) {
	const (
		parts     = 8
		turbidity = 3
	)
	thin, clean := twins.Exp(-elevation/8000), twins.Exp(-elevation/1250)
	global := 0.868 + float64(5.09e-5*elevation)
	fall := (0.0387 + float64(3.92e-5*elevation)) * (thin + float64(clean*(turbidity-1)))
	direct := 0.664 + 0.163/thin
	pressure := standardPressure(elevation) / 1013.25
	for i := range parts {
		at := (float64(float64(2*i+1)/parts) - 1) * s.half
		height := s.base + float64(s.swing*twins.Cos(s.hour+float64(at*turnPerSecond)))
		if height <= 0 {
			continue
		}
		degrees := twins.Asin(height) / degree
		mass := pressure / (height + float64(0.50572*twins.Pow(degrees+6.07995, -1.6364)))
		here := global * s.normal * height * twins.Exp(-fall*mass)
		ghi += float64(here / parts)
		dni += float64(min(direct*s.normal*twins.Exp(-0.09*(turbidity-1)*mass), here/height) / parts)
	}
	return ghi, dni
}

// decompose splits a mean global irradiance into beam and diffuse, by the
// clearness index of the interval: Erbs, Klein and Duffie, Solar Energy 28
// (1982). If the sun is below 3.7°, all of it is diffuse.
func (s *slotSun) decompose(ghi float64) (dni, dhi float64) {
	const low = 0.065 // sine of the height
	if ghi == 0 || s.whole.height < low*s.whole.lit || s.whole.lit == 0 {
		return 0, ghi
	}
	energy := float64(ghi * (2 * s.half))
	clearness := energy / float64(s.normal*s.whole.height)
	diffuse := 0.165
	switch {
	case clearness <= 0.22:
		diffuse = 1 - float64(0.09*clearness)
	case clearness <= 0.80:
		diffuse = polynomial(clearness, 0.9511, -0.1604, 4.388, -16.638, 12.336)
	}
	beam := math.Min(s.normal, energy*(1-diffuse)/s.whole.height) // while the sun is up
	dni = beam * (s.whole.lit / (2 * s.half))
	return dni, ghi - float64(beam*(s.whole.height/(2*s.half)))
}
