package twins_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// street is modelled homes that nobody asks for anything.
type street struct {
	slab  twins.Slab
	site  *twins.Site
	flex  twins.Flex
	set   twins.Setpoint
	read  twins.Reading
	event twins.Events
}

func newStreet(t testing.TB, seed uint64, n int, step twins.Seconds, entry string) *street {
	t.Helper()
	s := &street{site: twintest.NewSite(seed, step)}
	members := make([]twins.Member, n)
	for i := range members {
		members[i] = twins.Member{Path: fmt.Sprintf("grid/c/home-%d", i), Spec: []byte(`{"appliances": ` + entry + `, "power_factor": 1, "phase": "ABC", "bus": 0}`)}
	}
	var err error
	if s.slab, err = twins.Household.New(s.site, members); err != nil {
		t.Fatal(err)
	}
	s.read.Parts = make([]twins.Power, len(s.slab.Parts(0)))
	return s
}

// usual is an entry with every default.
const usual = `{"occupants": null, "annual_wh": null, "electric_shower": null, "max_wait_h": 6}`

// world is the clock of a day; day 0 is Monday, 1 January.
func (s *street) world(day int, second int32) twins.Env {
	return twins.Env{
		Tick: twins.Tick(int64(day)*86400+int64(second)) / twins.Tick(s.site.Step), Step: s.site.Step, Seed: s.site.Seed,
		Day: int32(day), SecondOfDay: second, Weekday: int8((1 + day) % 7), YearDay: int16(1 + day%365), DayLength: 86400,
	}
}

// step takes home i through one step at its reference.
func (s *street) step(i int, env *twins.Env) twins.Power {
	s.flex, s.read = twins.Flex{}, twins.Reading{Parts: s.read.Parts}
	s.event.Reset()
	s.slab.Offer(i, env, &s.flex)
	s.set = s.flex.Follow()
	s.slab.Step(i, env, &s.set, &s.event, &s.read)
	for k := range s.event.All() {
		s.slab.Apply(i, &s.event.All()[k])
	}
	return s.read.Power
}

// day returns every home's kW in each step of a day.
func (s *street) day(day int) [][]float64 {
	steps := 86400 / int(s.site.Step)
	kW := make([][]float64, s.slab.Len())
	all := make([]float64, s.slab.Len()*steps)
	for i := range kW {
		kW[i] = all[i*steps : (i+1)*steps]
	}
	for k := range steps {
		env := s.world(day, int32(k*int(s.site.Step)))
		for i := range kW {
			kW[i][k] = s.step(i, &env).Watts() / 1000
		}
	}
	return kW
}

// dayFigures are what a day of homes looks like.
type dayFigures struct {
	energy  float64 // kWh per home
	evening float64 // kW per home: highest value of the homes' mean between 17 and 22 h
	peak    float64 // kW per home: highest value of the homes' mean
	own     float64 // kW: mean of the homes' own highest values
}

func (f dayFigures) coincidence() float64 { return f.peak / f.own }

func figures(kW [][]float64) (f dayFigures) {
	steps := len(kW[0])
	mean := make([]float64, steps)
	for _, home := range kW {
		f.own += slices.Max(home) / float64(len(kW))
		for k, p := range home {
			mean[k] += p / float64(len(kW))
		}
	}
	f.peak = slices.Max(mean)
	f.evening = slices.Max(mean[steps*17/24 : steps*22/24])
	for _, p := range mean {
		f.energy += p * 24 / float64(steps)
	}
	return f
}

func meanOf(x []float64) (sum float64) {
	for _, v := range x {
		sum += v / float64(len(x))
	}
	return sum
}

func deviation(x []float64) (sum float64) {
	m := meanOf(x)
	for _, v := range x {
		sum += (v - m) * (v - m) / float64(len(x)-1)
	}
	return math.Sqrt(sum)
}
