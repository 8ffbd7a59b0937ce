package twins_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// stepped runs a random grid and calls see with each exchange of each cell.
func stepped(t *testing.T, seed uint64, adopt func(*twins.Cell), see func(c *twins.Cell, ask *twins.Ask)) []*twins.Cell {
	t.Helper()
	g := twintest.NewGrid(seed)
	cells, node := g.Build()
	for _, c := range cells {
		adopt(c)
	}
	b := twins.NewBalance(node, twins.MeritOrder{}, twins.Rosters(cells))
	var env twins.Env
	var w twins.Scratch
	for tick := range twins.Tick(twintest.Steps) {
		g.Env(tick, &env)
		for s := b.Begin(&env); s != twins.StageDone; s = b.Next(&env) {
			for i, c := range cells {
				if !b.Involves(i) {
					continue
				}
				a, err := c.Carry(&env, &b.Asks()[i], &w)
				if err == nil {
					err = b.Take(i, a)
				}
				if err != nil {
					t.Fatalf("seed %d, step %d: %v", seed, tick, err)
				}
				see(c, &b.Asks()[i])
				if c.BrokenBy != 0 {
					t.Fatalf("seed %d, step %d: %s breaks its balance by %d", seed, tick, c.Broken, c.BrokenBy)
				}
			}
		}
		if b.Residual != 0 {
			t.Fatalf("seed %d, step %d: residual %d", seed, tick, b.Residual)
		}
	}
	return cells
}

// The answers of the strategies that ship need no straightening: straightening does not
// change any state by a bit.
func TestShippedStrategiesAreExact(t *testing.T) {
	none := func(*twins.Cell, *twins.Ask) {}
	for seed := range uint64(150) {
		plain := stepped(t, seed, func(*twins.Cell) {}, none)
		straight := stepped(t, seed, (*twins.Cell).Distrust, none)
		for i := range plain {
			if !bytes.Equal(plain[i].AppendStates(nil), straight[i].AppendStates(nil)) {
				t.Fatalf("seed %d: %s comes out otherwise if its strategies are straightened", seed, plain[i].Path)
			}
		}
	}
}

// erratic gives random answers, by its seed.
type erratic struct{ seed uint64 }

func (w erratic) draw(env *twins.Env, k, t int) twins.Power {
	return twins.Power(twins.Between(twins.Draw(w.seed, uint64(k), 97, 8*int64(env.Tick)+int64(t)), -8_000_000, 8_000_000))
}

func (w erratic) Fold(env *twins.Env, _ twins.Members, _ *twins.NetworkState, out *twins.Flex) {
	for t := range out.Tier {
		out.Tier[t] = twins.Band{Min: w.draw(env, 1001, t), Ref: w.draw(env, 1002, t), Max: w.draw(env, 1003, t)}
	}
	out.Deepest, out.Reactive = w.draw(env, 1004, 0), 7
}

func (w erratic) Divide(env *twins.Env, m twins.Members, _ *twins.NetworkState, ask *twins.Setpoint) {
	for k := range m.Len() {
		set := m.Set(k)
		for t := range set.Tier {
			set.Tier[t] = w.draw(env, k, t)
		}
		set.Run, set.For = twins.Stop, twins.One/2
	}
	*ask = twins.Setpoint{}
}

func erraticAt(l twins.Level) twins.Choice {
	return twins.Choice{Strategy: &twins.Strategy{Name: "erratic", Version: 1, Level: l,
		Steward: func([]byte) (twins.Steward, error) { return erratic{uint64(l)}, nil }}}
}

// follows checks that no member is asked for more than it offered in a tier, and that the
// setpoints add up to total as far as that is possible. rest is the setpoint of the others.
func follows(t *testing.T, c *twins.Cell, d twins.Devices, tier twins.Tier, total, rest twins.Power, restOf twins.Band) {
	t.Helper()
	sum, can := rest, restOf
	for k := range d.Len() {
		set, allowed := d.Set(k).Tier[tier], d.Flex(k).Allowed(tier)
		if allowed.Clip(set) != set || d.Set(k).Run != twins.Keep {
			t.Fatalf("%s is asked for %d mW in tier %d, wanted within %+v", d.Path(k), set, tier, allowed)
		}
		sum, can = sum+set, can.Plus(allowed)
		if set != d.Flex(k).Tier[tier].Ref && d.Set(k).Why[tier] == twins.NoReason {
			t.Fatalf("%s is asked for something else than its reference in tier %d, and not why", d.Path(k), tier)
		}
	}
	if can.Clip(total) == total && sum != total {
		t.Fatalf("%s: %d mW are asked in tier %d, %d of its members, who can do %+v", c.Path, total, tier, sum, can)
	}
}

