package twintest

import (
	"fmt"
	"math/rand/v2"

	"github.com/smatrix-grid/smatrix/twins"
)

// Grid is a random grid: a few communities with members of every kind, recorded
// columns with odd milliwatts, and, by chance, too little or too much of
// everything. The same seed gives the same grid.
type Grid struct {
	Seed        uint64
	Site        *twins.Site
	communities []community
}

type community struct {
	self    twins.Member
	members []twins.CellMember
}

// Steps is the length of a random grid's run.
const Steps = 24

const columns = 10

// NewGrid draws a grid.
func NewGrid(seed uint64) *Grid {
	r := rand.New(rand.NewPCG(seed, 1))
	step := []twins.Seconds{60, 300, 900, 1800, 3600}[r.IntN(5)]
	g := &Grid{Seed: seed, Site: NewSite(seed, step)}
	for k := range 1 + r.IntN(3) {
		g.communities = append(g.communities, drawCommunity(r, fmt.Sprintf("grid/community-%d", k)))
	}
	return g
}

// NewSite is a site with the recorded columns "c0" … "c9" of recording "r".
func NewSite(seed uint64, step twins.Seconds) *twins.Site {
	return &twins.Site{
		Step: step, Steps: Steps, Seed: seed, Days: 2,
		Recorded: func(recording, column string, _ int) (int32, error) {
			var c int32
			if _, err := fmt.Sscanf(column, "c%d", &c); err != nil || recording != "r" {
				return 0, fmt.Errorf("no column %s in recording %s", column, recording)
			}
			return c, nil
		},
		Sessions: func(list, user string, shiftWeeks int) ([]twins.Session, error) {
			if list != "s" {
				return nil, fmt.Errorf("no sessions %s", list)
			}
			return drawSessions(seed, user, shiftWeeks, step), nil
		},
		At: func(day, second int) twins.Tick { return twins.Tick((day*86400 + second) / int(step)) },
	}
}

// drawSessions are a user's stays of up to 12 h around two days, each of up to
// 50 kWh.
func drawSessions(seed uint64, user string, shiftWeeks int, step twins.Seconds) (all []twins.Session) {
	r := rand.New(rand.NewPCG(seed^twins.PathKey(user), uint64(shiftWeeks)))
	hours := func(most int64) twins.Tick { return 1 + twins.Tick(r.Int64N(most*3600)/int64(step)) }
	for at := -hours(12); at < twins.Tick(48*3600/step); {
		until := at + hours(12)
		all = append(all, twins.Session{From: at, Until: until, Energy: twins.Energy(r.Int64N(int64(50 * twins.KilowattHour))), File: "s.csv", Line: 1})
		at = until + hours(8)
	}
	return all
}

// Between draws from r, for Kind.Sample.
func Between(r *rand.Rand) func(lo, hi int64) int64 {
	return func(lo, hi int64) int64 { return lo + r.Int64N(hi-lo+1) }
}

func drawCommunity(r *rand.Rand, path string) community {
	c := community{self: twins.Member{Path: path, Spec: []byte(`{}`)}}
	homes := r.IntN(5)
	for i := range homes {
		c.add(r, twins.Household, "", fmt.Sprintf("%s/household-%d", path, i))
	}
	for _, k := range twins.Kinds() {
		if k.New == nil || k == twins.Household {
			continue
		}
		for i := range r.IntN(3) {
			owner, at := "", path
			if k.Ownable && homes > 0 && r.IntN(3) > 0 {
				owner = fmt.Sprintf("%s/household-%d", path, r.IntN(homes))
				at = owner
			}
			c.add(r, k, owner, fmt.Sprintf("%s/%s-%d", at, k.Name, i))
		}
	}
	return c
}

func (c *community) add(r *rand.Rand, k *twins.Kind, owner, path string) {
	c.members = append(c.members, twins.CellMember{
		Kind: k, Owner: owner,
		Member: twins.Member{Path: path, Spec: []byte(k.Sample(Between(r)))},
	})
}

// Build makes the grid's twins, fresh at each call.
func (g *Grid) Build() (cells []*twins.Cell, node *twins.Node) {
	for _, c := range g.communities {
		members := append([]twins.CellMember(nil), c.members...)
		cell, err := twins.NewCell(g.Site, c.self, members, twins.Lossless{})
		if err != nil {
			panic(fmt.Sprintf("twintest: seed %d: %v", g.Seed, err))
		}
		cells = append(cells, cell)
	}
	node, err := twins.NewNode(twins.Grid, twins.Member{Path: "grid", Spec: []byte(`{}`)})
	if err != nil {
		panic(err)
	}
	return cells, node
}

// Members is how many members the grid has.
func (g *Grid) Members() (n int) {
	for _, c := range g.communities {
		n += len(c.members)
	}
	return n
}

// Env makes the world of a step.
func (g *Grid) Env(t twins.Tick, env *twins.Env) { FillEnv(g.Site, t, env) }

// FillEnv makes the world of a step at a site from its seed: random weather, nights
// included, and recorded columns between 0 and 8 kW, a third of them zero.
func FillEnv(s *twins.Site, t twins.Tick, env *twins.Env) {
	seconds := int64(t) * int64(s.Step)
	*env = twins.Env{
		Tick: t, Step: s.Step, Seed: s.Seed, Day: int32(seconds / 86400), SecondOfDay: int32(seconds % 86400),
		DayLength: 86400, Recorded: env.Recorded[:0],
	}
	draw := func(n int64) float64 { return float64(twins.Draw(s.Seed, 0, 98, 8*int64(t)+n)%1000) / 1000 }
	env.Weather = twins.Weather{
		GHI: 1000 * draw(0), DNI: 900 * draw(1), DHI: 200 * draw(2), Temperature: -15 + 50*draw(3),
		Wind: 25 * draw(4), AirDensity: 1.1 + 0.2*draw(5), Sun: [3]float64{0.6, 0, 0.8},
	}
	if draw(6) < 0.3 {
		env.Weather.GHI, env.Weather.DNI, env.Weather.DHI, env.Weather.Sun[2] = 0, 0, 0, -0.8
	}
	for c := range uint64(columns) {
		p := twins.Between(twins.Draw(s.Seed, c, 99, int64(t)), -4_000_000, 8_000_000)
		env.Recorded = append(env.Recorded, twins.Power(max(p, 0)))
	}
}

// Loop is a grid and its cells in one process, for Step.
type Loop struct {
	*twins.Balance
	Cells []*twins.Cell // in path order
}

// NewLoop makes the grid over cells, which stay in the order given.
func NewLoop(node *twins.Node, controller twins.Controller, cells []*twins.Cell) *Loop {
	return &Loop{twins.NewBalance(node, controller, twins.Rosters(cells)), cells}
}

// Step takes a grid and its cells through one step in a plain loop.
func Step(b *Loop, env *twins.Env, w *twins.Scratch) error {
	for s := b.Begin(env); s != twins.StageDone; s = b.Next(env) {
		for i, c := range b.Cells {
			if !b.Involves(i) {
				continue
			}
			a, err := c.Carry(env, &b.Asks()[i], w)
			if err != nil {
				return err
			}
			if err := b.Take(i, a); err != nil {
				return err
			}
		}
	}
	return nil
}
