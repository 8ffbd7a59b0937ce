package twins

import (
	"errors"
	"fmt"
	"strings"
)

// Producer is a dispatchable plant: rated power, least output, ramp, start-up by
// how cold it has become, least times on and off, cost, and, for hydro, its water.
// Commitment over the day belongs to the controller; the plant knows what it can
// do in this step.
//
// An order to start is refused until min_down_s have passed since it stopped.
// Until min_up_s have passed since it started it offers as Committed: an order to
// stop it is then an emergency; it is obeyed, and its event says how much time was
// missing.
var Producer = Declare(Kind{
	Name: "producer", Plural: "producers", Label: "Producer", Role: RoleProducer, Version: 1,
	Schema:   producerSchema,
	New:      newProducers,
	Sample:   producerSample,
	Events:   []*EventType{producerGenerated, producerStarting, producerStarted, producerStopped, producerFlowed, producerFixed, eventSet},
	Settings: producerSettings.list(),
	Columns:  []Column{ColumnPower, ColumnReason},
	// state is what the plant is doing at the end of the step.
	Gauges: []Gauge{{Name: "state", Label: "State", Words: []string{PlantOff: "off", PlantStarting: "starting", PlantOn: "on"}},
		gaugeRoom, gaugeAfterStart, gaugeWater},
})

var producerSettings = append(changeable[producer]{
	yesNo("available", func(p *producer) *bool { return &p.available }),
	number(Setting{Name: "rated_w", Scale: int64(Watt), Min: 1, Max: int64(1000 * Gigawatt)}, func(p *producer) *Power { return &p.rated }),
	number(Setting{Name: "cost_eur_per_mwh", Scale: 1_000_000, Min: -1e12, Max: 1e12}, func(p *producer) *Price { return &p.cost }),
}, inside(handSettings, func(p *producer) *handRow { return &p.handRow })...)

// Keys without a default here have one by technology; see technologies.
var producerSchema = `{
  "required": ["rated_w"],
  "properties": {
    "technology": {"enum": ["` + strings.Join(technologyNames(), `", "`) + `"], "description": "gives the keys below that are not set; without it a plant without minimum that starts in 300 s, runs through its whole range in a minute and costs 100 €/MWh"},
    "rated_w": {"type": "number", "minimum": 0.001, "maximum": 1e12, "x-changeable": true, "description": "greatest output, W"},
    "min_output": {"type": "number", "minimum": 0, "maximum": 1, "description": "least output while running, as a share of rated_w"},
    "ramp_per_min": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000, "description": "change of output per minute, as a share of rated_w"},
    "start_up_s": {"type": "integer", "minimum": 0, "maximum": 604800, "description": "from the order to start until it generates, s; while still hot, and, where the two below are not set, warm and cold as well"},
    "start_up_warm_s": {"type": "integer", "minimum": 0, "maximum": 604800, "description": "the same once it is warm, s"},
    "start_up_cold_s": {"type": "integer", "minimum": 0, "maximum": 604800, "description": "the same once it is cold, s"},
    "warm_after_s": {"type": "integer", "minimum": 0, "maximum": 31536000, "description": "time since it stopped after which it is warm, no longer hot, s"},
    "cold_after_s": {"type": "integer", "minimum": 0, "maximum": 31536000, "description": "time since it stopped after which it is cold, s"},
    "min_down_s": {"type": "integer", "minimum": 0, "maximum": 31536000, "description": "from stopping until it may be ordered to start, s"},
    "min_up_s": {"type": "integer", "minimum": 0, "maximum": 31536000, "description": "from starting until it may be stopped except in an emergency, s"},
    "cost_eur_per_mwh": {"type": "number", "minimum": -1e6, "maximum": 1e6, "x-changeable": true, "description": "variable cost; cheaper plants run first"},
    "start_up_cost_eur": {"type": "number", "minimum": 0, "maximum": 1e9, "description": "of one start, wear and maintenance, without the plant's fuel, €; while still hot, and, where the two below are not set, warm and cold as well"},
    "start_up_cost_warm_eur": {"type": "number", "minimum": 0, "maximum": 1e9, "description": "the same once it is warm, €"},
    "start_up_cost_cold_eur": {"type": "number", "minimum": 0, "maximum": 1e9, "description": "the same once it is cold, €"},
    "inertia_s": {"type": "number", "minimum": 0, "maximum": 100, "description": "inertia constant H on its own rating, s"},
    "co2_direct_g_per_kwh": {"type": "number", "minimum": 0, "maximum": 100000, "description": "from its chimney"},
    "co2_life_cycle_g_per_kwh": {"type": "number", "minimum": 0, "maximum": 100000, "description": "with fuel supply, building and leaks, as CO2 equivalent"},
    "inflow_w": {"type": "number", "minimum": 0, "maximum": 1e12, "description": "power that the water gives which arrives on average, W: what it can hold for ever; without it there is always enough"},
    "reservoir_wh": {"type": "number", "minimum": 0, "maximum": 1e12, "description": "energy of the water that can wait above it, Wh; without it 0"},
    "initial_fill": {"type": "number", "minimum": 0, "maximum": 1, "description": "of the reservoir at the start; without it 0.5"},
    "initially": {"enum": ["on", "off"], "default": "on", "description": "state at the start; off is cold"},` + handSchema + `,
    "available": {"type": "boolean", "default": true, "x-changeable": true, "description": "false: outage"}
  }
}`

