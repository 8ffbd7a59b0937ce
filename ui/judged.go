package ui

import (
	"slices"
	"sync"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// judged are the quarter hours of a run of which it is known what came and what was
// expected, in their order: a hundred bytes of each, ten thousand a season.
type judged struct {
	mu   sync.Mutex
	band views.ForecastBand
	all  []judgedQuarter // only appended to
}

// judgedQuarter is one of them. It was expected within off, either way, of the latest
// forecast, if there was a band.
type judgedQuarter struct {
	tick   twins.Tick
	actual twins.Power
	miss   views.ForecastMiss
	off    twins.Power
	banded bool
}

// latestLead is how old, in s, a forecast is at most when its last quarter hour begins.
const latestLead = 2700

// step follows the records of a run.
func (j *judged) step(r *sim.StepRecord) {
	for i := range r.Events {
		if m, ok := views.MissOf(r, &r.Events[i].Event); ok {
			j.mu.Lock()
			j.add(judgedQuarter{tick: r.Tick, actual: twins.Power(r.Events[i].Event.Field("actual_mw")), miss: m})
			j.mu.Unlock()
		}
	}
}

func (j *judged) add(q judgedQuarter) {
	q.off, q.banded = j.band.Off(latestLead)
	j.all = append(j.all, q)
	j.band.Add(q.miss)
}

// before takes what another run knew before a step.
func (j *judged) before(o *judged, at twins.Tick) {
	_, all := o.until(at)
	for _, q := range all {
		j.add(q)
	}
}

// until are the quarter hours before a step, and the band that was known then.
func (j *judged) until(at twins.Tick) (*views.ForecastBand, []judgedQuarter) {
	j.mu.Lock()
	all := j.all
	j.mu.Unlock()
	n, _ := slices.BinarySearchFunc(all, at, func(q judgedQuarter, at twins.Tick) int { return int(q.tick - at) })
	all = all[:n]
	band := &views.ForecastBand{}
	for i := range all {
		if all[i].miss.At > all[n-1].miss.At-views.BandLooksBack {
			band.Add(all[i].miss)
		}
	}
	return band, all
}
