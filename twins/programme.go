package twins

// programme is a machine that a person loads and starts and that then runs a fixed
// programme: washing machine, dishwasher, dryer. Once loaded it may wait by
// agreement, for as long as its owner allows; when it has started it runs to its
// end. A load takes the same energy whenever it runs. What of it has not run when it
// would have ended after the longest wait is unserved: the owner takes the load out.
type programme struct {
	name           string
	trait          trait   // how often it is used, compared with other homes
	loads          Purpose // when it is loaded
	energies       Purpose // the energy of a load
	hours          *profile
	perDay, person float64 // loads a day: perDay + person·occupants
	deviation      float64 // of the logarithm of the loads a day, between homes

	// The programme, phase after phase. A heavy load makes the first one longer:
	// in total by 0 to more, evenly distributed.
	phases []programmePhase
	more   Energy

	least               Energy // of a load
	loaded, queued, ran *EventType
	deferred            *EventType // how the load in the machine has been booked
	takenOut            *EventType // the load in the machine, at its deadline
	upgrades            map[uint8]Upgrade
}

// programmePhase is a part of a programme with one power.
type programmePhase struct {
	power Power // > 0
	time  Seconds
	rest  Energy // of the programme, when the phase is over
}

// The values of loaded: the hour of the load, or −1 if it has waited.
const loadedHour, loadedEnergy, loadedTick = 0, 1, 2

// newProgramme computes the derived fields.
func newProgramme(p programme) *programme {
	for i := len(p.phases) - 1; i >= 0; i-- {
		p.phases[i].rest = p.least
		p.least += p.phases[i].power.For(p.phases[i].time)
	}
	p.loaded = &EventType{Name: p.name + ".loaded", Fields: []string{loadedHour: "hour", loadedEnergy: "energy_j", loadedTick: "tick"}}
	p.queued = &EventType{Name: p.name + ".queued", Fields: []string{"hour"}}
	p.deferred = &EventType{Name: p.name + ".deferred", Fields: []string{"shifted_j", "waiting_j", "reason"}}
	p.takenOut = &EventType{Name: p.name + ".taken_out", Fields: []string{"energy_j", "tick"}}
	p.ran = &EventType{Name: p.name + ".ran", Fields: []string{"drawn_j", "finished"}}
	p.upgrades = map[uint8]Upgrade{1: p.upgrade}
	return &p
}

func (p *programme) chance(h *home) chance {
	return newChance(p.hours, h.often*h.spread(p.trait, p.deviation)*(p.perDay+float64(p.person*h.occupants)))
}

// daily is Wh of an average day.
func (p *programme) daily(h *home) float64 {
	return p.chance(h).perDay() * (p.least + p.more/2).WattHours()
}

// kind is the row of the registry for the programme.
func (p *programme) kind(label string) *PartKind {
	return &PartKind{
		Name: p.name, Label: label, Tier: Flexible, Version: programmeVersion,
		Upgrades: p.upgrades,
		Entry:    appliancesKey,
		Settings: maxWaitSetting.list(),
		Events:   []*EventType{p.loaded, p.queued, p.deferred, p.takenOut, p.ran, eventSet},
		New: func(site *Site, members []Member) (PartSlab, error) {
			s := NewDeferringSlab[programmeRow](len(members))
			for i, m := range members {
				h, err := newHome(site, m)
				if err != nil {
					return nil, err
				}
				*s.Row(i) = programmeRow{
					programme: p, maxWait: Seconds(h.spec.MaxWait), last: -1, own: -1,
					load:     p.chance(h),
					days:     newStream(h.seed, h.key, purposeDay),
					loads:    newStream(h.seed, h.key, p.loads),
					energies: newStream(h.seed, h.key, p.energies),
				}
			}
			return s, nil
		},
	}
}

