package views

import (
	"slices"
	"strings"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/twins"
)

// Figure is one of the energies that usage is counted in.
type Figure int

// The figures of usage, each an energy ≥ 0. Drawn and FedIn are the two counts of the meter
// at the connection point, never netted over time. A household's meter includes its batteries
// and vehicles. A community's are at its border: see CellUsage.AtBorder.
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

// Figures are the energies of one member over a period.
type Figures [NumFigures]twins.Energy

// Plus adds the figures of another period.
func (f *Figures) Plus(g *Figures) {
	for i := range f {
		f[i] += g[i]
	}
}

// CellUsage has the energies of a community and of each of its members over a period.
type CellUsage struct {
	Total  Figures      // drawn and fed in at the connection to the grid
	Blocks []BlockUsage // as in the cell
}

// BlockUsage has the usage of the members of one kind. It adds up powers, one for each step;
// times the length of a step they are energies.
type BlockUsage struct {
	Figures [NumFigures][]int64 // of each member, in mW·steps; nil stands for zeros
	// Parts are the sums of the members' devices, + drawn, − injected, in mW·steps: those of
	// the first member, then those of the second, and so on.
	Parts []int64

	step  int64   // s
	first []int32 // devices of member i are Parts[first[i]:first[i+1]]
	role  twins.Role
	named [numColumns]int // columns of the records' layout, −1 without
	of    *twins.BlockLayout

	owner [][2]int32 // of device i: block and member of the household, −1 without one
	net   []int64    // power of a step at the meter, with batteries and vehicles behind it
}

// The columns from which figures are computed.
const (
	powerColumn = iota
	generationColumn
	unservedColumn
	curtailedColumn
	shiftedColumn
	numColumns
)

var usageColumns = [numColumns]string{
	twins.ColumnPower.Name, twins.ColumnGeneration.Name, twins.ColumnUnserved.Name, twins.ColumnCurtailed.Name, twins.ColumnShifted.Name,
}

// NewCellUsage makes an empty usage of a community, for steps of this length.
func NewCellUsage(c *twins.CellLayout, step twins.Seconds) *CellUsage {
	u := &CellUsage{Blocks: make([]BlockUsage, len(c.Blocks))}
	for i, block := range c.Blocks {
		b, n := &u.Blocks[i], len(block.Paths)
		b.step, b.role, b.net = int64(step), block.Kind.Role, make([]int64, n)
		b.find(block)
		b.first = make([]int32, 1, n+1)
		for m := range block.Paths {
			b.first = append(b.first, b.first[m]+int32(len(block.PartNames(m))))
		}
		b.Parts = make([]int64, b.first[n])
		if block.Kind.Ownable {
			b.owner = make([][2]int32, n)
			for m, path := range block.Paths {
				b.owner[m] = ownerOf(c, path)
			}
		}
	}
	return u
}

// ownerOf finds the household that a battery or vehicle belongs to, by its path: block and member, −1 if none.
func ownerOf(c *twins.CellLayout, device string) [2]int32 {
	home := device[:strings.LastIndexByte(device, '/')]
	for i, b := range c.Blocks {
		if m, ok := slices.BinarySearch(b.Paths, home); ok {
			return [2]int32{int32(i), int32(m)}
		}
	}
	return [2]int32{-1, -1}
}

// Members returns the number of members.
func (b *BlockUsage) Members() int { return len(b.net) }

// Of returns the figures of one member.
func (b *BlockUsage) Of(m int) (f Figures) {
	for k, sums := range b.Figures {
		if sums != nil {
			f[k] = twins.Energy(sums[m] * b.step)
		}
	}
	return f
}

// PartsOf returns the energies of the devices of one member, in the order of its parts.
func (b *BlockUsage) PartsOf(m int) []twins.Energy {
	sums := b.Parts[b.first[m]:b.first[m+1]]
	energies := make([]twins.Energy, len(sums))
	for i, v := range sums {
		energies[i] = twins.Energy(v * b.step)
	}
	return energies
}

// EachPart visits the devices of all members with their sums in Parts.
func (b *BlockUsage) EachPart(visit func(m int, sum int64)) {
	for m := range b.net {
		for _, v := range b.Parts[b.first[m]:b.first[m+1]] {
			visit(m, v)
		}
	}
}

// figure returns the sums of a figure, and creates them if there are none yet.
func (b *BlockUsage) figure(k Figure) []int64 {
	if b.Figures[k] == nil {
		b.Figures[k] = make([]int64, len(b.net))
	}
	return b.Figures[k]
}

// AtBorder returns the community's figures. Its border is its connection to the grid and the outer
// ties that are its members. Each is metered by itself: what the community imports over a tie is
// drawn, also if it passes it on to other communities, where it is fed in.
func (u *CellUsage) AtBorder() Figures {
	f, ties := u.Total, u.overTies()
	f[Drawn] += ties[Drawn]
	f[FedIn] += ties[FedIn]
	return f
}

