package inputs

import (
	"math"

	"github.com/smatrix-grid/smatrix/twins"
)

// Place is a point on Earth.
type Place struct {
	Latitude  float64 // degrees, north is positive
	Longitude float64 // degrees, east is positive
	Elevation float64 // m above the sea
}

// Air has the properties of air that refract the light of the sun.
type Air struct {
	Pressure    float64 // hPa
	Temperature float64 // °C
}

// SunPosition is the position of the sun as seen from a place, with refraction
// while its disc is visible.
type SunPosition struct {
	Zenith  float64    // degrees from straight up, 0 … 180
	Azimuth float64    // degrees from north over east, 0 ≤ azimuth < 360
	Toward  [3]float64 // unit vector: east, north, up

	Distance float64 // astronomical units

	// As seen from the place, without refraction.
	Declination float64 // radians
	HourAngle   float64 // radians past the meridian, −π … π
}

// SunAt returns the position of the sun at a Unix second, after Reda and
// Andreas, "Solar Position Algorithm for Solar Radiation Applications",
// NREL/TP-560-34302 (2003, revised 2008): all periodic terms, aberration,
// nutation, parallax and refraction. The authors state 0.0003° for the years
// −2000 to 6000 where the rotation of the Earth is known. Here UTC replaces
// UT1, with an error of at most 0.9 s or 0.004°, and ΔT is 69 s as in 2017 …
// 2026; each second of error in ΔT is 0.00001°.
func SunAt(p Place, unix float64, air Air) SunPosition {
	const deltaT = 69 // s, terrestrial time − UT1
	sky := apparentSun(unix, deltaT)
	return sky.from(p, air)
}

const (
	degree    = math.Pi / 180
	arcSecond = degree / 3600
	j2000     = 946_728_000 // Unix second of 2000-01-01 12:00
	century   = 36_525 * 86_400
)

// orbit is the position of the Earth as seen from the sun.
type orbit struct {
	longitude, latitude float64 // radians
	radius              float64 // astronomical units
}

// orbitAt returns the position at t, in Julian millennia of terrestrial time
// since J2000.
func orbitAt(t float64) orbit {
	return orbit{
		longitude: orbitSum(longitudeTerms[:], t),
		latitude:  orbitSum(latitudeTerms[:], t),
		radius:    orbitSum(radiusTerms[:], t),
	}
}

// orbitSum returns the sum over k of tᵏ times the sum of the terms powers[k],
// times 1e-8.
func orbitSum(powers [][]orbitTerm, t float64) (sum float64) {
	for k := len(powers) - 1; k >= 0; k-- {
		part := 0.0
		for _, term := range powers[k] {
			part += float64(term.a * twins.Cos(term.b+float64(term.c*t)))
		}
		sum = float64(sum*t) + part
	}
	return float64(sum * 1e-8)
}

// polynomial returns c[0] + c[1]·x + c[2]·x² + ….
func polynomial(x float64, c ...float64) (sum float64) {
	for k := len(c) - 1; k >= 0; k-- {
		sum = float64(sum*x) + c[k]
	}
	return sum
}

// nutationAngles returns, in degrees: the mean elongation of the moon, the mean
// anomalies of the sun and of the moon, the moon's argument of latitude, and
// the longitude of the ascending node of its orbit. c is in Julian centuries.
func nutationAngles(c float64) [5]float64 {
	return [5]float64{
		polynomial(c, 297.85036, 445267.111480, -0.0019142, 1.0/189474),
		polynomial(c, 357.52772, 35999.050340, -0.0001603, -1.0/300000),
		polynomial(c, 134.96298, 477198.867398, 0.0086972, 1.0/56250),
		polynomial(c, 93.27191, 483202.017538, -0.0036825, 1.0/327270),
		polynomial(c, 125.04452, -1934.136261, 0.0020708, 1.0/450000),
	}
}

// nutationAt returns the nutation in longitude and obliquity, in radians. c is
// in Julian centuries.
func nutationAt(c float64) (longitude, obliquity float64) {
	angles := nutationAngles(c)
	for i, a := range angles {
		angles[i] = math.Mod(a, 360) * degree
	}
	for i := range nutationTerms {
		term := &nutationTerms[i]
		angle := 0.0
		for k, by := range term.by {
			angle += float64(float64(by) * angles[k])
		}
		longitude += float64((term.longitude + float64(term.longitudeRate*c)) * twins.Sin(angle))
		if term.obliquity != 0 {
			obliquity += float64((term.obliquity + float64(term.obliqueRate*c)) * twins.Cos(angle))
		}
	}
	return float64(longitude * (1e-4 * arcSecond)), float64(obliquity * (1e-4 * arcSecond))
}

