package twins

import (
	"fmt"
	"math"
)

// heatPump is an air-source heat pump and the building that it heats: one
// thermal node, which is warmed by the machine, by people and appliances and
// by the sun, and leaks to the outside. Its thermostat holds a setpoint;
// inside the comfort band the machine may wait or run ahead. Its offer ends
// the step inside the band if its power or none can: if full power is not
// enough, or the building is too warm with none, the temperature leaves the
// band and an event says so.
//
// The power is the mean of the step and continuous down to 0: at part load a
// machine cycles within the step. Cycling and defrosting cost no more than the
// curves include, and there is no heating rod and no cooling. At max_c or
// warmer, blinds keep the sun out.
//
// Sources. air_to_water: COP = share·T_flow/(T_flow − T_out) in kelvin, Carnot's
// bound times a share; 0.40 gives 2.8 at 0 °C outdoors and 45 °C flow.
// air_to_air: capacity and power per heat (energy input ratio) of a single-speed
// machine by the biquadratic curves of NREL OCHRE (see heatPumpCapacity).
// Building: 120–240 W/K and 50 h are assumptions for a single-family home, as
// are its gains (10 kWh of appliances a day are 400 W) and 3 m² that let the sun
// in.
var heatPump = &PartKind{
	Name: "heat_pump", Label: "Heat pump", Tier: Comfort, Version: 1,
	Schema:   heatPumpSchema,
	New:      newHeatPumps,
	Follows:  Follows{"temperature", "heats as on a night of 0 °C at every hour of the year"},
	Settings: heatPumpSettings.list(),
	Events:   []*EventType{heatPumpRan, heatPumpLeftComfort, heatPumpRegainedComfort, heatPumpDeferred, eventSet},
	// room_c is the temperature indoors, °C: heat held above 0 °C ÷ heat capacity.
	Gauges: []Gauge{{Name: "room_c", Label: "Room temperature", Places: 3}},
	Sample: heatPumpSample,
}

const heatPumpSchema = `{"type": "object", "additionalProperties": false,
  "description": "an air-source heat pump and the building that it heats",
  "properties": {
    "model": {"enum": ["air_to_water", "air_to_air"], "default": "air_to_water", "description": "heats water for floors and radiators, or the air of the rooms"},
    "rated_w": {"type": "number", "exclusiveMinimum": 0, "maximum": 1e6, "default": 3000, "description": "greatest electric power, W"},
    "cop_share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 0.4, "description": "air_to_water: coefficient of performance as a share of Carnot's"},
    "flow_c": {"type": "number", "minimum": 30, "maximum": 70, "default": 45, "description": "air_to_water: temperature of the heating water, °C"},
    "rated_heat_w": {"type": "number", "exclusiveMinimum": 0, "maximum": 1e6, "default": 8000, "description": "air_to_air: heat that it can give at 21.1 °C indoors and 8.33 °C outdoors, W"},
    "rated_cop": {"type": "number", "minimum": 1, "maximum": 10, "default": 3.5, "description": "air_to_air: coefficient of performance at 21.1 °C indoors and 8.33 °C outdoors"},
    "heat_loss_w_per_k": {"type": "number", "minimum": 10, "maximum": 10000, "default": 180, "description": "of the building, per kelvin between indoors and outdoors, W/K"},
    "time_constant_h": {"type": "number", "minimum": 1, "maximum": 1000, "default": 50, "description": "of the building: its heat capacity ÷ its heat loss, h"},
    "gains_w": {"type": "number", "minimum": 0, "maximum": 1e6, "default": 400, "description": "heat given off by people and appliances, W"},
    "solar_m2": {"type": "number", "minimum": 0, "maximum": 1000, "default": 3, "description": "heat from the sun: W per W/m² of global horizontal irradiance"},
    "min_c": {"type": "number", "minimum": 5, "maximum": 35, "default": 20, "description": "comfort band: not colder than, °C"},
    "max_c": {"type": "number", "minimum": 5, "maximum": 35, "default": 22, "description": "comfort band: not warmer than, °C"},
    "setpoint_c": {"type": "number", "minimum": 5, "maximum": 35, "default": 21, "x-changeable": true, "description": "held unless asked otherwise, °C; in mid-run taken into the comfort band"},
    "initial_c": {"type": "number", "minimum": 5, "maximum": 35, "default": 21, "description": "indoor temperature at the start, °C"},
    "available": {"type": "boolean", "default": true, "x-changeable": true, "description": "false: out of service"}
  }}`

