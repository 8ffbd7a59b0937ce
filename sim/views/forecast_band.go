package views

import (
	"math"
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// ForecastBand folds how far off forecasts of the net load were into how far off the
// next one may be: a band around it in which BandShare of what comes should lie. It is
// as wide upwards as downwards; a quantile for each side follows the sign of a few
// days' errors and misses more (`TestBandCoversWhatComes`).
//
// Two sizes of error are known: of forecasts that were an hour old at most, and of the
// day's first where it looked far ahead. Between them the band widens as the forecast
// forgets the present: see presentFades.
type ForecastBand struct {
	all       []ForecastMiss // oldest first, at most those of BandLooksBack
	hour, day []twins.Power  // their sizes, sorted
}

const (
	// BandShare is how much of what comes should lie in the band.
	BandShare = 0.8
	// BandNeeds is of how many quarter hours it must be known how far off their
	// forecasts were before there is a band: a third of a day, so that half of them
	// were foretold from far.
	BandNeeds = 24
	// BandLooksBack is how long errors count, in s: 28 days, as far as the forecast
	// looks back.
	BandLooksBack = 28 * 24 * 3600
	// Errors of neighbouring quarter hours are alike: as many as these, which take
	// four hours, tell as much as one that stands alone. Few of them are no bound, so
	// the share taken is p (m + 1)/m of m such: the greatest of them until m is 4, and
	// p of very many.
	alike = 12
	// farLead is from where on, in s, a forecast hardly knows the present.
	farLead = 4 * 3600
	// presentFades is the time constant, in s, with which the forecast lets the
	// present's distance from the usual fade (sim.Forecast), and nearLead how old the
	// latest forecast is on average when it is judged.
	presentFades = 7200
	nearLead     = 1800
)

// ForecastMiss is how far off forecasts of one quarter hour were: expected − actual.
type ForecastMiss struct {
	At        twins.Seconds // since the start of the run
	Lead      twins.Seconds // of the day's first forecast
	Hour, Day twins.Power   // by one that was an hour old at most, and by the day's first
}

// MissOf reads an event that tells of a forecast; false: it tells of something else.
func MissOf(r *sim.StepRecord, e *twins.Event) (m ForecastMiss, ok bool) {
	if e.Type != sim.ForecastJudged {
		return m, false
	}
	at := twins.Seconds(r.Tick) * r.Step
	midnight := twins.Seconds(r.Time.Hour()*3600 + r.Time.Minute()*60 + r.Time.Second())
	actual := e.Field("actual_mw")
	return ForecastMiss{At: at, Lead: min(at, midnight), Hour: twins.Power(e.Field("hour_ahead_mw") - actual), Day: twins.Power(e.Field("day_ahead_mw") - actual)}, true
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

// Add counts the next quarter hour and leaves out what is too old.
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

// Judged is of how many quarter hours it is known how far off their forecasts were.
func (b *ForecastBand) Judged() int { return len(b.all) }

// Off is how far what comes so long after a forecast was made may lie from it, either
// way; false while too little is known.
func (b *ForecastBand) Off(lead twins.Seconds) (off twins.Power, ok bool) {
	if len(b.all) < BandNeeds || len(b.day) == 0 {
		return 0, false
	}
	near := sizeOf(b.hour)
	far := max(near, sizeOf(b.day))
	grown := 1 - twins.Exp(-float64(max(0, lead-nearLead))/presentFades)
	return near + twins.Power(math.Round(float64(grown*float64(far-near)))), true
}

// sizeOf is the error that BandShare of those that come should not pass.
func sizeOf(sorted []twins.Power) twins.Power {
	n := len(sorted)
	m := float64(n) / alike
	share := min(1, BandShare*(m+1)/m)
	return sorted[max(1, int(math.Ceil(share*float64(n))))-1]
}
