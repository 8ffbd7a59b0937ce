package twins

import "math"

// temperature is in millionths of a degree Celsius. A state keeps energy, never
// a temperature: the temperature is read from it.
type temperature int64

const degree temperature = 1_000_000

// kelvin0 is 0 °C in kelvin.
const kelvin0 = 273.15

// UnmarshalJSON reads degrees Celsius.
func (t *temperature) UnmarshalJSON(b []byte) error {
	return unmarshalScaled((*int64)(t), b, int64(degree))
}

func (t temperature) celsius() float64 { return float64(t) / float64(degree) }

// temperatureOf rounds a temperature of the weather once.
func temperatureOf(celsius float64) temperature {
	return temperature(math.Round(float64(celsius * float64(degree))))
}

// thermal is a body of one temperature that leaks to its surroundings, and a
// converter that heats it: a building with its heat pump, a tank with its
// element. Between two steps all powers are constant, so the exact solution of
//
//	dQ/dt = P − (Q − Q_around)/τ
//
// is used: over a step of x = Δt/τ the body loses
//
//	lost = (1 − e^−x)·(Q − Q_around) + (1 − (1 − e^−x)/x)·P·Δt
//
// in integers, with the remainder carried, and Q grows by P·Δt − lost. So the
// energy that came in equals what was stored and what was lost, to the
// millijoule, for ever.
type thermal struct {
	perKelvin Energy // heat capacity
	gone      int64  // 1 − e^−x, in units of 1/unity
	early     int64  // 1 − (1 − e^−x)/x: the part of the step's own heat that is lost in it
	low, high Energy // held at the ends of the band

	held    Energy // above 0 °C
	lostRem int64  // remainder of lost, in 1/unity of a millijoule: 0 ≤ lostRem < unity
	heatRem int64  // remainder of heat made, in billionths of a millijoule: 0 ≤ heatRem < One
	owed    Energy // ≥ 0, electricity: shifted by agreement and not made up yet
	pending Energy // ≥ 0, electricity: missing below the band and not booked as unserved yet
}

const unity = 1 << 60

// newThermal is a body of a heat capacity ≥ 0 and a time constant in seconds
// (infinite: it does not leak), for steps of one length.
func newThermal(perKelvin Energy, timeConstant float64, step Seconds) thermal {
	gone, early := decay(float64(step) / timeConstant)
	return thermal{
		perKelvin: perKelvin,
		gone:      int64(math.Round(float64(gone * unity))),
		early:     int64(math.Round(float64(early * unity))),
	}
}

// decay is 1 − e^−x and 1 − (1 − e^−x)/x for x ≥ 0, without cancellation for
// small x.
func decay(x float64) (gone, early float64) {
	if x > 1 {
		gone = 1 - Exp(-x)
		return gone, 1 - gone/x
	}
	for n := 20.0; n >= 2; n-- { // x/2·(1 − x/3·(1 − x/4·(…)))
		early = float64(x / n * (1 - early))
	}
	return float64(x * (1 - early)), early
}

// at is the content of the body at a temperature.
func (b *thermal) at(t temperature) Energy {
	q, _ := MulDiv(int64(b.perKelvin), int64(t), int64(degree))
	return Energy(q)
}

// temperature is that of the body with a given content.
func (b *thermal) temperature(held Energy) temperature {
	t, _ := MulDiv(int64(held), int64(degree), int64(b.perKelvin))
	return temperature(t)
}

// milliCelsius is the body's temperature in thousandths of a degree, rounded towards 0.
func (b *thermal) milliCelsius() int64 {
	return int64(b.temperature(b.held) / (degree / 1000))
}

// side is −1 below the band, +1 above it, 0 inside.
func (b *thermal) side(held Energy) int64 { return flag(held > b.high) - flag(held < b.low) }

// lost is the loss to the surroundings in a step that brings in into the body
// (negative where more is taken out), and the remainder.
func (b *thermal) lost(around, in Energy) (Energy, int64) {
	q1, r1 := MulDiv(int64(b.held-around), b.gone, unity)
	q2, r2 := MulDiv(int64(in), b.early, unity)
	rem := r1 + r2 + b.lostRem // −2 unity < rem < 3 unity: it fits
	whole := rem >> 60
	return Energy(q1 + q2 + whole), rem - whole<<60
}

// after is the content of the body at the end of such a step.
func (b *thermal) after(around, in Energy) Energy {
	lost, _ := b.lost(around, in)
	return b.held + in - lost
}

// toReach is the least energy that must come in for the body to hold at least
// target at the end of the step. The estimate is off by a few millijoules at
// most; after grows with in, so the loops end at the exact value.
func (b *thermal) toReach(target, around Energy) Energy {
	q, _ := MulDiv(int64(target-b.after(around, 0)), unity, unity-b.early)
	in := Energy(q)
	for b.after(around, in) < target {
		in++
	}
	for b.after(around, in-1) >= target {
		in--
	}
	return in
}