type heatPumpSpec struct {
	Model        string      `json:"model"`
	RatedPower   Power       `json:"rated_w"`
	CopShare     float64     `json:"cop_share"`
	Flow         float64     `json:"flow_c"`
	RatedHeat    Power       `json:"rated_heat_w"`
	RatedCop     float64     `json:"rated_cop"`
	HeatLoss     float64     `json:"heat_loss_w_per_k"`
	TimeConstant float64     `json:"time_constant_h"`
	Gains        Power       `json:"gains_w"`
	Solar        float64     `json:"solar_m2"`
	Min          temperature `json:"min_c"`
	Max          temperature `json:"max_c"`
	Setpoint     temperature `json:"setpoint_c"`
	Initial      temperature `json:"initial_c"`
	Available    bool        `json:"available"`
}

var heatPumpSettings = changeable[heatPumpRow]{
	number(Setting{Name: "setpoint_c", Scale: int64(degree), Min: int64(5 * degree), Max: int64(35 * degree)}, func(h *heatPumpRow) *temperature { return &h.setpoint }),
	yesNo("available", func(h *heatPumpRow) *bool { return &h.available }),
}

type heatPumpRow struct {
	// Config.
	rated     Power   // electric
	share     float64 // air_to_water: of Carnot's COP
	flow      float64 // air_to_water: K
	ratedHeat Power   // air_to_air; 0 for air_to_water
	ratedCop  float64 // air_to_air
	gains     Power
	solar     float64 // m²
	initial   Energy
	setpoint  temperature // changeable
	available bool        // changeable

	thermal // held = initial + heat + gained − leaked

	// Registers.
	electric, heat, gained, leaked Energy
}

var (
	heatPumpRan = &EventType{Name: "heat_pump.ran",
		Fields: []string{ranElectric: "electric_j", ranHeat: "heat_j", ranOther: "gains_j", ranLost: "lost_j", ranHeatRest: "heat_remainder", ranLostRest: "lost_remainder"}}
	heatPumpLeftComfort = &EventType{Name: "heat_pump.left_comfort", Notable: true,
		Fields: []string{"indoor_c", "side"}, // −1 too cold, +1 too warm
		Alert:  &Alert{Rule: "heat.left_comfort", Severity: "warning", Text: "a home is too cold or too warm"}}
	heatPumpRegainedComfort = &EventType{Name: "heat_pump.regained_comfort", Notable: true,
		Fields: []string{"indoor_c"}}
	heatPumpDeferred = &EventType{Name: "heat_pump.deferred", Fields: []string{"owed_j"}}
)

// leastBand is the narrowest band of temperatures: a step's power is in whole
// milliwatts, and the band must be wide enough for one.
const leastBand = degree / 10

func newHeatPumps(site *Site, members []Member) (PartSlab, error) {
	s := NewDeferringSlab[heatPumpRow](len(members))
	for i, m := range members {
		var spec heatPumpSpec
		if err := decodeSpec(m, &spec); err != nil {
			return nil, err
		}
		if err := spec.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		h := s.Row(i)
		*h = heatPumpRow{
			rated: spec.RatedPower, share: spec.CopShare, flow: spec.Flow + kelvin0, ratedCop: spec.RatedCop,
			gains: spec.Gains, solar: spec.Solar, setpoint: spec.Setpoint, available: spec.Available,
			thermal: newThermal(
				Energy(math.Round(float64(float64(spec.HeatLoss*spec.TimeConstant)*float64(WattHour)))),
				float64(spec.TimeConstant*3600), site.Step),
		}
		if spec.Model == "air_to_air" {
			h.ratedHeat = spec.RatedHeat
		}
		h.low, h.high = h.at(spec.Min), h.at(spec.Max)
		h.initial = h.at(spec.Initial)
		h.held = h.initial
	}
	return s, nil
}

