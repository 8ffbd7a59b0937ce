package twins

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Stage is one exchange of the step protocol between the grid and its
// communities. Within a step the stages come in this order; Revise may be left
// out and Close repeated.
type Stage uint8

// The stages of a step.
const (
	StageOffer  Stage = iota // members answer what they can do
	StageSettle              // loads, vehicles and storage answer what they do at their setpoints
	StageRevise              // the same again, where the books cannot be closed otherwise
	StageClose               // producers and ties answer what they do
	StageCommit              // everybody makes it part of the state
	StageDone
)

var stageNames = [...]string{"offer", "settle", "revise", "close", "commit", "done"}

func (s Stage) String() string { return stageNames[s] }

// Slot addresses a member of a cell.
type Slot struct{ Block, Index int32 }

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

	owner   Owner
	places  Preparer  // nil where nobody can be prepared
	spans   [][]span  // of an owner's devices; nil if the cell has none
	ownerOf []int32   // index of the owning household, −1 if the community's own; nil for other kinds
	last    []int64   // what an estimate rests on: last load, or content
	burdens burdens   // of customers: what they have borne in scarcity
	columns [][]int64 // room for the record's

	gauger     Gauger
	gauges     []int64 // those of the first member, then those of the second; nil: none has any
	gaugeFirst []int32 // those of member i begin at gaugeFirst[i]

	// quarantined members failed twice in a step: they are not asked any more
	// and an estimate stands for them.
	quarantined []bool
}

// span is a run of devices of one owner in one block.
type span struct{ block, lo, hi int32 }

// Cell is a community with everything in it: its own twin, its members' slabs
// and the slots through which they answer. It is a plain value: actors give it
// its turns, a loop can as well.
//
// For each stage: Begin, then for each round of Rounds an Ask of every slot in
// it (in any order, even at the same time), then End. Begin, Ask and End may be
// repeated within their stage: they change nothing but their own slots, except
// Ask at StageCommit, which must not be repeated once it has returned.
type Cell struct {
	Path   string
	Node   *Node
	Blocks []*Block

	// What the Answer is made of, and the record.
	Flex   Flex     // after offer: everything but units
	Flows  Flows    // after settle and revise: without units; after commit: all
	Events []Notice // after commit: notable events, by member
	Notes  []Decision
	// Isolated are the members that were put into quarantine since the commit
	// before; after commit.
	Isolated []string
	// Broken is the first member whose reading breaks its own balance, and
	// BrokenBy by how much; after commit.
	Broken   string
	BrokenBy Energy

	layout *CellLayout
	record *CellRecord

	turns    []turn   // of customers in rotation; reused
	cuts     []Notice // of this step
	mixed    []memberBooking
	borne    Tick // for which burdens have been counted
	network  Network
	lossless bool
	units    []Slot
	shared   []span // devices that stand behind no meter but the community's
	rounds   [StageDone][]round
	commands []Command // of this step, for members, by target
	inside   string    // what the paths of members begin with
	isolated []string

	roster     Roster
	answer     Answer
	banks      []storeBank // the roster's stores, in its order
	seq        int32       // of the present exchange
	converters bool        // the ask wants to know what converters can do
	slotOf     map[string]Slot
	began      Tick // tick for which rows have been saved
	before     Node // the twin at the start of the step
	opened     Node // the same with the step's commands applied
	events     Events
	draws      []BusDraw
	state      NetworkState
	gauger     GaugedNetwork // nil: the network has no gauges
	gauges     []int64

	// Fault is called at statements where a test wants a member to fail; nil
	// otherwise.
	Fault func(point FaultPoint, path string)
	// Falsify lets a test change what a meter shows after the books have been
	// closed; nil otherwise.
	Falsify func(path string, r *Reading)
}

// FaultPoint is a statement at which a test may inject a failure.
type FaultPoint uint8

// The points of failure.
const (
	BeforeAnswer FaultPoint = iota
	BetweenApply
	AfterAnswer
)