// meanObliquity returns the mean obliquity of the ecliptic in radians; t is in
// Julian millennia.
func meanObliquity(t float64) float64 {
	seconds := polynomial(t/10, 84381.448, -4680.93, -1.55, 1999.25, -51.38, -249.67, -39.05, 7.12, 27.87, 5.79, 2.45)
	return float64(seconds * arcSecond)
}

// skySun is the position of the sun on the celestial sphere, as seen from the
// centre of the Earth.
type skySun struct {
	longitude      float64 // apparent, of the ecliptic
	rightAscension float64
	declination    float64
	sidereal       float64 // apparent, at Greenwich; all in radians
	radius         float64 // astronomical units
}

func apparentSun(unix, deltaT float64) skySun {
	c := (unix - j2000 + deltaT) / century // of terrestrial time
	earth := orbitAt(c / 10)
	deltaPsi, deltaEpsilon := nutationAt(c)
	sinE, cosE := sinCos(meanObliquity(c/10) + deltaEpsilon)
	aberration := -20.4898 * arcSecond / earth.radius

	lambda := earth.longitude + math.Pi + deltaPsi + aberration
	sinL, cosL := sinCos(lambda)
	sinB, cosB := sinCos(-earth.latitude)
	x := float64(cosB * cosL)
	y := float64(float64(cosB*sinL)*cosE) - float64(sinB*sinE)
	z := float64(sinB*cosE) + float64(float64(cosB*sinL)*sinE)

	days := (unix - j2000) / 86_400
	turn := float64(math.Mod(days, 1) * 360) // the whole days are whole turns
	u := days / 36_525
	sidereal := 280.46061837 + turn + float64(0.98564736629*days) + float64(float64(u*u)*(0.000387933-u/38710000))
	return skySun{
		longitude: lambda, rightAscension: twins.Atan2(y, x), declination: twins.Asin(z),
		sidereal: float64(math.Mod(sidereal, 360)*degree) + float64(deltaPsi*cosE), radius: earth.radius,
	}
}

func sinCos(x float64) (sin, cos float64) { return twins.Sin(x), twins.Cos(x) }

// from returns the position of the sun as seen from a place on Earth.
func (s *skySun) from(p Place, air Air) SunPosition {
	hour := s.sidereal + float64(p.Longitude*degree) - s.rightAscension
	sinH, cosH := sinCos(hour)
	sinD, cosD := sinCos(s.declination)
	sinP, cosP := sinCos(p.Latitude * degree)

	// The direction of the sun as seen from the centre of the Earth: towards
	// the meridian, to the west, along the axis. The observer's distance from
	// the centre makes the parallax.
	across, axis := observer(sinP, cosP, p.Elevation)
	parallax := twins.Sin(8.794 * arcSecond / s.radius)
	over := float64(cosD*cosH) - float64(across*parallax)
	west := float64(cosD * sinH)
	north := sinD - float64(axis*parallax)
	length := math.Sqrt(float64(over*over) + float64(west*west) + float64(north*north))
	over, west, north = over/length, west/length, north/length

	up := float64(sinP*north) + float64(cosP*over)
	ahead := float64(cosP*north) - float64(sinP*over) // towards north on the horizon
	return SunPosition{
		Declination: twins.Asin(north), HourAngle: twins.Atan2(west, over), Distance: s.radius,
	}.raised(-west, ahead, twins.Asin(up), air)
}

// observer returns the distances of a place from the axis of the Earth and from
// the plane of the equator, in equatorial radii.
func observer(sinP, cosP, elevation float64) (across, axis float64) {
	const flattened, radius = 0.99664719, 6_378_140 // polar ÷ equatorial radius; m
	s := float64(flattened * sinP)
	length := math.Sqrt(float64(s*s) + float64(cosP*cosP))
	height := elevation / radius
	return cosP/length + float64(height*cosP), float64(flattened*s)/length + float64(height*sinP)
}

// raised adds refraction to an elevation in radians.
func (s SunPosition) raised(east, north, elevation float64, air Air) SunPosition {
	e := elevation / degree
	if e >= -(0.26667 + 0.5667) { // the upper rim of the disc, with refraction at the horizon
		sin, cos := sinCos((e + 10.3/(e+5.11)) * degree)
		e += float64(float64(air.Pressure/1010*(283/(273+air.Temperature)))*1.02) / 60 * cos / sin
	}
	up, flat := sinCos(e * degree)
	length := math.Sqrt(float64(east*east) + float64(north*north))
	s.Toward = [3]float64{0, flat, up}
	if length > 0 { // otherwise the sun is at the zenith or the nadir
		s.Toward[0], s.Toward[1] = flat*(east/length), flat*(north/length)
	}
	s.Zenith = 90 - e
	if s.Azimuth = twins.Atan2(east, north) / degree; s.Azimuth < 0 {
		s.Azimuth += 360
	}
	return s
}