// putOff books a step in which the body's heater drew did of band, and returns what the body
// owes then. It ends with held; had all that was wanted of it been taken out, it would end
// with rest ≤ held.
//
// Inside the body's band what the heater does not draw, by agreement, is shifted. The body
// never owes more than it needs, with its present content, to reach what its thermostat
// wants: load that is held back step after step counts once, and what has been made up is
// no longer owed.
//
// Below the band it is unserved: the electricity that would have kept the body from falling
// below the lower edge, or from falling further, as far as the heater could have drawn it.
// What is drawn off in a short time is missing at once; it is booked as the heater is held
// back, and what is left of it is pending until the body is inside its band again. What a
// cooler body saves in losses is neither shifted nor unserved.
//
// What the body owes less than before has been caught up as far as the heater drew as much in the
// step, and is given up otherwise: the sun has warmed the body, or milder weather needs less.
func (b *thermal) putOff(band Band, did Power, why Reason, held, rest, wanted Energy, h *heater) (owed, pending Energy, d Deferral) {
	d.Reason = why
	fell := Energy(0)
	edge := min(b.low, b.held)
	if rest < edge {
		e, _ := MulDiv(int64(edge-rest), int64(One), int64(h.cop))
		fell = Energy(e)
	}
	most := b.atLeast(edge, h)
	if h.other < 0 || b.pending > 0 {
		most, pending = band.Max, b.pending+fell
		fell = pending
	}
	p, _ := fell.Over(h.step)
	d.Unserved = max(0, min(p, most-did))
	if pending -= d.Unserved.For(h.step); pending < 0 || held >= b.low {
		pending = 0
	}
	missing, _ := MulDiv(int64(max(0, wanted-max(held, b.low))), int64(One), int64(h.cop))
	owed = min(b.owed, Energy(missing))
	d.CaughtUp = min(b.owed-owed, did.For(h.step))
	d.GivenUp = b.owed - owed - d.CaughtUp // by the sun, or milder weather
	if why.Agreed() {
		room, _ := (Energy(missing) - owed).Over(h.step)
		d.Shifted = max(0, min(room, band.Ref-did-d.Unserved))
	}
	return owed + d.Shifted.For(h.step), pending, d
}

// follows reports whether a step leaves what the body owes as it is and books nothing: it
// owes nothing, is not below its band and its heater drew did of b as it would unasked.
func (b *thermal) follows(band Band, did Power) bool {
	return b.owed == 0 && did >= band.Ref && b.held >= b.low
}

// below is how far and how long the body is below its band in a step that it ends with held.
func (b *thermal) below(held Energy, step Seconds) DegreeHours {
	short := max(0, b.low-b.held) + max(0, b.low-held) // twice the mean
	if short == 0 {
		return 0
	}
	kelvin, _ := MulDiv(int64(short), int64(degree), int64(b.perKelvin)) // millionths
	return DegreeHours(kelvin * int64(step) / 7200)
}

// heater is what the converter can do in a step, and the step's other gains.
type heater struct {
	cop    Ratio   // heat made / electricity drawn, > 0
	most   Power   // electric
	other  Energy  // gains; negative: drawn off
	around Energy  // held at the temperature of the surroundings
	step   Seconds // its length
}

// heated is the heat from a step's electricity, and the remainder.
func (b *thermal) heated(electric Energy, cop Ratio) (heat Energy, rem int64) {
	q, r := MulAddDiv(int64(electric), int64(cop), b.heatRem, int64(One))
	return Energy(q), r
}

// atLeast is the least power with which the body holds target or more at the
// end of the step, or else the greatest power.
func (b *thermal) atLeast(target Energy, h *heater) Power {
	heat := b.toReach(target, h.around) - h.other
	if heat <= 0 {
		return 0
	}
	e, _ := MulAddDiv(int64(heat), int64(One), int64(h.cop)-1, int64(h.cop))
	p, rest := Energy(e).Over(h.step)
	if rest > 0 {
		p++
	}
	return min(p, h.most)
}

// atMost is the greatest power with which the body holds target or less at the
// end of the step, or 0.
func (b *thermal) atMost(target Energy, h *heater) Power {
	heat := b.toReach(target+1, h.around) - 1 - h.other
	if heat <= 0 {
		return 0
	}
	e, _ := MulAddDiv(int64(heat), int64(One), int64(One)-1-b.heatRem, int64(h.cop))
	p, _ := Energy(e).Over(h.step)
	return min(p, h.most)
}

// band is the range of power that ends the step between floor and the top of
// the body's band if any power does: if full power is not enough it is full
// power, and if 0 is already too much it is 0.
func (b *thermal) band(floor, wanted Energy, h *heater) Band {
	most := b.atMost(b.high, h)
	least := min(b.atLeast(floor, h), most)
	return Band{Min: least, Ref: max(least, min(b.atMost(wanted, h), most)), Max: most}
}

// The values of the events of heaters: energy drawn, heat into the store, heat from
// gains or to taps, heat lost; the remainders of the two computed values; whether a
// tank is being heated.
const (
	ranElectric, ranHeat, ranOther, ranLost = 0, 1, 2, 3
	ranHeatRest, ranLostRest                = 4, 5
	ranHeating                              = 6
)

// owes implements debtor.
func (b *thermal) owes() bool { return b.owed > 0 }

func (b *thermal) stillShifted() Energy { return b.owed }
