package persistence

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// stepped sums the usage of communities, households and devices from steps, by local day.
type stepped struct {
	cells map[int64][]views.Figures
	homes map[int64][]twins.Energy // net energy of all homes' devices, by community
}

func (v *stepped) Commit(r *sim.StepRecord) error {
	y, m, d := r.Time.Date()
	day := int64(y)*10_000 + int64(m)*100 + int64(d)
	if v.cells[day] == nil {
		v.cells[day], v.homes[day] = make([]views.Figures, len(r.Cells)), make([]twins.Energy, len(r.Cells))
	}
	for i, c := range r.Cells {
		f := &c.Flows
		for k, p := range [views.NumFigures]twins.Power{f.Load, f.Generation, f.Charge, f.Discharge, max(f.Power, 0), max(-f.Power, 0), f.Unserved, f.Curtailed, f.Shifted} {
			v.cells[day][i][k] += p.For(r.Step)
		}
		for _, b := range c.Blocks {
			if b.Kind != twins.Household {
				continue
			}
			for m := range b.Paths {
				v.homes[day][i] += b.Reading(m).Power.For(r.Step)
			}
		}
	}
	return nil
}

// usageEntries returns all entries of the read models.
func usageEntries(t testing.TB, s *Store) (all []byte) {
	t.Helper()
	for _, kind := range []byte{keyHour, keyDay, keyFolded} {
		if err := s.table.Scan([]byte{kind}, nil, func(k, v []byte) error {
			all = append(append(all, k...), v...)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// Usage equals the sum of the steps, to the millijoule, in a fork as well. Rebuilt, or in a run
// that was left and resumed, it is the same to the bit.
func TestUsageIsTheSumOfTheSteps(t *testing.T) {
	days := 2
	o := scenario.Options{Days: &days}
	v := &stepped{cells: map[int64][]views.Figures{}, homes: map[int64][]twins.Energy{}}
	dir := filepath.Join(t.TempDir(), "run")
	kept(t, dir, build(t, "town", o), -1, v)
	sameUsage(t, dir, v)

	s := open(t, dir, Write)
	before := usageEntries(t, s)
	if err := s.Rebuild(); err != nil {
		t.Fatal(err)
	}
	after := usageEntries(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if len(before) == 0 || !bytes.Equal(before, after) {
		t.Errorf("rebuilt read models of %d bytes are not those of %d bytes", len(after), len(before))
	}

	left := filepath.Join(t.TempDir(), "left")
	kept(t, left, build(t, "town", o), 121)
	s = open(t, left, Write)
	j, m, err := s.Resume(Durability{})
	if err != nil {
		t.Fatal(err)
	}
	carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1)
	s = open(t, left, Read)
	if !bytes.Equal(before, usageEntries(t, s)) {
		t.Error("read models of a resumed run are not those of an undisturbed one")
	}
	s.Close()

	fork := filepath.Join(t.TempDir(), "fork")
	forked(t, dir, fork, "13:00", -1)
	sameUsage(t, fork, v)
}

// sameUsage compares days and hours of a run with the sums of its steps.
func sameUsage(t *testing.T, dir string, v *stepped) {
	t.Helper()
	s := open(t, dir, Read)
	defer s.Close()
	w, err := s.World()
	if err != nil {
		t.Fatal(err)
	}
	for _, span := range []Span{Days, Hours} {
		is := &stepped{cells: map[int64][]views.Figures{}, homes: map[int64][]twins.Energy{}}
		err := s.Usage(span, math.MinInt64/2, math.MaxInt64/2, func(start int64, i int, u *views.CellUsage) error {
			y, m, d := timeIn(w, start).Date()
			day := int64(y)*10_000 + int64(m)*100 + int64(d)
			if is.cells[day] == nil {
				is.cells[day], is.homes[day] = make([]views.Figures, len(w.Cells)), make([]twins.Energy, len(w.Cells))
			}
			is.cells[day][i].Plus(&u.Total)
			for k, b := range w.Cells[i].Blocks {
				if b.Kind != twins.Household {
					continue
				}
				for m := range b.Paths {
					for _, e := range u.Blocks[k].PartsOf(m) {
						is.homes[day][i] += e
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(is.cells) != len(v.cells) {
			t.Errorf("%c: %d days, wanted %d", span, len(is.cells), len(v.cells))
		}
		for day, cells := range v.cells {
			for i := range cells {
				if is.cells[day] == nil || is.cells[day][i] != cells[i] || is.homes[day][i] != v.homes[day][i] {
					t.Fatalf("%c %d %s: usage is not the sum of the steps, %v", span, day, w.Cells[i].Path, cells[i])
				}
			}
		}
	}
}

func timeIn(w *sim.World, unix int64) time.Time {
	return time.Unix(unix, 0).In(w.Scenario.Calendar.Start.Location())
}

// roadFile writes a scenario of so many days in hourly steps: a pump and a tie.
func roadFile(t testing.TB, days int) string {
	t.Helper()
	source := fmt.Sprintf(`
zone: Europe/Berlin
start: 2018-09-01
step_s: 3600
days: %d
communities: [{id: road, limit_w: 100000}]
water_pumps: [{id: pump, community: road, rated_w: 1000, daily_wh: 3000, from: "06:00", until: "20:00"}]
ties: [{id: tie, community: road, import_w: 100000, export_w: 0}]
`, days)
	file := filepath.Join(t.TempDir(), "road.yaml")
	if err := os.WriteFile(file, []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	return file
}

// After 70 days the hours of the first ten are deleted and all days are kept; the day in October on
// which clocks are set back has 25 hours.
func TestHoursGoAndDaysStay(t *testing.T) {
	file := roadFile(t, 70)
	dir := filepath.Join(t.TempDir(), "run")
	kept(t, dir, build(t, file, scenario.Options{}), -1)
	s := open(t, dir, Read)
	defer s.Close()
	w, err := s.World()
	if err != nil {
		t.Fatal(err)
	}
	days, hours := 0, map[string]int{}
	for _, span := range []Span{Hours, Days} {
		err := s.Usage(span, 0, 1<<40, func(start int64, _ int, u *views.CellUsage) error {
			at := timeIn(w, start)
			if span == Hours {
				hours[at.Format(time.DateOnly)]++
				return nil
			}
			days++
			if wh := u.Total[views.Consumed]; at.Hour() != 0 || wh != 3*twins.KilowattHour {
				t.Errorf("the day from %s has consumed %.1f Wh, wanted 3000", at, wh.WattHours())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if days != 70 || len(hours) < DefaultHours || len(hours) > DefaultHours+1 {
		t.Errorf("%d days, and hours of %d of them, are kept; wanted 70 and %d", days, len(hours), DefaultHours)
	}
	if hours["2018-10-27"] != 24 || hours["2018-10-28"] != 25 || hours["2018-09-02"] != 0 {
		t.Errorf("hours by day: %v", hours)
	}
}