// For any answers of strategies at community and home, the books close, no member is asked
// for more than it offered or offered for less essential load than it has, and the setpoints
// of members add up to the setpoint of all, to the milliwatt.
func TestStewardsAreStraightened(t *testing.T) {
	asked, homes := 0, 0
	for seed := range uint64(100) {
		adopt := func(c *twins.Cell) {
			if err := c.Adopt(erraticAt(twins.LevelCommunity), erraticAt(twins.LevelHome)); err != nil {
				t.Fatal(err)
			}
		}
		stepped(t, seed, adopt, func(c *twins.Cell, ask *twins.Ask) {
			if ask.Stage != twins.StageSettle && ask.Stage != twins.StageRevise {
				return
			}
			all, essential := c.Standing(), twins.Power(0)
			for k := range all.Len() {
				essential += all.Flex(k).Tier[twins.Essential].Ref
			}
			if !c.Flex.Ordered() || c.Flex.Tier[twins.Essential].Ref != essential {
				t.Fatalf("seed %d: %s offers %+v of an essential load of %d", seed, c.Path, c.Flex, essential)
			}
			for tier := twins.Essential; tier < twins.NumTiers; tier++ {
				follows(t, c, all, tier, ask.Set.Tier[tier], 0, twins.Band{})
				asked++
				for k := range all.Len() {
					devices, own, ownSet := all.Behind(k)
					if own == nil {
						continue
					}
					homes++
					follows(t, c, devices, tier, all.Set(k).Tier[tier], ownSet.Tier[tier], own.Allowed(tier))
				}
			}
		})
	}
	if asked < 10_000 || homes < 10_000 {
		t.Errorf("%d asks of communities and %d of homes, wanted more", asked, homes)
	}
}

// sparing keeps the limits of the network: it offers less charging of storage where one is
// passed. It records the limits that it gets.
type sparing struct {
	heard map[exchange][]twins.BusLimit
}

type exchange struct {
	tick  twins.Tick
	first bool // first of the step's exchanges in which it divides
}

func (s sparing) over(m twins.Members, net *twins.NetworkState, k int) (over twins.Power) {
	for _, l := range net.Limits {
		if m.Connection(k) == l.Connection {
			over += max(0, m.Flex(k).Ref()-l.Most)
		}
	}
	return over
}

func (s sparing) Fold(_ *twins.Env, m twins.Members, net *twins.NetworkState, out *twins.Flex) {
	m.Pursue(out)
	for k := range m.Len() {
		out.Tier[twins.Storage].Ref -= s.over(m, net, k)
	}
}

func (s sparing) Divide(env *twins.Env, m twins.Members, net *twins.NetworkState, ask *twins.Setpoint) {
	_, again := s.heard[exchange{env.Tick, true}]
	s.heard[exchange{env.Tick, !again}] = append([]twins.BusLimit{}, net.Limits...)
	for k := range m.Len() {
		if over := s.over(m, net, k); over > 0 {
			m.Set(k).Tier[twins.Storage] -= over
			m.Set(k).Why[twins.Storage] = twins.Limit
		}
	}
}

// The community's strategy gets a limit of the network in the next step and keeps it: the
// home's battery charges less by the excess. If members are asked again in the same step it
// gets the limit then.
func TestStewardsGetLimits(t *testing.T) {
	big := batteryOf("grid/c/b")
	big.Spec = bytes.Replace(bytes.Replace(big.Spec, []byte(`"rated_w": 3000`), []byte(`"rated_w": 15000`), 1), []byte(`"rated_wh": 10000`), []byte(`"rated_wh": 100000`), 1)
	tie := bigTie
	tie.Spec = bytes.Replace(tie.Spec, []byte("1e6"), []byte("18200"), 1) // not enough for what is lost
	cell, node := starCell(t, homeAt("grid/c/a", 3, "A"), homeAt("grid/c/b", 17, "A"), big, tie)
	s := sparing{map[exchange][]twins.BusLimit{}}
	if err := cell.Adopt(twins.Choice{Strategy: &twins.Strategy{Name: "sparing", Version: 1, Level: twins.LevelCommunity,
		Steward: func([]byte) (twins.Steward, error) { return s, nil }}}, twins.Choice{Strategy: twins.OwnAims}); err != nil {
		t.Fatal(err)
	}
	b := twintest.NewLoop(node, twins.MeritOrder{}, []*twins.Cell{cell})
	env, w := hour(), twins.Scratch{}
	var powers, breaches []int64
	for tick := range twins.Tick(3) {
		env.Tick = tick
		if err := twintest.Step(b, &env, &w); err != nil || b.Residual != 0 {
			t.Fatalf("step %d: %v, residual %d", tick, err, b.Residual)
		}
		breaches = append(breaches, int64(len(cell.NetworkState().Breached)))
		for k := range cell.Blocks {
			if cell.Blocks[k].Kind == twins.Battery {
				powers = append(powers, int64(cell.Blocks[k].Read[0].Power))
			}
		}
	}
	limit := []twins.BusLimit{{Connection: twins.Connection{Bus: 17, Phase: twins.PhaseA}, Least: -twins.Unlimited, Most: 13_225_000}}
	want := map[exchange][]twins.BusLimit{{0, true}: {}, {0, false}: limit, {1, true}: limit, {2, true}: {}, {2, false}: limit}
	if !reflect.DeepEqual(s.heard, want) {
		t.Errorf("limits received: %v, wanted %v", s.heard, want)
	}
	if kept := int64(13_225_000 - 1_500_000); powers[0] <= kept || powers[1] != kept || !slices.Equal(breaches, []int64{1, 0, 1}) {
		t.Errorf("the battery charges with %d mW, wanted %d in step 1 and more in step 0; %d voltages too low, wanted 1, 0, 1", powers, kept, breaches)
	}
}