type producerSpec struct {
	Technology   string   `json:"technology"`
	RatedPower   Power    `json:"rated_w"`
	MinOutput    *Ratio   `json:"min_output"`
	Ramp         *Ratio   `json:"ramp_per_min"`
	StartUp      *Seconds `json:"start_up_s"`
	StartUpWarm  *Seconds `json:"start_up_warm_s"`
	StartUpCold  *Seconds `json:"start_up_cold_s"`
	WarmAfter    *Seconds `json:"warm_after_s"`
	ColdAfter    *Seconds `json:"cold_after_s"`
	MinDown      *Seconds `json:"min_down_s"`
	MinUp        *Seconds `json:"min_up_s"`
	Cost         *Price   `json:"cost_eur_per_mwh"`
	StartCost    *Money   `json:"start_up_cost_eur"`
	StartWarm    *Money   `json:"start_up_cost_warm_eur"`
	StartCold    *Money   `json:"start_up_cost_cold_eur"`
	Inertia      *milli   `json:"inertia_s"`
	CO2Direct    *milli   `json:"co2_direct_g_per_kwh"`
	CO2LifeCycle *milli   `json:"co2_life_cycle_g_per_kwh"`
	Inflow       *Power   `json:"inflow_w"`
	Reservoir    *Energy  `json:"reservoir_wh"`
	InitialFill  *Ratio   `json:"initial_fill"`
	Initially    string   `json:"initially"`
	Available    bool     `json:"available"`
	handSpec
}

// milli is a number in thousandths: seconds as ms, grams as mg.
type milli int64

func (m *milli) UnmarshalJSON(b []byte) error { return unmarshalScaled((*int64)(m), b, 1000) }

// heat is how cold a plant has become since it stopped.
type heat int

const (
	hot heat = iota
	warm
	cold
	heats
)

// technology is what plants of one kind have in common.
type technology struct {
	name              string
	minOutput, ramp   Ratio // of rated; ramp per minute
	startUp           [heats]Seconds
	warmAfter         Seconds // since it stopped: hot before
	coldAfter         Seconds // warm before
	minDown, minUp    Seconds
	cost              Price
	inertia           milli        // s on its own rating
	direct, lifeCycle milli        // g CO2 per kWh
	startCost         [heats]Money // per MW of rating; of a plant: for all of it, whatever its rating becomes
}

const (
	percent       = One / 100
	euro    Price = 1_000_000 // per MWh
	minute        = Seconds(60)
	hour          = Seconds(3600)
)

