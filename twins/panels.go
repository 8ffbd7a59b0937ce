package twins

import (
	"errors"
	"fmt"
	"math"
)

// panels are solar panels on a roof: as a meter recorded their output, or
// modelled from the weather.
var panels = &PartKind{
	Name: "pv", Label: "Roof panels", Tier: Generation, Version: modelledPanels,
	Schema: `{"type": "object", "additionalProperties": false,
      "description": "panels on the roof, recorded or modelled",
      "properties": {` + pvProperties + `},
      "oneOf": ` + pvForms + `, "x-wanted": "` + pvWanted + `"}`,
	New: func(site *Site, members []Member) (PartSlab, error) {
		s := NewPartSlab[panelRow](len(members))
		for i, m := range members {
			var spec pvSpec
			err := decodeSpec(m, &spec)
			if err == nil {
				s.Row(i).pv, err = newPV(site, m.Path, &spec)
			}
			if err != nil {
				return nil, err
			}
		}
		return s, nil
	},
	Follows:  Follows{"sun", "gives nothing"},
	Settings: pvSettings.list(),
	Events:   []*EventType{eventSet},
	Sample:   func(between func(lo, hi int64) int64) string { return "{" + pvSample(between) + "}" },
}

// The keys that a roof's panels and a solar park share. Losses are all between
// the light on the panels and the meter: soiling, mismatch, cables, conversion.
const (
	pvProperties = `
        "recording": {"type": "string", "minLength": 1, "description": "id of a recording"},
        "column": {"type": "string", "minLength": 1, "description": "one of its columns"},
        "move_weeks": {"type": "integer", "minimum": -3, "maximum": 3, "description": "this copy of the column is moved by so many weeks of the scenario year, as that of a load; without it 0"},
        "rated_w": {"type": "number", "minimum": 0.001, "maximum": 1e12, "x-changeable": true, "description": "peak power of modelled panels under standard test conditions (1,000 W/m², cells at 25 °C), W"},
        "tilt_deg": {"type": "number", "minimum": 0, "maximum": 90, "description": "of the panels against the ground; 0 lies flat"},
        "azimuth_deg": {"type": "number", "minimum": 0, "maximum": 360, "description": "where they look, from north over east; 180 is south"},
        "losses": {"type": "number", "minimum": 0, "maximum": 1, "description": "share of the output lost before the meter; without it 0.12"},
        "temperature_coefficient_per_k": {"type": "number", "minimum": -0.02, "maximum": 0, "description": "change of output with the temperature of the cells; without it -0.004"},
        "noct_c": {"type": "number", "minimum": 20, "maximum": 90, "description": "nominal operating cell temperature: of the cells at 800 W/m², air of 20 °C and wind of 1 m/s; without it 45"},
        "inverter_w": {"type": "number", "exclusiveMinimum": 0, "maximum": 1e12, "description": "greatest output of the inverter, W; without it there is no limit"},
        "albedo": {"type": "number", "minimum": 0, "maximum": 1, "description": "share of the light that the ground reflects; without it 0.2"},
        "scale": {"type": "number", "minimum": 0, "maximum": 1000, "default": 1, "x-changeable": true, "description": "factor on the power"}`
	pvForms = `[
        {"required": ["recording", "column"], "properties": {"rated_w": false, "tilt_deg": false, "azimuth_deg": false,
          "losses": false, "temperature_coefficient_per_k": false, "noct_c": false, "inverter_w": false, "albedo": false}},
        {"required": ["rated_w", "tilt_deg", "azimuth_deg"], "properties": {"recording": false, "column": false, "move_weeks": false,
          "losses": {"default": 0.12}, "temperature_coefficient_per_k": {"default": -0.004}, "noct_c": {"default": 45}, "albedo": {"default": 0.2}}}
      ]`
	pvWanted = `either recording and column, or rated_w, tilt_deg and azimuth_deg of modelled panels`
)