// draws is the energy that a running machine draws in t when it still has to
// draw owed.
func (p *programme) draws(owed Energy, t Seconds) (drawn Energy) {
	left := int64(t) * 1000 // ms
	for i := range p.phases {
		ph := &p.phases[i]
		part := owed - ph.rest
		if part <= 0 {
			continue
		}
		if can := Energy(int64(ph.power) * left / 1000); can < part {
			return drawn + can
		}
		drawn += part
		owed = ph.rest
		left -= (int64(part)*1000 + int64(ph.power) - 1) / int64(ph.power)
		if left <= 0 {
			break
		}
	}
	return drawn
}

// programmeRow is one home's machine.
type programmeRow struct {
	*programme
	load                  chance
	days, loads, energies stream

	maxWait Seconds // changeable; a load in the machine keeps the one with which it was put in
	last    int64   // hour of the last load; −1 before the first
	count   int64   // loads that have been in the machine
	stage   machineStage
	since   Tick // of the load in the machine
	// owed is what the load in the machine still has to draw. The remainder of an
	// idle machine, less than a milliwatt over one step, is carried to the next
	// load.
	owed    Energy
	waiting int64 // loads that wait until the machine is free

	machineAccount
	own Seconds // the load's longest wait, if max_wait_h has been changed since; −1: maxWait
}

// machineAccount is how the load in a machine has been booked: 0 ≤ shifted, late ≤ owed.
type machineAccount struct {
	shifted Energy // as shifted, as a whole; 0 if not
	late    Energy // as waiting: it cannot be drawn by the load's deadline any more
	why     int64  // the Reason why it was last held back
}

// open is what is booked as shifted and still to be drawn of a load that has to draw owed.
func (a *machineAccount) open(owed Energy) Energy { return min(a.shifted, max(0, owed-a.late)) }

// machineStage is what a machine is doing.
type machineStage int64

const (
	idle    machineStage = iota
	loaded               // and waiting to start
	running              // to its end
)

// next is the first load after hour `after` that falls into the step, and the
// second at which it is put in.
func (r *programmeRow) next(c *clock, after int64) (hour, second int64, ok bool) {
	for n := max(c.hourAt(c.from), after+1); n*3600 < c.to; n++ {
		if bits, ok := r.load.happens(c, r.days, r.loads, n); ok {
			if at := begin(n, bits); at >= c.from && at < c.to {
				return n, at, true
			}
		}
	}
	return 0, 0, false
}

// energy is the energy of load number load.
func (r *programmeRow) energy(load int64) Energy {
	e, _ := MulDiv(int64(r.more), int64(r.energies.draw(load)>>32), 1<<32)
	return r.least + Energy(e)
}

func (r *programmeRow) Offer(env *Env) Band {
	c := env.clock()
	owed, t, since := r.owed, env.Step, r.since
	if r.stage == idle {
		_, second, ok := r.next(&c, r.last)
		if !ok {
			return Band{}
		}
		owed, t, since = owed+r.energy(r.count), Seconds(c.to-second), env.Tick
	}
	p, _ := r.draws(owed, t).Over(env.Step)
	if r.stage != running && Seconds(env.Tick+1-since)*env.Step <= r.longestWait() {
		return Band{Min: 0, Ref: p, Max: p}
	}
	return Fixed(p)
}

// Step begins as late in the step as it can while drawing p, if it may wait; a
// running machine that is given less is delayed by that. A load that waits for
// the machine can start with the step after.
func (r *programmeRow) Step(env *Env, p Power, ev *Events) Power {
	c := env.clock()
	hour, second, ok := r.next(&c, r.last)
	owed, count, waiting, t := r.owed, r.count, r.waiting, env.Step
	if r.stage == idle {
		if !ok {
			return 0
		}
		*ev.Add(r.loaded) = [7]int64{loadedHour: hour, loadedEnergy: int64(r.energy(count)), loadedTick: int64(env.Tick)}
		owed, count, t = owed+r.energy(count), count+1, Seconds(c.to-second)
		hour, _, ok = r.next(&c, hour)
	}
	for ; ok; hour, _, ok = r.next(&c, hour) {
		*ev.Add(r.queued) = [7]int64{hour}
		waiting++
	}
	most, _ := r.draws(owed, t).Over(env.Step)
	if p = max(0, min(p, most)); p == 0 {
		return 0
	}
	owed -= p.For(env.Step)
	finished := owed < Energy(env.Step)
	*ev.Add(r.ran) = [7]int64{int64(p.For(env.Step)), flag(finished)}
	if finished && waiting > 0 {
		*ev.Add(r.loaded) = [7]int64{loadedHour: -1, loadedEnergy: int64(r.energy(count)), loadedTick: int64(env.Tick) + 1}
	}
	return p
}

