package inputs

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// sunWatch compares recorded global irradiance and temperature with the sun of the place,
// solar day by solar day. A wrong zone gives irradiance at night and clear days that are
// not symmetric about noon; a wrong unit or hemisphere gives days that are brighter than
// the sky, or all dark.
type sunWatch struct {
	file       string
	zone       string // of the stamps, for texts
	place      Place
	ghi        string // names of the columns
	degrees    string
	number     int64 // of the solar day; the days are counted from local solar midnight
	day        solarDay
	firstLine  int
	anyDay     bool
	total      float64 // J/m²
	night      float64 // J/m² with the sun below the horizon
	nightRows  int
	nightLine  int
	nightText  string
	summer     []float64 // by clear day of May to August: how many hours its middle lies after solar noon
	winter     []float64 // November to February
	others     []float64
	bright     []float64 // by whole day: share of the sun's energy outside the atmosphere
	mirrored   []float64 // the same as if the place were on the other hemisphere
	brightLine int
	brightest  float64
	hotDays    int // whole days warmer than the height of the sun allows
	hotLine    int
	hotMean    float64
	fieldMax   float64 // highest irradiance
	hottest    float64 // highest mean temperature of a whole day
	warmLine   int
}

// solarDay is what a sunWatch adds up over one day.
type solarDay struct {
	line                 int
	noon                 float64 // Unix second
	base, swing, normal  float64 // sine of the sun's height = base + swing·cos(hour angle); W/m²
	top, mirrored        float64 // J/m² on a level plane outside the atmosphere, here and on the other hemisphere
	sum, moment, covered float64 // J/m², J/m²·s after noon, s
	warmth, warmSeconds  float64 // °C·s, s
	turns                turnCounter
}

// turnCounter counts how often irradiance turns from falling to rising by more than
// clearTurn.
type turnCounter struct {
	low, high float64
	falling   bool
	n         int
}

const clearTurn = 30 // W/m²

func (t *turnCounter) value(v float64) {
	switch {
	case t.falling && v > t.low+clearTurn:
		t.falling, t.high = false, v
		t.n++
	case t.falling:
		t.low = math.Min(t.low, v)
	case v < t.high-clearTurn:
		t.falling, t.low = true, v
	default:
		t.high = math.Max(t.high, v)
	}
}

// row takes the irradiance in W/m² and the temperature in °C of an interval that starts at
// a Unix second and has a length in s; NaN where there is no value.
func (w *sunWatch) row(line int, at, length int64, ghi, temperature float64) {
	middle := float64(at) + float64(length)/2
	number := quoFloor(int64(middle)+int64(w.place.Longitude*240), SecondsPerDay) // 240 s per degree
	if !w.anyDay || number != w.number {
		w.endDay()
		w.beginDay(number, line)
	}
	d, seconds := &w.day, float64(length)
	if !math.IsNaN(temperature) {
		d.warmth += temperature * seconds
		d.warmSeconds += seconds
	}
	if math.IsNaN(ghi) {
		return
	}
	energy := ghi * seconds
	d.covered += seconds
	d.sum += energy
	d.moment += energy * (middle - d.noon)
	d.turns.value(ghi)
	w.total += energy
	w.fieldMax = math.Max(w.fieldMax, ghi)
	const dark = 20 // W/m²: more than twilight and the noise of an instrument
	if ghi > dark && d.height(float64(at)) < -0.02 && d.height(float64(at+length)) < -0.02 {
		w.night += energy
		if w.nightRows++; w.nightRows == 1 {
			w.nightLine, w.nightText = line, fmt.Sprintf("%s W/m² at %s", numberText(ghi), timeText(time.Unix(at, 0).UTC()))
		}
	}
}

func (w *sunWatch) beginDay(number int64, line int) {
	noon := float64(number*SecondsPerDay+SecondsPerDay/2) - w.place.Longitude*240
	at := SunAt(w.place, noon, Air{})
	d := solarDay{line: line, noon: noon - at.HourAngle/turnPerSecond, normal: solarConstant / (at.Distance * at.Distance)}
	d.base, d.swing = sunPath(w.place.Latitude, at.Declination)
	d.top = d.normal * litHeight(d.base, d.swing)
	d.mirrored = d.normal * litHeight(-d.base, d.swing)
	w.day, w.number, w.anyDay = d, number, true
	if w.firstLine == 0 {
		w.firstLine = line
	}
}

