package views

import (
	"math"
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/form"
	"github.com/smatrix-grid/smatrix/twins"
)

// JudgedKind is the row of Judged.
var JudgedKind = Declare(Kind{Name: "judged", Version: 1, New: func(*sim.World) View { return newJudged() }})

// Judged are the quarter hours of a run with both forecast and actual net load, in order, and the
// band around the forecast that follows from them. It holds at most mostJudged quarter hours, half a
// year. Whenever there are more, every second one of the older half is dropped, so that a plot has
// fewer points of the distant past; the remaining ones are unchanged.
//
//	version byte, steps int, whole int, a list: tick, actual, at, lead, hour, day int, banded uint, off int if banded
type Judged struct {
	next  twins.Tick
	whole twins.Seconds // no quarter hour that begins later has been dropped; MinInt64: none has been dropped
	band  ForecastBand
	all   []JudgedQuarter
}

// JudgedQuarter is one quarter hour. If Banded, its latest forecast had a band, from Off below to Off
// above the forecast.
type JudgedQuarter struct {
	Tick   twins.Tick // in which it was judged
	Actual twins.Power
	Miss   ForecastMiss
	Off    twins.Power
	Banded bool
}

const (
	// mostJudged is how many quarter hours are held. Half of them are more than the 28 days that the band looks back.
	mostJudged = 16_384
	// latestLead is the greatest age, in s, of the latest forecast when a quarter hour begins.
	latestLead = 2700
)

func newJudged() *Judged { return &Judged{whole: math.MinInt64} }

// Commit implements View.
func (j *Judged) Commit(r *sim.StepRecord) error {
	j.next = r.Tick + 1
	for i := range r.Events {
		if m, ok := MissOf(r, &r.Events[i].Event); ok {
			j.add(JudgedQuarter{Tick: r.Tick, Actual: twins.Power(r.Events[i].Event.Field("actual_w")), Miss: m})
		}
	}
	return nil
}

func (j *Judged) add(q JudgedQuarter) {
	q.Off, q.Banded = j.band.Off(latestLead)
	j.all = append(j.all, q)
	j.band.Add(q.Miss)
	if len(j.all) > mostJudged {
		j.thin()
	}
}

// thin drops every second quarter hour of the older half.
func (j *Judged) thin() {
	half := len(j.all) / 2
	j.whole = j.all[half-1].Miss.At
	kept := make([]JudgedQuarter, 0, mostJudged+1) // a copy: lists returned by Before must not change
	for i := 0; i < half; i += 2 {
		kept = append(kept, j.all[i])
	}
	j.all = append(kept, j.all[half:]...)
}

// Before returns the quarter hours that were judged before a step, and the band at that time. known is
// false if quarter hours that this band depends on have been dropped. The caller must not change the
// list.
func (j *Judged) Before(at twins.Tick) (band *ForecastBand, all []JudgedQuarter, known bool) {
	n, _ := slices.BinarySearchFunc(j.all, at, func(q JudgedQuarter, at twins.Tick) int { return int(q.Tick - at) })
	all = j.all[:n:n]
	band = &ForecastBand{}
	for i := range all {
		if all[i].Miss.At > all[n-1].Miss.At-BandLooksBack {
			band.Add(all[i].Miss)
		}
	}
	return band, all, n == 0 || j.whole == math.MinInt64 || j.whole <= all[n-1].Miss.At-BandLooksBack
}

// Until implements View.
func (j *Judged) Until(at twins.Tick) View {
	band, all, known := j.Before(at)
	if !known {
		return nil
	}
	return &Judged{next: min(at, j.next), whole: j.whole, band: *band, all: slices.Clone(all)}
}

// AppendBinary implements View.
func (j *Judged) AppendBinary(b []byte) []byte {
	w := form.Writer(append(b, JudgedKind.Version))
	w.Int(int64(j.next))
	w.Int(int64(j.whole))
	w.Uint(uint64(len(j.all)))
	for i := range j.all {
		q := &j.all[i]
		for _, v := range [...]int64{int64(q.Tick), int64(q.Actual), int64(q.Miss.At), int64(q.Miss.Lead), int64(q.Miss.Hour), int64(q.Miss.Day)} {
			w.Int(v)
		}
		if w.Bool(q.Banded); q.Banded {
			w.Int(int64(q.Off))
		}
	}
	return w
}

// UnmarshalBinary implements View.
func (j *Judged) UnmarshalBinary(b []byte) error {
	r := form.NewVersion(b, JudgedKind.Version)
	j.next, j.whole = twins.Tick(r.Int()), twins.Seconds(r.Int())
	j.all = make([]JudgedQuarter, r.Count(7))
	for i := range j.all {
		q := &j.all[i]
		q.Tick, q.Actual = twins.Tick(r.Int()), twins.Power(r.Int())
		q.Miss = ForecastMiss{At: twins.Seconds(r.Int()), Lead: twins.Seconds(r.Int()), Hour: twins.Power(r.Int()), Day: twins.Power(r.Int())}
		if q.Banded = r.Bool(); q.Banded {
			q.Off = twins.Power(r.Int())
		}
	}
	if err := r.Done(); err != nil {
		return err
	}
	band, _, _ := j.Before(j.next)
	j.band = *band
	return nil
}
