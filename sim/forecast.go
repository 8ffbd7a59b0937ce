package sim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/operator"
)

// Forecast is what the operator expects of the coming day. Of the future it uses only the
// weather, to which it adds an error.
//
//   - Load: half of what it was yesterday at that time, half the mean of that weekday
//     in up to four weeks (the method whose error on recorded homes is known), moved by
//     how much the present is above or below that; the move fades with a time constant
//     of two hours.
//   - Roofs: their output yesterday at that time, times the output of a plane facing south
//     in the weather forecast ÷ its output yesterday.
//   - Wind farms and solar parks: their physics in the weather forecast.
//   - Weather: the recorded one with an error that is drawn when a forecast is issued
//     and grows with its lead; see weatherErrors.
//
// The day before the run is rehearsed (see makeForecast). Without it a forecast expects the
// present to continue until it has seen a day.
type Forecast struct {
	ahead *World         // the coming weather, to which an error is added
	units []variableUnit // wind farms and solar parks
	plane twins.Slab     // reference for roofs: 1 kW, tilt 35°, south
	past  history
	err   forecastErrors

	learned twins.Tick // last step that was learnt; −1: none
	env     twins.Env  // reused
}

// variableUnit is the forecast's own twin of a wind farm or solar park. In each step it is
// restored to the state in the unit's answer.
type variableUnit struct {
	path             string
	community, index int // the unit is Answers[community].Units[index]
	twin             twins.Slab
}

// newVariableUnits makes the twins of all communities' wind farms and solar parks.
func newVariableUnits(site *twins.Site, communities []twins.Roster) (units []variableUnit, err error) {
	for c := range communities {
		for k := range communities[c].Units {
			r := &communities[c].Units[k]
			if r.Duty != twins.Variable {
				continue
			}
			u := variableUnit{path: r.Path, community: c, index: k}
			if u.twin, err = r.Kind.New(site, []twins.Member{{Path: r.Path, Spec: r.Spec}}); err != nil {
				return nil, err
			}
			units = append(units, u)
		}
	}
	return units, nil
}

// update loads the unit's state in this step into the twin.
func (u *variableUnit) update(of *twins.Offers) {
	state := of.Answers[u.community].Units[u.index].State
	if err := checkUsedUp(u.twin.UnmarshalBinary(0, state)); err != nil {
		panic(fmt.Sprintf("forecast: %s: %v", u.path, err)) // it is the stored form of the same kind
	}
}

// The slots of a day by the wall clock: an hour that clocks skip stays empty, an hour that
// they show twice is the mean of both.
const (
	slotLength = 900
	slotsOfDay = inputs.SecondsPerDay / slotLength
	pastDays   = 28
)

// history has the energies of past days by slot.
type history struct {
	days []pastDay // oldest first, at most pastDays + 1
}

type pastDay struct {
	day   int32 // local calendar day of the run, negative before it
	slots [slotsOfDay]pastSlot
}

// pastSlot adds up the energies measured in one slot. sun is what the reference plane
// would have given.
type pastSlot struct {
	load, roofs, units, sun twins.Energy
	time                    twins.Seconds
}

func (s *pastSlot) mean() (load, roofs, sun float64, ok bool) {
	if s.time == 0 {
		return 0, 0, 0, false
	}
	t := float64(s.time)
	return float64(s.load) / t, float64(s.roofs) / t, float64(s.sun) / t, true
}

// day returns a day of the history; nil if it is not there.
func (h *history) day(day int32) *pastDay {
	for k := len(h.days) - 1; k >= 0; k-- {
		if h.days[k].day == day {
			return &h.days[k]
		}
	}
	return nil
}

// open returns a day of the history. It adds the day if it is not there, and drops the
// oldest if there are too many.
func (h *history) open(day int32) *pastDay {
	if d := h.day(day); d != nil {
		return d
	}
	if len(h.days) > pastDays {
		h.days = append(h.days[:0], h.days[1:]...)
	}
	h.days = append(h.days, pastDay{day: day})
	return &h.days[len(h.days)-1]
}

func newForecast(w *World, communities []twins.Roster) (*Forecast, error) {
	ahead, err := w.outlook()
	if err != nil {
		return nil, err
	}
	units, err := newVariableUnits(ahead.site(), communities)
	if err != nil {
		return nil, err
	}
	return &Forecast{ahead: ahead, units: units, plane: referencePlane(), learned: -1,
		err: forecastErrors{issuedForecast{day: noDay}, issuedForecast{day: noDay}}}, nil
}

const referenceRating = twins.Kilowatt

func referencePlane() twins.Slab {
	slab, err := twins.SolarPark.New(&twins.Site{}, []twins.Member{{Path: "forecast/plane", Spec: []byte(`{"rated_w": 1000, "tilt_deg": 35, "azimuth_deg": 180, "scale": 1, "available": true}`)}})
	if err != nil {
		panic(err) // it is one of the product's own kinds
	}
	return slab
}