// A strategy must have a name, a version and a constructor; names are unique among all
// levels, and differ from the names of levels.
func TestDeclareStrategyRefuses(t *testing.T) {
	steward := func([]byte) (twins.Steward, error) { return erratic{}, nil }
	for what, s := range map[string]twins.Strategy{
		"a name twice":                {Name: "pro_rata", Version: 1, Level: twins.LevelHome, Steward: steward},
		"a level's name":              {Name: "community", Version: 1, Level: twins.LevelCommunity, Steward: steward},
		"no name":                     {Version: 1, Level: twins.LevelCommunity, Steward: steward},
		"no version":                  {Name: "x", Level: twins.LevelCommunity, Steward: steward},
		"a grid's without controller": {Name: "x", Version: 1, Level: twins.LevelGrid, Steward: steward},
		"a home's that makes nothing": {Name: "x", Version: 1, Level: twins.LevelHome},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was taken", what)
				}
			}()
			twins.DeclareStrategy(s)
		}()
	}
}

// counting counts its steps.
type counting struct {
	erratic
	steps byte
}

func (c *counting) Settled(*twins.Env, twins.Members) { c.steps++ }
func (c *counting) AppendBinary(b []byte) []byte      { return append(b, c.steps) }
func (c *counting) UnmarshalBinary(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return b, errors.New("cut short")
	}
	c.steps = b[0]
	return b[1:], nil
}

func countingAt(l twins.Level, name string) twins.Choice {
	return twins.Choice{Strategy: &twins.Strategy{Name: name, Version: 1, Level: l,
		Steward: func([]byte) (twins.Steward, error) { return &counting{}, nil }}}
}

// The states of stateful strategies are stored with the community, one for each home,
// after name and version for each strategy. Truncated states, or those of another
// strategy, are refused.
func TestStewardsAreStored(t *testing.T) {
	adopt := func(home string) func(*twins.Cell) {
		return func(c *twins.Cell) {
			if err := c.Adopt(countingAt(twins.LevelCommunity, "count"), countingAt(twins.LevelHome, home)); err != nil {
				t.Fatal(err)
			}
		}
	}
	homes := 0
	for seed := range uint64(20) {
		kept := stepped(t, seed, adopt("each"), func(*twins.Cell, *twins.Ask) {})
		again, _ := twintest.NewGrid(seed).Build()
		for i, c := range kept {
			want := append([]byte{0, 5}, "count\x01"...)
			if want = append(want, twintest.Steps); len(again[i].Homes()) > 0 {
				want = append(append(want, 0, 4), "each\x01"...)
				want = append(want, bytes.Repeat([]byte{twintest.Steps}, len(again[i].Homes()))...)
			}
			homes += len(again[i].Homes())
			stored := c.AppendStates(nil)
			if !bytes.HasSuffix(stored, want) {
				t.Fatalf("seed %d: %s is stored with %q at its end, wanted %q", seed, c.Path, stored[len(stored)-len(want):], want)
			}
			adopt("each")(again[i])
			for cut := len(stored) - len(want); cut < len(stored); cut++ {
				if _, err := again[i].RestoreStates(stored[:cut]); err == nil {
					t.Fatalf("seed %d: a state cut to %d of %d bytes was taken", seed, cut, len(stored))
				}
			}
			if rest, err := again[i].RestoreStates(stored); err != nil || len(rest) > 0 || !bytes.Equal(again[i].AppendStates(nil), stored) {
				t.Fatalf("seed %d: %d bytes are left: %v", seed, len(rest), err)
			}
			adopt("others")(again[i])
			if _, err := again[i].RestoreStates(stored); len(again[i].Homes()) > 0 && err == nil {
				t.Fatalf("seed %d: the state of another strategy was taken", seed)
			}
		}
	}
	if homes < 20 {
		t.Errorf("%d homes, wanted more", homes)
	}
}
