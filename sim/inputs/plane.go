package inputs

import "math"

// Plane is a tilted plane on which irradiance was recorded. Weather finds the
// horizontal irradiance that gives its light, so that panels in the same plane get
// what was recorded. For other planes it is an estimate: of half hours, off by 16
// W/m² rms from a plane that looks south at 35°, and by 210 from a wall that looks
// east, which the sun leaves at noon.
type Plane struct {
	Tilt    float64 // degrees against the ground; 0 lies flat
	Azimuth float64 // degrees from north over east in which it looks; 180 is south
	Albedo  float64 // share of the light that the ground reflects
}

// columnPlane is the name of the quantity that a Plane receives.
const columnPlane = "poa_w_per_m2"

// mostGlobal is the greatest global irradiance that is accepted, W/m².
const mostGlobal = 1500

// light returns the irradiance on the plane in W/m², given the horizontal one and
// the unit vector toward the sun: that of package twins for panels, with the
// diffuse light of Hay and Davies.
func (p *Plane) light(ghi, dni, dhi float64, sun [3]float64) float64 {
	const least = 0.01745241 // sine of 1°: the height from which the sky around the sun counts
	sinT, cosT := sinCos(float64(p.Tilt * degree))
	sinA, cosA := sinCos(float64(p.Azimuth * degree))
	facing := float64(sinT*sinA*sun[0]) + float64(sinT*cosA*sun[1]) + float64(cosT*sun[2])
	facing = max(0, facing)
	around := min(1, dni/solarConstant)
	diffuse := float64(dhi * (float64(around*(facing/max(sun[2], least))) + float64((1-around)*(1+cosT)/2)))
	return float64(dni*facing) + diffuse + float64(ghi*p.Albedo*(1-cosT)/2)
}

// global returns the global horizontal irradiance of an interval for which the
// plane receives light, W/m², split into beam and diffuse as without columns for
// them. Where several values would give it, as for a plane that looks away from
// the sun, it is the least; where none does, the one that comes closest. With the
// sun below the horizon all light is diffuse.
func (w *Weather) global(light float64, slot int64, row *weatherRow) (ghi float64) {
	plane := w.spec.Plane
	sun := w.slotSunOf(slot)
	var toward [3]float64
	if sun.whole.lit > 0 {
		toward = SunAt(w.spec.Place, (sun.whole.from+sun.whole.to)/2, Air{row.pressure, row.temperature}).Toward
	}
	on := func(ghi float64) float64 {
		dni, dhi := sun.decompose(ghi)
		return plane.light(ghi, dni, dhi, toward)
	}
	const parts, clearest = 120, 1.2 // clearness indices of half hours above 1.2 are errors
	most := min(mostGlobal, float64(clearest*sun.normal*sun.whole.height)/(2*sun.half))
	if sun.whole.lit == 0 {
		most = mostGlobal
	}
	low, best, miss := 0.0, 0.0, math.Abs(on(0)-light)
	for i := 1; i <= parts; i++ {
		at := float64(most * float64(i) / parts)
		got := on(at)
		if got >= light {
			return bisect(on, light, low, at)
		}
		if off := light - got; off < miss {
			best, miss = at, off
		}
		low = at
	}
	return best
}

// bisect returns x between low and high with f(x) = want, given f(low) < want ≤
// f(high).
func bisect(f func(float64) float64, want, low, high float64) float64 {
	for range 50 {
		if middle := (low + high) / 2; f(middle) < want {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// checkPlane refuses a plane without its light, and both it and horizontal light.
func (s *WeatherSpec) checkPlane() (what string) {
	has := s.Columns[columnPlane] != ""
	switch {
	case has && s.Plane == nil:
		return "column " + columnPlane + " without a plane, wanted plane: {tilt_deg, azimuth_deg}"
	case !has && s.Plane != nil:
		return "a plane without column " + columnPlane + ", wanted the column of the light on it"
	case has && (s.Columns["ghi_w_per_m2"] != "" || s.Columns["dni_w_per_m2"] != "" || s.Columns["dhi_w_per_m2"] != ""):
		return "column " + columnPlane + " beside those of horizontal light, wanted one or the other"
	}
	return ""
}