// Notice is a notable event and who it happened to.
type Notice struct {
	Member string
	Event  Event
}

// round is the blocks whose members can be asked at the same time.
type round []int32

// Scratch is what one asker of members needs; askers that run at the same time
// have one each.
type Scratch struct {
	events  Events
	set     Setpoint
	reading Reading
	parts   []Power
	Notices []Notice // of this step's commits

	mixed []memberBooking // of members whose bookings have several reasons
}

// memberBooking is one of several bookings of a member.
type memberBooking struct {
	Slot
	Booking
}

// Reset forgets the step before; the scratch's holder calls it at each
// StageOffer.
func (w *Scratch) Reset() { w.Notices, w.mixed = w.Notices[:0], w.mixed[:0] }

// CellMember is a member to be put into a cell.
type CellMember struct {
	Kind  *Kind
	Owner string // path of the household behind whose meter it stands, or ""
	Member
}

// NewCell builds a community with its members. They may come in any order.
func NewCell(site *Site, self Member, members []CellMember, network Network) (*Cell, error) {
	node, err := NewNode(Community, self)
	if err != nil {
		return nil, err
	}
	c := &Cell{Path: self.Path, inside: self.Path + "/", Node: node, network: network, lossless: network == Network(Lossless{}), began: -1, borne: -1}
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
	if err := c.own(); err != nil {
		return nil, err
	}
	c.plan()
	if n, ok := network.(GaugedNetwork); ok {
		c.gauger, c.gauges = n, make([]int64, len(n.GaugeList()))
	}
	c.layout = c.LayoutAs(site.Layout)
	c.record = NewCellRecord(c.layout)
	c.enroll(all)
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
	b.places, _ = b.Slab.(Preparer)
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
				b.ownerOf[i] = -2 // found by own
			}
		}
	}
	b.layGauges()
	c.Blocks = append(c.Blocks, b)
	return nil
}

// own ties devices to the households behind whose meters they stand: those
// whose path theirs begins with.
func (c *Cell) own() error {
	for k, devices := range c.Blocks {
		for i := range devices.ownerOf {
			if devices.ownerOf[i] != -2 {
				c.shared = join(c.shared, int32(k), int32(i))
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
				owners.spans[h] = join(owners.spans[h], int32(k), int32(i))
				devices.ownerOf[i], found = int32(h), true
			}
			if !found {
				return fmt.Errorf("%s: no household %s to own it", path, home)
			}
		}
	}
	return nil
}

// join adds device i of a block to spans.
func join(spans []span, block, i int32) []span {
	if n := len(spans); n > 0 && spans[n-1].block == block && spans[n-1].hi == i {
		spans[n-1].hi++
		return spans
	}
	return append(spans, span{block, i, i + 1})
}

// plan lays out which blocks are asked in which round.
func (c *Cell) plan() {
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
	// Owners answer after what stands behind their meters, and divide before it.
	c.rounds[StageOffer] = rounds(devices, append(slices.Clone(loads), units...))
	c.rounds[StageSettle] = rounds(loads, devices)
	c.rounds[StageRevise] = c.rounds[StageSettle]
	c.rounds[StageClose] = rounds(units)
	c.rounds[StageCommit] = rounds(all)
	slices.SortFunc(c.units, func(a, b Slot) int {
		return cmp.Compare(c.Blocks[a.Block].Paths[a.Index], c.Blocks[b.Block].Paths[b.Index])
	})
}

// rounds leaves out those in which nobody is asked.
func rounds(rs ...round) (asked []round) {
	for _, r := range rs {
		if len(r) > 0 {
			asked = append(asked, r)
		}
	}
	return asked
}

// Rounds is how many rounds a stage has.
func (c *Cell) Rounds(s Stage) int { return len(c.rounds[s]) }

// Round is the blocks whose members are asked in one round of a stage.
func (c *Cell) Round(s Stage, r int) []int32 { return c.rounds[s][r] }

