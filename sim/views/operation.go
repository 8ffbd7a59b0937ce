package views

import (
	"math"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Frequency folds the extremes of the frequency over the steps in which the grid had one, and counts
// blackouts over all steps.
type Frequency struct {
	known                         bool
	min, max                      int64 // µHz from nominal
	rocof                         int64 // µHz/s
	stages, islanded, black, held int64
}

// nominalHz is the frequency that deviations count from.
const nominalHz = 50

func (f *Frequency) fold(r *sim.StepRecord) {
	s := &r.Swing
	if s.Blackout {
		f.black++
	}
	f.stages = max(f.stages, s.Stages)
	if !r.HasFrequency() {
		return
	}
	f.known = true
	f.min, f.max = min(f.min, s.Min), max(f.max, s.Max)
	f.rocof = max(f.rocof, s.ROCOF)
	if s.Island {
		f.islanded++
	}
	if r.HeldByNeighbour() {
		f.held++
	}
}

// FrequencyReport is in Hz, and Hz/s for the greatest rate of change, either way, over the steps in which
// the grid had a frequency (sim.StepRecord.HasFrequency). Behind a tie whose neighbour holds the frequency,
// it is the nominal frequency. Min, Max and ROCOFMax are null if the grid was black in all its steps.
type FrequencyReport struct {
	Min      *float64 `json:"min"`
	Max      *float64 `json:"max"`
	ROCOFMax *float64 `json:"rocof_max"`
	// HeldSteps counts steps in which the neighbour held the frequency, over a tie in service with
	// a rating. IslandSteps counts steps in which the grid itself held it. UFLSStages
	// is the highest number of stages of under-frequency shedding in use. BlackSteps
	// counts steps with a blackout: those in which plants disconnected, and those that were black
	// from their start because nothing could hold a frequency.
	HeldSteps   int64 `json:"held_steps"`
	IslandSteps int64 `json:"island_steps"`
	UFLSStages  int64 `json:"ufls_stages"`
	BlackSteps  int64 `json:"black_steps"`
}

// Report returns nil if the grid never had a frequency and no blackout.
func (f *Frequency) Report() *FrequencyReport {
	if !f.known && f.black == 0 {
		return nil
	}
	r := &FrequencyReport{HeldSteps: f.held, IslandSteps: f.islanded, UFLSStages: f.stages, BlackSteps: f.black}
	if f.known {
		r.Min, r.Max, r.ROCOFMax = new(nominalHz+float64(f.min)/1e6), new(nominalHz+float64(f.max)/1e6), new(float64(f.rocof)/1e6)
	}
	return r
}

// ForecastReport has the errors of forecasts of net load (load less roofs, wind and
// sun), as root mean square error over the mean load of the same quarter hours: of the
// latest forecast, an hour old at most, and of the day's first.
type ForecastReport struct {
	Method    string  `json:"method"` // stated | perfect
	Judged    int64   `json:"judged"` // quarter hours
	HourAhead float64 `json:"hour_ahead_nrmse"`
	DayAhead  float64 `json:"day_ahead_nrmse"`
}

// Forecast folds the errors of forecasts.
type Forecast struct {
	n              int64
	hour, day, sum float64 // squares in W², loads in W
}

func (f *Forecast) fold(e *twins.Event) {
	if e.Type != sim.ForecastJudged {
		return
	}
	watts := func(field string) float64 { return twins.Power(e.Field(field)).Watts() }
	actual := watts("actual_w")
	byHour, byDay := watts("hour_ahead_w")-actual, watts("day_ahead_w")-actual
	f.n++
	f.hour += float64(byHour * byHour)
	f.day += float64(byDay * byDay)
	f.sum += watts("load_w")
}

// Report returns nil if no forecast was judged.
func (f *Forecast) Report(method string) *ForecastReport {
	if f.n == 0 || f.sum <= 0 {
		return nil
	}
	n, mean := float64(f.n), f.sum/float64(f.n)
	return &ForecastReport{method, f.n, math.Sqrt(f.hour/n) / mean, math.Sqrt(f.day/n) / mean}
}
