package twins_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// With any setpoint inside its offers, the pump finishes the day's water by its
// end time, and does not start before its start time.
func TestWaterPumpIsDoneInTime(t *testing.T) {
	for _, row := range []struct {
		name  string
		asked func(b twins.Band) twins.Power
		by    int // hour in which the last water was pumped
	}{
		{"unasked it pumps at once", func(b twins.Band) twins.Power { return b.Ref }, 9},
		{"held back as long as it may be", func(b twins.Band) twins.Power { return b.Min }, 19},
		{"half of what it could", func(b twins.Band) twins.Power { return (b.Min + b.Max) / 2 }, 19},
	} {
		t.Run(row.name, func(t *testing.T) {
			site := twintest.NewSite(1, 900)
			slab, err := twins.WaterPump.New(site, []twins.Member{{Path: "grid/c/pump",
				Spec: []byte(`{"rated_w": 3000, "daily_wh": 11000, "from": "06:00", "until": "20:00"}`)}})
			if err != nil {
				t.Fatal(err)
			}
			var env twins.Env
			var ev twins.Events
			pumped, last := twins.Energy(0), 0
			for tick := range twins.Tick(96) {
				twintest.FillEnv(site, tick, &env)
				var flex twins.Flex
				var set twins.Setpoint
				var out twins.Reading
				ev.Reset()
				slab.Offer(0, &env, &flex)
				set.Tier[twins.Flexible] = row.asked(flex.Tier[twins.Flexible])
				slab.Step(0, &env, &set, &ev, &out)
				for i := range ev.All() {
					slab.Apply(0, &ev.All()[i])
				}
				hour := int(env.SecondOfDay) / 3600
				if out.Load > 0 {
					last = hour
					if hour < 6 || hour >= 20 {
						t.Fatalf("pumps at %d o'clock", hour)
					}
				}
				pumped += out.Load.For(env.Step)
			}
			// A step is whole milliwatts: at most 900 mJ too much.
			if over := pumped - 11000*twins.WattHour; over < 0 || over > 900 || last != row.by {
				t.Fatalf("%d mJ over, last water at %d o'clock, wanted %d", over, last, row.by)
			}
		})
	}
}
