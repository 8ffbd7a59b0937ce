package twins_test

import (
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

const lawSeeds = 300

func TestLawsOfEveryKind(t *testing.T) {
	for _, k := range twins.Kinds() {
		if k.New == nil {
			continue
		}
		for _, law := range twintest.Laws {
			t.Run(k.Name+"/"+law.Name, func(t *testing.T) {
				for seed := range uint64(lawSeeds) {
					if err := law.Holds(k, seed); err != nil {
						t.Fatalf("seed %d: %v", seed, err)
					}
				}
			})
		}
	}
}

// Each law is tried on a slab that breaks it; a law that accepts the slab is
// void.
func TestLawsSabotaged(t *testing.T) {
	for _, row := range []struct {
		law    string
		kind   *twins.Kind
		bad    func(twins.Slab) twins.Slab
		second bool
	}{
		{"offers are ordered", twins.Battery, func(s twins.Slab) twins.Slab { return &crossed{s} }, false},
		{"offer and step change nothing", twins.Battery, func(s twins.Slab) twins.Slab { return &eager{s} }, false},
		{"readings balance at any setpoint", twins.Household, func(s twins.Slab) twins.Slab { return &short{s} }, false},
		{"what is asked inside the band is done", twins.Tie, func(s twins.Slab) twins.Slab { return &short{s} }, false},
		{"essential load gives way to force alone", twins.Household, func(s twins.Slab) twins.Slab { return &obliging{s} }, false},
		{"essential load gives way to force alone", twins.Household, func(s twins.Slab) twins.Slab { return &careless{s} }, false},
		{"a snapshot continues like the live twin", twins.Battery, func(s twins.Slab) twins.Slab { return &amnesic{s} }, false},
		{"events replayed give the live state", twins.Producer, func(s twins.Slab) twins.Slab { return &deaf{Slab: s} }, true},
		{"a restored twin is as it was saved", twins.Battery, func(s twins.Slab) twins.Slab { return &unsaved{s} }, false},
		{"stored forms that are cut or of another version are refused", twins.Tie, func(s twins.Slab) twins.Slab { return &amnesic{s} }, false},
		{"settings can be set and are kept", twins.Tie, func(s twins.Slab) twins.Slab { return &obedient{s} }, false},
		{"what is prepared is not there until it is put in", twins.Battery, func(s twins.Slab) twins.Slab { return &ghost{s} }, false},
		{"what is prepared is not there until it is put in", twins.Battery, func(s twins.Slab) twins.Slab { return &gifted{s} }, false},
		{"gauges are written whole, in their words, and change nothing", twins.Vehicle, func(s twins.Slab) twins.Slab { return &blank{s} }, false},
		{"gauges are written whole, in their words, and change nothing", twins.Vehicle, func(s twins.Slab) twins.Slab { return &wordless{s} }, false},
		{"gauges are written whole, in their words, and change nothing", twins.WaterPump, func(s twins.Slab) twins.Slab { return &meddling{s} }, false},
		{"gauges are written whole, in their words, and change nothing", twins.Battery, func(s twins.Slab) twins.Slab { return &greedy{s} }, false},
		{"gauges are written whole, in their words, and change nothing", twins.Battery, func(s twins.Slab) twins.Slab { return &short{s} }, false},
		{"gauges follow from the stored state", twins.Household, func(s twins.Slab) twins.Slab { return &moody{Slab: s} }, false},
		{"gauges follow from the stored state", twins.Household, func(s twins.Slab) twins.Slab { return &reader{amnesic{s}} }, false},
		{"gauges follow from the stored state", twins.WaterPump, func(s twins.Slab) twins.Slab { return &staying{s} }, false},
	} {
		t.Run(row.law, func(t *testing.T) {
			sound := twintest.NewSlab
			defer func() { twintest.NewSlab = sound }()
			made := 0 // if a law compares two twins, every second one is faulty
			twintest.NewSlab = func(k *twins.Kind, seed uint64) (*twins.Site, twins.Slab, error) {
				site, s, err := sound(k, seed)
				if made++; row.second && made%2 == 1 {
					return site, s, err
				}
				return site, row.bad(s), err
			}
			for _, law := range twintest.Laws {
				if law.Name != row.law {
					continue
				}
				for seed := range uint64(lawSeeds) {
					if law.Holds(row.kind, seed) != nil {
						return
					}
				}
			}
			t.Fatal("a faulty twin has passed")
		})
	}
}

type crossed struct{ twins.Slab }

func (s *crossed) Offer(i int, env *twins.Env, out *twins.Flex) {
	s.Slab.Offer(i, env, out)
	out.Tier[twins.Storage].Max = out.Tier[twins.Storage].Min - 1
}

// obliging offers essential load to be moved.
type obliging struct{ twins.Slab }

func (s *obliging) Offer(i int, env *twins.Env, out *twins.Flex) {
	s.Slab.Offer(i, env, out)
	out.Tier[twins.Essential].Min /= 2
}

// careless cuts essential load when heat is to give way.
type careless struct{ twins.Slab }

func (s *careless) Step(i int, env *twins.Env, set *twins.Setpoint, ev *twins.Events, out *twins.Reading) {
	var offered twins.Flex
	s.Offer(i, env, &offered)
	s.Slab.Step(i, env, set, ev, out)
	if less := offered.Tier[twins.Comfort].Ref - set.Tier[twins.Comfort]; less > 0 {
		out.UnservedEssential += less
	}
}

type eager struct{ twins.Slab }

func (s *eager) Step(i int, env *twins.Env, set *twins.Setpoint, ev *twins.Events, out *twins.Reading) {
	s.Slab.Step(i, env, set, ev, out)
	for k := range ev.All() {
		s.Apply(i, &ev.All()[k])
	}
}

type short struct{ twins.Slab }

func (s *short) Step(i int, env *twins.Env, set *twins.Setpoint, ev *twins.Events, out *twins.Reading) {
	s.Slab.Step(i, env, set, ev, out)
	out.Power++
}

type amnesic struct{ twins.Slab }

func (s *amnesic) UnmarshalBinary(_ int, b []byte) ([]byte, error) {
	return b[min(len(b), len(s.AppendBinary(0, nil))):], nil
}

// deaf misses every third event.
type deaf struct {
	twins.Slab
	heard int
}

func (s *deaf) Apply(i int, e *twins.Event) {
	if s.heard++; s.heard%3 != 0 {
		s.Slab.Apply(i, e)
	}
}

// ghost reports itself absent, and acts.
type ghost struct{ twins.Slab }

func (s *ghost) Prepared(int) bool { return true }
func (s *ghost) Absent(int) bool   { return true }

// gifted brings unmetered energy along when it is put in.
type gifted struct{ twins.Slab }

func (s *gifted) Prepared(int) bool { return true }
func (s *gifted) Absent(i int) bool { return s.Slab.(twins.Preparer).Absent(i) }
func (s *gifted) Step(i int, env *twins.Env, set *twins.Setpoint, ev *twins.Events, out *twins.Reading) {
	if s.Slab.Step(i, env, set, ev, out); !s.Absent(i) {
		out.Content++
	}
}

func gaugesOf(s twins.Slab, i int, env *twins.Env, read *twins.Reading, out []int64) {
	s.(twins.Gauger).Gauges(i, env, read, out)
}

// blank does not write its last gauge.
type blank struct{ twins.Slab }

func (s *blank) Gauges(i int, env *twins.Env, read *twins.Reading, out []int64) {
	last := out[len(out)-1]
	gaugesOf(s.Slab, i, env, read, out)
	out[len(out)-1] = last
}

// wordless has a state without a word for it.
type wordless struct{ twins.Slab }

func (s *wordless) Gauges(i int, env *twins.Env, read *twins.Reading, out []int64) {
	gaugesOf(s.Slab, i, env, read, out)
	out[0]++
}

// meddling pumps whenever its gauges are read.
type meddling struct{ twins.Slab }

func (s *meddling) Gauges(i int, env *twins.Env, read *twins.Reading, out []int64) {
	gaugesOf(s.Slab, i, env, read, out)
	var flex twins.Flex
	var ev twins.Events
	s.Offer(i, env, &flex)
	set, did := flex.Follow(), twins.Reading{}
	s.Step(i, env, &set, &ev, &did)
	for k := range ev.All() {
		s.Apply(i, &ev.All()[k])
	}
}

// greedy writes beyond its gauges.
type greedy struct{ twins.Slab }

func (s *greedy) Gauges(i int, env *twins.Env, read *twins.Reading, out []int64) {
	gaugesOf(s.Slab, i, env, read, out)
	out[:cap(out)][len(out)] = 1
}

// moody shows how often its gauges have been read.
type moody struct {
	twins.Slab
	read int64
}

func (s *moody) Gauges(i int, env *twins.Env, read *twins.Reading, out []int64) {
	gaugesOf(s.Slab, i, env, read, out)
	s.read++
	out[0] += s.read
}

// reader shows the gauges of a slab that forgets its restored state.
type reader struct{ amnesic }

func (s *reader) Gauges(i int, env *twins.Env, read *twins.Reading, out []int64) {
	gaugesOf(s.Slab, i, env, read, out)
}

// staying does not change when it is restored.
type staying struct{ twins.Slab }

func (s *staying) Restore(int) {}
func (s *staying) Gauges(i int, env *twins.Env, read *twins.Reading, out []int64) {
	gaugesOf(s.Slab, i, env, read, out)
}

type unsaved struct{ twins.Slab }

func (s *unsaved) Restore(int) {}

type obedient struct{ twins.Slab }

func (s *obedient) Command(i int, env *twins.Env, c *twins.Command, ev *twins.Events) error {
	_ = s.Slab.Command(i, env, c, ev)
	return nil
}

// A node's stored form obeys the same law.
func TestNodeSnapshotContinues(t *testing.T) {
	for seed := range uint64(50) {
		g := twintest.NewGrid(seed)
		cells, node := g.Build()
		b := twintest.NewLoop(node, twins.MeritOrder{}, cells)
		var env twins.Env
		var w twins.Scratch
		for tick := range twins.Tick(twintest.Steps) {
			g.Env(tick, &env)
			if err := twintest.Step(b, &env, &w); err != nil {
				t.Fatal(err)
			}
		}
		stored := node.AppendBinary(nil)
		_, fresh := g.Build()
		rest, err := fresh.UnmarshalBinary(stored)
		if err != nil || len(rest) != 0 || string(fresh.AppendBinary(nil)) != string(stored) {
			t.Fatalf("seed %d: stored %x, read back %x, %v", seed, stored, fresh.AppendBinary(nil), err)
		}
		if _, err := fresh.UnmarshalBinary(stored[:len(stored)-1]); err == nil {
			t.Fatal("a cut state was accepted")
		}
	}
}
