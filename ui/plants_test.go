package ui

import (
	"fmt"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// The API shows a plant at each step, past and present, in the state that the plant had, in the run
// and in a fork. An order given then takes as long as the API predicted.
func TestPlantsShowOrders(t *testing.T) {
	const path = "grid/supply/biogas"
	type was struct {
		state twins.PlantState
		since twins.Tick
	}
	var seen []was
	change := func(o *Options) {
		o.World = load(t, "town", scenario.Options{Set: []string{"households=12", "step_s=300", "producers.biogas.order=run", "producers.biogas.start_up_s=1500",
			"producers.biogas.start_up_warm_s=3000", "producers.biogas.start_up_cold_s=4500", "producers.biogas.warm_after_s=1200", "producers.biogas.cold_after_s=36000", "producers.biogas.min_down_s=900", "producers.biogas.min_up_s=2100"}})
	}
	s := serve(t, "hamlet", func(o *Options) {
		change(o)
		seen = nil
		o.Sinks = []sim.Sink{sim.SinkFunc(func(*sim.StepRecord) error {
			p, _ := plantOf(o.World, path)
			seen = append(seen, was{p.State, p.Since})
			return nil
		})}
	})
	order := func(word string) {
		s.want(202, "POST", "/commands", fmt.Sprintf(`{"target":%q,"setting":"order","word":%q}`, path, word), nil)
	}
	shown := func(run string, tick int64) *PlantInfo {
		var twin TwinInfo
		s.get(fmt.Sprintf("/twin?path=%s&run=%s&tick=%d", path, run, tick), &twin)
		if twin.Plant == nil {
			t.Fatal("the API shows no plant")
		}
		return twin.Plant
	}
	s.step(3)
	if p := shown("live", -1); p.State != "on" || p.Since != nil || p.Stoppable != nil || p.MinDownS != 900 || p.StartHotS != 1500 || p.StartWarmS != 3000 {
		t.Errorf("on since before the run: %+v", p)
	}
	order("stop")
	s.step(1) // off since 3
	if p := shown("live", -1); p.State != "off" || *p.Since != 3 || p.Heat != "hot" || *p.StartS != 1500 || p.Startable == nil || *p.Startable != 6 {
		t.Errorf("just stopped: %+v", p)
	}
	s.step(4)
	if p := shown("live", -1); p.Heat != "warm" || *p.StartS != 3000 || p.Startable != nil {
		t.Errorf("it has become warm: %+v", p)
	}
	order("run") // in step 8, so that it generates in 18
	s.step(1)
	if p := shown("live", -1); p.State != "starting" || *p.Since != 8+10 || p.StartS != nil {
		t.Errorf("it starts: %+v", p)
	}
	s.step(11)
	if p := shown("live", -1); p.State != "on" || *p.Since != 18 || p.Stoppable == nil || *p.Stoppable != 18+7 {
		t.Errorf("it runs: %+v", p)
	}
	order("stop")
	s.step(5)
	check := func(run string) {
		t.Helper()
		for tick, w := range seen {
			p := shown(run, int64(tick))
			if p.State != plantStates[w.state] || (p.Since == nil) != (w.since < 0) || p.Since != nil && *p.Since != int64(w.since) {
				t.Errorf("%s, step %d: %s since %v, it was %+v", run, tick, p.State, p.Since, w)
			}
		}
	}
	check("live")
	if testing.Short() {
		return // a fork goes to the end of the day
	}
	var fork RunInfo
	s.want(202, "POST", "/forks", `{"at":15,"set":["producers.biogas.order=run"],"later_commands":"drop"}`, &fork)
	r, _ := s.runs.find(fork.ID)
	<-r.done
	seen = seen[:16] // the fork equals the run up to its order
	check(fork.ID)
	if p := shown(fork.ID, 40); p.State != "on" || *p.Since != 18 {
		t.Errorf("ordered to run: %+v", p)
	}
}

// Only a plant whose water is limited has a firm power below its rating, and a reservoir.
func TestPlantsFirm(t *testing.T) {
	s := serve(t, "hamlet", func(o *Options) {
		o.World = load(t, "town", scenario.Options{Set: []string{"households=12", "producers.hydro.inflow_w=20000.5", "producers.hydro.reservoir_wh=1234.5"}})
	})
	s.step(1)
	var list unitList
	s.get("/units", &list)
	limited := 0
	for _, u := range list.Units {
		switch p := u.Plant; {
		case p == nil: // wind, sun or a tie
		case u.Path == "grid/supply/hydro":
			limited++
			if p.FirmW == nil || p.ReservoirWh == nil || *p.FirmW != (Number{20_000_500, 3}) || *p.ReservoirWh != (Number{1_234_500, 3}) {
				t.Errorf("%s: firm %v W, reservoir %v Wh, wanted 20000.5 and 1234.5", u.Path, p.FirmW, p.ReservoirWh)
			}
		case p.FirmW != nil || p.ReservoirWh != nil:
			t.Errorf("%s: firm %v W, reservoir %v Wh, wanted null", u.Path, p.FirmW, p.ReservoirWh)
		}
	}
	if limited != 1 {
		t.Errorf("%d plants with a firm power, wanted 1", limited)
	}
}

func plantOf(w *sim.World, path string) (p twins.Plant, ok bool) {
	for _, c := range w.Cells {
		for _, at := range c.Units() {
			if b := c.Blocks[at.Block]; b.Paths[at.Index] == path {
				return b.Slab.(twins.Generator).Plant(int(at.Index)), true
			}
		}
	}
	return p, false
}