// technologies are the defaults of the key technology.
//
// Sources. [R] RTS-GMLC (NREL for DOE, gen.csv): its units of 155 MW (coal), 355
// MW (combined cycle), 55 MW (gas turbine), 20 MW (oil turbine), 400 MW (nuclear).
// Its "Start Time Hot/Warm/Cold" are times since shutdown until the plant is in
// that state: warm_after_s and cold_after_s, not lengths of a start. Direct CO2 is
// its lb/MMBTU × heat rate at full load, 1 lb = 453.592 g; for gas engines that of
// the gas turbine. [E] ENTSO-E's inertia constants by generation type (2020).
// [I] medians of IPCC AR5 WG III annex III (oil: SRREN 2011): classes of newer
// plants than RTS's, so that coal's is below its direct figure; open-cycle gas,
// which it lacks, is its combined cycle times the heat rates, 9,710 ÷ 7,057;
// biogas is its dedicated biomass. [U] European Utility Requirements: 50 to 100 %,
// 3 % per minute at least. [A] assumed, in the ranges of Agora Energiewende (2017),
// Flexibility in thermal power plants, for plants in common use; costs in the
// order of Germany in 2024: gas 34, coal 15, lignite 6 €/MWh of heat, CO2 65 €/t,
// with RTS's coal at 0.31. Lignite's direct figure is 101 kg/GJ (IPCC 2006) at 0.34.
//
// Start costs. Kumar et al. 2012, Power plant cycling costs (NREL/SR-5500-55433),
// table 1-1: medians of the typical lower bounds of what a start costs in capital
// and maintenance, $ of 2011 per MW of capacity, without fuel. A dollar of 2011 is
// taken as one euro (0.72 € of 2011, about 0.95 € at the prices of 2024). Coal: its
// small subcritical units, 35 to 299 MW, like RTS's; at the median a cold start of
// these is cheaper than a warm one. Lignite: large subcritical ones, the nearest
// in it. Gas turbine and oil: aeroderivatives, by the size of RTS's. Engines are
// not in it: aeroderivatives' [A]. Nuclear is not in it: 210 for any start [A],
// which is PowerGenome's default for a cold one. The cold column was compared with
// PowerGenome's copy of it; hot and warm, and hydro, are not checked against the page yet.
// Hydro: about 3 $/MW (Nilsson and Sjelvgren 1997, Hydro unit start-up costs).
var technologies = []technology{
	{"coal", // [R] but for starts [A], cost [A], life cycle [I]
		40 * percent, 19 * percent / 10, [heats]Seconds{3 * hour, 6 * hour, 10 * hour}, 11 * hour, 60 * hour, 8 * hour, 8 * hour,
		124 * euro, 3000, 1066_000, 820_000, eurosPerMW(94, 157, 147)},
	{"lignite", // [A]; times since shutdown, up and down as coal [R]; H [E]; life cycle [I], coal's
		50 * percent, 1 * percent, [heats]Seconds{5 * hour, 8 * hour, 10 * hour}, 11 * hour, 60 * hour, 8 * hour, 8 * hour,
		87 * euro, 3800, 1069_000, 820_000, eurosPerMW(59, 65, 105)},
	{"gas_engine", // [A]
		40 * percent, 20 * percent, [heats]Seconds{5 * minute, 5 * minute, 5 * minute}, 0, 0, 0, 0,
		134 * euro, 1500, 520_000, 674_000, eurosPerMW(19, 24, 32)},
	{"gas_turbine", // [R] but for starts [A], cost [A], H [E], life cycle [I]
		40 * percent, 67 * percent / 10, [heats]Seconds{10 * minute, 10 * minute, 10 * minute}, 45 * minute, 60 * minute, 132 * minute, 132 * minute,
		134 * euro, 4200, 520_000, 674_000, eurosPerMW(19, 24, 32)},
	{"combined_cycle", // [R] but for starts [A], cost [A], H [E], life cycle [I]
		48 * percent, 12 * percent / 10, [heats]Seconds{75 * minute, 2 * hour, 210 * minute}, 1 * hour, 2 * hour, 270 * minute, 8 * hour,
		85 * euro, 4200, 378_000, 490_000, eurosPerMW(35, 55, 79)},
	{"nuclear", // minimum and ramp [U], up and down [R], starts [A], cost [A], H [E], life cycle [I]
		50 * percent, 3 * percent, [heats]Seconds{24 * hour, 36 * hour, 72 * hour}, 24 * hour, 72 * hour, 48 * hour, 24 * hour,
		10 * euro, 5900, 0, 12_000, eurosPerMW(210, 210, 210)},
	{"hydro", // ramp [R], start [A], cost [A], H [E] run of river, life cycle [I]
		0, 100 * percent, [heats]Seconds{2 * minute, 2 * minute, 2 * minute}, 0, 0, 0, 0,
		5 * euro, 2700, 0, 24_000, eurosPerMW(3, 3, 3)},
	{"biogas", // [A]; its carbon was in the air: direct 0; life cycle [I]
		50 * percent, 20 * percent, [heats]Seconds{5 * minute, 5 * minute, 5 * minute}, 0, 0, 0, 0,
		95 * euro, 1500, 0, 230_000, eurosPerMW(19, 24, 32)},
	{"oil", // [R] but for start [A], cost [A], H [E], life cycle [I]
		40 * percent, 15 * percent, [heats]Seconds{10 * minute, 10 * minute, 10 * minute}, 0, 1 * hour, 1 * hour, 1 * hour,
		300 * euro, 4300, 806_000, 840_000, eurosPerMW(19, 24, 32)},
}

