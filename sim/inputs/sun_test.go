package inputs

import (
	"math"
	"testing"
)

// The worked example of Reda and Andreas: 17 October 2003, 12:30:30 UTC−7.
var (
	goldenUnix  = 1066419030.0
	goldenPlace = Place{Latitude: 39.742476, Longitude: -105.1786, Elevation: 1830.14}
	goldenAir   = Air{Pressure: 820, Temperature: 11}
)

// L, B and R are known to so many digits that an error in any periodic term
// that matters in this century is found.
func TestSunOfTheWorkedExample(t *testing.T) {
	c := (goldenUnix - j2000 + 67) / century
	earth := orbitAt(c / 10)
	turns := func(x float64) float64 { return math.Mod(math.Mod(x/degree, 360)+360, 360) }
	psi, epsilon := nutationAt(c)
	sky := apparentSun(goldenUnix, 67)
	sun := sky.from(goldenPlace, goldenAir)
	for _, row := range []struct {
		name      string
		got, want float64
		digits    int
	}{
		{"Julian day", goldenUnix/86400 + 2440587.5, 2452930.312847, 6},
		{"heliocentric longitude L", turns(earth.longitude), 24.0182616917, 10},
		{"heliocentric latitude B", earth.latitude / degree, -0.0001011219, 10},
		{"distance R", earth.radius, 0.9965422974, 10},
		{"nutation in longitude", psi / degree, -0.00399840, 8},
		{"nutation in obliquity", epsilon / degree, 0.00166657, 8},
		{"true obliquity", (meanObliquity(c/10) + epsilon) / degree, 23.440465, 6},
		{"apparent longitude", turns(sky.longitude), 204.0085519281, 10},
		{"right ascension", turns(sky.rightAscension), 202.22741, 5},
		{"declination", sky.declination / degree, -9.31434, 5},
		{"hour angle", turns(sky.sidereal + goldenPlace.Longitude*degree - sky.rightAscension), 11.105900, 5},
		{"topocentric hour angle", sun.HourAngle / degree, 11.10629, 4},
		{"topocentric declination", sun.Declination / degree, -9.316179, 6},
		{"zenith", sun.Zenith, 50.1116, 4},
		{"azimuth", sun.Azimuth, 194.3402, 4},
		{"zenith, one more digit", sun.Zenith, 50.11162, 5},
		{"azimuth, one more digit", sun.Azimuth, 194.34024, 5},
	} {
		if math.Abs(row.got-row.want) > 0.5000001*math.Pow(10, -float64(row.digits)) {
			t.Errorf("%s %.*f, wanted %.*f", row.name, row.digits+2, row.got, row.digits, row.want)
		}
	}
}

func BenchmarkSunAt(b *testing.B) {
	unix := goldenUnix
	for b.Loop() {
		unix += 900
		SunAt(goldenPlace, unix, goldenAir)
	}
}
