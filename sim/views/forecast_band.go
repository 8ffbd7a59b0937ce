package views

import (
	"math"
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// ForecastBand folds the errors of past forecasts of the net load into a band around
// the next forecast, in which BandShare of the actual values should lie. The band is as
// wide upwards as downwards: a quantile for each side would follow the sign of a few
// days' errors and miss more (`TestBandCoversActuals`).
//
// Two sizes of error are known: that of forecasts an hour old at most, and that of the
// day's first forecast where it looked far ahead. Between the two the band widens as the
// present loses its weight in the forecast: see presentFades.
type ForecastBand struct {
	all       []ForecastMiss // oldest first, not older than BandLooksBack
	hour, day []twins.Power  // magnitudes of the errors, sorted
}

const (
	// BandShare is the share of actual values that should lie in the band.
	BandShare = 0.8
	// BandNeeds is how many quarter hours must be judged before there is a band: a third
	// of a day's 72, so that half of them have a lead of farLead or more.
	BandNeeds = 24
	// BandLooksBack is how long errors count, in s: 28 days, as far as the forecast
	// looks back.
	BandLooksBack = 28 * 24 * 3600
	// errorsPerIndependent is how many errors count as one independent error, because errors of
	// neighbouring quarter hours are correlated: 12 are judged in four hours. With
	// m = n ÷ errorsPerIndependent independent errors the band takes the share
	// BandShare · (m + 1)/m of the errors, at most all: all of them while m ≤ 4, BandShare of very
	// many.
	errorsPerIndependent = 12
	// farLead is the lead, in s, from which on a forecast hardly depends on the present.
	farLead = 4 * 3600
	// presentFades is the time constant, in s, with which the present's distance from
	// the usual load fades in the forecast (sim.Forecast). nearLead is the mean age of
	// the latest forecast when it is judged, in s.
	presentFades = 7200
	nearLead     = 1800
)

// ForecastMiss has the errors of the forecasts of one quarter hour: expected − actual.
type ForecastMiss struct {
	At        twins.Seconds // since the start of the run
	Lead      twins.Seconds // of the day's first forecast
	Hour, Day twins.Power   // errors of a forecast an hour old at most, and of the day's first
}

// MissOf reads the errors from an event forecast.judged; false: the event is of another type.
func MissOf(r *sim.StepRecord, e *twins.Event) (m ForecastMiss, ok bool) {
	if e.Type != sim.ForecastJudged {
		return m, false
	}
	at := twins.Seconds(r.Tick) * r.Step
	midnight := twins.Seconds(r.Time.Hour()*3600 + r.Time.Minute()*60 + r.Time.Second())
	actual := e.Field("actual_w")
	return ForecastMiss{At: at, Lead: min(at, midnight), Hour: twins.Power(e.Field("hour_ahead_w") - actual), Day: twins.Power(e.Field("day_ahead_w") - actual)}, true
}

// Commit implements sim.Sink.
func (b *ForecastBand) Commit(r *sim.StepRecord) error {
	for i := range r.Events {
		if m, ok := MissOf(r, &r.Events[i].Event); ok {
			b.Add(m)
		}
	}
	return nil
}

// Add adds the next quarter hour and drops those older than BandLooksBack.
func (b *ForecastBand) Add(m ForecastMiss) {
	b.all = append(b.all, m)
	insert(&b.hour, m.Hour)
	if m.Lead >= farLead {
		insert(&b.day, m.Day)
	}
	for m.At-b.all[0].At >= BandLooksBack {
		old := b.all[0]
		b.all = b.all[1:]
		remove(&b.hour, old.Hour)
		if old.Lead >= farLead {
			remove(&b.day, old.Day)
		}
	}
}

func insert(sorted *[]twins.Power, p twins.Power) {
	p = max(p, -p)
	i, _ := slices.BinarySearch(*sorted, p)
	*sorted = slices.Insert(*sorted, i, p)
}

func remove(sorted *[]twins.Power, p twins.Power) {
	i, _ := slices.BinarySearch(*sorted, max(p, -p))
	*sorted = slices.Delete(*sorted, i, i+1)
}

// Judged returns the number of quarter hours in the band.
func (b *ForecastBand) Judged() int { return len(b.all) }

// Off returns half the width of the band at a lead after the forecast was made; false
// while fewer than BandNeeds quarter hours are judged, or none of them from far ahead.
func (b *ForecastBand) Off(lead twins.Seconds) (off twins.Power, ok bool) {
	if len(b.all) < BandNeeds || len(b.day) == 0 {
		return 0, false
	}
	near := sizeOf(b.hour)
	far := max(near, sizeOf(b.day))
	grown := 1 - twins.Exp(-float64(max(0, lead-nearLead))/presentFades)
	return near + twins.Power(math.Round(float64(grown*float64(far-near)))), true
}

// sizeOf returns the magnitude that BandShare of future errors should not exceed.
func sizeOf(sorted []twins.Power) twins.Power {
	n := len(sorted)
	m := float64(n) / errorsPerIndependent
	share := min(1, BandShare*(m+1)/m)
	return sorted[max(1, int(math.Ceil(share*float64(n))))-1]
}
