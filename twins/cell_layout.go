package twins

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Block is the members of one kind in a community, in path order, with the
// slots for their offers, setpoints and readings.
type Block struct {
	Kind  *Kind
	Slab  Slab
	Paths []string
	Flex  []Flex // of an owner: with its devices
	Set   []Setpoint
	Read  []Reading
	Flows Flows   // after commit: the sum of Read
	Parts []Power // of all readings, those of the first member, then those of the second
	moved bool    // a member has a reason or has shifted load; as Flows

	owner     Owner
	partsFlex []Flex       // of owners, the offer of their parts; nil where the home's strategy does not use it
	partsSet  []Setpoint   // of the same, the setpoint of their parts
	preparer  Preparer     // nil where no member can be prepared
	spans     [][]span     // of an owner's devices; nil if the cell has none
	ownerOf   []int32      // index of the owning household, −1 if the community's own; nil for other kinds
	at        []Connection // of the members; nil where all are at the community's own connection point, the zero value
	last      []int64      // what an estimate is made from: last load, or content
	burdens   burdens      // of customers: their share of scarcity
	columns   [][]int64    // memory for the record's columns

	gauger     Gauger
	gauges     []int64 // those of the first member, then those of the second; nil: none has any
	gaugeFirst []int32 // those of member i begin at gaugeFirst[i]

	// quarantined members failed twice in a step: they are not asked any more and
	// an estimate replaces them.
	quarantined []bool
}

// span is a run of devices of one owner in one block.
type span struct{ block, lo, hi int32 }

// round is the blocks whose members can be asked at the same time.
type round []int32

// CellMember is a member to be put into a cell.
type CellMember struct {
	Kind  *Kind
	Owner string // path of the household behind whose meter it is, or ""
	Member
}

// NewCell builds a community with its members. They may come in any order.
func NewCell(site *Site, self Member, members []CellMember, network Network) (*Cell, error) {
	node, err := NewNode(Community, self)
	if err != nil {
		return nil, err
	}
	c := &Cell{Path: self.Path, prefix: self.Path + "/", Node: node, network: network, lossless: network == Network(Lossless{}), savedAt: -1, burdensAt: -1, heardIn: exchange{tick: -1}}
	slices.SortFunc(members, func(a, b CellMember) int {
		return cmp.Or(cmp.Compare(a.Kind.Name, b.Kind.Name), cmp.Compare(a.Path, b.Path))
	})
	all := members
	for len(members) > 0 {
		n := 1
		for n < len(members) && members[n].Kind == members[0].Kind {
			n++
		}
		if err := c.addBlock(site, members[:n]); err != nil {
			return nil, err
		}
		members = members[n:]
	}
	if err := c.assignOwners(); err != nil {
		return nil, err
	}
	c.connect()
	c.planRounds()
	if n, ok := network.(GaugedNetwork); ok {
		c.gauger, c.gauges = n, make([]int64, len(n.GaugeList()))
	}
	if err := c.Adopt(Choice{Strategy: ProRata}, Choice{Strategy: OwnAims}); err != nil {
		return nil, err
	}
	c.layout = c.LayoutAs(site.Layout)
	c.record = NewCellRecord(c.layout)
	c.makeRoster(all)
	return c, nil
}

func (c *Cell) addBlock(site *Site, members []CellMember) error {
	n := len(members)
	b := &Block{
		Kind: members[0].Kind, Paths: make([]string, n),
		Flex: make([]Flex, n), Set: make([]Setpoint, n), Read: make([]Reading, n), last: make([]int64, n),
		quarantined: make([]bool, n),
	}
	plain := make([]Member, n)
	for i, m := range members {
		b.Paths[i], plain[i] = m.Path, m.Member
	}
	var err error
	if b.Slab, err = b.Kind.New(site, plain); err != nil {
		return err
	}
	b.owner, _ = b.Slab.(Owner)
	b.preparer, _ = b.Slab.(Preparer)
	parts := 0
	for i := range n {
		parts += len(b.Slab.Parts(i))
	}
	b.Parts = make([]Power, parts)
	room := b.Parts
	for i := range n {
		if k := len(b.Slab.Parts(i)); k > 0 {
			b.Read[i].Parts, room = room[:k:k], room[k:]
		}
	}
	if b.Kind.Ownable {
		b.ownerOf = make([]int32, n)
		for i := range b.ownerOf {
			b.ownerOf[i] = -1
			if members[i].Owner != "" {
				b.ownerOf[i] = -2 // set by assignOwners
			}
		}
	}
	b.layGauges()
	c.Blocks = append(c.Blocks, b)
	return nil
}