type pvSpec struct {
	recordedSpec
	Rated       Power   `json:"rated_w"`
	Tilt        float64 `json:"tilt_deg"`
	Azimuth     float64 `json:"azimuth_deg"`
	Losses      Ratio   `json:"losses"`
	Coefficient float64 `json:"temperature_coefficient_per_k"`
	NOCT        float64 `json:"noct_c"`
	Inverter    Power   `json:"inverter_w"`
	Albedo      float64 `json:"albedo"`
}

func (s *pvSpec) modelled() bool { return s.Recording == "" }

func (s *pvSpec) check() error {
	switch {
	case s.modelled() == (s.Rated == 0):
		return errors.New("wanted " + pvWanted)
	case !s.modelled():
		return nil
	case s.Rated < 0:
		return fmt.Errorf("rated_w %v is negative, wanted the peak power", s.Rated.Watts())
	case s.Tilt < 0 || s.Tilt > 90:
		return fmt.Errorf("tilt_deg %v is outside 0…90, wanted degrees against the ground", s.Tilt)
	case s.Azimuth < 0 || s.Azimuth > 360:
		return fmt.Errorf("azimuth_deg %v is outside 0…360, wanted degrees from north over east", s.Azimuth)
	case s.Losses < 0 || s.Losses > One:
		return fmt.Errorf("losses %v are outside 0…1, wanted a share", s.Losses.Float())
	case s.Inverter < 0:
		return fmt.Errorf("inverter_w %v is negative, wanted the greatest output", s.Inverter.Watts())
	}
	return nil
}

// pv is a generator of panels.
type pv struct {
	recorded // scale; the column if there is one
	modelled bool
	rated    Power // changeable
	inverter Power // 0: no limit

	normal      [3]float64 // unit vector out of the panels: east, north, up
	sky, ground float64    // shares that panels see of the sky, and of the ground times its albedo
	coefficient float64    // 1/K, ≤ 0
	warming     float64    // of the cells above the air, K per W/m²
	yield       float64    // 1 − losses
}

// The versions of the stored form: a recorded generator's, and a modelled one's.
const (
	recordedPanels uint8 = 1
	modelledPanels uint8 = 2
)

var pvSettings = append(inside(scaleSetting, func(p *pv) *recorded { return &p.recorded }),
	number(Setting{Name: "rated_w", Scale: int64(Watt), Min: 1, Max: int64(1000 * Gigawatt)}, func(p *pv) *Power { return &p.rated }))

// newPV reads an entry's spec; the path is the member's, for messages.
func newPV(site *Site, path string, spec *pvSpec) (p pv, err error) {
	if err := spec.check(); err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	p.scale = spec.Scale
	if !spec.modelled() {
		if p.column, err = site.Recorded(spec.Recording, spec.Column, spec.MoveWeeks); err != nil {
			return p, fmt.Errorf("%s: %w", path, err)
		}
		return p, nil
	}
	const degree = math.Pi / 180
	tilt, azimuth := float64(spec.Tilt*degree), float64(spec.Azimuth*degree)
	flat, up := Sin(tilt), Cos(tilt)
	p.modelled, p.rated, p.inverter = true, spec.Rated, spec.Inverter
	p.normal = [3]float64{flat * Sin(azimuth), flat * Cos(azimuth), up}
	p.sky, p.ground = (1+up)/2, spec.Albedo*((1-up)/2)
	p.coefficient, p.yield = spec.Coefficient, 1-spec.Losses.Float()
	p.warming = (spec.NOCT - 20) / 800 // IEC 61215
	return p, nil
}

// output is what the panels can give in this step, ≥ 0; 0 while the sun is down.
func (p *pv) output(env *Env) Power {
	if !p.modelled {
		return p.recorded.power(env)
	}
	light := p.irradiance(&env.Weather)
	if light <= 0 {
		return 0
	}
	cells := env.Weather.Temperature + float64(light*p.warming)
	warm := float64(p.coefficient * (cells - 25))
	perRated := float64(float64(light/1000*p.yield) * max(0, 1+warm))
	power := Power(math.Round(float64(perRated * float64(p.rated))))
	if p.inverter > 0 {
		power = min(power, p.inverter)
	}
	return power.Times(p.scale)
}