func eurosPerMW(hot, warm, cold Money) [heats]Money {
	return [heats]Money{hot * Euro, warm * Euro, cold * Euro}
}

// anyPlant is the defaults of a plant without a technology.
var anyPlant = technology{ramp: One, startUp: [heats]Seconds{300, 300, 300}, cost: 100 * euro}

// Renewable reports whether a technology of plants, or of a market's mix, is renewable.
func Renewable(technology string) bool {
	switch technology {
	case "hydro", "biogas", "biomass", "geothermal", "wind_onshore", "wind_offshore", "solar_roof", "solar_park":
		return true
	}
	return false
}

func technologyNames() (names []string) {
	for i := range technologies {
		names = append(names, technologies[i].name)
	}
	return names
}

// set overwrites the technology's defaults with what an entry says, and
// checks the values against each other.
func (t *technology) set(s *producerSpec) error {
	override(&t.minOutput, s.MinOutput)
	override(&t.ramp, s.Ramp)
	if s.StartUp != nil {
		t.startUp = [heats]Seconds{*s.StartUp, *s.StartUp, *s.StartUp}
	}
	override(&t.startUp[warm], s.StartUpWarm)
	override(&t.startUp[cold], s.StartUpCold)
	override(&t.warmAfter, s.WarmAfter)
	override(&t.coldAfter, s.ColdAfter)
	override(&t.minDown, s.MinDown)
	override(&t.minUp, s.MinUp)
	override(&t.cost, s.Cost)
	override(&t.inertia, s.Inertia)
	t.setStartCost(s)
	override(&t.direct, s.CO2Direct)
	override(&t.lifeCycle, s.CO2LifeCycle)
	switch {
	case t.minOutput > One:
		return fmt.Errorf("min_output %v: its minimum of %v W exceeds its rating of %v W",
			t.minOutput.Float(), s.RatedPower.Times(t.minOutput).Watts(), s.RatedPower.Watts())
	case t.startUp[warm] < t.startUp[hot]:
		return fmt.Errorf("start_up_warm_s %d is below start_up_s %d", t.startUp[warm], t.startUp[hot])
	case t.startUp[cold] < t.startUp[warm]:
		return fmt.Errorf("start_up_cold_s %d is below the %d s of a warm start", t.startUp[cold], t.startUp[warm])
	case t.coldAfter < t.warmAfter:
		return fmt.Errorf("cold_after_s %d is below warm_after_s %d", t.coldAfter, t.warmAfter)
	case s.Inflow == nil && s.Reservoir != nil:
		return errors.New("reservoir_wh: wanted only beside inflow_w")
	case s.Reservoir == nil && s.InitialFill != nil:
		return errors.New("initial_fill: wanted only beside reservoir_wh")
	}
	return nil
}

// setStartCost computes what starts cost this plant from the cost per MW, and
// overwrites it with what the entry states.
func (t *technology) setStartCost(s *producerSpec) {
	for h := range t.startCost {
		cost, _ := MulDiv(int64(t.startCost[h]), int64(s.RatedPower), int64(Megawatt))
		t.startCost[h] = Money(cost)
	}
	if s.StartCost != nil {
		t.startCost = [heats]Money{*s.StartCost, *s.StartCost, *s.StartCost}
	}
	override(&t.startCost[warm], s.StartWarm)
	override(&t.startCost[cold], s.StartCold)
}

// override overwrites a value with a stated one.
func override[T any](v *T, stated *T) {
	if stated != nil {
		*v = *stated
	}
}

// PlantState is what a plant is doing. The numbers are on disk for ever.
type PlantState int64

