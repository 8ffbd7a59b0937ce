package twins

// variable is a unit whose output depends on sun or wind: it offers all of it,
// at its cost, and is held back when nothing else can make room.
type variable struct {
	cost      Price // changeable
	available bool  // changeable

	generated, curtailed Energy // registers
}

// The settings of every such unit, besides its own.
var variableSettings = changeable[variable]{
	yesNo("available", func(v *variable) *bool { return &v.available }),
	number(Setting{Name: "cost_eur_per_mwh", Scale: 1_000_000, Min: -1e12, Max: 1e12}, func(v *variable) *Price { return &v.cost }),
}

// offer offers the available power comes of this step, ≥ 0, if the unit is in
// service.
func (v *variable) offer(comes Power, out *Flex) {
	out.Cost, out.Duty = v.cost, Variable
	comes = v.inService(comes)
	out.Tier[Generation] = Band{Min: -comes, Ref: -comes, Max: 0}
}

// step gives as much of the available power comes as the setpoint asks; t is
// the kind's event with the energy generated and curtailed.
func (v *variable) step(comes Power, env *Env, set *Setpoint, t *EventType, ev *Events, out *Reading) {
	comes = v.inService(comes)
	out.Generation = max(0, min(comes, -set.Tier[Generation]))
	out.Power = -out.Generation
	if out.Curtailed = comes - out.Generation; out.Curtailed > 0 {
		out.Reason = set.Why[Generation]
	}
	*ev.Add(t) = [7]int64{int64(out.Generation.For(env.Step)), int64(out.Curtailed.For(env.Step))}
}

func (v *variable) inService(comes Power) Power {
	if !v.available {
		return 0
	}
	return comes
}

// meter applies the event of step.
func (v *variable) meter(e *Event) {
	v.generated += Energy(e.V[0])
	v.curtailed += Energy(e.V[1])
}
