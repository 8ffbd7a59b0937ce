package twins

import "fmt"

// Producer is a dispatchable plant: rated power, least output, ramp, start-up
// time and cost. Commitment over the day belongs to the controller; the plant
// knows what it can do in this step.
var Producer = Declare(Kind{
	Name: "producer", Plural: "producers", Label: "Producer", Role: RoleProducer, Version: 1,
	Schema: producerSchema,
	New:    newProducers,
	Sample: producerSample,
	Events: []*EventType{producerGenerated, producerStarting, producerStarted, producerStopped, eventSet},
	Settings: []Setting{
		{Name: "available", Scale: 1, Max: 1},
		{Name: "rated_w", Scale: int64(Watt), Min: 1, Max: int64(1000 * Gigawatt)},
		{Name: "cost_eur_per_mwh", Scale: 1_000_000, Min: -1e12, Max: 1e12},
	},
	Columns: []Column{ColumnPower, ColumnReason},
})

const producerSchema = `{
  "required": ["rated_w"],
  "properties": {
    "rated_w": {"type": "number", "minimum": 0.001, "maximum": 1e12, "x-changeable": true, "description": "greatest output, W"},
    "min_output": {"type": "number", "minimum": 0, "maximum": 1, "default": 0, "description": "least output while running, as a share of rated_w"},
    "ramp_per_min": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000, "default": 1, "description": "change of output per minute, as a share of rated_w"},
    "start_up_s": {"type": "integer", "minimum": 0, "maximum": 604800, "default": 300, "description": "from the order to start until it generates, s"},
    "cost_eur_per_mwh": {"type": "number", "minimum": -1e6, "maximum": 1e6, "default": 100, "x-changeable": true, "description": "variable cost; cheaper plants run first"},
    "initially": {"enum": ["on", "off"], "default": "on", "description": "state at the start"},
    "available": {"type": "boolean", "default": true, "x-changeable": true, "description": "false: outage"}
  }
}`

type producerSpec struct {
	RatedPower Power   `json:"rated_w"`
	MinOutput  Ratio   `json:"min_output"`
	Ramp       Ratio   `json:"ramp_per_min"`
	StartUp    Seconds `json:"start_up_s"`
	Cost       Price   `json:"cost_eur_per_mwh"`
	Initially  string  `json:"initially"`
	Available  bool    `json:"available"`
}

// plantState is what a plant is doing.
type plantState int64

const (
	plantOff      plantState = 0
	plantStarting plantState = 1
	plantOn       plantState = 2
	// plantFresh is on since before the run: its first output is free of ramps.
	plantFresh plantState = 3
)

type producer struct {
	// Config.
	rated     Power // changeable
	cost      Price // changeable
	available bool  // changeable
	minOutput Ratio
	ramp      Ratio // of rated, per minute
	startUp   Seconds

	state     plantState
	output    Power // 0 ≤ output, mean of the last step
	ready     Tick  // of the end of start-up
	generated Energy
}

var (
	producerGenerated = &EventType{Name: "producer.generated", Fields: []string{"energy_mj", "output_mw"}}
	producerStarting  = &EventType{Name: "producer.starting", Fields: []string{"ready_tick"}, Notable: true}
	producerStarted   = &EventType{Name: "producer.started", Notable: true}
	producerStopped   = &EventType{Name: "producer.stopped", Fields: []string{"output_mw"}, Notable: true}
)

func newProducers(_ *Site, members []Member) (Slab, error) {
	s := NewSlab[producer, *producer](len(members))
	for i, m := range members {
		var spec producerSpec
		if err := decodeSpec(m, &spec); err != nil {
			return nil, err
		}
		state := plantOff
		if spec.Initially == "on" && spec.Available {
			state = plantFresh
		}
		*s.Row(i) = producer{
			rated: spec.RatedPower, cost: spec.Cost, available: spec.Available,
			minOutput: spec.MinOutput, ramp: spec.Ramp, startUp: spec.StartUp, state: state,
		}
	}
	return s, nil
}

// running reports whether the plant can generate in this step.
func (p *producer) running(env *Env) bool {
	switch p.state {
	case plantOn, plantFresh:
		return p.available
	case plantStarting:
		return p.available && env.Tick >= p.ready
	}
	return false
}