// States of plants.
const (
	PlantOff      PlantState = 0
	PlantStarting PlantState = 1
	PlantOn       PlantState = 2
	// plantFresh has been on since before the run: its first output is free of ramps.
	plantFresh PlantState = 3
)

type producer struct {
	technology        // config, but for cost
	rated      Power  // changeable; and so is cost
	available  bool   // changeable
	handRow           // changeable
	limited    bool   // by water
	inflow     Power  // of water, ≥ 0
	reservoir  Energy // ≥ 0

	state     PlantState
	output    Power // 0 ≤ output, mean of the last step
	since     Tick  // on: since then; off: since then; starting: until then
	generated Energy
	water     Energy // 0 ≤ water ≤ reservoir
	spilled   Energy // register: water that the full reservoir could not take
}

// longAgo is the tick since which a plant has been on or off when the run begins.
const longAgo Tick = -1 << 40

var (
	producerGenerated = &EventType{Name: "producer.generated", Fields: []string{generatedEnergy: "energy_j", generatedOutput: "output_w"}}
	producerStarting  = &EventType{Name: "producer.starting", Fields: []string{startingReady: "ready_tick", startingHeat: "heat"}, Notable: true}
	producerStarted   = &EventType{Name: "producer.started", Fields: []string{"tick"}, Notable: true}
	// early_s is the rest of min_up_s.
	producerStopped = &EventType{Name: "producer.stopped", Fields: []string{stoppedOutput: "output_w", stoppedTick: "tick", stoppedEarly: "early_s"}, Notable: true,
		Alert: &Alert{Rule: "unit.stopped_early", Severity: "warning", Text: "a plant was stopped before it had run for its least time", Exact: true,
			When: func(e *Event) bool { return e.V[stoppedEarly] > 0 }}}
	producerFlowed = &EventType{Name: "producer.flowed", Fields: []string{flowedWater: "water_j", flowedSpilled: "spilled_j"}}
)

// The values of a plant's events.
const (
	generatedEnergy, generatedOutput         = 0, 1
	startingReady, startingHeat              = 0, 1
	stoppedOutput, stoppedTick, stoppedEarly = 0, 1, 2
	flowedWater, flowedSpilled               = 0, 1
	fixedOutput, fixedEnd                    = 0, 1
)

func newProducers(site *Site, members []Member) (Slab, error) {
	s := &producers{NewSlab[producer, *producer](len(members))}
	for i, m := range members {
		var spec producerSpec
		if err := decodeSpec(m, &spec); err != nil {
			return nil, err
		}
		if err := s.Row(i).init(site, &spec); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
	}
	return s, nil
}

func (p *producer) init(site *Site, spec *producerSpec) error {
	*p = producer{technology: anyPlant, rated: spec.RatedPower, available: spec.Available, since: longAgo}
	for i := range technologies {
		if technologies[i].name == spec.Technology {
			p.technology = technologies[i]
		}
	}
	if p.name != spec.Technology {
		return fmt.Errorf("technology: %q is unknown, wanted one of: %s", spec.Technology, strings.Join(technologyNames(), ", "))
	}
	if err := p.set(spec); err != nil {
		return err
	}
	p.handRow.init(&spec.handSpec, site.Step)
	if spec.Initially == "on" && spec.Available {
		p.state = plantFresh
	}
	if spec.Inflow != nil {
		fill := One / 2
		override(&p.inflow, spec.Inflow)
		override(&p.reservoir, spec.Reservoir)
		override(&fill, spec.InitialFill)
		p.limited, p.water = true, p.reservoir.Times(fill)
	}
	return nil
}

// Plant describes a generator to others than the dispatch: a planner needs what
// it can do and what it is doing, a model of frequency its inertia, a ledger its
// carbon.
type Plant struct {
	Duty             Duty  // Variable: wind and sun, which no plan starts or stops
	Rated, MinOutput Power // MinOutput: least while running
	Ramp             Power // per minute
	// Firm is what it can hold for ever: Rated, or less where water is short; wind and
	// sun are not firm. Water is the stored energy beyond that, Reservoir the room for
	// it.
	Firm             Power
	Water, Reservoir Energy

	Cost Price
	// By heat: hot, warm from WarmAfter on, cold from ColdAfter on, counted from
	// when it stopped to the order.
	StartUp              [heats]Seconds
	StartCost            [heats]Money
	WarmAfter, ColdAfter Seconds
	MinUp, MinDown       Seconds

	Available bool
	State     PlantState
	Since     Tick  // on or off since then, far below 0 if that was before the run; starting: ready then
	Output    Power // mean of the last step, ≥ 0

	// The manager's handRow: Fixed is 0 where the output is not fixed.
	Order      PlantOrder
	Fixed      Power
	FixedUntil Tick
	Sold       Power

	Inertia                 int64 // H in ms, on Rated
	CO2Direct, CO2LifeCycle int64 // mg/kWh
}

