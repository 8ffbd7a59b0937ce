package twins

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// modelled builds n modelled homes' parts, without the households around them.
func modelled(t testing.TB, n int, entry string) (slabs []PartSlab) {
	t.Helper()
	members := make([]Member, n)
	for i := range members {
		members[i] = Member{Path: fmt.Sprintf("grid/c/home-%d.%s", i, appliancesKey), Spec: []byte(entry)}
	}
	for _, k := range partKinds {
		if k.key() != appliancesKey {
			continue
		}
		s, err := k.New(&Site{Seed: 1}, members)
		if err != nil {
			t.Fatal(err)
		}
		slabs = append(slabs, s)
	}
	return slabs
}

// draws against a machine that is simulated second by second.
func TestCourseSecondBySecond(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, p := range []*programme{washProgramme, dishProgramme, dryProgramme} {
		slow := func(owed Energy, t Seconds) (drawn Energy) {
			for range t {
				for _, ph := range p.phases {
					if owed-drawn > ph.rest { // the running phase
						drawn += min(ph.power.For(1), owed-drawn-ph.rest)
						break
					}
				}
			}
			return drawn
		}
		for range 500 {
			owed, t1 := Energy(r.Int64N(int64(p.least+p.more))), Seconds(1+r.Int64N(3600))
			got, want := p.draws(owed, t1), slow(owed, t1)
			// The slow machine counts a second in which a phase ends as a whole one.
			if off := Seconds(len(p.phases)); max(got-want, want-got) > p.phases[0].power.For(off) || got > owed {
				t.Fatalf("%s: owing %d mJ it draws %d in %d s, second by second %d", p.name, owed, got, t1, want)
			}
		}
		if all := p.draws(p.least+p.more, 100_000); all != p.least+p.more {
			t.Errorf("%s: a course draws %d of %d", p.name, all, p.least+p.more)
		}
	}
}

// live steps one machine through days at the power that ask returns, and checks
// the properties that hold for any such power. It returns the energy loaded and
// drawn.
func live(t *testing.T, r *programmeRow, step Seconds, days int, ask func(Band) Power) (loads, drawn Energy) {
	t.Helper()
	env := &Env{Step: step, DayLength: 86400}
	var ev Events
	waited := Seconds(0)
	for range days * 86400 / int(step) {
		second := int64(env.Tick) * int64(step)
		env.Day, env.SecondOfDay, env.Weekday = int32(second/86400), int32(second%86400), int8(second/86400%7)
		band := r.Offer(env)
		switch {
		case band.Min != 0 && band.Min != band.Max || band.Ref != band.Max:
			t.Fatalf("offers %+v", band)
		case r.stage == running && band.Min != band.Max:
			t.Fatalf("runs and offers %+v", band)
		}
		was := r.stage
		p := ask(band)
		ev.Reset()
		did := r.Step(env, p, &ev)
		if p >= band.Min && p <= band.Max && did != p {
			t.Fatalf("asked for %d of %+v, did %d", p, band, did)
		}
		drawn += did.For(step)
		for i := range ev.list {
			if ev.list[i].Type == r.loaded {
				loads += Energy(ev.list[i].V[1])
			}
			r.Apply(&ev.list[i])
		}
		if waited += step; was != loaded || r.stage != loaded || did > 0 {
			waited = 0
		}
		if waited > r.maxWait && p >= band.Min {
			t.Fatalf("waits for %d s of %d", waited, r.maxWait)
		}
		if drawn+r.owed != loads {
			t.Fatalf("tick %d: %d mJ loaded, %d drawn, %d owed", env.Tick, loads, drawn, r.owed)
		}
		if r.stage == idle && r.owed >= Energy(step) {
			t.Fatalf("idle and owes %d mJ", r.owed)
		}
		env.Tick++
	}
	return loads, drawn
}

// Waiting loses nothing: loads are the same and drawn to the last millijoule,
// whether machines run at once, as late as they may, or at random times.
func TestProgrammesLoseNothingByWaiting(t *testing.T) {
	const days = 60
	random := rand.New(rand.NewPCG(1, 2))
	for _, step := range []Seconds{60, 900, 3600} {
		for k, slab := range modelled(t, 3, `{"occupants": 4, "max_wait_h": 6}`)[2:] {
			machine := func(i int) *programmeRow {
				row := *slab.(interface{ Row(int) *programmeRow }).Row(i)
				return &row
			}
			for i := range 3 {
				var loads [4]Energy
				var count [4]int64
				for n, ask := range []func(Band) Power{
					func(b Band) Power { return b.Ref },
					func(b Band) Power { return b.Min },
					func(b Band) Power { return b.Min + Power(random.Int64N(int64(b.Max-b.Min)+1)) },
					func(b Band) Power { return b.Ref * Power(random.Int64N(4)/3) }, // cut by force now and then
				} {
					r := machine(i)
					loads[n], _ = live(t, r, step, days, ask)
					count[n] = r.count + r.waiting
					if count[n] < 2 {
						t.Errorf("machine %d of home %d: %d loads in %d days", k, i, count[n], days)
					}
				}
				if count != [4]int64{count[0], count[0], count[0], count[0]} {
					t.Errorf("steps of %d s: %v loads, by who asks", step, count)
				}
			}
		}
	}
}

