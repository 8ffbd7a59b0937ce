package views

import (
	"slices"
	"strings"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Figure is one of the energies that usage is counted in.
type Figure int

// The figures of usage, each an energy ≥ 0. Drawn and FedIn are what the meter at the
// connection point counts, never netted over time: of a household with what stands behind
// its meter, of a community at its border.
const (
	Consumed   Figure = iota // by loads
	Produced                 // after curtailment
	Charged                  // into storage
	Discharged               // out of storage
	Drawn
	FedIn
	Unserved
	Curtailed
	Shifted
	NumFigures
)

// FigureNames are the figures' names where their unit is Wh.
var FigureNames = [NumFigures]string{"consumed_wh", "produced_wh", "charged_wh", "discharged_wh", "drawn_wh", "fed_in_wh",
	"unserved_wh", "curtailed_wh", "shifted_wh"}

// Figures are energies of one member over some time.
type Figures [NumFigures]twins.Energy

// Plus adds the figures of another time.
func (f *Figures) Plus(g *Figures) {
	for i := range f {
		f[i] += g[i]
	}
}

// CellUsage is what a community and each of its members used over some time.
type CellUsage struct {
	Total  Figures
	Blocks []BlockUsage // as in the cell
}

// BlockUsage is the members of one kind.
type BlockUsage struct {
	Members []Figures
	// Parts are the energies of the members' devices, + drawn, − injected: those of the
	// first member, then those of the second.
	Parts []twins.Energy
	first []int32 // of member i begin with Parts[first[i]]

	owner [][2]int32 // of device i: block and member of the household, −1 without one
	net   []twins.Power
}

// NewCellUsage is that of no time at all.
func NewCellUsage(c *twins.Cell) *CellUsage {
	u := &CellUsage{Blocks: make([]BlockUsage, len(c.Blocks))}
	for i, block := range c.Blocks {
		b := &u.Blocks[i]
		b.Members, b.net = make([]Figures, len(block.Paths)), make([]twins.Power, len(block.Paths))
		b.first = make([]int32, 1, len(block.Paths)+1)
		n := 0
		for m := range block.Paths {
			n += len(block.Slab.Parts(m))
			b.first = append(b.first, int32(n))
		}
		b.Parts = make([]twins.Energy, n)
		if block.Kind.Ownable {
			b.owner = make([][2]int32, len(block.Paths))
			for m, path := range block.Paths {
				b.owner[m] = ownerOf(c, path)
			}
		}
	}
	return u
}

// ownerOf finds the household whose path a device's begins with.
func ownerOf(c *twins.Cell, device string) [2]int32 {
	home := device[:strings.LastIndexByte(device, '/')]
	for i, b := range c.Blocks {
		if m, ok := slices.BinarySearch(b.Paths, home); ok {
			return [2]int32{int32(i), int32(m)}
		}
	}
	return [2]int32{-1, -1}
}

// PartsOf are the energies of the devices of one member, in the order of its parts.
func (b *BlockUsage) PartsOf(m int) []twins.Energy { return b.Parts[b.first[m]:b.first[m+1]] }

// Reset makes all energies 0.
func (u *CellUsage) Reset() {
	u.Total = Figures{}
	for i := range u.Blocks {
		clear(u.Blocks[i].Members)
		clear(u.Blocks[i].Parts)
	}
}

// Plus adds the usage of another time, of the same community.
func (u *CellUsage) Plus(v *CellUsage) {
	u.Total.Plus(&v.Total)
	for i := range u.Blocks {
		for m := range u.Blocks[i].Members {
			u.Blocks[i].Members[m].Plus(&v.Blocks[i].Members[m])
		}
		for p, e := range v.Blocks[i].Parts {
			u.Blocks[i].Parts[p] += e
		}
	}
}

// Add adds a step. The cell must have been stepped: what is replayed shows no devices.
func (u *CellUsage) Add(c *twins.Cell, step twins.Seconds) {
	s := twins.Energy(step) // a power times seconds is an energy, mW·s = mJ
	f, net := &c.Flows, c.Flows.Power+c.Flows.NetworkLoss
	for k, p := range [NumFigures]twins.Power{f.Load, f.Generation, f.Charge, f.Discharge, max(net, 0), max(-net, 0), f.Unserved, f.Curtailed, f.Shifted} {
		u.Total[k] += twins.Energy(p) * s
	}
	for i, block := range c.Blocks {
		b := &u.Blocks[i]
		for m := range block.Read {
			b.add(m, &block.Read[m], s)
		}
	}
	for i := range u.Blocks { // behind a household's meter
		for m, at := range u.Blocks[i].owner {
			if at[0] >= 0 {
				u.Blocks[at[0]].net[at[1]] += u.Blocks[i].net[m]
			}
		}
	}
	for i := range u.Blocks {
		b := &u.Blocks[i]
		for m, p := range b.net {
			b.Members[m][Drawn] += twins.Energy(max(p, 0)) * s
			b.Members[m][FedIn] += twins.Energy(max(-p, 0)) * s
		}
	}
}

func (b *BlockUsage) add(m int, r *twins.Reading, s twins.Energy) {
	f := &b.Members[m]
	f[Consumed] += twins.Energy(r.Load) * s
	f[Produced] += twins.Energy(r.Generation) * s
	f[Charged] += twins.Energy(max(r.Storage, 0)) * s
	f[Discharged] += twins.Energy(max(-r.Storage, 0)) * s
	f[Unserved] += twins.Energy(r.Unserved) * s
	f[Curtailed] += twins.Energy(r.Curtailed) * s
	f[Shifted] += twins.Energy(r.Shifted) * s
	b.net[m] = r.Power
	parts := b.PartsOf(m)
	for i, p := range r.Parts {
		parts[i] += twins.Energy(p) * s
	}
}

// LocalHour and LocalDay are the Unix seconds at which the hour and the day of a step
// begin on the clocks of the run's zone. A day has 23 or 25 hours where the clocks
// change.
func LocalHour(cal *sim.Calendar, t twins.Tick) int64 {
	at := cal.Time(t)
	return at.Unix() - int64(at.Minute()*60+at.Second())
}

// LocalDay is the second at which a step's day begins.
func LocalDay(cal *sim.Calendar, t twins.Tick) int64 {
	return cal.DayStart(cal.Time(t).Unix())
}
