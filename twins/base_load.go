package twins

import "math"

// baseLoad is the load of a modelled home that no user starts: the fridge's cycles,
// standby, electronics, lighting by daylight, short heavy draws (a shower with an
// instantaneous heater, or else hair dryer, iron and vacuum cleaner), and in the
// cold season an electric heater now and then. The heater represents the winter of
// the homes that the model is fitted to, which heat a little with electricity: 13.6
// kWh on a winter's day against 9.0 in spring.
var baseLoad = &PartKind{
	Name: "base", Label: "Base load", Tier: Essential, Version: 1,
	Entry:  appliancesKey,
	Schema: appliancesSchema,
	Sample: appliancesSample,
	New: func(site *Site, members []Member) (PartSlab, error) {
		s := NewPartSlab[baseRow](len(members))
		for i, m := range members {
			h, err := newHome(site, m)
			if err != nil {
				return nil, err
			}
			*s.Row(i) = h.newBase()
		}
		return s, nil
	},
}

// baseRow has no state: what it does follows from the hour and the streams.
type baseRow struct {
	days, pastimes, shorts, comfort stream

	short                           use
	standby, fridge, pastime, light uint32 // mW; pastime and light: of an average hour, and full
	heater                          uint32 // W
	heating                         uint32 // hours on the coldest day, in 1/65,536
	period, running, phase          uint32 // of the fridge, s
	shift                           uint32 // s by which the home's day is ahead of the clock
}

var (
	pastimeHours = newProfile(
		[24]float64{0.9, 0.7, 0.6, 0.55, 0.5, 0.55, 0.65, 0.8, 0.9, 0.85, 0.85, 0.85, 0.9, 0.9, 0.9, 0.9, 1.0, 1.15, 1.35, 1.55, 1.6, 1.5, 1.35, 1.1},
		[24]float64{1.0, 0.8, 0.65, 0.6, 0.5, 0.5, 0.55, 0.7, 0.9, 1.0, 1.1, 1.1, 1.15, 1.15, 1.15, 1.15, 1.2, 1.25, 1.3, 1.4, 1.45, 1.4, 1.3, 1.1})
	lightHours = newProfile(
		[24]float64{0.5, 0.25, 0.15, 0.1, 0.15, 0.4, 0.9, 1.0, 0.7, 0.5, 0.4, 0.4, 0.4, 0.4, 0.4, 0.5, 0.7, 0.9, 1.0, 1.0, 1.0, 1.0, 0.9, 0.8},
		[24]float64{0.6, 0.3, 0.2, 0.15, 0.15, 0.25, 0.5, 0.8, 0.9, 0.7, 0.5, 0.5, 0.5, 0.5, 0.5, 0.6, 0.8, 0.9, 1.0, 1.0, 1.0, 1.0, 0.9, 0.8})
	shortHours = newProfile(
		[24]float64{0.2, 0.1, 0.05, 0.05, 0.2, 0.8, 2.0, 2.4, 2.0, 1.4, 1.0, 0.8, 0.6, 0.5, 0.5, 0.6, 0.8, 1.0, 1.1, 1.1, 1.0, 1.0, 0.8, 0.4},
		[24]float64{0.2, 0.1, 0.05, 0.05, 0.1, 0.3, 0.8, 1.5, 2.2, 2.4, 2.0, 1.5, 1.0, 0.8, 0.7, 0.8, 1.0, 1.1, 1.1, 1.0, 1.0, 0.9, 0.7, 0.4})
	comfortHours = newProfile(
		[24]float64{1.0, 0.8, 0.65, 0.55, 0.5, 0.5, 0.8, 1.5, 1.9, 1.2, 1.0, 0.9, 0.9, 0.8, 0.8, 0.8, 0.8, 1.1, 1.3, 1.4, 1.4, 1.3, 1.2, 1.1},
		[24]float64{1.2, 1.0, 0.8, 0.6, 0.5, 0.5, 0.6, 0.9, 1.4, 1.6, 1.5, 1.3, 1.2, 1.2, 1.1, 1.1, 1.1, 1.2, 1.3, 1.4, 1.3, 1.2, 1.1, 1.0})
)

// Averages over a year: the dark share of the lit hours, and the cold.
var (
	meanLight = func() float64 {
		sum := 0.0
		for day := 1; day <= 365; day++ {
			for hour := range 24 {
				w := float64(5*lightHours[0][hour]+2*lightHours[1][hour]) / 7 / 65536
				sum += float64(w * float64(dark[day][hour]) / 256)
			}
		}
		return sum / 365
	}()
	meanWinter = func() float64 {
		sum := 0.0
		for _, w := range winter[1:366] {
			sum += float64(w) / 65536
		}
		return sum / 365
	}()
)

// shortUse: 0.35 and a quarter for each person a day. Electric showers are sold
// with 7.5 to 10.5 kW.
func (h *home) shortUse() use {
	often := h.often * (0.35 + float64(0.25*h.occupants))
	if h.shower {
		p := h.between(traitShowerPower, 7500, 10500)
		return use{newChance(shortHours, often), 120, 360, uint32(math.Round(p)), 0}
	}
	return use{newChance(shortHours, often), 120, 720, 700, 1500}
}

