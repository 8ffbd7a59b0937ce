package twins_test

import (
	"fmt"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
)

// The manager's control of a plant of 1,000 W, least output 400 W, that takes two
// steps of a quarter hour to start: its output when asked for 700 W in each step.
func TestManagersHand(t *testing.T) {
	const spec = `"rated_w": 1000, "min_output": 0.4, "ramp_per_min": 1, "start_up_s": 1800, "min_up_s": 7200`
	type order struct {
		step    int
		setting string
		value   int64
	}
	for _, row := range []struct {
		name      string
		initially string
		orders    []order
		want      string // output in W by step, s: starting
	}{
		{"nothing", "on", nil, "700 700 700 700 700 700 700"},
		{"stopped, in spite of min_up_s", "on", []order{{1, "order", 2}}, "700 0 0 0 0 0 0"},
		{"stopped, then free again: no order starts it", "on", []order{{1, "order", 2}, {3, "order", 0}}, "700 0 0 0 0 0 0"},
		{"started, after its start-up time", "off", []order{{1, "order", 1}}, "0 0s 0 700 700 700 700"},
		{"started and stopped while it starts", "off", []order{{1, "order", 1}, {2, "order", 2}}, "0 0s 0 0 0 0 0"},
		{"fixed for an hour", "on", []order{{1, "fixed_w", 900_000}}, "700 900 900 900 900 700 700"},
		{"fixed, not below its least", "on", []order{{0, "fixed_w", 100_000}}, "400 400 400 400 700 700 700"},
		{"fixed, and free again", "on", []order{{0, "fixed_w", 900_000}, {2, "fixed_w", 0}}, "900 900 700 700 700 700 700"},
		{"fixed again for another hour", "on", []order{{0, "fixed_w", 900_000}, {2, "fixed_w", 500_000}}, "900 900 500 500 500 500 700"},
	} {
		t.Run(row.name, func(t *testing.T) {
			slab, err := twins.Producer.New(&twins.Site{Step: 900}, []twins.Member{{Path: "grid/c/p", Spec: []byte(fmt.Sprintf(`{%s, "initially": %q, "available": true}`, spec, row.initially))}})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for tick := range 7 {
				env := twins.Env{Tick: twins.Tick(tick), Step: 900}
				var ev twins.Events
				for _, o := range row.orders {
					if o.step == tick {
						c := twins.Set("grid/c/p", o.setting, o.value)
						if err := slab.Command(0, &env, &c, &ev); err != nil {
							t.Fatal(err)
						}
					}
				}
				var set twins.Setpoint
				set.Tier[twins.Generation] = -700 * twins.Watt
				var offer twins.Flex
				for k := range ev.All() {
					slab.Apply(0, &ev.All()[k])
				}
				ev.Reset()
				slab.Offer(0, &env, &offer)
				set.Tier[twins.Generation] = offer.Tier[twins.Generation].Clip(set.Tier[twins.Generation])
				var out twins.Reading
				slab.Step(0, &env, &set, &ev, &out)
				if tick > 0 {
					got += " "
				}
				got += fmt.Sprint(out.Generation.Watts())
				for k := range ev.All() {
					if ev.All()[k].Type.Name == "producer.starting" {
						got += "s"
					}
					slab.Apply(0, &ev.All()[k])
				}
			}
			if got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}