// Units are the producers and ties of the community, in path order.
func (c *Cell) Units() []Slot { return c.units }

// Members is how many members the cell has, itself left out.
func (c *Cell) Members() (n int) {
	for _, b := range c.Blocks {
		n += len(b.Paths)
	}
	return n
}

// Prepared reports whether member i is one that is not there until it is put in.
func (b *Block) Prepared(i int) bool { return b.places != nil && b.places.Prepared(i) }

// PathOf is the path of a member.
func (c *Cell) PathOf(at Slot) string { return c.Blocks[at.Block].Paths[at.Index] }

// Begin prepares the stage that is asked for: at StageSettle and StageRevise it
// divides what is asked of the community among its members. A refused command is an
// error, and so is an ask for another step than env's; the step cannot go on.
func (c *Cell) Begin(env *Env, ask *Ask) error {
	if err := c.take(env, ask); err != nil {
		return err
	}
	switch ask.Stage {
	case StageOffer:
		return c.open(env)
	case StageSettle, StageRevise:
		c.divide(&ask.Set)
	}
	return nil
}

// open saves every state once a step and picks the commands that are for this
// community.
func (c *Cell) open(env *Env) error {
	if c.began != env.Tick {
		for _, b := range c.Blocks {
			b.Slab.Save()
		}
		c.before = *c.Node
		c.began = env.Tick
		c.isolated = c.isolated[len(c.Isolated):] // the rest came after they were told
		c.Isolated = nil
	}
	*c.Node = c.before
	if err := c.openCommands(env); err != nil {
		return err
	}
	c.opened = *c.Node
	return nil
}

// openCommands carries out the step's commands for the community itself, and finds
// those for its members.
func (c *Cell) openCommands(env *Env) error {
	c.commands = commandsInside(env.Commands, c.inside)
	for i := range c.commands {
		cmd := &c.commands[i]
		if i > 0 && cmd.Target == c.commands[i-1].Target {
			continue
		}
		if _, ok := c.slot(cmd.Target); !ok {
			return fmt.Errorf("command %d at step %d: no member %s", cmd.Seq, cmd.Step, cmd.Target)
		}
	}
	own := commandsFor(env.Commands, c.Path)
	for i := range own {
		c.events.Reset()
		if err := c.Node.Command(env, &own[i], &c.events); err != nil {
			return err
		}
		for k := range c.events.All() {
			c.Node.Apply(&c.events.All()[k])
		}
	}
	return nil
}

// slot finds a member by path. The index is made when it is first needed.
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

// KindOf is the kind of a member, or of the community itself; nil if there is none of
// that path.
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

// divide shares what was asked of the community among its households and its
// own devices, along their bands and in slot order; essential load is cut in
// rotation.
func (c *Cell) divide(ask *Setpoint) {
	var split [NumTiers]BandSplit
	follow, deep := true, ask.Tier[Storage] < c.Flex.Tier[Storage].Min
	for t := range split {
		split[t] = NewBandSplit(ask.Tier[t], c.Flex.band(Tier(t), deep))
		follow = follow && ask.Tier[t] == c.Flex.Tier[t].Ref
	}
	cut, share := c.Flex.Tier[Essential].Ref-ask.Tier[Essential], ask.For
	if share == 0 {
		share = One
	}
	for _, b := range c.Blocks {
		if b.Kind.Role.Unit() {
			continue
		}
		for i := range b.Set {
			set := &b.Set[i]
			if follow || b.owned(i) {
				*set = b.Flex[i].Follow()
				continue
			}
			set.Run, set.Why = Keep, ask.Why
			for t := range split {
				set.Tier[t] = split[t].Next(b.Flex[i].band(Tier(t), deep))
			}
			if cut > 0 {
				set.Tier[Essential] = b.Flex[i].Tier[Essential].Ref
			}
		}
	}
	if cut > 0 {
		c.rotate(cut, share)
	}
}

func (b *Block) owned(i int) bool { return b.ownerOf != nil && b.ownerOf[i] >= 0 }

