package twins

import "fmt"

// Balance is the grid's side of a step, as a state machine without clock or messages:
// it takes the answers of all communities at one stage and decides which stage comes
// next and what they are asked there, until production equals consumption and every
// community has committed. It knows communities by their rosters and answers alone.
//
//	Begin ─▶ StageOffer ─▶ StageSettle ─▶ [StageRevise] ─▶ StageClose … ─▶ StageCommit ─▶ StageDone
//
// It is driven by a loop or by the grid actor; both give the same:
//
//	for s := g.Begin(env); s != StageDone; s = g.Next(env) {
//		for each i that g.Involves: send g.Asks()[i], then g.Take(i, its answer)
//	}
type Balance struct {
	Node       *Node
	Controller Controller

	Flows    Flows    // after StageCommit: the whole grid
	Residual Power    // after StageCommit: 0, or energy was lost or made
	Swing    Swing    // of the frequency, after StageSettle
	Events   []Notice // after StageCommit: notable events of the grid itself
	Isolated []string // after StageCommit: members put into quarantine since the commit before

	rosters []Roster // in path order
	units   []gridUnit
	first   []int     // of each community, its first unit; then the number of units
	asks    []Ask     // of the present stage
	answers []*Answer // the last ones
	tick    Tick
	seq     int32 // of the present exchange
	offers  Offers
	plan    Plan
	stage   Stage
	revised int // passes over the communities
	shed    int // of these, those that asked for less
	closes  int // passes over the units
	events  Events
	outcome Outcome
	before  checkpoint

	// Fault is called at statements where a test wants the grid to fail; nil
	// otherwise.
	Fault func(FaultPoint)
}

// checkpoint is what Next changes.
type checkpoint struct {
	node          Node
	swing         Swing
	stage         Stage
	seq           int32
	revised, shed int
	closes        int
	communities   []Setpoint
	units         []Setpoint
	offers        []Flex
}

// gridUnit is a unit by its place in the rosters.
type gridUnit struct{ community, unit int }

// NewBalance makes the grid over communities, which stay in the order given.
func NewBalance(node *Node, controller Controller, communities []Roster) *Balance {
	n := len(communities)
	g := &Balance{Node: node, Controller: controller, rosters: communities, stage: StageDone,
		asks: make([]Ask, n), answers: make([]*Answer, n)}
	for i := range communities {
		g.first = append(g.first, len(g.units))
		for k := range communities[i].Units {
			g.units = append(g.units, gridUnit{i, k})
		}
	}
	g.first = append(g.first, len(g.units))
	g.offers.Communities = make([]Flex, n)
	g.offers.Burdens = make([]Burden, n)
	g.offers.Units = make([]Flex, len(g.units))
	g.offers.Answers = g.answers
	g.plan.Communities = make([]Setpoint, n)
	g.plan.Units = make([]Setpoint, len(g.units))
	return g
}

// Begin starts a step.
func (g *Balance) Begin(env *Env) Stage {
	g.stage, g.tick, g.seq, g.revised, g.shed, g.closes = StageOffer, env.Tick, 0, 0, 0, 0
	g.Swing, g.Isolated = Swing{}, g.Isolated[:0]
	g.save()
	g.ask()
	return g.stage
}

// ask writes what communities are asked at the present stage.
func (g *Balance) ask() {
	for i := range g.asks {
		a := &g.asks[i]
		*a = Ask{Tick: g.tick, Seq: g.seq, Stage: g.stage}
		switch g.stage {
		case StageSettle, StageRevise:
			a.Set = g.plan.Communities[i]
			a.Converters = g.stage == StageSettle && g.plan.Converters
		case StageClose:
			a.Units = g.plan.Units[g.first[i]:g.first[i+1]:g.first[i+1]]
		}
	}
}

// Asks are what communities are asked at the present stage, in path order. They are
// valid until the next call of Next, and not to be changed.
func (g *Balance) Asks() []Ask { return g.asks }

// Take takes the answer of community i, which must not change until that community is
// asked again. It refuses an answer to another ask, or one that does not fit the roster.
func (g *Balance) Take(i int, a *Answer) error {
	ask, r := &g.asks[i], &g.rosters[i]
	switch {
	case !a.answersTo(ask):
		return fmt.Errorf("%s: answer to exchange %d of step %d, %s, wanted one to exchange %d of step %d, %s",
			r.Path, a.Seq, a.Tick, a.Stage, ask.Seq, ask.Tick, ask.Stage)
	case len(a.Units) != len(r.Units) || len(a.Stores) != len(r.Stores):
		return fmt.Errorf("%s: answer of %d producers and ties and %d stores at step %d, wanted %d and %d",
			r.Path, len(a.Units), len(a.Stores), ask.Tick, len(r.Units), len(r.Stores))
	case ask.Converters && len(a.Converters) != len(r.Stores):
		return fmt.Errorf("%s: answer of %d converters at step %d, wanted %d", r.Path, len(a.Converters), ask.Tick, len(r.Stores))
	}
	g.answers[i] = a
	return nil
}