// Follow updates the state by a notable event of the plant, for callers that have
// its events but not the plant.
func (p *Plant) Follow(e *Event) {
	switch e.Type {
	case producerStarting:
		p.State, p.Since = PlantStarting, Tick(e.Field("ready_tick"))
	case producerStarted:
		p.State, p.Since = PlantOn, Tick(e.Field("tick"))
	case producerStopped:
		p.State, p.Since, p.Output = PlantOff, Tick(e.Field("tick")), 0
	}
}

// heatNames are the names of heats.
var heatNames = [heats]string{"hot", "warm", "cold"}

// Start is the duration of a start that is ordered after the plant has been off for
// so long, and how cold it has become by then: hot, warm or cold.
func (p *Plant) Start(off Seconds) (takes Seconds, heat string) {
	h := heatAfter(off, p.WarmAfter, p.ColdAfter)
	return p.StartUp[h], heatNames[h]
}

// Generator is a slab that describes its plants.
type Generator interface{ Plant(i int) Plant }

// Handed is a slab of plants that follow the manager's orders.
type Handed interface{ Hand(i int) Hand }

// Technologist is a slab whose members may have a technology, such as coal, by which their
// production is reported.
type Technologist interface {
	// Technology of member i; "" if its entry names none.
	Technology(i int) string
}

// producers is the slab.
type producers struct{ *SlabOf[producer, *producer] }

// Technology implements Technologist.
func (s *producers) Technology(i int) string { return s.Row(i).technology.name }

// Plant implements Generator.
func (s *producers) Plant(i int) Plant {
	p := s.Row(i)
	plant := Plant{
		Rated: p.rated, MinOutput: p.rated.Times(p.minOutput), Ramp: p.rated.Times(p.ramp), Firm: p.rated,
		Cost: p.cost, StartUp: p.startUp, StartCost: p.startCost, WarmAfter: p.warmAfter, ColdAfter: p.coldAfter,
		MinUp: p.minUp, MinDown: p.minDown,
		Available: p.available, State: p.state, Since: p.since, Output: p.output,
		Inertia: int64(p.inertia), CO2Direct: int64(p.direct), CO2LifeCycle: int64(p.lifeCycle),
	}
	plant.Order, plant.Fixed, plant.FixedUntil, plant.Sold = PlantOrder(p.order), p.fixed, p.until, p.rated.Times(p.sold)
	if p.state == plantFresh {
		plant.State = PlantOn
	}
	if p.limited {
		plant.Firm, plant.Water, plant.Reservoir = min(p.rated, p.inflow), p.water, p.reservoir
	}
	return plant
}

// Hand implements Handed.
func (s *producers) Hand(i int) Hand {
	p := s.Row(i)
	return Hand{PlantOrder(p.order), p.fixed, p.until, p.sold}
}

// running reports whether the plant can generate in this step.
func (p *producer) running(env *Env) bool {
	switch p.state {
	case PlantOn, plantFresh:
		return p.available
	case PlantStarting:
		return p.available && env.Tick >= p.since
	}
	return false
}

// startable reports whether an order to start would be followed.
func (p *producer) startable(env *Env) bool {
	return p.available && p.state == PlantOff && p.elapsed(env) >= p.minDown
}

// elapsed is the time for which the plant has been on or off.
func (p *producer) elapsed(env *Env) Seconds { return Seconds(env.Tick-p.since) * env.Step }

// stillUp is how much longer the plant has to run before it may be stopped.
func (p *producer) stillUp(env *Env) Seconds {
	if p.state == PlantStarting { // its first step
		return p.minUp
	}
	return max(0, p.minUp-p.elapsed(env))
}

// heat is how cold the plant, which is off, has become.
func (p *producer) heat(env *Env) heat { return heatAfter(p.elapsed(env), p.warmAfter, p.coldAfter) }