// Ask has one member answer into its slot.
func (c *Cell) Ask(s Stage, at Slot, env *Env, w *Scratch) error {
	b, i := c.Blocks[at.Block], int(at.Index)
	if b.quarantined[i] {
		c.estimate(s, b, i, env)
		return nil
	}
	c.fault(BeforeAnswer, b, i)
	var err error
	switch s {
	case StageOffer:
		err = c.offer(b, i, env, w)
	case StageSettle, StageRevise, StageClose:
		c.settle(b, i, env, w)
	case StageCommit:
		c.commit(at, env, w)
	}
	return err
}

// Answered is called when a member's answer has been taken: the last moment at
// which it can fail in a stage.
func (c *Cell) Answered(at Slot) {
	if c.Fault != nil && !c.Quarantined(at) {
		c.Fault(AfterAnswer, c.PathOf(at))
	}
}

func (c *Cell) fault(p FaultPoint, b *Block, i int) {
	if c.Fault != nil {
		c.Fault(p, b.Paths[i])
	}
}

func (c *Cell) offer(b *Block, i int, env *Env, w *Scratch) error {
	if len(c.commands) > 0 {
		if err := c.command(b, i, env, w); err != nil {
			return err
		}
	}
	f := &b.Flex[i]
	*f = Flex{}
	b.Slab.Offer(i, env, f)
	if b.spans != nil && b.spans[i] != nil {
		b.owner.Fold(i, env, f, Devices{c, b.spans[i]})
	}
	return nil
}

// command applies the commands of this step that are for one member. It begins
// from the saved state, so it can be repeated.
func (c *Cell) command(b *Block, i int, env *Env, w *Scratch) error {
	own := commandsFor(c.commands, b.Paths[i])
	if len(own) > 0 {
		b.Slab.Restore(i)
	}
	for k := range own {
		w.events.Reset()
		if err := b.Slab.Command(i, env, &own[k], &w.events); err != nil {
			return err
		}
		c.apply(b, i, w)
	}
	return nil
}

func (c *Cell) apply(b *Block, i int, w *Scratch) {
	events := w.events.All()
	for k := range events {
		b.Slab.Apply(i, &events[k])
		c.fault(BetweenApply, b, i)
	}
}

func (c *Cell) settle(b *Block, i int, env *Env, w *Scratch) {
	set := &b.Set[i]
	if b.spans != nil && b.spans[i] != nil {
		// A household takes its devices' part out of a copy: it may be asked again.
		w.set = *set
		set = &w.set
		b.owner.Divide(i, env, set, Devices{c, b.spans[i]})
	}
	r := &b.Read[i]
	clear(r.Parts)
	*r = Reading{Parts: r.Parts}
	w.events.Reset()
	b.Slab.Step(i, env, set, &w.events, r)
}

// commit steps once more on the final setpoint and applies what happens: Step
// is pure, so no event need wait in memory for the books to be closed.
func (c *Cell) commit(at Slot, env *Env, w *Scratch) {
	b, i := c.Blocks[at.Block], int(at.Index)
	r := &b.Read[i]
	if cap(w.parts) < len(r.Parts) {
		w.parts = make([]Power, len(r.Parts))
	}
	w.reading = Reading{}
	if r.Parts != nil {
		w.reading.Parts = w.parts[:len(r.Parts)]
		clear(w.reading.Parts)
	}
	w.events.Reset()
	b.Slab.Step(i, env, &b.Set[i], &w.events, &w.reading)
	if w.reading.Power != r.Power || w.reading.Content != r.Content {
		panic(fmt.Sprintf("%s: Step is not pure: %d mW, then %d mW at one setpoint", b.Paths[i], r.Power, w.reading.Power))
	}
	c.apply(b, i, w)
	if len(w.events.booked) > 1 {
		for _, k := range w.events.booked {
			w.mixed = append(w.mixed, memberBooking{at, k})
		}
	}
	for _, e := range w.events.All() {
		if e.Type.Notable {
			w.Notices = append(w.Notices, Notice{b.Paths[i], e})
		}
	}
	if b.Kind.Role == RoleStorage {
		b.last[i] = int64(r.Content)
	} else {
		b.last[i] = int64(r.Load)
	}
	if c.Falsify != nil {
		c.Falsify(b.Paths[i], r)
	}
}