// sunPath returns the two parts of the sine of the sun's height on a day.
func sunPath(latitude, declination float64) (base, swing float64) {
	sinD, cosD := sinCos(declination)
	sinP, cosP := sinCos(latitude * degree)
	return sinP * sinD, cosP * cosD
}

// litHeight returns the integral of the sine of the sun's height over the daylight of a
// day, s.
func litHeight(base, swing float64) float64 {
	sunset := 0.0
	switch {
	case base >= swing:
		sunset = math.Pi
	case base > -swing:
		sunset = twins.Acos(-base / swing)
	}
	return 2 * (base*sunset + swing*twins.Sin(sunset)) / turnPerSecond
}

// height returns the sine of the sun's height at a Unix second of the day.
func (d *solarDay) height(at float64) float64 {
	return d.base + d.swing*twins.Cos((at-d.noon)*turnPerSecond)
}

// endDay judges the day, if the file covers nearly all of it.
func (w *sunWatch) endDay() {
	const whole, faint = 0.97 * SecondsPerDay, 3.6e6 // s; J/m², 1 kWh/m²
	d := &w.day
	if w.anyDay && d.warmSeconds >= whole {
		mean := d.warmth / d.warmSeconds
		if w.warmLine == 0 || mean > w.hottest {
			w.hottest, w.warmLine = mean, d.line
		}
		const low, warm = 0.42, 25 // sine of 25°; °C
		if d.base+d.swing < low && mean > warm {
			if w.hotDays++; w.hotDays == 1 {
				w.hotLine, w.hotMean = d.line, mean
			}
		}
	}
	if !w.anyDay || d.covered < whole {
		return
	}
	if d.top >= faint {
		clearness := d.sum / d.top
		if clearness > w.brightest {
			w.brightest, w.brightLine = clearness, d.line
		}
		w.bright = append(w.bright, clearness)
		if clearness >= 0.5+0.2*(d.base+d.swing) && d.turns.n == 0 {
			w.clearDay(d.moment / d.sum / 3600)
		}
	}
	if d.mirrored >= faint {
		w.mirrored = append(w.mirrored, d.sum/d.mirrored)
	}
}

// clearDay takes how many hours after solar noon the middle of a clear day's energy lies.
func (w *sunWatch) clearDay(late float64) {
	to := &w.others
	switch time.Unix(int64(w.day.noon), 0).UTC().Month() {
	case time.May, time.June, time.July, time.August:
		to = &w.summer
	case time.November, time.December, time.January, time.February:
		to = &w.winter
	}
	*to = append(*to, late)
}

// warnings returns the doubts about the file after its last row.
func (w *sunWatch) warnings() (found []problem.Warning) {
	w.endDay()
	w.anyDay = false
	if text := w.seasonDoubt(); text != "" {
		return []problem.Warning{{File: w.file, Line: w.brightLine, Column: w.ghi, Kind: problem.WarnSeason, Text: text}}
	}
	if text := w.scaleDoubt(); text != "" {
		found = append(found, problem.Warning{File: w.file, Line: w.brightLine, Column: w.ghi, Kind: problem.WarnUnit, Text: text})
	}
	if text, line := w.warmthDoubt(); text != "" {
		found = append(found, problem.Warning{File: w.file, Line: line, Column: w.degrees, Kind: problem.WarnUnit, Text: text})
	}
	if kind, line, text := w.zoneDoubt(); text != "" {
		found = append(found, problem.Warning{File: w.file, Line: line, Column: w.ghi, Kind: kind, Text: text})
	}
	return found
}

// The shares of the sun's energy outside the atmosphere that a level plane gets: at most
// mostClear on the brightest of days (0.80 is a clear day on a high plain), and more than
// leastClear on the brightest of fewestDays.
const (
	mostClear  = 0.95
	leastClear = 0.15
	fewestDays = 5
)