func heatAfter(off, warmAfter, coldAfter Seconds) heat {
	switch {
	case off >= coldAfter:
		return cold
	case off >= warmAfter:
		return warm
	}
	return hot
}

// reach is the range of output of a running plant in this step: lo ≤ hi. Without
// enough water it is below the least output.
func (p *producer) reach(env *Env) (lo, hi Power) {
	lo, hi = p.rated.Times(p.minOutput), p.rated
	if p.state != plantFresh {
		share, _ := MulDiv(int64(p.ramp), int64(env.Step), 60)
		change := p.rated.Times(min(Ratio(share), One)) // at most all of it
		hi = min(hi, max(lo, p.output+change))
		lo = min(hi, max(lo, p.output-change))
	}
	if p.limited {
		most, _ := (p.water + p.inflow.For(env.Step)).Over(env.Step)
		hi = min(hi, most)
	}
	return min(lo, hi), hi
}

func (p *producer) Offer(env *Env, out *Flex) {
	out.Cost = p.cost
	if !p.running(env) {
		switch {
		case PlantOrder(p.order) == OrderStop:
		case p.startable(env) && PlantOrder(p.order) == OrderRun: // the manager's order starts it
			out.Coming = p.rated
		case p.startable(env):
			out.Startable, out.Coming = max(Milliwatt, p.rated.Times(p.minOutput)), p.rated
		case p.available && p.state == PlantStarting:
			out.Coming = p.rated
		}
		return
	}
	if PlantOrder(p.order) == OrderStop {
		return
	}
	if p.stillUp(env) > 0 || PlantOrder(p.order) == OrderRun || p.isFixed(env) {
		out.Duty = Committed
	}
	lo, hi := p.reach(env)
	if p.isFixed(env) {
		out.Tier[Generation] = Fixed(-max(lo, min(hi, p.fixed)))
		return
	}
	out.Tier[Generation] = Band{Min: -hi, Ref: -max(lo, min(hi, p.output)), Max: -lo}
}

func (p *producer) Step(env *Env, set *Setpoint, ev *Events, out *Reading) {
	running, order := p.running(env), PlantOrder(p.order)
	switch {
	case running && (set.Run == Stop || order == OrderStop), order == OrderStop && p.state == PlantStarting, !p.available && p.state != PlantOff:
		*ev.Add(producerStopped) = [7]int64{stoppedOutput: int64(p.output), stoppedTick: int64(env.Tick), stoppedEarly: p.early(env, running)}
	case (set.Run == Start || order == OrderRun) && order != OrderStop && p.startable(env):
		h := p.heat(env)
		*ev.Add(producerStarting) = [7]int64{startingReady: int64(env.Tick) + int64((p.startUp[h]+env.Step-1)/env.Step), startingHeat: int64(h)}
	case running:
		p.generate(env, set, ev, out)
	}
	if p.limited {
		water := p.water + p.inflow.For(env.Step) - out.Generation.For(env.Step)
		spilled := max(0, water-p.reservoir)
		*ev.Add(producerFlowed) = [7]int64{flowedWater: int64(water - spilled), flowedSpilled: int64(spilled)}
	}
}

// early is the part of min_up_s that stopping in this step would cut off.
func (p *producer) early(env *Env, running bool) int64 {
	if !running && p.state == PlantStarting {
		return 0
	}
	return int64(p.stillUp(env))
}

func (p *producer) generate(env *Env, set *Setpoint, ev *Events, out *Reading) {
	if p.state == PlantStarting {
		*ev.Add(producerStarted) = [7]int64{int64(env.Tick)}
	}
	lo, hi := p.reach(env)
	out.Generation = max(lo, min(hi, -set.Tier[Generation]))
	out.Power = -out.Generation
	if out.Reason = set.Why[Generation]; p.isFixed(env) {
		out.Reason = Ordered
	}
	*ev.Add(producerGenerated) = [7]int64{generatedEnergy: int64(out.Generation.For(env.Step)), generatedOutput: int64(out.Generation)}
}

