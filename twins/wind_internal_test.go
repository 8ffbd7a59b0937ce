package twins

import (
	"math"
	"testing"
)

func TestPowerCurve(t *testing.T) {
	c := powerCurve{{3, 100}, {5, 200}, {10, 1000}}
	for _, row := range []struct {
		name        string
		speed, want float64
	}{
		{"calm", 0, 0},
		{"below the first point", 2.999, 0},
		{"first point", 3, 100},
		{"between", 4, 150},
		{"a point", 5, 200},
		{"between, on the second slope", 7.5, 600},
		{"last point", 10, 1000},
		{"above the last point", 10.001, 0},
		{"no number", math.NaN(), 0},
	} {
		if got := c.at(row.speed); got != row.want {
			t.Errorf("%s: %v W at %v m/s, wanted %v", row.name, got, row.speed, row.want)
		}
	}
}

// A curve of 100 W for each m/s: the effect of density and height can be
// worked out by hand.
func TestTurbineByHand(t *testing.T) {
	line := powerCurve{{0, 0}, {20, 2000}}
	at := func(height, shear, wind, density float64, stall bool) Power {
		s := turbineSpec{Curve: [][2]float64{{0, 0}, {20, 2000}}, Hub: &height, Shear: shear}
		if stall {
			s.Control = "stall"
		}
		made, err := s.build()
		if err != nil || len(made.curve) != len(line) {
			t.Fatal(err)
		}
		return made.power(&Weather{Wind: wind, AirDensity: density})
	}
	for _, row := range []struct {
		name                         string
		height, shear, wind, density float64
		stall                        bool
		watts                        float64
	}{
		{"standard air", 10, 0, 5, 1.225, false, 500},
		{"no density stated", 10, 0, 5, 0, false, 500},
		{"a fifth less air, pitch: v·0.8^⅓", 10, 0, 5, 0.98, false, 500 * 0.928317767},
		{"a fifth less air, stall: P·0.8", 10, 0, 5, 0.98, true, 400},
		{"8 times the air, pitch: v·2", 10, 0, 5, 9.8, false, 1000},
		{"8 times the air, stall: P·8", 10, 0, 0.5, 9.8, true, 400},
		{"four times as high, exponent ½: v·2", 40, 0.5, 5, 1.225, false, 1000},
		{"40 m, exponent 0.257: v·4^0.257", 40, 0.257, 5, 1.225, false, 500 * 1.42800398},
		{"lower than the mast: v·½", 2.5, 0.5, 5, 1.225, false, 250},
		{"no wind", 40, 0.5, 0, 1.225, false, 0},
		{"storm above the last point", 10, 0, 20.01, 1.225, false, 0},
	} {
		got := at(row.height, row.shear, row.wind, row.density, row.stall)
		if math.Abs(got.Watts()-row.watts) > 0.001 {
			t.Errorf("%s: %v W, wanted %v", row.name, got.Watts(), row.watts)
		}
	}
}

// Every curve of the table is valid, and reaches the rating in its source's name
// within a third: small turbines are rated at 11 m/s.
func TestKnownTurbines(t *testing.T) {
	rated := map[string]float64{"swift": 1, "pika-t701": 1.5, "kestrel-e400": 2.5, "fortis-montana": 3.31, "sd6": 5.2, "bergey-excel-10": 8.9,
		"dw20": 20, "entegrity-ew50": 50, "nps60c-24": 60, "nps100c-27": 90, "dw100": 100, "vestas-v27": 225, "vestas-v29": 225,
		"vestas-v47": 660, "ewt-dw54": 900, "ge-1.5": 1500, "vestas-v82": 1650, "atb-4mw": 4000}
	if len(turbineNames()) != len(rated) || len(knownTurbines) != len(rated) {
		t.Fatalf("%d turbines, wanted %d", len(knownTurbines), len(rated))
	}
	for name, kw := range rated {
		known := knownTurbines[name]
		if known == nil {
			t.Fatalf("no %s", name)
		}
		most := 0.0
		for _, p := range known.curve {
			most = max(most, p.power/1000)
		}
		if most < 0.99*kw || most > 1.5*kw {
			t.Errorf("%s: %v kW at most, rated %v", name, most, kw)
		}
	}
}