func (s *heatPumpSpec) check() error {
	switch {
	case s.Max-s.Min < leastBand:
		return fmt.Errorf("min_c %v is not below max_c %v, wanted at least 0.1 between them", s.Min.celsius(), s.Max.celsius())
	case s.Setpoint < s.Min || s.Setpoint > s.Max:
		return fmt.Errorf("setpoint_c %v is outside min_c…max_c %v…%v", s.Setpoint.celsius(), s.Min.celsius(), s.Max.celsius())
	case s.Initial < s.Min || s.Initial > s.Max:
		return fmt.Errorf("initial_c %v is outside min_c…max_c %v…%v", s.Initial.celsius(), s.Min.celsius(), s.Max.celsius())
	}
	return nil
}

// biquadratic is a + b·x + c·x² + d·y + e·y² + f·x·y.
type biquadratic [6]float64

func (q *biquadratic) at(x, y float64) float64 {
	inX := q[0] + float64(x*(q[1]+float64(q[2]*x)))
	inY := float64(y * (q[3] + float64(q[4]*y)))
	return inX + inY + float64(q[5]*float64(x*y))
}

// Capacity and power per heat of the machine Single_1 of NREL OCHRE, "HVAC
// Heating/Biquadratic ASHP Heater.csv" (Copyright (c) 2020 Alliance for
// Sustainable Energy, LLC, BSD-3-Clause), as factors on the rated values: x
// indoor, y outdoor dry bulb in °C. At 21.1/8.33 they are 0.996 and 0.994, at
// 0 °C 0.802 and 1.138, at −8.33 °C 0.631 and 1.347.
var (
	heatPumpCapacity     = biquadratic{0.878143655, -0.002914855, -0.00003337, 0.022386661, 0.000163944, -0.00002187}
	heatPumpPowerPerHeat = biquadratic{0.716518071, 0.010275901, 0.000460734, -0.006480365, 0.000456354, -0.00069764}
)

// The machine is rated between these temperatures; beyond them it works as at
// the limit. The indoor ones are an assumption.
const (
	coldestOutdoor, warmestOutdoor = -20, 20
	coldestIndoor, warmestIndoor   = 15, 27
)

// machine is the coefficient of performance and the greatest electric power in
// this weather.
func (h *heatPumpRow) machine(outdoor float64) (cop Ratio, most Power) {
	if !h.available {
		return One, 0
	}
	outdoor = max(coldestOutdoor, min(warmestOutdoor, outdoor))
	if h.ratedHeat == 0 {
		return ratioOf(float64(h.share*h.flow) / (h.flow - (outdoor + kelvin0))), h.rated
	}
	indoor := max(coldestIndoor, min(warmestIndoor, h.temperature(h.held).celsius()))
	c := h.ratedCop / heatPumpPowerPerHeat.at(indoor, outdoor)
	heat := float64(float64(h.ratedHeat) * heatPumpCapacity.at(indoor, outdoor))
	return ratioOf(c), min(h.rated, Power(math.Floor(heat/c)))
}

func ratioOf(x float64) Ratio { return Ratio(math.Round(float64(x * float64(One)))) }

// world is what the machine can do in a step, and the other gains and losses
// of the building.
func (h *heatPumpRow) world(env *Env) heater {
	gains := h.gains
	if h.held < h.high {
		gains += Power(math.Round(float64(float64(h.solar*env.Weather.GHI) * float64(Watt))))
	}
	cop, most := h.machine(env.Weather.Temperature)
	return heater{
		cop: cop, most: most, other: gains.For(env.Step),
		around: h.at(temperatureOf(env.Weather.Temperature)), step: env.Step,
	}
}

func (h *heatPumpRow) Offer(env *Env) Band {
	w := h.world(env)
	return h.band(h.low, h.at(h.setpoint), &w)
}