// Recover brings a member that failed back to its state before the step, with
// the step's commands applied; in quarantine without, since nobody asks it any
// more. A member that has committed must not be recovered.
func (c *Cell) Recover(at Slot, env *Env, w *Scratch) error {
	b, i := c.Blocks[at.Block], int(at.Index)
	b.Slab.Restore(i)
	if b.quarantined[i] {
		return nil
	}
	return c.command(b, i, env, w)
}

// Quarantine takes a member out of service for the rest of the run: it has
// failed twice in a step. What it did before stays.
func (c *Cell) Quarantine(at Slot) {
	if !c.Quarantined(at) {
		c.Blocks[at.Block].quarantined[at.Index] = true
		c.isolated = append(c.isolated, c.PathOf(at))
	}
}

// Quarantined reports whether member i of the block is in quarantine.
func (b *Block) Quarantined(i int) bool { return b.quarantined[i] }

// Quarantined reports whether a member is in quarantine.
func (c *Cell) Quarantined(at Slot) bool { return c.Blocks[at.Block].quarantined[at.Index] }

// estimate answers for a quarantined member: a load goes on as it last was, a
// storage keeps what it holds, a unit stands still. At StageCommit the reading
// is what it answered before, if it failed only there.
func (c *Cell) estimate(s Stage, b *Block, i int, env *Env) {
	if s == StageCommit { // it was answered and the books were closed with it
		if b.last[i] = int64(b.Read[i].Load); b.Kind.Role == RoleStorage {
			b.last[i] = int64(b.Read[i].Content)
		}
		return
	}
	load := Power(0)
	if b.Kind.Role == RoleLoad {
		load = Power(b.last[i])
	}
	f := &b.Flex[i]
	*f = Flex{Bus: f.Bus, Phase: f.Phase}
	f.Tier[Essential] = Fixed(load)
	owns := b.spans != nil && b.spans[i] != nil // what stands behind its meter is well
	if owns {
		b.owner.Fold(i, env, f, Devices{c, b.spans[i]})
	}
	if s == StageOffer {
		return
	}
	set := b.Set[i]
	if owns {
		b.owner.Divide(i, env, &set, Devices{c, b.spans[i]})
	}
	given := max(0, min(load, set.Tier[Essential]))
	r := &b.Read[i]
	clear(r.Parts)
	*r = Reading{Parts: r.Parts, Load: given, Power: given, Unserved: load - given, UnservedEssential: load - given, SoC: r.SoC, Reason: Quarantined}
	if b.Kind.Role == RoleStorage {
		r.Content = Energy(b.last[i])
	}
	if len(r.Parts) > 0 {
		r.Parts[0] = given
	}
}

// End folds what the members have answered into the cell's Answer. scratches are those
// of the askers, which hold the notable events of the commits.
func (c *Cell) End(s Stage, env *Env, scratches ...*Scratch) {
	switch s {
	case StageOffer:
		c.fold()
	case StageSettle, StageRevise:
		c.meter(false)
		if len(c.isolated) > 0 { // estimates have taken the place of offers
			c.fold()
		}
	case StageCommit:
		c.meter(true)
		c.check(env.Step)
		c.bear(env)
		c.note(scratches)
		net := c.Net()
		*c.Node = c.opened
		c.events.Reset()
		c.Node.Settle(env, &c.Flows, max(net, 0), max(-net, 0), &c.events)
		for k := range c.events.All() {
			c.Node.Apply(&c.events.All()[k])
			if c.Fault != nil {
				c.Fault(BetweenApply, c.Path)
			}
		}
		c.takeRecord(env)
	}
	c.respond(s, env)
}

