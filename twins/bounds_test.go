package twins_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// extremes are entries at the corners of what the schemas allow.
func extremes(k *twins.Kind) (specs []string) {
	switch k {
	case twins.Battery:
		for _, wh := range []string{"1", "1e9"} {
			for _, efficiency := range []string{"0.1", "1"} {
				for _, soc := range []string{"0", "1"} {
					specs = append(specs, batteryEntry(`"rated_wh": `+wh+`, "rated_w": 1e9, "standby_w": 1e9, "initial_soc": `+soc+
						`, "charge_efficiency": `+efficiency+`, "discharge_efficiency": `+efficiency))
				}
			}
		}
	case twins.Vehicle:
		for _, wh := range []string{"1", "1e9"} {
			for _, efficiency := range []string{"0.1", "1"} {
				specs = append(specs, `{"rated_wh": `+wh+`, "efficiency": `+efficiency+`, "initial_soc": 0, "target_soc": 1, "phases": 3, "min_a": 1,
					"rated_a": 1000, "daily": {"arrive": "00:00", "leave": "23:00", "trip_wh": `+wh+`}, "available": true}`)
			}
		}
	case twins.Producer:
		specs = append(specs, `{"rated_w": 1e12, "min_output": 1, "ramp_per_min": 1000, "start_up_s": 604800, "cost_eur_per_mwh": 1e6, "initially": "on", "available": true}`)
	case twins.Tie:
		specs = append(specs, `{"import_w": 1e12, "export_w": 1e12, "link": "ac", "available": true}`)
	}
	return specs
}

// batteryEntry is a full battery's entry with some keys written out.
func batteryEntry(keys string) string {
	return `{"charge_efficiency": 0.9506, "discharge_efficiency": 0.9506, "standby_w": 0, "min_soc": 0, "max_soc": 1,
		"cycle_life": 6000, "calendar_life_years": 15, "mode": "self_consumption", "peak_w": 0,
		"tariff": {"charge_from": "00:00", "charge_to": "06:00", "discharge_from": "17:00", "discharge_to": "21:00"},
		"reserve_soc": 0, "initial_soc": 0.5, "available": true, ` + keys + `}` // if a key occurs twice the last one counts
}

// No valid entry makes a twin overflow, for any length of step and any
// setpoint.
func TestExtremesNeverOverflow(t *testing.T) {
	for _, k := range []*twins.Kind{twins.Battery, twins.Vehicle, twins.Producer, twins.Tie} {
		for _, spec := range extremes(k) {
			for _, step := range []twins.Seconds{1, 3600} {
				site := twintest.NewSite(1, step)
				slab, err := k.New(site, []twins.Member{{Path: "grid/c/m", Spec: []byte(spec)}})
				if err != nil {
					t.Fatal(err)
				}
				for tick := range twins.Tick(48) {
					stepTo(t, k, slab, site, tick)
				}
			}
		}
	}
}

// stepTo steps in turn on the least, the reference and the most of the offer,
// and on more than any grid has.
func stepTo(t *testing.T, k *twins.Kind, slab twins.Slab, site *twins.Site, tick twins.Tick) {
	t.Helper()
	var env twins.Env
	twintest.FillEnv(site, tick, &env)
	var offer twins.Flex
	slab.Offer(0, &env, &offer)
	set := offer.Follow()
	for tier, b := range offer.Tier {
		set.Tier[tier] = [...]twins.Power{b.Max, b.Min, b.Ref, b.Max, 1 << 60, -1 << 60}[tick%6]
	}
	var ev twins.Events
	var out twins.Reading
	slab.Step(0, &env, &set, &ev, &out)
	if by := out.Imbalance(site.Step); by != 0 {
		t.Fatalf("%s: step %d: %d mJ out of balance: %+v", k.Name, tick, by, out)
	}
	for i := range ev.All() {
		slab.Apply(0, &ev.All()[i])
	}
}

// A factor that is too large for a setting is refused, and causes no panic.
func TestHugeFactors(t *testing.T) {
	for _, k := range twins.Kinds() {
		if k.New == nil {
			continue
		}
		site, slab, err := twintest.NewSlab(k, 1)
		if err != nil {
			t.Fatal(err)
		}
		var env twins.Env
		twintest.FillEnv(site, 0, &env)
		for _, s := range k.Settings {
			for _, factor := range []int64{math.MaxInt64, math.MinInt64} {
				var ev twins.Events
				set := twins.Set("", s.Name, s.Max)
				if slab.Command(0, &env, &set, &ev) != nil {
					continue // this member has no such part
				}
				for i := range ev.All() {
					slab.Apply(0, &ev.All()[i])
				}
				ev.Reset()
				c := twins.Multiply("grid/c/m", s.Name, factor)
				if err := slab.Command(0, &env, &c, &ev); err == nil || len(ev.All()) != 0 {
					t.Errorf("%s: %s × %d was accepted", k.Name, s.Name, factor)
				}
			}
		}
	}
}

// A value too large for an Energy panics with an OverflowError.
func TestOverflowIsFound(t *testing.T) {
	defer func() {
		var overflow *twins.OverflowError
		if err, ok := recover().(error); !ok || !errors.As(err, &overflow) {
			t.Error(fmt.Sprint("got ", err, ", wanted an *OverflowError"))
		}
	}()
	twins.Power(math.MaxInt64).For(2)
}
