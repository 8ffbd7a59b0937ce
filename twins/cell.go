package twins

import "fmt"

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
	StageCommit              // every member makes it part of its state
	StageDone
)

var stageNames = [...]string{"offer", "settle", "revise", "close", "commit", "done"}

func (s Stage) String() string { return stageNames[s] }

// Slot addresses a member of a cell.
type Slot struct{ Block, Index int32 }

// Cell is a community with everything in it: its own twin, its members' slabs
// and the slots through which they answer. It is a plain value: actors or a
// loop drive it.
//
// For each stage: Begin, then for each round of Rounds an Ask of every slot in
// it (in any order, even at the same time), then End. Begin, Ask and End may be
// repeated within their stage: they change nothing but their own slots, except
// Ask at StageCommit, which must not be repeated once it has returned.
type Cell struct {
	Path   string
	Node   *Node
	Blocks []*Block

	// What the Answer and the record are made of.
	Flex   Flex     // after offer: everything but units
	Flows  Flows    // after settle and revise: without units; after commit: all
	Events []Notice // after commit: notable events, by member
	Notes  []Decision
	// Isolated are the members that were put into quarantine since the commit
	// before; valid after commit.
	Isolated []string
	// Broken is the first member whose reading breaks its own balance, and
	// BrokenBy by how much; after commit.
	Broken   string
	BrokenBy Energy

	layout *CellLayout
	record *CellRecord
	// caughtUp is what members have caught up and given up in the step.
	caughtUp CatchUp

	turns     []turn   // of customers in rotation; reused
	cuts      []Notice // of this step
	mixed     []memberBooking
	burdensAt Tick // the last tick whose burdens have been counted
	network   Network
	stewards  stewards
	direct    []span // members at the community's own connection points
	lossless  bool
	units     []Slot
	shared    []span // devices behind no meter but the community's
	rounds    [StageDone][]round
	commands  []Command // of this step, for members, by target
	prefix    string    // prefix of the members' paths
	isolated  []string

	roster        Roster
	answer        Answer
	banks         []storeBank // the roster's stores, in its order
	seq           int32       // of the present exchange
	converters    bool        // the ask wants Converters in the answer
	slotOf        map[string]Slot
	savedAt       Tick // the last tick for which rows have been saved
	before        Node // the twin at the start of the step
	opened        Node // the same with the step's commands applied
	events        Events
	draws         []BusDraw
	state         NetworkState  // the network's last answer
	gauger        GaugedNetwork // nil: the network has no gauges
	gauges        []int64
	networkBefore NetworkState // the network's answer before the present exchange
	heardIn       exchange     // the exchange to which networkBefore belongs
	asked         Setpoint     // of the community, for its steward

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

// Scratch is the working memory of one asker of members; askers that run at
// the same time have one each.
type Scratch struct {
	events  Events
	set     Setpoint
	reading Reading
	parts   []Power
	Notices []Notice // of this step's commits

	mixed []memberBooking // of members whose bookings have several reasons
}

// Reset clears the step before; the scratch's owner calls it at each
// StageOffer.
func (w *Scratch) Reset() { w.Notices, w.mixed = w.Notices[:0], w.mixed[:0] }

// Begin prepares the stage that is asked for: at StageSettle and StageRevise it
// divides what is asked of the community among its members. A refused command is an
// error, and so is an ask for another step than env's; the step cannot go on.
func (c *Cell) Begin(env *Env, ask *Ask) error {
	if err := c.takeAsk(env, ask); err != nil {
		return err
	}
	c.keepNetworkState(ask)
	switch ask.Stage {
	case StageOffer:
		return c.openStep(env)
	case StageSettle, StageRevise:
		c.divide(env, &ask.Set)
	}
	return nil
}

// openStep saves every state once a step and picks the commands for this
// community.
func (c *Cell) openStep(env *Env) error {
	if c.savedAt != env.Tick {
		for _, b := range c.Blocks {
			b.Slab.Save()
		}
		c.before = *c.Node
		c.savedAt = env.Tick
		c.isolated = c.isolated[len(c.Isolated):] // the rest came after the last commit's report
		c.Isolated = nil
	}
	*c.Node = c.before
	if err := c.openCommands(env); err != nil {
		return err
	}
	c.opened = *c.Node
	return nil
}

// openCommands carries out the step's commands for the community itself, and
// collects those for its members.
func (c *Cell) openCommands(env *Env) error {
	c.commands = commandsInside(env.Commands, c.prefix)
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

// NetworkState is the last answer of the community's network: after StageSettle and each
// StageRevise, that of this step.
func (c *Cell) NetworkState() *NetworkState { return &c.state }

// Ask makes one member answer into its slot.
func (c *Cell) Ask(s Stage, at Slot, env *Env, w *Scratch) error {
	b, i := c.Blocks[at.Block], int(at.Index)
	if b.quarantined[i] {
		c.estimate(s, int(at.Block), i, env)
		return nil
	}
	c.fault(BeforeAnswer, b, i)
	var err error
	switch s {
	case StageOffer:
		err = c.offer(int(at.Block), i, env, w)
	case StageSettle, StageRevise, StageClose:
		c.settle(int(at.Block), i, env, w)
	case StageCommit:
		c.commit(at, env, w)
	}
	return err
}

// Answered is called when a member's answer has been taken: the last moment at
// which the member can fail in a stage.
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

func (c *Cell) offer(k, i int, env *Env, w *Scratch) error {
	b := c.Blocks[k]
	if len(c.commands) > 0 {
		if err := c.command(b, i, env, w); err != nil {
			return err
		}
	}
	f := &b.Flex[i]
	*f = Flex{}
	b.Slab.Offer(i, env, f)
	if b.manages(i) {
		c.foldHome(k, i, env)
	}
	return nil
}

// command applies the commands of this step for one member. It starts from the
// saved state, so it can be repeated.
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

func (c *Cell) settle(k, i int, env *Env, w *Scratch) {
	b := c.Blocks[k]
	set := &b.Set[i]
	if b.manages(i) {
		// A household takes its devices' part out of a copy: it may be asked again.
		w.set = *set
		set = &w.set
		c.divideHome(k, i, env, set)
	}
	r := &b.Read[i]
	clear(r.Parts)
	*r = Reading{Parts: r.Parts}
	w.events.Reset()
	b.Slab.Step(i, env, set, &w.events, r)
}

// commit steps once more on the final setpoint and applies the events: Step
// is pure, so no event need wait in memory until the books are closed.
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
	set := &b.Set[i]
	if b.partsSet != nil {
		set = &b.partsSet[i]
	}
	b.Slab.Step(i, env, set, &w.events, &w.reading)
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

// End folds the members' answers into the cell's Answer. scratches are those of the
// askers, which hold the notable events of the commits.
func (c *Cell) End(s Stage, env *Env, scratches ...*Scratch) {
	switch s {
	case StageOffer:
		c.fold(env)
	case StageSettle, StageRevise:
		c.meter(false)
		if len(c.isolated) > 0 { // estimates have replaced offers
			c.fold(env)
		}
	case StageCommit:
		c.meter(true)
		c.check(env.Step)
		c.countBurdens(env)
		c.settleStewards(env)
		c.collectNotices(scratches)
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