// irradiance is the light on the panels in W/m²: the beam by its angle; the
// diffuse light as Hay and Davies split it (Proc. First Canadian Solar Radiation
// Data Workshop, 1980), one part from around the sun and one from all the sky; and
// what the ground reflects.
func (p *pv) irradiance(w *Weather) float64 {
	const (
		solarConstant = 1361.1     // W/m²; the distance from the sun, ±3.4 %, is left out
		least         = 0.01745241 // sine of 1°: the height from which the sky around the sun counts
		most          = 2000       // W/m², more than there is on Earth: a record may contradict itself
	)
	height := w.Sun[2]
	if height <= 0 {
		return 0
	}
	facing := float64(p.normal[0]*w.Sun[0]) + float64(p.normal[1]*w.Sun[1]) + float64(p.normal[2]*w.Sun[2])
	facing = max(0, facing)
	around := min(1, w.DNI/solarConstant)
	beam := float64(w.DNI * facing)
	diffuse := float64(w.DHI * (float64(around*(facing/max(height, least))) + float64((1-around)*p.sky)))
	return min(most, beam+diffuse+float64(w.GHI*p.ground))
}

// refuses is the reason why a setting does not fit these panels, or nil.
func (p *pv) refuses(c *Command) error {
	if c.Setting() == "rated_w" && !p.modelled {
		return fmt.Errorf("%s: rated_w of recorded panels cannot be set, wanted scale", c.Target)
	}
	return nil
}

// panelRow is the panels on one roof.
type panelRow struct{ pv }

func (p *panelRow) Offer(env *Env) Band {
	sun := p.output(env)
	return Band{Min: -sun, Ref: -sun, Max: 0}
}

func (p *panelRow) Step(_ *Env, set Power, _ *Events) Power { return set }

func (p *panelRow) Apply(e *Event) {
	if e.Type == eventSet {
		pvSettings.apply(&p.pv, e)
	}
}

func (p *panelRow) Command(_ *Env, c *Command, ev *Events) error {
	if err := p.refuses(c); err != nil {
		return err
	}
	return pvSettings.command(&p.pv, c, ev)
}

func (p *panelRow) AppendBinary(b []byte) []byte {
	if !p.modelled {
		return appendInts(append(b, recordedPanels), int64(p.scale))
	}
	return appendInts(append(b, modelledPanels), int64(p.scale), int64(p.rated))
}

func (p *panelRow) UnmarshalBinary(b []byte) ([]byte, error) {
	if !p.modelled {
		return readInts(b, "pv", recordedPanels, (*int64)(&p.scale))
	}
	return readInts(b, "pv", modelledPanels, (*int64)(&p.scale), (*int64)(&p.rated))
}

// pvSample draws the keys of recorded or of modelled panels.
func pvSample(between func(lo, hi int64) int64) string {
	scale := fmt.Sprintf(`"scale": %d.%d`, between(0, 3), between(0, 999))
	if between(0, 1) == 0 {
		return fmt.Sprintf(`"recording": "r", "column": "c%d", "move_weeks": %d, `, between(0, 9), between(-3, 3)) + scale
	}
	inverter := ""
	if between(0, 1) == 0 {
		inverter = fmt.Sprintf(`"inverter_w": %d, `, between(1, 8000))
	}
	return fmt.Sprintf(`"rated_w": %d.%d, "tilt_deg": %d, "azimuth_deg": %d, "losses": 0.%02d, "temperature_coefficient_per_k": -0.00%d, "noct_c": %d, "albedo": 0.%d, `,
		between(1, 12_000), between(0, 999), between(0, 90), between(0, 360), between(0, 99), between(0, 9), between(30, 60), between(0, 9)) + inverter + scale
}