// seasonDoubt recognises days that are too bright for the place, and much less so for the
// other hemisphere.
func (w *sunWatch) seasonDoubt() string {
	if w.brightest <= 1.2*mostClear || len(w.mirrored) == 0 {
		return ""
	}
	if best := slices.Max(w.mirrored); best > w.brightest/1.5 || best < 0.5 {
		return ""
	}
	return fmt.Sprintf("the brightest day has %.0f %% of the sun's energy outside the atmosphere at latitude %g, which no day can: likely a record of the other hemisphere, at latitude %g", 100*w.brightest, w.place.Latitude, -w.place.Latitude)
}

func (w *sunWatch) scaleDoubt() string {
	switch {
	case w.brightest > mostClear:
		return fmt.Sprintf("the brightest day has %.0f %% of the sun's energy outside the atmosphere, more than reaches level ground: likely another unit than W/m², a tilted plane or another place", 100*w.brightest)
	case len(w.bright) >= fewestDays && w.brightest < leastClear:
		return fmt.Sprintf("the brightest of %d days has %.2g %% of the sun's energy outside the atmosphere: likely another unit than W/m², such as kW/m²", len(w.bright), 100*w.brightest)
	case w.fieldMax > 0 && w.fieldMax < 2 && len(w.bright) > 0:
		return fmt.Sprintf("%s W/m² at most in %d days: likely another unit, such as kW/m²", numberText(w.fieldMax), len(w.bright))
	}
	return ""
}

// warmthDoubt recognises degrees Fahrenheit: a day of more than 40 °C on average, or warm
// days under a winter's sun.
func (w *sunWatch) warmthDoubt() (text string, line int) {
	const hottestDay, fewest = 40, 3 // °C; days
	switch {
	case w.warmLine > 0 && w.hottest > hottestDay:
		return fmt.Sprintf("%.1f °C on average over a day, hotter than any day on record: likely degrees Fahrenheit", w.hottest), w.warmLine
	case w.hotDays >= fewest:
		return fmt.Sprintf("%.1f °C on average over a day on which the sun stays below 25°: likely degrees Fahrenheit or another place", w.hotMean), w.hotLine
	}
	return "", 0
}

// zoneDoubt recognises stamps that are out of step with the sun: by energy at night, or by
// clear days whose middle is not at solar noon.
func (w *sunWatch) zoneDoubt() (kind string, line int, text string) {
	const fewest, late = 3, 0.7 // days; h, which stamps at the wrong end of an hour stay below
	all := slices.Concat(w.summer, w.winter, w.others)
	if len(w.summer) >= fewest && len(w.winter) >= fewest {
		summer, winter := middleOf(w.summer), middleOf(w.winter)
		if apart := math.Abs(summer - winter); apart > late && apart < 2-late {
			return problem.WarnSavingTime, w.firstLine, fmt.Sprintf("clear days lie %s solar noon from May to August and %s from November to February: likely saving time that %s does not have, or the other way round", lateText(summer), lateText(winter), w.zone)
		}
	}
	switch {
	case w.nightRows >= fewest && w.night > 0.005*w.total:
		return problem.WarnZone, w.nightLine, fmt.Sprintf("%s UTC, when the sun is below the horizon, and %.1f %% of all irradiance at such times: likely another zone than %s, or another place", w.nightText, 100*w.night/w.total, w.zone)
	case len(all) >= fewest && math.Abs(middleOf(all)) > late:
		return problem.WarnZone, w.firstLine, fmt.Sprintf("%s lie %s solar noon: likely another zone than %s, another place, or stamps at another end of their intervals", countText(len(all), "clear day"), lateText(middleOf(all)), w.zone)
	}
	return "", 0, ""
}

// middleOf returns the median of values, which it sorts.
func middleOf(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

func lateText(hours float64) string {
	minutes := int(math.Round(60 * hours))
	switch {
	case minutes > 0:
		return fmt.Sprintf("%d min after", minutes)
	case minutes < 0:
		return fmt.Sprintf("%d min before", -minutes)
	}
	return "at"
}
