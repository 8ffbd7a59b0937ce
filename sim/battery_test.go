package sim

import (
	"context"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// batteryDay is a sink that adds up the energies of a home and its battery.
type batteryDay struct {
	cells                         []*twins.Cell
	home, battery                 string
	export, evening               twins.Energy // exported from noon, step 48, on; imported from 17:00 on
	charged, given, held, atFirst twins.Energy
	rows                          int // steps in which the battery was there
}

// Commit implements Sink.
func (d *batteryDay) Commit(r *StepRecord) error {
	net := twins.Power(0)
	for n, c := range d.cells {
		for k, b := range c.Blocks {
			for i, path := range b.Paths {
				switch path {
				case d.battery:
					if !r.Cells[n].Blocks[k].Vacant(i) {
						if d.rows++; d.rows == 1 {
							d.atFirst = b.Read[i].Content - b.Read[i].Stored
						}
					}
					d.charged += max(0, b.Read[i].Power).For(r.Step)
					d.given += max(0, -b.Read[i].Power).For(r.Step)
					d.held = b.Read[i].Content
					net += b.Read[i].Power
				case d.home:
					net += b.Read[i].Power
				}
			}
		}
	}
	if r.Tick >= 48 {
		d.export += max(0, -net).For(r.Step)
	}
	if r.Tick >= 68 {
		d.evening += max(0, net).For(r.Step)
	}
	return nil
}

// A home of the town with panels and no battery gets one at noon of a day in March. From
// then on the home exports less (8.7 kWh without, 6.9 with 2.5 kWh, 5.8 with 5 kWh) and
// imports less in the evening (5.9, 4.2, 2.2), and a battery of twice the size discharges
// twice as much. Taken out at 18:00 it stops and keeps the energy that it holds.
func TestBatteryPutIntoAHome(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector, which finds no races in a single loop")
	}
	const path = "grid/community-04/household-0185"
	day := func(rows int, set []string, events ...string) *batteryDay {
		t.Helper()
		s, err := scenario.Load("town", scenario.Options{Set: append([]string{"start=2018-03-12"}, set...)})
		if err != nil {
			t.Fatal(err)
		}
		for k, e := range events { // one at noon, one at 18:00
			commands, err := s.Commands([]string{e}, twins.Tick(48+24*k))
			if err != nil {
				t.Fatal(err)
			}
			s.Events = append(s.Events, commands...)
		}
		w := mustBuild(t, s)
		d := &batteryDay{cells: w.Cells, home: path, battery: path + "/battery-0185"}
		r := Runner{World: w, Stepper: NewFlat(w, nil, false), Sinks: []Sink{d}}
		if _, err := r.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if d.rows != rows || d.atFirst != 0 {
			t.Fatalf("%v: the battery was there in %d steps and held %d mJ before the first, wanted %d and 0", events, d.rows, d.atFirst, rows)
		}
		t.Logf("%v %v: %.2f kWh exported from noon on, %.2f imported in the evening, %.2f charged, %.2f discharged", set, events,
			d.export.WattHours()/1000, d.evening.WattHours()/1000, d.charged.WattHours()/1000, d.given.WattHours()/1000)
		return d
	}
	const put, size = "batteries.battery-0185.available=true", "batteries.battery-0185.rated_wh="
	without := day(0, nil)
	small := day(48, []string{size + "2500"}, put)
	large := day(48, []string{size + "5000"}, put)
	if !(without.export > small.export && small.export > large.export && large.export >= 0) {
		t.Errorf("exported from noon on: %v Wh, with 2.5 kWh %v, with 5 kWh %v Wh; wanted less each time", without.export.WattHours(), small.export.WattHours(), large.export.WattHours())
	}
	if !(without.evening > small.evening && small.evening > large.evening) {
		t.Errorf("imported from 17:00 on: %v Wh, with 2.5 kWh %v, with 5 kWh %v Wh; wanted less each time", without.evening.WattHours(), small.evening.WattHours(), large.evening.WattHours())
	}
	if more := float64(large.given) / float64(small.given); more < 1.8 || more > 2.2 {
		t.Errorf("a battery of twice the size discharged %.2f times as much, wanted 1.8…2.2", more)
	}
	taken := day(48, []string{size + "5000"}, put, "batteries.battery-0185.available=false")
	if taken.given >= large.given || taken.held <= 600*twins.WattHour || taken.export < large.export {
		t.Errorf("taken out at 18:00 the battery discharged %v Wh and holds %v Wh", taken.given.WattHours(), taken.held.WattHours())
	}
	if first := day(96, []string{put}); first.export >= without.export {
		t.Errorf("with a battery from the start on the home exports %v Wh, without %v, wanted less", first.export.WattHours(), without.export.WattHours())
	}
}