// longestWait is that of the load in the machine, or of the next one.
func (r *programmeRow) longestWait() Seconds {
	if r.own >= 0 {
		return r.own
	}
	return r.maxWait
}

// deadline is the first step after the load's longest wait and its programme: a load that
// was put in since, of an energy, has run by its start at the latest.
func (r *programmeRow) deadline(since Tick, load Energy, step Seconds) Tick {
	longest := Seconds(0)
	for i := range r.phases {
		longest += r.phases[i].time
	}
	longer := load - r.least // of the first phase
	longest += Seconds((int64(longer) + int64(r.phases[0].power) - 1) / int64(r.phases[0].power))
	wait := Tick(r.longestWait() / step)
	if wait == 0 {
		wait = 1 // it begins within a step
	}
	return since + wait + Tick((longest+step-1)/step)
}

// Defer implements Deferrer. A load that has not begun is shifted as a whole, once; one that
// begins late in its step, by what it would have drawn until the step's end.
func (r *programmeRow) Defer(env *Env, b Band, did Power, why Reason, ev *Events) (d Deferral) {
	owed, since, load := r.owed, r.since, int64(r.count-1)
	if r.stage == idle {
		if b.Max == 0 {
			return d
		}
		load++
		owed, since = owed+r.energy(load), env.Tick
	}
	next := machineAccount{r.shifted, r.late, r.why}
	shifted := next.open(owed) // and not drawn yet
	if did < b.Ref && why != NoReason {
		next.why = int64(why)
	}
	if why.Agreed() && next.shifted == 0 && did < b.Ref && b.Min < b.Ref {
		if d.Shifted = b.Ref - did; did == 0 {
			d.Shifted, _ = owed.Over(env.Step)
			next.shifted = d.Shifted.For(env.Step)
			shifted = next.shifted
		} else { // what the programme runs later for it is drawn without another choice
			d.CaughtUp = d.Shifted.For(env.Step)
		}
	}
	owed -= did.For(env.Step)
	by := r.deadline(since, r.energy(load), env.Step)
	due := env.Tick+1 >= by
	lacks := owed
	if !due {
		lacks -= r.draws(owed, Seconds(by-env.Tick-1)*env.Step)
	}
	more, _ := max(0, lacks-next.late).Over(env.Step)
	back, _ := min(more.For(env.Step), next.shifted).Over(env.Step)
	d.Shifted -= back
	next.shifted -= back.For(env.Step)
	next.late += more.For(env.Step)
	still := next.open(owed)
	if due || did > 0 && owed < Energy(env.Step) { // taken out, or finished
		still = 0
	}
	gone := shifted - back.For(env.Step) - still
	caught := min(gone, did.For(env.Step))
	d.CatchUp.Plus(CatchUp{caught, gone - caught})
	if due {
		d.Unserved, _ = owed.Over(env.Step)
	} else {
		d.Waiting, d.Waits = more, next.late
	}
	d.Reason = Reason(next.why)
	if d.Unserved > 0 { // the next load begins its own account
		*ev.Add(r.takenOut) = [7]int64{int64(d.Unserved.For(env.Step)), int64(env.Tick)}
		return d
	}
	if next != r.machineAccount {
		*ev.Add(r.deferred) = [7]int64{int64(next.shifted), int64(next.late), next.why}
	}
	return d
}