// answersTo reports whether a answers this ask.
func (a *Answer) answersTo(ask *Ask) bool {
	return a.Tick == ask.Tick && a.Seq == ask.Seq && a.Stage == ask.Stage
}

// answered panics unless the answer of every community that takes part in the present
// stage has been taken: otherwise the driver of the step has lost one.
func (g *Balance) answered() {
	for i, a := range g.answers {
		if ask := &g.asks[i]; g.Involves(i) && (a == nil || !a.answersTo(ask)) {
			panic(fmt.Sprintf("twins: step %d: no answer of %s to exchange %d, %s", ask.Tick, g.rosters[i].Path, ask.Seq, ask.Stage))
		}
	}
}

// unit is the last answer of unit k.
func (g *Balance) unit(k int) *UnitAnswer {
	u := g.units[k]
	return &g.answers[u.community].Units[u.unit]
}

// save saves the state of the step for Rollback. A grid that failed inside
// Next rolls back and calls it again.
func (g *Balance) save() {
	k := &g.before
	k.node, k.stage, k.seq, k.revised, k.shed, k.closes = *g.Node, g.stage, g.seq, g.revised, g.shed, g.closes
	k.swing = g.Swing
	k.communities = append(k.communities[:0], g.plan.Communities...)
	k.units = append(k.units[:0], g.plan.Units...)
	k.offers = append(k.offers[:0], g.offers.Units...)
}

// Rollback undoes the last call of Next.
func (g *Balance) Rollback() {
	k := &g.before
	*g.Node, g.stage, g.seq, g.revised, g.shed, g.closes = k.node, k.stage, k.seq, k.revised, k.shed, k.closes
	g.Swing = k.swing
	copy(g.plan.Communities, k.communities)
	copy(g.plan.Units, k.units)
	copy(g.offers.Units, k.offers)
	g.ask()
}

// Stage is the present stage of the step.
func (g *Balance) Stage() Stage { return g.stage }

// Involves reports whether community i takes part in the present stage.
func (g *Balance) Involves(i int) bool {
	return g.stage != StageClose || len(g.rosters[i].Units) > 0
}

// Next works on the answers of all communities that take part and returns the next
// stage, for which Asks are then ready.
func (g *Balance) Next(env *Env) Stage {
	g.answered()
	g.save()
	g.fault(BeforeAnswer)
	switch g.stage {
	case StageOffer:
		g.dispatch(env)
		g.stage = StageSettle
	case StageSettle:
		g.stage = g.swing(env)
	case StageRevise:
		g.revised++
		g.stage = g.closeBooks()
	case StageClose:
		g.stage = g.checkUnits()
	case StageCommit:
		g.audit(env)
		g.stage = StageDone
	}
	if g.stage != StageDone {
		g.seq++
		g.ask()
	}
	g.fault(AfterAnswer)
	return g.stage
}

func (g *Balance) fault(p FaultPoint) {
	if g.Fault != nil {
		g.Fault(p)
	}
}

func (g *Balance) dispatch(env *Env) {
	for i, a := range g.answers {
		g.offers.Communities[i] = a.Flex
		g.offers.Burdens[i] = a.Burden
		g.plan.Communities[i] = a.Flex.Follow()
	}
	for k := range g.units {
		flex := &g.unit(k).Flex
		g.offers.Units[k] = *flex
		g.plan.Units[k] = flex.Follow()
	}
	g.plan.Converters = false
	g.Controller.Dispatch(env, &g.offers, &g.plan)
	g.plan.straighten(&g.offers)
}

// swing asks the controller for the frequency of this step. Load that relays shed
// is cut before the books are closed.
func (g *Balance) swing(env *Env) Stage {
	if c, ok := g.Controller.(Swinger); ok {
		g.Swing = c.Swing(env, &g.offers, &g.plan)
	}
	if g.Swing.Shed > 0 && g.plan.shedByRelays(&g.offers, &g.Swing) {
		return StageRevise
	}
	return g.closeBooks()
}

// maxPasses bounds how often members are asked again in a step. One pass closes
// the books unless a member fails in that very pass.
const maxPasses = 8

// missing is the sum of loads, storage, losses and rotating masses, less what the
// units give.
func (g *Balance) missing() (left Power) {
	for _, a := range g.answers {
		left += a.Flows.Net()
	}
	for k := range g.units {
		left += g.plan.Units[k].Net()
	}
	return left + g.Swing.Kinetic - g.Swing.Relief
}

