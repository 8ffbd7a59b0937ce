package inputs

import (
	"io/fs"
	"math/bits"
	"strings"
	"sync"
	"time"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// MarketSpec is a scenario's market: a file with recorded day-ahead prices and
// the neighbour's generation by technology.
type MarketSpec struct {
	File string // relative to the scenario; .gz is unpacked
	Time struct {
		Column string `json:"column"` // "" for a column named time
		Zone   string `json:"zone"`   // IANA name, or "" for the scenario's
		Stamps string `json:"stamps"` // start | end: which end of its interval a stamp names; "" is start
	}
	Format Format            // how the file is written
	Price  string            // column of the price, €/MWh
	Mix    map[string]string // technology → column of its generation, all in one unit; empty: carbon is unknown
	Basis  string            // life_cycle | direct; "" is life_cycle

	// Calendar maps the record to the weeks of the scenario year: the value
	// recorded at 18:00 in Time.Zone applies at 18:00 of the run. Unlike the
	// calendar of a recording, it keeps the offsets of stamps, so a record
	// whose clocks are set back has no gap or duplicate. Empty: the record
	// covers the run's own days.
	Calendar []CalendarPart
}

// Market has recorded prices and a recorded mix for the steps of a run. A price
// holds for the whole of its interval: nothing is interpolated. A step of
// several intervals has the mean of their prices, and their emissions divided
// by their generation. It can be used by several goroutines.
type Market struct {
	Interval twins.Seconds // of the file
	Mixed    bool          // the spec has a mix
	Warnings []problem.Warning

	mu    sync.Mutex
	steps rowWindow[marketStep]
}

// marketStep has the values of a step.
type marketStep struct {
	price     twins.Price
	carbon    int64       // mg/kWh, 0 without a mix
	renewable twins.Ratio // share of the mix; unknownShare without a mix
}

const (
	marketValues = 3 // of a marketStep
	unknownShare = -1
)

func encodeMarket(s *marketStep, to []int64) {
	to[0], to[1], to[2] = int64(s.price), s.carbon, int64(s.renewable)
}

func decodeMarket(from []int64, s *marketStep) {
	*s = marketStep{twins.Price(from[0]), from[1], twins.Ratio(from[2])}
}

// marketRow has the values of a slot: an interval of the file, or a part of one if
// the file has intervals of several lengths.
type marketRow struct {
	price     twins.Price
	priced    bool
	generated uint64 // thousandths of the file's unit
	renewable uint64 // of generated
	emitted   wide   // generated · mg/kWh
	line      int    // 0: there is no row
	gap       string // name of a column without a value, "" if all have one
}

// wide is a sum of products in 128 bits.
type wide struct{ hi, lo uint64 }

func (w *wide) addProduct(a, b uint64) {
	hi, lo := bits.Mul64(a, b)
	w.add(wide{hi, lo})
}

func (w *wide) add(x wide) {
	var carry uint64
	w.lo, carry = bits.Add64(w.lo, x.lo, 0)
	w.hi += x.hi + carry
}

// dividedBy returns w ÷ by, rounded. The quotient fits into 64 bits, because it is a
// mean of small factors.
func (w wide) dividedBy(by uint64) int64 {
	w.add(wide{0, by / 2})
	quo, _ := bits.Div64(w.hi, w.lo, by)
	return int64(quo)
}

// generationSource has the emissions of one kWh of a technology, in mg of CO2
// equivalent.
type generationSource struct {
	name              string
	direct, lifeCycle uint64
}

// generationSources are the technologies of a mix. Those of plants have the
// figures of package twins. Life cycle: medians of IPCC AR5 WG III (2014),
// annex III, table A.III.2; lignite has the figure of coal, oil that of IPCC
// SRREN (2011), open-cycle gas that of the combined cycle times the ratio of
// the heat rates of RTS-GMLC, 9,710 ÷ 7,057. Direct: RTS-GMLC (lb/MMBTU × heat
// rate at full load), lignite 101 kg/GJ (IPCC 2006) at 0.34; 0 for technologies
// that burn nothing, and for carbon that was in the air before. Discharge of
// storage is not generation: pumped storage has no figure of its own.
var generationSources = []generationSource{
	{"coal", 1066_000, 820_000},
	{"lignite", 1069_000, 820_000},
	{"gas_engine", 520_000, 674_000},
	{"gas_turbine", 520_000, 674_000},
	{"combined_cycle", 378_000, 490_000},
	{"oil", 806_000, 840_000},
	{"nuclear", 0, 12_000},
	{"hydro", 0, 24_000},
	{"biogas", 0, 230_000},
	{"biomass", 0, 230_000},
	{"geothermal", 0, 38_000},
	{"wind_onshore", 0, 11_000},
	{"wind_offshore", 0, 12_000},
	{"solar_roof", 0, 41_000},
	{"solar_park", 0, 48_000},
}

const (
	basisLifeCycle = "life_cycle"
	basisDirect    = "direct"

	// PriceColumn is the key of the price among a market's columns.
	PriceColumn    = "price_eur_per_mwh"
	leastPrice     = -10_000 // €/MWh
	mostPrice      = 100_000
	euroPerMWh     = 1_000_000     // 1 €/MWh as a twins.Price
	thousandths    = 1000          // generation is stored in thousandths of the file's unit
	mostGeneration = 1_000_000_000 // of the file's unit in an interval
)

// ReadMarket reads a file of recorded prices, and of generation by technology,
// for the steps of cal, whose length must be known. The file has the format of
// ReadRecording. Gaps are refused where the run needs a value; every value in
// the file is checked. An error in the file or the spec is a *problem.At.
func ReadMarket(fsys fs.FS, spec MarketSpec, cal *Calendar) (*Market, error) {
	if err := spec.check(); err != nil {
		return nil, err
	}
	rules, err := newRecordingRules(spec.recording(), cal)
	if err != nil {
		return nil, err
	}
	r := &marketReader{spec: spec, rules: rules}
	if err := r.read(fsys); err != nil {
		return nil, err
	}
	return &r.market, nil
}

func (r *marketReader) read(fsys fs.FS) (err error) {
	if r.times, err = r.rules.readRows(fsys); err != nil {
		return err
	}
	if err := r.mapSteps(); err != nil {
		return err
	}
	if err := r.readValues(fsys); err != nil {
		return err
	}
	if err := r.refuseGaps(fsys); err != nil {
		return err
	}
	return r.keep()
}

// marketReader reads the file of a market.
type marketReader struct {
	market   Market
	spec     MarketSpec
	rules    *recordingRules
	times    *survey
	from, to int64   // range of slots that the run needs
	perStep  int64   // slots in a step; 1 if several steps share one
	first    []int32 // per step: its first slot, an index of rows
	rows     []marketRow
	columns  []recordedColumn
}

// recording returns the spec as that of a recording, without its calendar, so
// that stamps keep their offsets.
func (s *MarketSpec) recording() (r RecordingSpec) {
	r.ID, r.File, r.Unit, r.Format = "market", s.File, "W", s.Format
	r.Time = s.Time
	r.Columns = map[string]string{PriceColumn: s.Price}
	for technology, column := range s.Mix {
		r.Columns[technology] = column
	}
	return r
}

func (s *MarketSpec) check() error {
	problem := func(format string, args ...any) error { return recordedProblem(s.recording(), 0, format, args...) }
	if err := s.Format.only("a market", "intervals", "meter", "newest_first", "span", "clock", "clip_below", "year"); err != nil {
		return problem("%v", err)
	}
	if s.Price == "" {
		return problem("no column for %s, wanted one in €/MWh", PriceColumn)
	}
	if s.Basis != "" && s.Basis != basisLifeCycle && s.Basis != basisDirect {
		return problem("basis %q is unknown, wanted %s or %s", s.Basis, basisLifeCycle, basisDirect)
	}
	by := map[string]string{s.Price: PriceColumn}
	for _, technology := range sortedKeys(s.Mix) {
		column := s.Mix[technology]
		if sourceOf(technology) == nil {
			return problem("mix: technology %q is unknown, wanted one of: %s", technology, strings.Join(sourceNames(), ", "))
		}
		if other := by[column]; other != "" {
			return problem("mix: column %q is %s and %s, wanted each column once", column, other, technology)
		}
		by[column] = technology
	}
	if len(s.Calendar) > 0 {
		if _, wrong := newWeekMap(s.Calendar); wrong != nil {
			return problem("calendar: %s", wrong.What)
		}
	}
	return nil
}

// CheckHeader checks the spec and reads the header of the market's file. An
// error in either is a *problem.At.
func (s *MarketSpec) CheckHeader(fsys fs.FS, cal *Calendar) error {
	if err := s.check(); err != nil {
		return err
	}
	_, err := RecordingColumns(fsys, s.recording(), cal)
	return err
}

func sourceOf(name string) *generationSource {
	for i := range generationSources {
		if generationSources[i].name == name {
			return &generationSources[i]
		}
	}
	return nil
}

func sourceNames() (names []string) {
	for _, s := range generationSources {
		names = append(names, s.name)
	}
	return names
}

// factor returns the emissions of a technology on the market's basis, in
// mg/kWh.
func (s *MarketSpec) factor(technology string) uint64 {
	source := sourceOf(technology)
	if s.Basis == basisDirect {
		return source.direct
	}
	return source.lifeCycle
}

// readValues reads the rows of the whole file, and keeps those that the run needs.
func (r *marketReader) readValues(fsys fs.FS) error {
	m := &r.market
	m.Interval, m.Mixed = twins.Seconds(r.times.usual), len(r.spec.Mix) > 0
	r.rows = make([]marketRow, r.to-r.from)
	err := r.rules.eachRow(fsys, r.times, func(file *recordedFile, row *tableRow) error {
		r.watch(file, row)
		var one marketRow
		long := file.meter >= 0
		slot := r.times.slot(row.from)
		if slot < r.to && r.times.slot(row.to-1) >= r.from && r.times.holdsTooLong(row) {
			return r.rules.holdProblem(r.times, row, ": a market's gaps are not filled")
		}
		if long && slot >= r.from && slot < r.to {
			one = r.rows[slot-r.from]
		}
		one.line = row.line
		if err := r.add(&one, file, row); err != nil {
			return err
		}
		if m.Mixed && one.generated == 0 && one.gap == "" && !long {
			return r.rules.problem(row.line, "the mix adds up to nothing, wanted generation of one technology or more")
		}
		for ; r.times.starts(slot) < row.to; slot++ {
			if r.from <= slot && slot < r.to {
				r.rows[slot-r.from] = one
			}
		}
		return nil
	})
	m.Warnings = r.warnings()
	return err
}

// add adds the fields of a row to the values of its slots.
func (r *marketReader) add(to *marketRow, file *recordedFile, row *tableRow) error {
	return file.eachField(row, func(column int, field recordedField) error {
		r.rules.watchField(column, field)
		ours := file.columns[column].ours
		scale := int64(thousandths)
		if ours == PriceColumn {
			scale = euroPerMWh
		}
		v, missing, err := r.rules.number(field, scale)
		switch {
		case missing:
			to.gap = field.column
			return nil
		case ours == PriceColumn:
			to.price, to.priced = twins.Price(v), true
			return r.checkPrice(field, v, err)
		}
		if err := r.checkGeneration(field, v, err); err != nil {
			return err
		}
		to.generated += uint64(v)
		if twins.Renewable(ours) {
			to.renewable += uint64(v)
		}
		to.emitted.addProduct(uint64(v), r.spec.factor(ours))
		return nil
	})
}

func (r *marketReader) checkPrice(f recordedField, v int64, err error) error {
	if err != nil {
		return r.rules.problem(f.line, "column %q: %q is not a number, wanted €/MWh", f.column, f.text)
	}
	if v < leastPrice*euroPerMWh || v > mostPrice*euroPerMWh {
		return r.rules.problem(f.line, "column %q: %s is impossible, wanted a price of %d … %d €/MWh", f.column, strings.TrimSpace(f.text), leastPrice, mostPrice)
	}
	return nil
}

func (r *marketReader) checkGeneration(f recordedField, v int64, err error) error {
	text := strings.TrimSpace(f.text)
	switch {
	case err != nil:
		return r.rules.problem(f.line, "column %q: %q is not a number, wanted generation", f.column, text)
	case v < 0:
		return r.rules.problem(f.line, "column %q: %s is negative, wanted generation of 0 or more", f.column, text)
	case v > mostGeneration*thousandths:
		return r.rules.problem(f.line, "column %q: %s is too large, wanted generation of at most %d", f.column, text, int64(mostGeneration))
	}
	return nil
}

// mapSteps finds the slots of each step.
func (r *marketReader) mapSteps() error {
	cal, interval := *r.rules.cal, r.times.interval // a copy of the calendar, because Fill writes its cache
	step := int64(cal.Step)
	if step%interval != 0 && interval%step != 0 {
		return r.rules.problem(0, "one value every %s does not fit steps of %s, wanted one that is a whole number of the other",
			spanText(interval), spanText(step))
	}
	r.perStep = max(step/interval, 1)
	r.first = make([]int32, cal.Steps)
	r.from, r.to = r.times.slots(), 0
	moment := r.moments(&cal)
	for t := range r.first {
		at := moment(twins.Tick(t))
		if at < r.times.start || at+step > r.times.end {
			return r.rules.problem(0, "covers %s to %s, wanted %s, which lies on %s of the run",
				r.recorded(r.times.start), r.recorded(r.times.end), r.recorded(at), timeText(cal.Time(twins.Tick(t))))
		}
		if (at-r.times.origin)%min(step, interval) != 0 {
			return r.rules.problem(r.times.firstLine, "the interval that starts at %s does not meet the run's step of %s at %s, wanted both to start together",
				r.recorded(r.times.start), spanText(step), r.recorded(at))
		}
		slot := r.times.slot(at)
		r.first[t] = int32(slot)
		r.from, r.to = min(r.from, slot), max(r.to, slot+r.perStep)
	}
	for t := range r.first {
		r.first[t] -= int32(r.from)
	}
	return nil
}

// refuseGaps refuses a step without all its rows, and without all values of each.
func (r *marketReader) refuseGaps(fsys fs.FS) error {
	for _, first := range r.first {
		for i := range r.perStep {
			slot := int64(first) + i
			switch row := &r.rows[slot]; {
			case row.line == 0:
				return r.noRow(fsys, r.from+slot)
			case row.gap != "":
				return r.rules.problem(row.line, "column %q: no value, wanted one: a market's gaps are not filled", row.gap)
			case !row.priced:
				return r.rules.problem(row.line, "no price for %s, wanted one: a market's gaps are not filled", r.recorded(r.times.starts(r.from+slot)))
			case r.market.Mixed && row.generated == 0:
				return r.rules.problem(row.line, "the mix adds up to nothing, wanted generation of one technology or more")
			}
		}
	}
	return nil
}

// noRow returns the error about a slot without a row, with the line of the next
// row.
func (r *marketReader) noRow(fsys fs.FS, slot int64) error {
	line, err := r.rules.rowAfter(fsys, r.times, r.times.starts(slot))
	if err != nil {
		return err
	}
	return r.rules.problem(line, "no row for %s before this one, wanted one every %s: a market's gaps are not filled",
		r.recorded(r.times.starts(slot)), spanText(r.times.usual))
}

func (r *marketReader) recorded(unix int64) string {
	return timeText(time.Unix(unix, 0).In(r.rules.zone))
}

// moments returns a function from a step to the Unix second of the record at
// which its values were recorded. The function must be called in the order of
// the steps: for an hour that the record's clocks show twice, it returns the
// second occurrence after it has returned the first.
func (r *marketReader) moments(cal *Calendar) func(twins.Tick) int64 {
	if len(r.spec.Calendar) == 0 {
		return cal.Unix
	}
	weeks, _ := newWeekMap(r.spec.Calendar) // checked
	monday := firstMonday(cal.Start)
	var env twins.Env
	before := int64(-1 << 62)
	return func(t twins.Tick) int64 {
		cal.Fill(t, &env)
		day := weeks.recorded(cal.firstDay()+int64(env.Day), monday, 0)
		at, last, _ := wallInstants(r.rules.zone, day*SecondsPerDay+int64(env.SecondOfDay))
		if at <= before {
			at = last
		}
		before = at
		return at
	}
}

// keep computes the values of each step, and gives them to the market.
func (r *marketReader) keep() (err error) {
	steps := make([]marketStep, len(r.first))
	for t, first := range r.first {
		steps[t] = r.step(r.rows[first : int64(first)+r.perStep])
	}
	held := int(heldDays * SecondsPerDay / int64(r.rules.cal.Step))
	r.market.steps, err = keepRows(steps, held, marketValues, encodeMarket)
	return err
}

// step returns the values of a step of some rows.
func (r *marketReader) step(rows []marketRow) (s marketStep) {
	var price int64
	var generated, renewable uint64
	var emitted wide
	for i := range rows {
		price += int64(rows[i].price)
		generated += rows[i].generated
		renewable += rows[i].renewable
		emitted.add(rows[i].emitted)
	}
	s.price, s.renewable = twins.Price(quoFloor(2*price+r.perStep, 2*r.perStep)), unknownShare
	if generated > 0 {
		q, _ := twins.MulDiv(int64(renewable), int64(twins.One), int64(generated))
		s.renewable = twins.Ratio(q)
	}
	if r.market.Mixed {
		s.carbon = emitted.dividedBy(generated)
	}
	return s
}

func (m *Market) step(t twins.Tick) (marketStep, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.steps.at(int64(t), decodeMarket)
	if err != nil {
		return marketStep{renewable: unknownShare}, err
	}
	return *s, nil
}

// Fill writes price and carbon of step t into env. It allocates nothing while t grows. An
// error is one of the temporary file.
func (m *Market) Fill(t twins.Tick, env *twins.Env) error {
	s, err := m.step(t)
	env.Price, env.Carbon = s.price, s.carbon
	return err
}

// Renewable returns the renewable share of the mix in step t; known is false without a mix,
// and if the temporary file cannot be read, which ends the run in Fill.
func (m *Market) Renewable(t twins.Tick) (share twins.Ratio, known bool) {
	s, err := m.step(t)
	if err != nil || s.renewable == unknownShare {
		return 0, false
	}
	return s.renewable, true
}