// reach is the range of output of a running plant in this step: lo ≤ hi.
func (p *producer) reach(env *Env) (lo, hi Power) {
	least := p.rated.Times(p.minOutput)
	if p.state == plantFresh {
		return least, p.rated
	}
	share, _ := MulDiv(int64(p.ramp), int64(env.Step), 60)
	change := p.rated.Times(min(Ratio(share), One)) // more than all of it is no more
	hi = min(p.rated, max(least, p.output+change))
	lo = min(hi, max(least, p.output-change))
	return lo, hi
}

func (p *producer) Offer(env *Env, out *Flex) {
	out.Cost = p.cost
	if !p.running(env) {
		if p.available && p.state == plantOff {
			out.Startable = max(Milliwatt, p.rated.Times(p.minOutput))
		}
		return
	}
	lo, hi := p.reach(env)
	out.Tier[Generation] = Band{Min: -hi, Ref: -max(lo, min(hi, p.output)), Max: -lo}
}

func (p *producer) Step(env *Env, set *Setpoint, ev *Events, out *Reading) {
	running := p.running(env)
	switch {
	case running && set.Run == Stop, !p.available && p.state != plantOff:
		*ev.Add(producerStopped) = [7]int64{int64(p.output)}
		return
	case p.available && p.state == plantOff && set.Run == Start:
		*ev.Add(producerStarting) = [7]int64{int64(env.Tick) + int64((p.startUp+env.Step-1)/env.Step)}
		return
	case !running:
		return
	}
	if p.state == plantStarting {
		ev.Add(producerStarted)
	}
	lo, hi := p.reach(env)
	out.Generation = max(lo, min(hi, -set.Tier[Generation]))
	out.Power = -out.Generation
	out.Reason = set.Reason
	*ev.Add(producerGenerated) = [7]int64{int64(out.Generation.For(env.Step)), int64(out.Generation)}
}

func (p *producer) Apply(e *Event) {
	switch e.Type {
	case producerGenerated:
		p.generated += Energy(e.V[0])
		p.output, p.state = Power(e.V[1]), plantOn
	case producerStarting:
		p.state, p.ready = plantStarting, Tick(e.V[0])
	case producerStarted:
		p.state, p.output = plantOn, 0
	case producerStopped:
		p.state, p.output = plantOff, 0
	case eventSet:
		switch Producer.Settings[e.V[0]].Name {
		case "available":
			p.available = e.V[1] != 0
		case "rated_w":
			p.rated = Power(e.V[1])
		case "cost_eur_per_mwh":
			p.cost = Price(e.V[1])
		}
	}
	if p.output < 0 {
		panic(fmt.Sprintf("producer: output %d mW", p.output))
	}
}

func (p *producer) Command(_ *Env, c *Command, ev *Events) error {
	return Producer.setEvent(c, func(setting string) int64 {
		switch setting {
		case "rated_w":
			return int64(p.rated)
		case "cost_eur_per_mwh":
			return int64(p.cost)
		}
		return flag(p.available)
	}, ev)
}

func (p *producer) AppendBinary(b []byte) []byte {
	return appendInts(append(b, Producer.Version), int64(p.state), int64(p.output), int64(p.ready),
		int64(p.generated), int64(p.rated), int64(p.cost), flag(p.available))
}

func (p *producer) UnmarshalBinary(b []byte) ([]byte, error) {
	var available int64
	b, err := readInts(b, "producer", Producer.Version, (*int64)(&p.state), (*int64)(&p.output), (*int64)(&p.ready),
		(*int64)(&p.generated), (*int64)(&p.rated), (*int64)(&p.cost), &available)
	p.available = available != 0
	return b, err
}

func producerSample(between func(lo, hi int64) int64) string {
	return fmt.Sprintf(`{"rated_w": %d.%d, "min_output": 0.%02d, "ramp_per_min": 0.%03d, "start_up_s": %d, "cost_eur_per_mwh": %d, "initially": %q, "available": true}`,
		between(1, 50000), between(0, 999), between(0, 99), between(1, 999), between(0, 3600), between(-20, 200), []string{"on", "off"}[between(0, 1)])
}