func (r *programmeRow) Apply(e *Event) {
	switch e.Type {
	case r.loaded:
		if hour := e.V[loadedHour]; hour >= 0 {
			r.last = hour
		} else {
			r.waiting--
		}
		r.owed += Energy(e.V[loadedEnergy])
		r.count++
		r.since = Tick(e.V[loadedTick])
		r.enter(loaded)
	case r.queued:
		r.last = e.V[0]
		r.waiting++
	case r.deferred:
		r.machineAccount = machineAccount{Energy(e.V[0]), Energy(e.V[1]), e.V[2]}
	case r.takenOut:
		r.owed -= Energy(e.V[0])
		r.enter(idle)
		if r.waiting > 0 {
			r.Apply(&Event{Type: r.loaded, V: [7]int64{loadedHour: -1, loadedEnergy: int64(r.energy(r.count)), loadedTick: e.V[1] + 1}})
		}
	case r.ran:
		r.owed -= Energy(e.V[0])
		if r.stage = running; e.V[1] != 0 {
			r.enter(idle)
		}
	case eventSet:
		if r.stage != idle && r.own < 0 {
			r.own = r.maxWait
		}
		maxWaitSetting.apply(r, e)
	}
}

// enter puts the machine into a stage in which its account begins anew.
func (r *programmeRow) enter(s machineStage) {
	r.stage, r.machineAccount, r.own = s, machineAccount{}, -1
}

func (r *programmeRow) Command(_ *Env, c *Command, ev *Events) error {
	return maxWaitSetting.command(r, c, ev)
}

// programmeVersion is that of the stored form of a machine.
const programmeVersion = 2

// AppendBinary writes version 1 while it says as much: for a load that has not been held back.
func (r *programmeRow) AppendBinary(b []byte) []byte {
	if r.machineAccount == (machineAccount{}) && r.own < 0 {
		return appendInts(append(b, 1), r.last, r.count, int64(r.stage), int64(r.since), int64(r.owed), r.waiting, 0, int64(r.maxWait))
	}
	return r.appendNewest(b)
}

func (r *programmeRow) appendNewest(b []byte) []byte {
	return appendInts(append(b, programmeVersion), r.last, r.count, int64(r.stage), int64(r.since), int64(r.owed), r.waiting, int64(r.maxWait),
		int64(r.shifted), int64(r.late), r.why, int64(r.own))
}

// UnmarshalBinary reads every version.
func (r *programmeRow) UnmarshalBinary(b []byte) ([]byte, error) {
	return restoreState(b, r.upgrades, r.readNewest)
}

func (r *programmeRow) readNewest(b []byte) ([]byte, error) {
	return readInts(b, r.name, programmeVersion, &r.last, &r.count, (*int64)(&r.stage), (*int64)(&r.since), (*int64)(&r.owed), &r.waiting, (*int64)(&r.maxWait),
		(*int64)(&r.shifted), (*int64)(&r.late), &r.why, (*int64)(&r.own))
}

// upgrade reads version 1, which had a mark for a load that is booked as shifted.
func (p *programme) upgrade(b []byte) (upgraded, rest []byte, err error) {
	r := programmeRow{own: -1}
	var shifted int64
	rest, err = readInts(b, p.name, 1, &r.last, &r.count, (*int64)(&r.stage), (*int64)(&r.since), (*int64)(&r.owed), &r.waiting, &shifted, (*int64)(&r.maxWait))
	if shifted != 0 {
		r.shifted = r.owed
	}
	return r.appendNewest(nil), rest, err
}

// owes implements debtor. A load in the machine may have been held back without an agreement:
// an earlier model has not said so.
func (r *programmeRow) owes() bool { return r.stage != idle }

func (r *programmeRow) stillShifted() Energy { return r.open(r.owed) }