// Step follows the setpoint as long as the building does not get too warm.
// Asked for less than the least offered, it lets the building cool.
func (h *heatPumpRow) Step(env *Env, p Power, ev *Events) Power {
	w := h.world(env)
	p = max(0, min(p, h.atMost(h.high, &w)))
	electric := p.For(env.Step)
	heat, heatRem := h.heated(electric, w.cop)
	lost, lostRem := h.lost(w.around, heat+w.other)
	*ev.Add(heatPumpRan) = [7]int64{ranElectric: int64(electric), ranHeat: int64(heat), ranOther: int64(w.other), ranLost: int64(lost), ranHeatRest: heatRem, ranLostRest: lostRem}

	held := h.held + heat + w.other - lost
	if side := h.side(held); side != h.side(h.held) {
		indoor := int64(h.temperature(held))
		if side == 0 {
			*ev.Add(heatPumpRegainedComfort) = [7]int64{indoor}
		} else {
			*ev.Add(heatPumpLeftComfort) = [7]int64{indoor, side}
		}
	}
	return p
}

// Defer implements Deferrer.
func (h *heatPumpRow) Defer(env *Env, b Band, did Power, why Reason, ev *Events) Deferral {
	if h.follows(b, did) {
		return Deferral{}
	}
	w := h.world(env)
	heat, _ := h.heated(did.For(env.Step), w.cop)
	held := h.after(w.around, heat+w.other)
	owed, _, d := h.putOff(b, did, why, held, held, h.at(h.setpoint), &w)
	d.RoomBelow = h.below(held, env.Step)
	if owed != h.owed {
		*ev.Add(heatPumpDeferred) = [7]int64{int64(owed)}
	}
	return d
}

func (h *heatPumpRow) Apply(e *Event) {
	switch e.Type {
	case heatPumpRan:
		heat, gains, lost := Energy(e.V[ranHeat]), Energy(e.V[ranOther]), Energy(e.V[ranLost])
		h.electric += Energy(e.V[ranElectric])
		h.heat += heat
		h.gained += gains
		h.leaked += lost
		h.held += heat + gains - lost
		h.heatRem, h.lostRem = e.V[ranHeatRest], e.V[ranLostRest]
	case heatPumpDeferred:
		h.owed = Energy(e.V[0])
	case eventSet:
		heatPumpSettings.apply(h, e)
	}
	if by := h.held - (h.initial + h.heat + h.gained - h.leaked); by != 0 {
		panic(fmt.Sprintf("heat_pump: the building holds %d mJ more than came in and stayed", by))
	}
}

// Gauges implements PartGaugeRow.
func (h *heatPumpRow) Gauges(_ *Env, out []int64) { out[0] = h.milliCelsius() }

func (h *heatPumpRow) Command(_ *Env, c *Command, ev *Events) error {
	return heatPumpSettings.command(h, c, ev)
}

func (h *heatPumpRow) AppendBinary(b []byte) []byte {
	return appendInts(append(b, 1), int64(h.held), h.heatRem, h.lostRem, int64(h.electric), int64(h.heat),
		int64(h.gained), int64(h.leaked), int64(h.owed), int64(h.setpoint), flag(h.available))
}

func (h *heatPumpRow) UnmarshalBinary(b []byte) ([]byte, error) {
	var available int64
	b, err := readInts(b, "heat_pump", 1, (*int64)(&h.held), &h.heatRem, &h.lostRem, (*int64)(&h.electric), (*int64)(&h.heat),
		(*int64)(&h.gained), (*int64)(&h.leaked), (*int64)(&h.owed), (*int64)(&h.setpoint), &available)
	h.available = available != 0
	return b, err
}

func heatPumpSample(between func(lo, hi int64) int64) string {
	low := between(15, 22)
	high := between(low+1, 26)
	return fmt.Sprintf(`{"model": %q, "rated_w": %d.%03d, "cop_share": 0.%02d, "flow_c": %d, "rated_heat_w": %d, "rated_cop": %d.%d,
		"heat_loss_w_per_k": %d, "time_constant_h": %d, "gains_w": %d, "solar_m2": %d.%d, "min_c": %d, "max_c": %d,
		"setpoint_c": %d, "initial_c": %d, "available": true}`,
		[]string{"air_to_water", "air_to_air"}[between(0, 1)], between(1, 6000), between(0, 999), between(20, 60), between(30, 70),
		between(1, 20000), between(1, 5), between(0, 9), between(10, 500), between(1, 200), between(0, 1000),
		between(0, 8), between(0, 9), low, high, between(low, high), between(low, high))
}