// fold adds up the offers of everything that stands at the community's own
// connection points: households with their devices, and its own devices, which
// pursue their aims with the net load of the community.
func (c *Cell) fold() {
	c.Flex = Flex{}
	for _, b := range c.Blocks {
		if b.Kind.Role.Unit() {
			continue
		}
		for i := range b.Flex {
			if !b.owned(i) {
				c.Flex.Add(&b.Flex[i])
			}
		}
	}
	Devices{c, c.shared}.pursue(&c.Flex)
}

// meter adds up the readings, and what is lost between them.
func (c *Cell) meter(units bool) {
	loss := c.Flows.NetworkLoss
	c.Flows = Flows{}
	c.draws = c.draws[:0]
	for _, b := range c.Blocks {
		if b.Kind.Role.Unit() && !units {
			continue
		}
		b.Flows = Flows{}
		for i := range b.Read {
			r := &b.Read[i]
			b.Flows.Add(r)
			if !c.lossless && !units {
				c.draws = append(c.draws, BusDraw{b.Flex[i].Bus, b.Flex[i].Phase, r.Power, r.Reactive})
			}
		}
		c.Flows.Plus(&b.Flows)
	}
	if units { // the network was asked when loads and storage had settled
		c.Flows.NetworkLoss = loss
		return
	}
	c.network.Fold(c.draws, &c.state)
	c.Flows.NetworkLoss = c.state.Loss
}

// note gathers what is worth telling of the step, in slot order.
func (c *Cell) note(scratches []*Scratch) {
	c.Events = c.Events[:0]
	for _, w := range scratches {
		c.Events = append(c.Events, w.Notices...)
	}
	c.Events = append(c.Events, c.cuts...)
	if net := c.Net(); c.opened.above(max(net, -net)) {
		c.Events = append(c.Events, Notice{c.Path, Event{Type: LimitPassed, V: [7]int64{int64(net), int64(c.opened.limit)}}})
	}
	slices.SortStableFunc(c.Events, func(a, b Notice) int { return cmp.Compare(a.Member, b.Member) })
	c.Isolated = c.isolated
	slices.Sort(c.Isolated)
	c.decide(scratches)
}

// decide lists what was decided for members other than their reference, in slot order: a
// decision for each reason.
func (c *Cell) decide(scratches []*Scratch) {
	c.Notes, c.mixed = c.Notes[:0], c.mixed[:0]
	for _, w := range scratches {
		c.mixed = append(c.mixed, w.mixed...)
	}
	slices.SortStableFunc(c.mixed, func(a, b memberBooking) int {
		return cmp.Or(cmp.Compare(a.Block, b.Block), cmp.Compare(a.Index, b.Index))
	})
	mixed := c.mixed
	for k, b := range c.Blocks {
		for i := range b.Read {
			n := 0
			for n < len(mixed) && mixed[n].Slot == (Slot{int32(k), int32(i)}) {
				n++
			}
			c.Notes = b.decisions(c.Notes, i, mixed[:n])
			mixed = mixed[n:]
		}
	}
}

// decisions appends those about member i. mixed are its bookings, if they have several
// reasons.
func (b *Block) decisions(to []Decision, i int, mixed []memberBooking) []Decision {
	r, set := &b.Read[i], &b.Set[i]
	d := Decision{b.Paths[i], r.Reason, set.Net(), r.Shifted, r.Unserved, r.Curtailed}
	switch {
	case b.quarantined[i]: // perhaps only after its answer was taken
		d.Reason, d.Power = Quarantined, r.Power
	case len(mixed) > 0:
		for _, k := range mixed {
			if k.Reason == NoReason {
				continue
			}
			to = append(to, Decision{d.Member, k.Reason, d.Power, k.Shifted, k.Unserved, k.Curtailed})
		}
		return to
	case r.Reason != NoReason:
	case set.Run != Keep:
		d.Reason = set.Why[Generation]
	case set.Why != [NumTiers]Reason{}:
		for t, why := range set.Why {
			if why != NoReason && set.Tier[t] != b.Flex[i].Tier[t].Ref && !decided(to, d.Member, why) {
				to = append(to, Decision{Member: d.Member, Reason: why, Power: d.Power})
			}
		}
		return to
	}
	if d.Reason != NoReason {
		to = append(to, d)
	}
	return to
}