// OfGrid returns the community's part of the whole grid's figures: its total, but drawn and fed in
// are what came and went over its outer ties. Power between communities does not count there.
func (u *CellUsage) OfGrid() Figures {
	f, ties := u.Total, u.overTies()
	f[Drawn], f[FedIn] = ties[Drawn], ties[FedIn]
	return f
}

// overTies returns what was drawn and fed in over the outer ties in the community.
func (u *CellUsage) overTies() (f Figures) {
	for i := range u.Blocks {
		b := &u.Blocks[i]
		if b.role != twins.RoleTie {
			continue
		}
		for m := range b.net { // a tie that imports feeds the grid
			of := b.Of(m)
			f[Drawn] += of[FedIn]
			f[FedIn] += of[Drawn]
		}
	}
	return f
}

// Reset sets all energies to 0.
func (u *CellUsage) Reset() {
	u.Total = Figures{}
	for i := range u.Blocks {
		for _, sums := range u.Blocks[i].Figures {
			clear(sums)
		}
		clear(u.Blocks[i].Parts)
	}
}

// Plus adds the usage of another period, of the same community.
func (u *CellUsage) Plus(v *CellUsage) {
	u.Total.Plus(&v.Total)
	for i := range u.Blocks {
		to, from := &u.Blocks[i], &v.Blocks[i]
		for k, sums := range from.Figures {
			if sums != nil {
				plus(to.figure(Figure(k)), sums)
			}
		}
		plus(to.Parts, from.Parts)
	}
}

// plus adds values to to, which is at least as long.
func plus[T ~int64](to []int64, values []T) {
	to = to[:len(values)]
	for i, v := range values {
		to[i] += int64(v)
	}
}

// Add adds a step. A step that is read from the journal has no power of devices, so Parts
// stay as they are.
func (u *CellUsage) Add(c *twins.CellRecord, step twins.Seconds) {
	f, net := &c.Flows, c.Net()
	for k, p := range [NumFigures]twins.Power{f.Load, f.Generation, f.Charge, f.Discharge, max(net, 0), max(-net, 0), f.Unserved, f.Curtailed, f.Shifted} {
		u.Total[k] += p.For(step)
	}
	for i := range c.Blocks {
		u.Blocks[i].add(&c.Blocks[i])
	}
	for i := range u.Blocks { // batteries and vehicles count at their household's meter
		b := &u.Blocks[i]
		for m, at := range b.owner {
			if at[0] >= 0 {
				u.Blocks[at[0]].net[at[1]] += b.net[m]
			}
		}
	}
	for i := range u.Blocks {
		b := &u.Blocks[i]
		b.split(b.net, Drawn, FedIn)
	}
}

func (b *BlockUsage) add(block *twins.BlockRecord) {
	if b.of != block.BlockLayout {
		b.find(block.BlockLayout)
	}
	column := func(k int) []int64 {
		if n := b.named[k]; n >= 0 {
			return block.Column(n)
		}
		return nil
	}
	power, generation := column(powerColumn), column(generationColumn)
	if power == nil {
		clear(b.net)
	} else {
		copy(b.net, power)
	}
	switch b.role { // see the identities of twins.Reading
	case twins.RoleLoad:
		b.plus(Consumed, power)
		b.plus(Consumed, generation)
		b.plus(Produced, generation)
	case twins.RoleStorage:
		b.split(power, Charged, Discharged)
	case twins.RoleProducer:
		b.split(power, Consumed, Produced)
	}
	b.plus(Unserved, column(unservedColumn))
	b.plus(Curtailed, column(curtailedColumn))
	b.plus(Shifted, column(shiftedColumn))
	plus(b.Parts, block.Parts)
}

// find looks up the columns in the layout of records. A run that was continued by another model has
// records of two layouts.
func (b *BlockUsage) find(layout *twins.BlockLayout) {
	b.of = layout
	for k, name := range usageColumns {
		b.named[k] = layout.ColumnNamed(name)
	}
}

// plus adds powers to a figure; nil stands for zeros.
func (b *BlockUsage) plus(k Figure, powers []int64) {
	if powers != nil {
		plus(b.figure(k), powers)
	}
}

// split adds drawn power to one figure and injected power to another.
func (b *BlockUsage) split(powers []int64, drawn, injected Figure) {
	if powers == nil {
		return
	}
	in, out := b.figure(drawn)[:len(powers)], b.figure(injected)[:len(powers)]
	for m, p := range powers {
		draws := p &^ (p >> 63) // max(p, 0) without a branch: signs of neighbours are random
		in[m] += draws
		out[m] += draws - p
	}
}

// LocalHour returns the Unix second at which the hour of a step begins in the run's zone.
func LocalHour(cal *inputs.Calendar, t twins.Tick) int64 {
	at := cal.Time(t)
	return at.Unix() - int64(at.Minute()*60+at.Second())
}

// LocalDay returns the Unix second at which the local day of a step begins. A day has 23 or 25
// hours where the clocks change.
func LocalDay(cal *inputs.Calendar, t twins.Tick) int64 {
	return cal.DayStart(cal.Time(t).Unix())
}