// closeBooks moves the units by what the rest did otherwise than planned. If it drew less, load
// that was cut by force is given back before units give less, once a step, unless relays have
// cut it. For what the units cannot take there is one second pass over the communities:
// less for vehicles and, by force, for loads; or generation is curtailed. If
// that is not enough, plants are stopped.
func (g *Balance) closeBooks() Stage {
	for i, a := range g.answers { // estimates may have replaced offers
		g.offers.Communities[i] = a.Flex
	}
	g.plan.straighten(&g.offers)
	left := g.missing()
	if left < 0 && g.revised == 0 && g.plan.giveBack(&g.offers, left) > left {
		return StageRevise
	}
	left = g.plan.moveUnits(g.offers.Units, left)
	if left > 0 { // no load is cut to make masses turn faster
		left = g.limitSwing(left)
	}
	if left == 0 || g.revised == maxPasses {
		return StageClose
	}
	moved := g.askAgain(left)
	if !moved && left < 0 {
		if short := g.plan.Stop(g.offers.Units, left); short > 0 {
			moved = g.askAgain(short)
		}
	}
	if !moved {
		g.limitSwing(left)
		return StageClose // nothing is left to move; the audit reports the rest
	}
	return StageRevise
}

// limitSwing reduces the swing to what the books can hold: masses take up no more than
// units can give in the step, and give no more than can be drawn; so does the
// load's relief. It returns what is left, and never increases a swing.
func (g *Balance) limitSwing(left Power) Power {
	s := &g.Swing
	if left > 0 {
		faster := min(left, max(0, s.Kinetic))
		more := min(left-faster, max(0, -s.Relief))
		s.Kinetic, s.Relief = s.Kinetic-faster, s.Relief+more
		return left - faster - more
	}
	slower := min(-left, max(0, -s.Kinetic))
	less := min(-left-slower, max(0, s.Relief))
	s.Kinetic, s.Relief = s.Kinetic+slower, s.Relief-less
	return left + slower + less
}

// askAgain asks communities for less or more than planned, and reports whether
// any of them could be asked.
func (g *Balance) askAgain(left Power) bool {
	rest := g.plan.secondPass(&g.offers, left, g.shed > 0, g.Swing.Shed > 0)
	if left > 0 {
		g.shed++
	}
	return rest != left
}

// checkUnits checks what the units did. One that did not follow is taken as it
// is, and the next in order closes for it.
func (g *Balance) checkUnits() Stage {
	failed := false
	for k := range g.units {
		if did := g.unit(k).Power; did != g.plan.Units[k].Net() {
			failed = true
			g.offers.Units[k].Tier[Generation] = Fixed(did)
			g.plan.Units[k].Tier = [NumTiers]Power{Generation: did}
		}
	}
	g.closes++
	if !failed || g.missing() == 0 || g.closes > len(g.units)+maxPasses {
		return StageCommit
	}
	return g.closeBooks()
}

// audit adds up the committed readings, independently of the dispatch.
func (g *Balance) audit(env *Env) {
	g.Flows, g.Isolated = Flows{}, g.Isolated[:0]
	for _, a := range g.answers {
		g.Flows.Plus(&a.Flows)
		g.Isolated = append(g.Isolated, a.Isolated...)
	}
	g.Flows.Relief, g.Flows.Kinetic = g.Swing.Relief, g.Swing.Kinetic
	g.Residual = g.Flows.Residual()
	g.events.Reset()
	g.Node.Settle(env, &g.Flows, g.Flows.Import, g.Flows.Export, &g.events)
	for k := range g.events.All() {
		g.Node.Apply(&g.events.All()[k])
		g.fault(BetweenApply)
	}
	g.reportOutcome(env)
}

// reportOutcome passes the outcome of the step to a stateful controller.
func (g *Balance) reportOutcome(env *Env) {
	g.Events = g.Events[:0]
	c, ok := g.Controller.(Stateful)
	if !ok {
		return
	}
	o := &g.outcome
	o.Flows, o.Swing, o.Answers, o.Units = &g.Flows, &g.Swing, g.answers, o.Units[:0]
	for k := range g.units {
		o.Units = append(o.Units, g.unit(k).Power)
	}
	g.Events = c.Settled(env, o, g.Events)
}

// Order is the path of each unit in the order in which they closed the books,
// for a reader who wants to repeat it by hand.
func (g *Balance) Order() (paths []string) {
	for _, k := range g.plan.Order {
		u := g.units[k]
		paths = append(paths, g.rosters[u.community].Units[u.unit].Path)
	}
	return paths
}