func (p *producer) Apply(e *Event) {
	switch e.Type {
	case producerGenerated:
		p.generated += Energy(e.V[generatedEnergy])
		p.output, p.state = Power(e.V[generatedOutput]), PlantOn
	case producerStarting:
		p.state, p.since = PlantStarting, Tick(e.V[startingReady])
	case producerStarted:
		p.state, p.output, p.since = PlantOn, 0, Tick(e.V[0])
	case producerStopped:
		p.state, p.output, p.since = PlantOff, 0, Tick(e.V[stoppedTick])
	case producerFlowed:
		p.water = Energy(e.V[flowedWater])
		p.spilled += Energy(e.V[flowedSpilled])
	case producerFixed:
		p.fixed, p.until = Power(e.V[fixedOutput]), Tick(e.V[fixedEnd])
	case eventSet:
		producerSettings.apply(p, e)
	}
	if p.output < 0 || p.water < 0 || p.water > p.reservoir {
		panic(fmt.Sprintf("producer: output %d mW, water %d of %d mJ", p.output, p.water, p.reservoir))
	}
}

// Gauges implements GaugeRow.
func (p *producer) Gauges(env *Env, _ *Reading, out []int64) {
	out[0] = int64(min(p.state, PlantOn)) // plantFresh shows as on
	out[1], out[2], out[3] = int64(p.room(env)), GaugeUnknown, GaugeUnknown
	if most, ok := p.afterStart(); ok {
		out[2] = int64(most)
	}
	if p.limited {
		out[3] = int64(p.water)
	}
}

func (p *producer) Command(env *Env, c *Command, ev *Events) error {
	from := len(ev.All())
	if err := producerSettings.command(p, c, ev); err != nil || c.Setting() != "fixed_w" {
		return err
	}
	set := ev.All()[from].V
	*ev.Add(producerFixed) = [7]int64{fixedOutput: set[setValue], fixedEnd: int64(fixedUntil(env.Tick, env.Step))}
	return nil
}

func (p *producer) AppendBinary(b []byte) []byte {
	return appendInts(append(b, Producer.Version), int64(p.state), int64(p.output), int64(p.since),
		int64(p.generated), int64(p.rated), int64(p.cost), flag(p.available), int64(p.water), int64(p.spilled),
		p.order, int64(p.fixed), int64(p.until), int64(p.sold))
}

func (p *producer) UnmarshalBinary(b []byte) ([]byte, error) {
	var available int64
	b, err := readInts(b, "producer", Producer.Version, (*int64)(&p.state), (*int64)(&p.output), (*int64)(&p.since),
		(*int64)(&p.generated), (*int64)(&p.rated), (*int64)(&p.cost), &available, (*int64)(&p.water), (*int64)(&p.spilled),
		&p.order, (*int64)(&p.fixed), (*int64)(&p.until), (*int64)(&p.sold))
	p.available = available != 0
	return b, err
}

func producerSample(between func(lo, hi int64) int64) string {
	entry := fmt.Sprintf(`"rated_w": %d.%d, "initially": %q, "available": true, "order": %q, "fixed_w": %d, "sold_share": 0.%d`,
		between(1, 50000), between(0, 999), []string{"on", "off"}[between(0, 1)],
		plantOrders[max(0, between(-4, 2))], between(0, 1)*between(0, 60000), between(0, 9))
	if between(0, 1) == 1 {
		entry += fmt.Sprintf(`, "technology": %q`, technologies[between(0, int64(len(technologies))-1)].name)
	} else {
		hot, warmAfter := between(0, 3600), between(0, 7200)
		entry += fmt.Sprintf(`, "min_output": 0.%02d, "ramp_per_min": 0.%03d, "start_up_s": %d, "start_up_warm_s": %d, "start_up_cold_s": %d,
			"warm_after_s": %d, "cold_after_s": %d, "min_down_s": %d, "min_up_s": %d, "cost_eur_per_mwh": %d, "start_up_cost_eur": %d.5, "start_up_cost_cold_eur": %d`,
			between(0, 99), between(1, 999), hot, hot+between(0, 600), hot+between(600, 7200), warmAfter, warmAfter+between(0, 7200),
			between(0, 1)*between(0, 7200), between(0, 1)*between(0, 7200), between(-20, 200), between(0, 20), between(0, 20))
	}
	if between(0, 2) == 0 {
		entry += fmt.Sprintf(`, "inflow_w": %d.%03d, "reservoir_wh": %d, "initial_fill": 0.%02d`,
			between(0, 20000), between(0, 999), between(0, 1)*between(0, 50000), between(0, 99))
	}
	return "{" + entry + "}"
}