// sun returns the power of the reference plane in the weather of env, ≥ 0.
func (f *Forecast) sun(env *twins.Env) twins.Power {
	var offer twins.Flex
	f.plane.Offer(0, env, &offer)
	return -offer.Tier[twins.Generation].Ref
}

// Expect implements operator.Forecast.
func (f *Forecast) Expect(env *twins.Env, of *twins.Offers, now operator.Expectation, period twins.Seconds, out []operator.Expectation) {
	for i := range f.units {
		f.units[i].update(of)
	}
	errs := drawWeatherErrors(env)
	usual, roofs, known := f.profile(env.Day, int(env.SecondOfDay), f.sun(env))
	above, roofsAbove := 0.0, 0.0
	if known {
		above, roofsAbove = float64(now.Load)-usual, float64(now.Roofs)-roofs
	}
	for k := range out {
		lead := twins.Seconds(k) * period
		at := env.Tick + twins.Tick((lead+period/2)/env.Step)
		f.weather(at, lead, &errs, &f.env)
		e := &out[k]
		*e = operator.Expectation{Load: now.Load, Roofs: now.Roofs}
		if load, roof, ok := f.profile(f.env.Day, int(f.env.SecondOfDay), f.sun(&f.env)); ok && known {
			fade := twins.Exp(-float64(lead) / presentFades)
			e.Load = nonNegative(load + float64(fade*above))
			e.Roofs = nonNegative(roof + float64(fade*roofsAbove))
		}
		for _, u := range f.units {
			var offer twins.Flex
			u.twin.Offer(0, &f.env, &offer)
			e.Units -= offer.Tier[twins.Generation].Ref
		}
	}
	f.issue(env, period, out)
}

// issue stores the expected net load by the slot that the wall clock will show.
func (f *Forecast) issue(env *twins.Env, period twins.Seconds, out []operator.Expectation) {
	f.err.begin(env)
	for k := range out {
		at := twins.Seconds(k)*period + period/2
		f.ahead.calendar.Fill(env.Tick+twins.Tick(at/env.Step), &f.env)
		second := twins.Seconds(f.env.SecondOfDay) + at%env.Step
		f.err.latest.net[second/slotLength%slotsOfDay] = out[k].Load - out[k].Roofs - out[k].Units
	}
	f.err.end(env)
}

// presentFades is the time constant, in s, with which the present's distance from the
// usual decays in a forecast (assumption).
const presentFades = 7200

func nonNegative(mw float64) twins.Power { return twins.Power(math.Round(math.Max(0, mw))) }

// profile returns the powers that are usual at a time, in mW, those of roofs for the given
// output of the reference plane; false if no past day has them.
func (f *Forecast) profile(day int32, second int, sun twins.Power) (load, roofs float64, ok bool) {
	slot := second / slotLength
	back := int32(1)
	for f.past.day(day-back) == nil && back < 2 { // such as at noon for tomorrow evening
		back++
	}
	yesterday, roof, irradiance, known := f.slot(day-back, slot)
	var weeks float64
	n := 0
	for w := int32(7); w <= pastDays; w += 7 {
		if l, _, _, ok := f.slot(day-w, slot); ok {
			weeks, n = weeks+l, n+1
		}
	}
	switch {
	case !known && n == 0:
		return 0, 0, false
	case !known:
		load = weeks / float64(n)
	case n == 0:
		load = yesterday
	default:
		load = (yesterday + weeks/float64(n)) / 2
	}
	return load, f.roofs(day-back, roof, irradiance, float64(sun)), true
}

// roofs returns the output of roofs while the reference plane gives sun. roof and before
// are the outputs of roofs and plane in that slot of an earlier day. If the plane gave too
// little then, the sums of that whole day are used.
func (f *Forecast) roofs(day int32, roof, before, sun float64) float64 {
	if before < 0.05*float64(referenceRating) {
		roof, before = 0, 0
		if d := f.past.day(day); d != nil {
			for i := range d.slots {
				roof += float64(d.slots[i].roofs)
				before += float64(d.slots[i].sun)
			}
		}
	}
	if before <= 0 {
		return 0
	}
	return float64(roof * sun / before)
}

func (f *Forecast) slot(day int32, slot int) (load, roofs, sun float64, ok bool) {
	d := f.past.day(day)
	if d == nil {
		return 0, 0, 0, false
	}
	return d.slots[slot].mean()
}

// Learn implements operator.Forecast.
func (f *Forecast) Learn(env *twins.Env, now operator.Expectation, notices []twins.Notice) []twins.Notice {
	if f.learned != env.Tick {
		f.learned = env.Tick
		f.past.addStep(env, now, f.sun(env))
	}
	return f.err.judge(env, &f.past, notices)
}

