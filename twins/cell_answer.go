package twins

import "fmt"

// A cell's side of the protocol: its roster, and how an answer is filled.

// Roster is what the grid knows of the community once and for all.
func (c *Cell) Roster() Roster { return c.roster }

// Answer is the last answer of the community. The grid may read it until the next
// Begin.
func (c *Cell) Answer() *Answer { return &c.answer }

// Net is what passes the community's connection point: + import, − export.
func (c *Cell) Net() Power { return c.Flows.Net() }

// makeRoster makes the roster and allocates the answers. members are those of the
// cell.
func (c *Cell) makeRoster(members []CellMember) {
	specs := map[string][]byte{}
	for _, m := range members {
		if m.Kind.Role.Unit() {
			specs[m.Path] = m.Spec
		}
	}
	c.roster.Path = c.Path
	for _, at := range c.units {
		b := c.Blocks[at.Block]
		u := UnitRoster{Path: b.Paths[at.Index], Kind: b.Kind, Spec: specs[b.Paths[at.Index]]}
		if g, ok := b.Slab.(Generator); ok {
			u.Duty = g.Plant(int(at.Index)).Duty
		}
		c.roster.Units = append(c.roster.Units, u)
	}
	for _, b := range c.Blocks {
		if bank, ok := b.Slab.(ConverterBank); ok {
			c.banks = append(c.banks, storeBank{bank, b})
			c.roster.Stores = append(c.roster.Stores, b.Paths...)
		}
	}
	c.answer.Units = make([]UnitAnswer, len(c.roster.Units))
	c.answer.Stores = make([]StoreAnswer, len(c.roster.Stores))
}

// storeBank is a block whose members are stores of the roster.
type storeBank struct {
	ConverterBank
	*Block
}

// Carry takes the cell through one exchange in a plain loop: Begin, an Ask of every
// slot, End. It returns the cell's Answer.
func (c *Cell) Carry(env *Env, ask *Ask, w *Scratch) (*Answer, error) {
	w.Reset() // one cell's notices must not reach the next cell
	if err := c.Begin(env, ask); err != nil {
		return nil, err
	}
	for r := range c.Rounds(ask.Stage) {
		for _, k := range c.Round(ask.Stage, r) {
			for i := range c.Blocks[k].Paths {
				if err := c.Ask(ask.Stage, Slot{k, int32(i)}, env, w); err != nil {
					return nil, err
				}
			}
		}
	}
	c.End(ask.Stage, env, w)
	return &c.answer, nil
}

// takeAsk saves what the answer must repeat of the ask, and puts the units'
// setpoints into their slots.
func (c *Cell) takeAsk(env *Env, ask *Ask) error {
	if ask.Tick != env.Tick {
		return fmt.Errorf("%s: asked for step %d in the world of step %d", c.Path, ask.Tick, env.Tick)
	}
	c.seq, c.converters = ask.Seq, ask.Converters
	if ask.Stage != StageClose {
		return nil
	}
	if len(ask.Units) != len(c.units) {
		return fmt.Errorf("%s: setpoints for %d producers and ties at step %d, wanted %d", c.Path, len(ask.Units), ask.Tick, len(c.units))
	}
	for k, at := range c.units {
		c.Blocks[at.Block].Set[at.Index] = ask.Units[k]
	}
	return nil
}

// respond fills the answer with the results of a stage.
func (c *Cell) respond(s Stage, env *Env) {
	a := &c.answer
	if s == StageOffer { // a step begins
		*a = Answer{Units: a.Units, Stores: a.Stores, Converters: a.Converters[:0]}
	}
	a.Tick, a.Seq, a.Stage = env.Tick, c.seq, s
	switch s {
	case StageOffer:
		a.Flex, a.Burden = c.Flex, c.Burden()
		for k := range a.Units {
			a.Units[k] = UnitAnswer{State: a.Units[k].State[:0]}
			c.offerUnit(k, &a.Units[k])
		}
		c.respondStores(false)
	case StageSettle, StageRevise:
		a.Flex, a.Flows = c.Flex, c.Flows
		c.respondStores(true)
		c.respondConverters(s == StageSettle && c.converters, env)
	case StageClose:
		c.respondUnits()
	case StageCommit:
		a.Flows, a.Isolated = c.Flows, c.Isolated
		c.respondUnits()
		c.respondStores(true)
	}
}

// offerUnit fills the answer of one unit at StageOffer.
func (c *Cell) offerUnit(k int, u *UnitAnswer) {
	b, i := c.Blocks[c.units[k].Block], int(c.units[k].Index)
	well := !b.quarantined[i]
	u.Flex = b.Flex[i]
	switch slab := b.Slab.(type) {
	case Generator:
		u.Plant = slab.Plant(i)
		u.Plant.Available = u.Plant.Available && well
		u.InService = u.Plant.Available
		if u.Plant.Duty == Variable {
			u.State = b.Slab.AppendBinary(i, u.State)
		}
	case Holder:
		u.InService = slab.InService(i) && well
		u.Holds = slab.HoldsFrequency(i) && well
	}
}

// respondUnits fills in what the units do.
func (c *Cell) respondUnits() {
	for k, at := range c.units {
		c.answer.Units[k].Power = c.Blocks[at.Block].Read[at.Index].Power
	}
}

// respondStores fills in which stores are in service and, once they have been asked in
// the step, what they do.
func (c *Cell) respondStores(asked bool) {
	to := c.answer.Stores
	for _, bank := range c.banks {
		for i := range bank.Paths {
			s := &to[i]
			s.InService = bank.InService(i) && !bank.quarantined[i]
			s.Forming = s.InService && bank.Forming(i)
			if s.Power = 0; asked {
				s.Power = bank.Read[i].Storage
			}
		}
		to = to[len(bank.Paths):]
	}
}

// respondConverters fills in what the stores' converters can do within the
// step.
func (c *Cell) respondConverters(wanted bool, env *Env) {
	list := c.answer.Converters[:0]
	if wanted {
		for _, bank := range c.banks {
			for i := range bank.Paths {
				list = append(list, bank.Converter(i, env))
			}
		}
	}
	c.answer.Converters = list
}
