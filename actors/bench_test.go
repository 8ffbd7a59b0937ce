package actors

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// townSite is a site of recorded homes at 15 minutes.
var townSite = twintest.NewSite(1, 900)

// homes builds communities of 250 recorded homes, every third with panels,
// every fifth of these with a battery, and one tie.
func homes(n int) *sim.World {
	const perCommunity = 250
	w := &sim.World{}
	for c := 0; c*perCommunity < n; c++ {
		path := fmt.Sprintf("grid/community-%05d", c)
		var members []twins.CellMember
		for h := c * perCommunity; h < min(n, (c+1)*perCommunity); h++ {
			members = append(members, home(path, h)...)
		}
		w.Cells = append(w.Cells, cell(path, members))
	}
	tie := entry(twins.Tie, "", "grid/supply/tie", `{"import_w": 1e12, "export_w": 1e12, "link": "ac", "holds_frequency": true, "cost_eur_per_mwh": null, "available": true}`)
	w.Cells = append(w.Cells, cell("grid/supply", []twins.CellMember{tie}))
	node, err := twins.NewNode(twins.Grid, twins.Member{Path: "grid", Spec: []byte(`{}`)})
	if err != nil {
		panic(err)
	}
	w.Grid = node
	return w
}

func home(community string, h int) []twins.CellMember {
	path := fmt.Sprintf("%s/household-%07d", community, h)
	panels := ""
	if h%3 == 0 {
		panels = fmt.Sprintf(`"pv": {"recording": "r", "column": "c%d", "scale": 0.7},`, (h+3)%10)
	}
	members := []twins.CellMember{entry(twins.Household, "", path,
		fmt.Sprintf(`{"load": {"recording": "r", "column": "c%d", "scale": 1}, %s "power_factor": 0.95, "phase": "A", "bus": 0}`, h%10, panels))}
	if h%15 == 0 {
		members = append(members, entry(twins.Battery, path, path+"/battery",
			`{"rated_wh": 10000, "rated_w": 5000, "charge_efficiency": 0.9506, "discharge_efficiency": 0.9506, "standby_w": 10,
			"min_soc": 0.15, "max_soc": 0.95, "cycle_life": 6000, "calendar_life_years": 15, "mode": "self_consumption", "peak_w": 0,
			"tariff": {"charge_from": "00:00", "charge_to": "06:00", "discharge_from": "17:00", "discharge_to": "21:00"}, "reserve_soc": 0, "initial_soc": 0.5, "available": true}`))
	}
	return members
}

func entry(k *twins.Kind, owner, path, spec string) twins.CellMember {
	return twins.CellMember{Kind: k, Owner: owner, Member: twins.Member{Path: path, Spec: []byte(spec)}}
}

func cell(path string, members []twins.CellMember) *twins.Cell {
	c, err := twins.NewCell(townSite, twins.Member{Path: path, Spec: []byte(`{}`)}, members, twins.Lossless{})
	if err != nil {
		panic(err)
	}
	return c
}

// run makes n steps from tick from on.
func run(tb testing.TB, s sim.Stepper, env *twins.Env, from, n int) {
	for t := range n {
		twintest.FillEnv(townSite, twins.Tick(from+t), env)
		rec, err := s.Step(env)
		if err != nil || rec.Residual != 0 {
			tb.Fatal(rec.Residual, err)
		}
	}
}

// A step allocates the same for any number of members: nothing per member.
func TestStepAllocatesNothingPerMember(t *testing.T) {
	for _, h := range []Hosting{Batched, PerMember} {
		perStep := func(n int) float64 {
			s, err := Start(homes(n), Options{Hosting: h, Shards: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			var env twins.Env
			run(t, s, &env, 0, 20) // buffers grow
			at := 20
			return testing.AllocsPerRun(50, func() { run(t, s, &env, at, 1); at++ })
		}
		// One community each, so that only the number of members differs.
		small, large := perStep(50), perStep(250)
		if large-small > 1 { // the library's own goroutines allocate now and then
			t.Errorf("hosting %s: %v allocations a step with 50 homes, %v with 250", h, small, large)
		}
		t.Logf("hosting %s: %v allocations a step with 50 homes, %v with 250", h, small, large)
	}
}

// BenchmarkStep compares hostings with a flat loop over the same twins. The
// custom metrics are ns per household-step and, for the actors alone, bytes per
// household.
func BenchmarkStep(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("hosting=flat/households=%d", n), func(b *testing.B) {
			benchmark(b, n, func(w *sim.World) sim.Stepper { return sim.NewFlat(w, twins.MeritOrder{}, false) })
		})
		for _, h := range hostings {
			b.Run(fmt.Sprintf("hosting=%s/households=%d", h, n), func(b *testing.B) {
				benchmark(b, n, func(w *sim.World) sim.Stepper {
					s, err := Start(w, Options{Hosting: h, Shards: 1})
					if err != nil {
						b.Fatal(err)
					}
					return s
				})
			})
		}
	}
}

func benchmark(b *testing.B, n int, start func(*sim.World) sim.Stepper) {
	before := heap()
	s := start(homes(n))
	defer s.Close()
	bytes := heap() - before
	var env twins.Env
	run(b, s, &env, 0, 3)
	at := 3
	b.ReportAllocs()
	for b.Loop() {
		run(b, s, &env, at, 1)
		at++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/household-step")
	b.ReportMetric(float64(bytes)/float64(n), "B/household")
}

// BenchmarkOverFlat steps actors and a flat loop over the same twins in turn, and
// reports the median of the rounds' ratios, which other work on the machine
// disturbs least.
func BenchmarkOverFlat(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		for _, h := range hostings {
			b.Run(fmt.Sprintf("hosting=%s/households=%d", h, n), func(b *testing.B) {
				plain := sim.NewFlat(homes(n), twins.MeritOrder{}, false)
				s, err := Start(homes(n), Options{Hosting: h, Shards: 1})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				var envs [2]twins.Env
				round := func(k int, s sim.Stepper, at int) time.Duration {
					began := time.Now()
					run(b, s, &envs[k], at, 1)
					return time.Since(began)
				}
				var ratios, flats, theirs []float64
				for at := 0; b.Loop(); at++ {
					flat, actors := round(0, plain, at), round(1, s, at)
					if at >= 3 { // buffers have grown
						ratios = append(ratios, float64(actors)/float64(flat))
						flats = append(flats, float64(flat)/float64(n))
						theirs = append(theirs, float64(actors)/float64(n))
					}
				}
				b.ReportMetric(median(ratios), "x-flat")
				b.ReportMetric(median(flats), "flat-ns/household-step")
				b.ReportMetric(median(theirs), "ns/household-step")
			})
		}
	}
}

func median(of []float64) float64 {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[len(of)/2]
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