// assignOwners assigns devices to the households behind whose meters they are: the
// household's path is a prefix of the device's.
func (c *Cell) assignOwners() error {
	for k, devices := range c.Blocks {
		for i := range devices.ownerOf {
			if devices.ownerOf[i] != -2 {
				c.shared = extendSpans(c.shared, int32(k), int32(i))
				continue
			}
			path := devices.Paths[i]
			home := path[:strings.LastIndexByte(path, '/')]
			found := false
			for _, owners := range c.Blocks {
				h, ok := slices.BinarySearch(owners.Paths, home)
				if !ok || owners.owner == nil {
					continue
				}
				if owners.spans == nil {
					owners.spans = make([][]span, len(owners.Paths))
				}
				owners.spans[h] = extendSpans(owners.spans[h], int32(k), int32(i))
				devices.ownerOf[i], found = int32(h), true
			}
			if !found {
				return fmt.Errorf("%s: no household %s to own it", path, home)
			}
		}
	}
	return nil
}

// connect sets where members are connected to the community's network: where their entry
// says, and the devices of an owner where the owner is.
func (c *Cell) connect() {
	for _, b := range c.Blocks {
		if slab, ok := b.Slab.(Connected); ok {
			for i := range b.Paths {
				b.connectMember(i, slab.Connection(i))
			}
		}
	}
	for _, owners := range c.Blocks {
		for i, spans := range owners.spans {
			for _, s := range spans {
				for k := s.lo; k < s.hi; k++ {
					c.Blocks[s.block].connectMember(int(k), owners.owner.Connection(i))
				}
			}
		}
	}
}

func (b *Block) connectMember(i int, at Connection) {
	if b.at == nil && at != (Connection{}) {
		b.at = make([]Connection, len(b.Paths))
	}
	if b.at != nil {
		b.at[i] = at
	}
}

// Connection is where member i is connected to the community's network.
func (b *Block) Connection(i int) Connection {
	if b.at == nil {
		return Connection{}
	}
	return b.at[i]
}

// extendSpans adds device i of a block to spans.
func extendSpans(spans []span, block, i int32) []span {
	if n := len(spans); n > 0 && spans[n-1].block == block && spans[n-1].hi == i {
		spans[n-1].hi++
		return spans
	}
	return append(spans, span{block, i, i + 1})
}

// planRounds decides which blocks are asked in which round.
func (c *Cell) planRounds() {
	var devices, loads, units, all round
	for k, b := range c.Blocks {
		all = append(all, int32(k))
		switch {
		case b.Kind.Role.Unit():
			units = append(units, int32(k))
			for i := range b.Paths {
				c.units = append(c.units, Slot{int32(k), int32(i)})
			}
		case b.Kind.Ownable:
			devices = append(devices, int32(k))
		default:
			loads = append(loads, int32(k))
		}
	}
	for k, b := range c.Blocks {
		for i := range b.Paths {
			if !b.Kind.Role.Unit() && !b.owned(i) {
				c.direct = extendSpans(c.direct, int32(k), int32(i))
			}
		}
	}
	// Owners answer after the devices behind their meters, and divide before them.
	c.rounds[StageOffer] = rounds(devices, append(slices.Clone(loads), units...))
	c.rounds[StageSettle] = rounds(loads, devices)
	c.rounds[StageRevise] = c.rounds[StageSettle]
	c.rounds[StageClose] = rounds(units)
	c.rounds[StageCommit] = rounds(all)
	slices.SortFunc(c.units, func(a, b Slot) int {
		return cmp.Compare(c.Blocks[a.Block].Paths[a.Index], c.Blocks[b.Block].Paths[b.Index])
	})
}

// rounds drops the empty rounds.
func rounds(rs ...round) (asked []round) {
	for _, r := range rs {
		if len(r) > 0 {
			asked = append(asked, r)
		}
	}
	return asked
}

// Rounds is the number of rounds of a stage.
func (c *Cell) Rounds(s Stage) int { return len(c.rounds[s]) }

// Round is the blocks whose members are asked in one round of a stage.
func (c *Cell) Round(s Stage, r int) []int32 { return c.rounds[s][r] }

// Units are the producers and ties of the community, in path order.
func (c *Cell) Units() []Slot { return c.units }

// Members is the number of members of the cell, without the community itself.
func (c *Cell) Members() (n int) {
	for _, b := range c.Blocks {
		n += len(b.Paths)
	}
	return n
}

// Prepared reports whether member i is prepared: absent until it is put in.
func (b *Block) Prepared(i int) bool { return b.preparer != nil && b.preparer.Prepared(i) }

// PathOf is the path of a member.
func (c *Cell) PathOf(at Slot) string { return c.Blocks[at.Block].Paths[at.Index] }

// slot finds a member by path. The index is built on first use.
func (c *Cell) slot(path string) (Slot, bool) {
	if c.slotOf == nil {
		c.slotOf = make(map[string]Slot, c.Members())
		for k, b := range c.Blocks {
			for i, p := range b.Paths {
				c.slotOf[p] = Slot{int32(k), int32(i)}
			}
		}
	}
	at, ok := c.slotOf[path]
	return at, ok
}

// KindOf is the kind of a member, or of the community itself; nil for an unknown
// path.
func (c *Cell) KindOf(path string) *Kind {
	if path == c.Path {
		return c.Node.kind
	}
	at, ok := c.slot(path)
	if !ok {
		return nil
	}
	return c.Blocks[at.Block].Kind
}

func (b *Block) owned(i int) bool { return b.ownerOf != nil && b.ownerOf[i] >= 0 }