// newBase: a fridge of 0.6 to 1.4 kWh and standby of 0.5 to 1.5 kWh a day,
// electronics, up to some hundred watts of light, a heater of 1 to 2.4 kW.
func (h *home) newBase() baseRow {
	period := uint32(h.between(traitFridgePeriod, 2400, 4800))
	fridge := h.base * h.between(traitFridge, 600, 1400) / 24 // W on average
	running := period * 2 / 5
	people := h.occupants / averageOccupants
	heater := h.between(traitHeaterPower, 1400, 2600)
	heating := 4100 * h.spread(traitHeater, 0.8) * (0.5 + float64(0.5*people)) / heater // hours on the coldest day
	return baseRow{
		days:     newStream(h.seed, h.key, purposeDay),
		pastimes: newStream(h.seed, h.key, purposePastime),
		shorts:   newStream(h.seed, h.key, purposeShort),
		comfort:  newStream(h.seed, h.key, purposeComfort),
		short:    h.shortUse(),
		standby:  milliwatts(h.base * h.between(traitStandby, 500, 1900) / 24),
		fridge:   milliwatts(fridge * float64(period) / float64(running)),
		pastime:  milliwatts(h.base * h.spread(traitPastime, 0.4) * (900 + float64(800*people)) / 24),
		light:    milliwatts(h.base * (450 + float64(450*people)) / 24 / meanLight),
		heater:   uint32(math.Round(heater)),
		heating:  uint32(math.Round(h.base * heating * 65536)),
		period:   period, running: running,
		phase: uint32(h.between(traitFridgePhase, 0, 4800)),
		shift: uint32(h.between(traitShift, 0, 3600)),
	}
}

func milliwatts(w float64) uint32 { return uint32(math.Round(w * 1000)) }

// energy is Wh of an average day, without short draws, which are uses.
func (b baseRow) energy() float64 {
	fridge := float64(b.fridge) * float64(b.running) / float64(b.period)
	steady := fridge + float64(b.standby) + float64(b.pastime) + float64(meanLight*float64(b.light))
	return steady*24/1000 + float64(meanWinter*float64(b.heating)/65536*float64(b.heater))
}

func (b *baseRow) Offer(env *Env) Band {
	c := env.clock()
	sum := b.ran(&c)*int64(b.fridge) + (c.to-c.from)*int64(b.standby) // mW s
	for n := c.hourAt(c.from + int64(b.shift)); n*3600-int64(b.shift) < c.to; n++ {
		begin := n*3600 - int64(b.shift)
		sum += (min(begin+3600, c.to) - max(begin, c.from)) * b.hour(env, &c, n)
	}
	sum += b.short.drawn(&c, b.days, b.shorts) * int64(Watt)
	return Fixed(Power(sum / (c.to - c.from)))
}

// ran is how long the fridge runs in a step: each period begins with running and
// ends with rest.
func (b *baseRow) ran(c *clock) int64 {
	at := uint32(c.from+int64(b.phase)) % b.period // 32 bits hold 136 years, and divide faster
	to := at + uint32(c.to-c.from)
	ran := to/b.period*b.running + min(to%b.period, b.running)
	return int64(ran) - int64(min(at, b.running))
}

// hour is the power of electronics, light and heater in hour n, mW.
func (b *baseRow) hour(env *Env, c *clock, n int64) int64 {
	hour, weekend := c.look(n)
	busy := int64(c.busyDay(b.days, n))
	bits := b.pastimes.draw(n)
	// Three times the square of a uniform number: mean 1, mostly little.
	u := int64(bits & 0xffff)
	level := 3 * u * u >> 16
	p := int64(b.pastime) * (24 * int64(pastimeHours[weekend][hour]) >> 6) >> 10 * busy >> 8 * level >> 16
	lit := int64(lightHours[weekend][hour]) * 24 * int64(dark[env.YearDay][hour]) >> 8
	p += int64(b.light) * lit >> 16 * (int64(bits>>16&0xff) + 128) >> 8
	// Heating: so many hours of the coldest day, by season and hour.
	if cold := uint64(winter[env.YearDay]); cold > 0 {
		likely := uint64(b.heating) * cold >> 16 * uint64(comfortHours[weekend][hour])
		if b.comfort.draw(n)>>32 < likely {
			p += int64(b.heater) * 1000
		}
	}
	return p
}

func (b *baseRow) Step(_ *Env, p Power, _ *Events) Power       { return p }
func (b *baseRow) Apply(*Event)                                {}
func (b *baseRow) Command(_ *Env, c *Command, _ *Events) error { return refused(c) }

func (b *baseRow) AppendBinary(buf []byte) []byte { return append(buf, 1) }
func (b *baseRow) UnmarshalBinary(buf []byte) ([]byte, error) {
	return readInts(buf, "base", 1)
}