// decided reports whether the last decisions have one about a member for a reason.
func decided(of []Decision, member string, why Reason) bool {
	for k := len(of) - 1; k >= 0 && of[k].Member == member; k-- {
		if of[k].Reason == why {
			return true
		}
	}
	return false
}

// check looks for a member whose reading breaks its own balance.
func (c *Cell) check(s Seconds) {
	c.Broken, c.BrokenBy = "", 0
	for _, b := range c.Blocks {
		for i := range b.Read {
			if by := b.Read[i].Imbalance(s); by != 0 {
				c.Broken, c.BrokenBy = b.Paths[i], by
				return
			}
		}
	}
}

// cellVersion is the first byte of a cell's stored form.
const cellVersion = 1

// AppendStates appends the stored form of the community with everything that its
// next step depends on: its own twin, then, block by block, the members' twins in
// path order, what estimates rest on, who is in quarantine, and what customers have
// borne.
func (c *Cell) AppendStates(buf []byte) []byte {
	buf = c.Node.AppendBinary(append(buf, cellVersion))
	for _, b := range c.Blocks {
		for i := range b.Paths {
			buf = b.Slab.AppendBinary(i, buf)
			buf = appendInts(buf, b.last[i], flag(b.quarantined[i]))
		}
		if b.customers() {
			buf = b.burdens.appendBinary(buf)
		}
	}
	return buf
}

// RestoreStates is the inverse of AppendStates, for a cell of the same scenario; it
// returns the rest of b.
func (c *Cell) RestoreStates(b []byte) (rest []byte, err error) {
	if len(b) == 0 || b[0] != cellVersion {
		return b, fmt.Errorf("%s: stored state of another version, wanted %d", c.Path, cellVersion)
	}
	if b, err = RestoreNode(c.Node, b[1:]); err != nil {
		return b, fmt.Errorf("%s: %w", c.Path, err)
	}
	for _, block := range c.Blocks {
		for i, path := range block.Paths {
			var quarantined int64
			if b, err = restoreState(b, block.upgrades(), func(b []byte) ([]byte, error) { return block.Slab.UnmarshalBinary(i, b) }); err == nil {
				if b, err = readInt(b, &block.last[i]); err == nil {
					b, err = readInt(b, &quarantined)
				}
			}
			if err != nil {
				return b, fmt.Errorf("%s: %w", path, err)
			}
			block.quarantined[i] = quarantined != 0
		}
		if block.customers() {
			if b, err = block.burdens.unmarshalBinary(b, len(block.Paths)); err != nil {
				return b, fmt.Errorf("%s: %w", c.Path, err)
			}
		}
	}
	c.began, c.borne = -1, -1
	return b, nil
}

// Devices are the members behind one household's meter, or the community's own,
// in path order within their kinds.
type Devices struct {
	cell  *Cell
	spans []span
}

// Len is how many there are.
func (d Devices) Len() (n int) {
	for _, s := range d.spans {
		n += int(s.hi - s.lo)
	}
	return n
}

func (d Devices) at(k int) (*Block, int) {
	for _, s := range d.spans {
		if n := int(s.hi - s.lo); k >= n {
			k -= n
			continue
		}
		return d.cell.Blocks[s.block], int(s.lo) + k
	}
	panic("twins: no such device")
}

// Flex is what device k offers; Set is where its setpoint is written.
func (d Devices) Flex(k int) *Flex    { b, i := d.at(k); return &b.Flex[i] }
func (d Devices) Set(k int) *Setpoint { b, i := d.at(k); return &b.Set[i] }
