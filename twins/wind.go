package twins

import (
	_ "embed"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The turbine behind a wind farm and behind a household's small wind turbine.
//
// Sources: the wind at hub height follows the power law v(h) = v(10 m)·(h/10)^α
// (IEC 61400-1; α = 1/7 over open land). Air density moves the curve as in
// IEC 61400-12-1: a turbine that controls its power sees v·(ρ/1.225)^⅓, one with
// constant pitch and speed gives P·ρ/1.225. The density is that of the weather,
// not of hub height (0.3 % less at 30 m). Curves: see curves/README.md.
//
// With the year of sim/scenarios/wind the model gives 299.9 MWh (V27 at 31.5 m),
// 44.2 MWh (DW20 at 30 m) and 5.06 MWh (SD6 at 15 m): 1.3, 0.6 and 1.3 % above
// the 296, 44 and 5.0 MWh that the same curves give without the correction for
// density, which it meets within 0.6 %.

// standardDensity is that of the curves, kg/m³.
const standardDensity = 1.225

// windHeight is that of Weather.Wind above ground, m.
const windHeight = 10

// curvePoint is a wind speed at hub height, m/s, and the power at it, W.
type curvePoint struct{ speed, power float64 }

// powerCurve rises in speed; power ≥ 0. Below its first and above its last point
// the turbine gives nothing.
type powerCurve []curvePoint

// at is the power at a wind speed, interpolated between points.
func (c powerCurve) at(speed float64) float64 {
	if len(c) == 0 || !(speed >= c[0].speed) || speed > c[len(c)-1].speed {
		return 0
	}
	lo, hi := 0, len(c)-1 // c[lo].speed ≤ speed ≤ c[hi].speed
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; speed < c[mid].speed {
			hi = mid
		} else {
			lo = mid
		}
	}
	a, b := c[lo], c[hi]
	if a == b {
		return a.power
	}
	return a.power + float64((b.power-a.power)*((speed-a.speed)/(b.speed-a.speed)))
}

// check returns an error for an invalid curve.
func (c powerCurve) check() error {
	if len(c) < 2 {
		return fmt.Errorf("%d points, wanted at least 2", len(c))
	}
	for i, p := range c {
		switch {
		case p.speed < 0 || p.power < 0 || math.IsNaN(p.speed) || math.IsNaN(p.power):
			return fmt.Errorf("point %v m/s, %v W, wanted none below 0", p.speed, p.power)
		case i > 0 && p.speed <= c[i-1].speed:
			return fmt.Errorf("not sorted: %v m/s follows %v m/s, wanted rising wind speeds", p.speed, c[i-1].speed)
		}
	}
	return nil
}

// turbine is one turbine at its site.
type turbine struct {
	curve powerCurve
	hub   float64 // wind at hub height ÷ wind at 10 m
	stall bool    // constant pitch and speed
}

// power is what the turbine gives in this weather, ≥ 0.
func (t *turbine) power(w *Weather) Power {
	if !(w.Wind > 0) {
		return 0
	}
	speed, density := float64(w.Wind*t.hub), float64(w.AirDensity/standardDensity)
	if !(density > 0) {
		density = 1 // not stated
	}
	if !t.stall {
		return watts(t.curve.at(float64(speed * Pow(density, 1.0/3))))
	}
	return watts(float64(t.curve.at(speed) * density))
}

// watts rounds to a whole milliwatt.
func watts(w float64) Power { return Power(math.Round(float64(w * float64(Watt)))) }

// turbineKeys are the keys that describe a turbine and its site; turbineSpec
// reads them.
var turbineKeys = `"turbine": {"enum": ["` + strings.Join(turbineNames(), `", "`) + `"], "description": "a turbine whose power curve is known; or else: curve"},
    "curve": {"type": "array", "minItems": 2, "maxItems": 1000, "description": "power curve of one turbine: pairs of wind speed at hub height, m/s, rising, and power, W; below the first and above the last it stands still",
      "items": {"type": "array", "minItems": 2, "maxItems": 2, "description": "a wind speed, m/s, and a power, W", "items": {"type": "number", "minimum": 0, "maximum": 1e8}}},
    "hub_height_m": {"type": "number", "exclusiveMinimum": 0, "maximum": 500, "description": "above ground, m; without it that of the turbine's data sheet"},
    "shear_exponent": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.142857143, "description": "of the power law by which wind grows with height above 10 m; about 1/7 over open land, 0.25 over fields with hedges and houses"},
    "control": {"enum": ["pitch", "stall"], "description": "how air density moves the curve: stall for constant pitch and speed, pitch for all that control their power; without it the turbine's, pitch for a curve"}`

type turbineSpec struct {
	Turbine string       `json:"turbine"`
	Curve   [][2]float64 `json:"curve"`
	Hub     *float64     `json:"hub_height_m"`
	Shear   float64      `json:"shear_exponent"`
	Control string       `json:"control"`
}

// build makes the turbine. Errors begin with the key.
func (s *turbineSpec) build() (t turbine, err error) {
	known := knownTurbines[s.Turbine]
	switch {
	case (s.Turbine == "") == (s.Curve == nil):
		return t, errors.New("turbine: wanted either a turbine or a curve")
	case s.Turbine != "" && known == nil:
		return t, fmt.Errorf("turbine: %q is unknown, wanted one of: %s", s.Turbine, strings.Join(turbineNames(), ", "))
	case s.Turbine != "":
		t = turbine{curve: known.curve, stall: known.stall}
		if s.Hub == nil {
			s.Hub = &known.hub
		}
	default:
		t.curve = make(powerCurve, len(s.Curve))
		for i, p := range s.Curve {
			t.curve[i] = curvePoint{p[0], p[1]}
		}
		if err := t.curve.check(); err != nil {
			return t, fmt.Errorf("curve: %w", err)
		}
	}
	if s.Hub == nil {
		return t, errors.New("hub_height_m: missing, wanted beside a curve")
	}
	if s.Control != "" {
		t.stall = s.Control == "stall"
	}
	t.hub = Pow(float64(*s.Hub/windHeight), s.Shear)
	return t, nil
}

//go:embed curves/curves.csv
var curveTable string

// knownTurbine is a turbine with a data sheet.
type knownTurbine struct {
	curve powerCurve
	hub   float64 // height, m
	stall bool
}

var knownTurbines = parseCurves(curveTable)

// parseCurves reads the table; it panics at an error, since the table is
// embedded.
func parseCurves(table string) map[string]*knownTurbine {
	all := map[string]*knownTurbine{}
	lines := strings.Split(strings.TrimSpace(table), "\n")
	for _, line := range lines[1:] {
		f := strings.Split(line, ",")
		t := &knownTurbine{hub: mustFloat(f[2]), stall: f[3] == "stall"}
		for point := range strings.FieldsSeq(f[4]) {
			speed, power, _ := strings.Cut(point, ":")
			t.curve = append(t.curve, curvePoint{mustFloat(speed), mustFloat(power)})
		}
		if err := t.curve.check(); err != nil {
			panic("twins: curve of " + f[0] + ": " + err.Error())
		}
		all[f[0]] = t
	}
	return all
}

func mustFloat(s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic(err)
	}
	return v
}

// turbineNames are the names of the known turbines, in the order of the table:
// the smallest first.
func turbineNames() (names []string) {
	for line := range strings.SplitSeq(strings.TrimSpace(curveTable), "\n") {
		name, _, _ := strings.Cut(line, ",")
		names = append(names, name)
	}
	return slices.Delete(names, 0, 1)
}