// Machines wait at most max_wait_h, and with 0 run at once; a command that sets it
// takes effect from then on.
func TestMaxWaitIsObeyed(t *testing.T) {
	slab := modelled(t, 1, `{"occupants": 4, "max_wait_h": 6}`)[2]
	row := slab.(interface{ Row(int) *programmeRow }).Row(0)
	flexible := func() (steps int) {
		r := *row
		live(t, &r, 900, 30, func(b Band) Power {
			if b.Min < b.Max {
				steps++
			}
			return b.Min
		})
		return steps
	}
	six := flexible()
	set := func(v int64) {
		var ev Events
		c := Set("", "max_wait_h", v)
		if err := slab.Command(0, &Env{}, &c, &ev); err != nil {
			t.Fatal(err)
		}
		slab.Apply(0, &ev.list[0])
	}
	set(3600)
	one := flexible()
	set(0)
	if none := flexible(); none != 0 || one == 0 || six < 5*one {
		t.Errorf("steps with a choice: %d with 6 h, %d with 1 h, %d with none", six, one, none)
	}
}

// The hour that comes twice in autumn loads a machine once.
func TestHourThatComesTwice(t *testing.T) {
	slab := modelled(t, 1, `{"occupants": 6, "max_wait_h": 0}`)[2]
	row := *slab.(interface{ Row(int) *programmeRow }).Row(0)
	var ev Events
	for day := range int32(200) {
		env := &Env{Step: 3600, Day: day, SecondOfDay: 10 * 3600}
		for range 2 {
			ev.Reset()
			row.Step(env, 0, &ev)
			for i := range ev.list {
				row.Apply(&ev.list[i])
			}
		}
		if hour := int64(day)*24 + 10; row.last == hour && row.count+row.waiting != 1 {
			t.Fatalf("%d loads after day %d", row.count+row.waiting, day)
		} else if row.last == hour {
			return
		}
	}
	t.Fatal("never loaded")
}

func TestYearCosine(t *testing.T) {
	for day := range 1000 {
		want := math.Cos(2 * math.Pi * (float64(day) - 3) / 365.25)
		if got := yearCosine(float64(day), 3); math.Abs(got-want) > 0.002 {
			t.Fatalf("day %d: %.4f, wanted %.4f", day, got, want)
		}
	}
	if winter[3] < 65_000 || winter[180] != 0 || dark[355][17] != 255 || dark[172][12] != 0 || dark[172][20] > dark[355][20] {
		t.Error("season", winter[3], winter[180], dark[355][17], dark[172][12])
	}
}

// A home's yearly energy is the same for all of its parts, whatever its
// value.
func TestHomeReachesItsYear(t *testing.T) {
	for i := range 500 {
		m := Member{Path: fmt.Sprintf("grid/c/home-%d.%s", i, appliancesKey), Spec: []byte(`{"annual_wh": 3000000}`)}
		h, err := newHome(&Site{Seed: 9}, m)
		if err != nil {
			t.Fatal(err)
		}
		if got := (h.baseEnergy() + h.usedEnergy()) * 365.25; math.Abs(got-3e6) > 300 {
			t.Fatalf("home %d: %.0f Wh", i, got)
		}
	}
}

// An entry that is wrong is refused with its path and key.
func TestAppliancesRefused(t *testing.T) {
	_, err := newHome(&Site{}, Member{Path: "grid/c/h1.appliances", Spec: []byte(`{"ocupants": 3}`)})
	if err == nil || !strings.HasPrefix(err.Error(), `grid/c/h1.appliances: `) || !strings.Contains(err.Error(), "ocupants") {
		t.Errorf("got %v", err)
	}
}

func TestAppliancesAllocateNothing(t *testing.T) {
	slabs := modelled(t, 50, `{"max_wait_h": 6}`)
	env := &Env{Step: 900, DayLength: 86400}
	var ev Events
	steps := func() {
		for range 96 {
			env.SecondOfDay = int32(env.Tick % 96 * 900)
			for _, s := range slabs {
				for i := range 50 {
					ev.Reset()
					s.Step(i, env, s.Offer(i, env).Ref, &ev)
					for k := range ev.list {
						s.Apply(i, &ev.list[k])
					}
				}
			}
			env.Tick++
		}
		env.Day++
	}
	steps()
	if n := testing.AllocsPerRun(3, steps); n > 0 {
		t.Errorf("%v allocations in a day of 50 homes", n)
	}
}

// The whole set of a home's appliances: offer, step and apply.
func BenchmarkAppliances(b *testing.B) {
	const homes = 1000
	for _, step := range []Seconds{60, 900, 3600} {
		b.Run(fmt.Sprintf("step=%ds", step), func(b *testing.B) {
			slabs := modelled(b, homes, `{"max_wait_h": 6}`)
			env := &Env{Step: step, DayLength: 86400}
			var ev Events
			b.ReportAllocs()
			for b.Loop() {
				second := int64(env.Tick) * int64(step)
				env.Day, env.SecondOfDay = int32(second/86400), int32(second%86400)
				env.Weekday, env.YearDay = int8((1+env.Day)%7), int16(1+env.Day%365)
				for _, s := range slabs {
					for i := range homes {
						p := s.Offer(i, env).Ref
						ev.Reset()
						s.Step(i, env, p, &ev)
						for k := range ev.list {
							s.Apply(i, &ev.list[k])
						}
					}
				}
				env.Tick++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/homes, "ns/home-step")
		})
	}
}
