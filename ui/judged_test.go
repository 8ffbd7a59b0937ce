package ui

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/scenario"
)

// expected is the forecasts of /production: values by step.
type expected struct {
	ForecastJudged, ForecastNeeds int
	net, latest, low, high        map[int64]float64
}

func (t *tester) expected(query string) (e expected) {
	t.Helper()
	var p struct {
		Judged int `json:"forecast_judged"`
		Needs  int `json:"forecast_needs"`
		Series []struct {
			Name, Label string
			T           []int64
			V           []float64
		}
	}
	t.get("/production"+query, &p)
	e.ForecastJudged, e.ForecastNeeds = p.Judged, p.Needs
	for _, s := range p.Series {
		values := map[int64]float64{}
		for i, at := range s.T {
			values[at] = s.V[i]
		}
		switch {
		case s.Name == "net_load_w":
			e.net = values
		case s.Label == "forecast, up to an hour ahead":
			e.latest = values
		case s.Name == "forecast_low_w":
			e.low = values
		case s.Name == "forecast_high_w":
			e.high = values
		}
	}
	return e
}

// A forecast has a band around it once enough of its errors are known; the band is wider the
// farther ahead. A step of the past shows what was known then, also in a fork and in a run
// continued from a journal.
func TestBandAroundTheForecast(t *testing.T) {
	if testing.Short() {
		t.Skip("two days of a town, twice")
	}
	week := func(set ...string) func(*Options) {
		return func(o *Options) {
			o.World = load(t, "town", scenario.Options{Set: append([]string{"days=2", "households=20"}, set...)})
		}
	}
	s := serve(t, "hamlet", week())
	s.step(30)
	before := s.expected("")
	if before.low != nil || before.high != nil || before.ForecastJudged >= before.ForecastNeeds || before.ForecastNeeds == 0 || before.latest == nil {
		t.Fatalf("%d judged of %d: %d lower ends", before.ForecastJudged, before.ForecastNeeds, len(before.low))
	}
	s.step(66) // midnight
	now := s.expected("")
	if now.ForecastJudged < 70 || len(now.low) != len(now.high) || len(now.low) < 96+40 {
		t.Fatalf("%d judged, %d lower ends", now.ForecastJudged, len(now.low))
	}
	last := 0.0
	for at, low := range now.low {
		if f := now.latest[at]; low > f || now.high[at] < f || math.Abs(f-low-now.high[at]+f) > 1e-6 {
			t.Errorf("step %d: %v to %v around %v", at, low, now.high[at], f)
		}
	}
	for at := int64(96); at < 96+92; at++ {
		width := now.high[at] - now.low[at]
		if width < last || width == 0 || at > 100 && at < 130 && width == last {
			t.Errorf("step %d: %v W wide after %v", at, width, last)
		}
		last = width
	}
	s.step(20)
	if then := s.expected("?to=96"); fmt.Sprint(then) != fmt.Sprint(now) {
		t.Errorf("looked back at: %v, then: %v", then, now)
	}
	var fork RunInfo
	s.want(202, "POST", "/forks", `{"at":96,"set":[]}`, &fork)
	r, _ := s.runs.find(fork.ID)
	<-r.done
	if in := s.expected("?to=116&run=" + fork.ID); fmt.Sprint(in) != fmt.Sprint(s.expected("?to=116")) {
		t.Errorf("a fork without a change has another band: %v", in)
	}
	_, was := s.live.judgedBefore(math.MaxInt32)
	_, all := r.judgedBefore(math.MaxInt32)
	if len(was) < 80 || len(all) < len(was) || !slices.Equal(was, all[:len(was)]) {
		t.Errorf("a fork knows %d errors, its parent %d, or others", len(all), len(was))
	}

	// A perfect forecast has no errors, so its band has no width.
	p := serve(t, "hamlet", week("forecast=perfect"))
	p.step(40)
	perfect := p.expected("")
	for at, low := range perfect.low {
		if low != perfect.high[at] {
			t.Fatalf("a perfect forecast, step %d: %v to %v", at, low, perfect.high[at])
		}
	}
	if len(perfect.low) == 0 {
		t.Error("a perfect forecast has no band")
	}
}