// addStep adds the energies of a step to the slots that it covers.
func (h *history) addStep(env *twins.Env, now operator.Expectation, sun twins.Power) {
	day := h.open(env.Day)
	for at, end := twins.Seconds(env.SecondOfDay), min(inputs.SecondsPerDay, twins.Seconds(env.SecondOfDay)+env.Step); at < end; {
		s := &day.slots[at/slotLength]
		t := min(end, (at/slotLength+1)*slotLength) - at
		at += t
		s.load += now.Load.For(t)
		s.roofs += now.Roofs.For(t)
		s.units += now.Units.For(t)
		s.sun += sun.For(t)
		s.time += t
	}
}

// weather fills env with a coming step as the forecast sees it. Beyond the end of the
// recordings it uses the same time of an earlier day.
func (f *Forecast) weather(t twins.Tick, lead twins.Seconds, e *weatherErrors, env *twins.Env) {
	cal := f.ahead.Scenario.Calendar
	for perDay := max(1, twins.Tick(inputs.SecondsPerDay/cal.Step)); t >= cal.Steps && t-perDay >= 0; {
		t -= perDay
	}
	if err := f.ahead.Env(min(t, max(0, cal.Steps-1)), env); err != nil {
		panic(fmt.Sprintf("forecast: %v", err)) // an operator cannot plan without it: the run ends
	}
	e.apply(lead, &env.Weather)
}

// weatherErrors is the error of a weather forecast: one draw for each quantity when it
// is issued, which grows with the lead from its first to its last figure with a time
// constant of six hours. First and last are standard deviations: of irradiance 5 and
// 20 %, of wind speed 8 and 20 %, of temperature 0.5 and 1.5 K (assumptions, of the
// size that day-ahead forecasts reach).
type weatherErrors struct{ sun, wind, temperature float64 } // in standard deviations

const purposeForecast twins.Purpose = 200

func drawWeatherErrors(env *twins.Env) (e weatherErrors) {
	for k, p := range [...]*float64{&e.sun, &e.wind, &e.temperature} {
		sum := int64(0) // of twelve uniform draws from 0 to a million: standard deviation a million
		for n := range int64(12) {
			sum += twins.Between(twins.Draw(env.Seed, uint64(k)*12+uint64(n), purposeForecast, int64(env.Tick)), 0, 1_000_000)
		}
		*p = float64(sum-6_000_000) / 1e6
	}
	return e
}

func (e *weatherErrors) apply(lead twins.Seconds, w *twins.Weather) {
	grown := 1 - twins.Exp(-float64(lead)/21600)
	if lead == 0 {
		return // the present is measured
	}
	size := func(first, last float64) float64 { return first + float64(grown*(last-first)) }
	sun := math.Max(0, 1+float64(e.sun*size(0.05, 0.20)))
	for _, p := range [...]*float64{&w.GHI, &w.DNI, &w.DHI} {
		*p *= sun
	}
	w.Wind *= math.Max(0, 1+float64(e.wind*size(0.08, 0.20)))
	w.Temperature += float64(e.temperature * size(0.5, 1.5))
}

// forecastVersion is the first byte of the stored form.
const forecastVersion = 1

// AppendBinary implements operator.Forecast.
func (f *Forecast) AppendBinary(b []byte) []byte {
	put := func(v int64) { b = binary.LittleEndian.AppendUint64(b, uint64(v)) }
	b = append(b, forecastVersion)
	put(int64(f.learned))
	put(int64(len(f.past.days)))
	for k := range f.past.days {
		d := &f.past.days[k]
		put(int64(d.day))
		for i := range d.slots {
			s := &d.slots[i]
			for _, v := range [...]int64{int64(s.load), int64(s.roofs), int64(s.units), int64(s.sun), int64(s.time)} {
				put(v)
			}
		}
	}
	return f.err.appendTo(b)
}

var errForecast = errors.New("forecast: stored state cut short or of another version")

// UnmarshalBinary implements operator.Forecast.
func (f *Forecast) UnmarshalBinary(b []byte) ([]byte, error) {
	if len(b) < 17 || b[0] != forecastVersion {
		return b, errForecast
	}
	b = b[1:]
	take := func() int64 {
		v := int64(binary.LittleEndian.Uint64(b))
		b = b[8:]
		return v
	}
	f.learned = twins.Tick(take())
	days := take()
	const size = 8 * (1 + 5*slotsOfDay)
	if days < 0 || days > pastDays+1 || int64(len(b)) < days*size {
		return b, errForecast
	}
	f.past = history{}
	for range days {
		f.past.days = append(f.past.days, pastDay{day: int32(take())})
		d := &f.past.days[len(f.past.days)-1]
		for i := range d.slots {
			d.slots[i] = pastSlot{twins.Energy(take()), twins.Energy(take()), twins.Energy(take()), twins.Energy(take()), twins.Seconds(take())}
		}
	}
	return f.err.readFrom(b)
}
