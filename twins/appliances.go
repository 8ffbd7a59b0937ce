package twins

import (
	"fmt"
	"math"
)

// A home whose entry has "appliances" is modelled device by device: base load,
// cooking, washing machine, dishwasher and dryer are parts of their own. How often
// and how strongly they are used follows the people who live there, the hour, the
// kind of day and the season of the northern hemisphere; what happens when is
// drawn from streams by home, purpose and hour of the local wall clock, so that
// every step length sees the same events.
//
// The shape of a day, its season and the spread between homes are fitted to 57
// homes of the Smart-Grid Smart-City Customer Trial in 2013 (Australia, CC BY
// 3.0 AU), laid half a year on; testdata/homes has their figures and
// TestModelledHomes the error reached. Season follows the calendar and not
// Env.Weather, so a scenario without weather has the same homes; heating by a
// heat pump or hot water with a tank are devices of their own.

const appliancesKey = "appliances"

const appliancesSchema = `{"type": "object", "additionalProperties": false,
      "description": "a load modelled by its appliances: base, cooking, washing machine, dishwasher and dryer",
      "properties": {
        "occupants": {"type": ["number", "null"], "minimum": 1, "maximum": 6, "default": null, "description": "people who live there, 2.5 for an average home; null: by the seed, 2.5 on average"},
        "annual_wh": {"type": ["number", "null"], "minimum": 100000, "maximum": 100000000, "default": null, "description": "what the home draws in an average year, Wh; null: by the occupants and the seed"},
        "electric_shower": {"type": ["boolean", "null"], "default": null, "description": "whether water for showers is heated as it flows, at 7.5 to 10.5 kW; null: by the seed, in 45 % of homes"},
        "max_wait_h": {"type": "number", "minimum": 0, "maximum": 24, "default": 6, "x-changeable": true, "description": "how long washing machine, dishwasher and dryer may wait before they start, by agreement, h"}
      }}`

type appliancesSpec struct {
	Occupants *float64 `json:"occupants"`
	Annual    *Energy  `json:"annual_wh"`
	Shower    *bool    `json:"electric_shower"`
	MaxWait   hours    `json:"max_wait_h"`
}

// hours is a span of time that is given in hours.
type hours Seconds

func (h *hours) UnmarshalJSON(b []byte) error { return unmarshalScaled((*int64)(h), b, 3600) }

var maxWaitSetting = changeable[programmeRow]{
	number(Setting{Name: "max_wait_h", Scale: 3600, Max: 24 * 3600}, func(r *programmeRow) *Seconds { return &r.maxWait }),
}

func appliancesSample(between func(lo, hi int64) int64) string {
	annual := []string{"null", fmt.Sprint(between(100_000, 20_000_000))}[between(0, 1)]
	occupants := []string{"null", fmt.Sprintf("%d.%d", between(1, 5), between(0, 9))}[between(0, 1)]
	return fmt.Sprintf(`{"occupants": %s, "annual_wh": %s, "electric_shower": %s, "max_wait_h": %d.%d}`,
		occupants, annual, []string{"null", "true", "false"}[between(0, 2)], between(0, 23), between(0, 9))
}

// Purposes of the random streams of a modelled home. They are drawn by the path of
// its appliances entry, so that all parts of a home see the same days.
const (
	purposeHome       Purpose = 20 // what the home is like; by trait
	purposeDay        Purpose = 21 // how busy a day is; by day
	purposePastime    Purpose = 22 // electronics and lighting; by hour
	purposeShort      Purpose = 23 // showers, hair dryers; by hour
	purposeComfort    Purpose = 24 // electric heaters; by hour
	purposeMeal       Purpose = 25 // by hour
	purposeKettle     Purpose = 26 // by hour
	purposeWash       Purpose = 27 // by hour
	purposeDishes     Purpose = 28 // by hour
	purposeDry        Purpose = 29 // by hour
	purposeWashEnergy Purpose = 30 // of a programme; by hour
	purposeDishEnergy Purpose = 31
	purposeDryEnergy  Purpose = 32
)

// trait numbers the draws that make a home what it is.
type trait int64

const (
	traitOccupants trait = iota
	traitEnergy
	traitShower
	traitShowerPower
	traitHeater
	traitHeaterPower
	traitMeals
	traitKettle
	traitWash
	traitDishes
	traitDry
	traitFridge
	traitFridgePeriod
	traitFridgePhase
	traitStandby
	traitPastime
	traitShift
)

// home holds the draws that are made once for a modelled home. All parts of a
// home make the same ones.
type home struct {
	spec      appliancesSpec
	key       uint64
	seed      uint64
	occupants float64
	shower    bool
	// Factors that bring the home to its yearly energy: on how often something is
	// used, and on the power of the base.
	often, base float64
}

// The average number of people in a home, and how many homes of a hundred have
// one, two … six.
const averageOccupants = 2.52

var homesOf = [6]float64{25, 34, 16, 16, 6, 3}

// Energy of an average year by occupants, and its spread between homes of equal
// size: 10.5 kWh a day, SD 5.1, with the occupants above.
const (
	annualHome      = 1835 // kWh
	annualPerson    = 790  // kWh
	annualDeviation = 0.36 // of the logarithm
)

func newHome(site *Site, m Member) (*home, error) {
	h := &home{key: m.Key(), seed: site.Seed}
	if err := decodeSpec(m, &h.spec); err != nil {
		return nil, err
	}
	if p := h.spec.Occupants; p != nil {
		h.occupants = *p
	} else {
		h.occupants = h.drawOccupants()
	}
	if p := h.spec.Shower; p != nil {
		h.shower = *p
	} else {
		h.shower = h.unit(traitShower) < 0.45
	}
	h.scale()
	return h, nil
}

// unit is a trait as a number of 0 ≤ x < 1.
func (h *home) unit(t trait) float64 {
	return float64(Draw(h.seed, h.key, purposeHome, int64(t))>>11) / (1 << 53)
}

// between is a trait between two bounds, lo ≤ x < hi.
func (h *home) between(t trait, lo, hi float64) float64 {
	return lo + float64(h.unit(t)*(hi-lo))
}

// spread is a trait as a factor with mean 1 and the given deviation of its
// logarithm: log-normal, but for a normal number made of four uniform ones.
func (h *home) spread(t trait, deviation float64) float64 {
	bits, sum := Draw(h.seed, h.key, purposeHome, int64(t)), 0.0
	for range 4 {
		sum += float64(bits&0xffff) / 0x10000
		bits >>= 16
	}
	z := float64((sum - 2) * math.Sqrt(3))
	return Exp(float64(deviation*z) - float64(deviation*deviation)/2)
}

func (h *home) drawOccupants() float64 {
	u, n := 100*h.unit(traitOccupants), 0
	for ; n < len(homesOf)-1 && u >= homesOf[n]; n++ {
		u -= homesOf[n]
	}
	return float64(n + 1)
}

// scale finds the factors with which the home draws its yearly energy on
// average. Cooking and washing are at most 1.8 times as frequent as usual:
// beyond that the base grows.
func (h *home) scale() {
	annual := (annualHome + float64(annualPerson*h.occupants)) * 1000 * h.spread(traitEnergy, annualDeviation)
	if h.spec.Annual != nil {
		annual = h.spec.Annual.WattHours()
	}
	daily := annual / 365.25
	h.often, h.base = 1, 1
	base, used := h.baseEnergy(), h.usedEnergy()
	h.often = min(1.8, daily/(base+used))
	h.base = (daily - float64(h.often*used)) / base
}

// baseEnergy and usedEnergy are Wh of an average day with factors of 1.
func (h *home) baseEnergy() float64 { return h.newBase().energy() }

func (h *home) usedEnergy() float64 {
	return h.shortUse().energy() + h.mealUse().energy() + h.kettleUse().energy() +
		washProgramme.daily(h) + dishProgramme.daily(h) + dryProgramme.daily(h)
}

// profile is how likely something is in each hour of a weekday and of a day at
// the weekend, in 1/65,536 of an average day's total.
type profile [2][24]uint32

// newProfile scales 24 weights of a weekday and of a weekend's day so that an
// average day of the week has 65,536.
func newProfile(weekday, weekend [24]float64) *profile {
	week := 0.0
	for h := range 24 {
		week += float64(5*weekday[h]) + float64(2*weekend[h])
	}
	var p profile
	for h := range 24 {
		p[0][h] = uint32(math.Round(weekday[h] * 7 * 65536 / week))
		p[1][h] = uint32(math.Round(weekend[h] * 7 * 65536 / week))
	}
	return &p
}

// clock is a step on the local wall clock, counted from the midnight before the
// run's first day.
type clock struct {
	from, to int64 // seconds: the step is [from, to)
	midnight int64 // of the day in which the step begins, in hours
	weekday  int8
}

func (e *Env) clock() clock {
	from := int64(e.Day)*86400 + int64(e.SecondOfDay)
	return clock{from, from + int64(e.Step), int64(e.Day) * 24, e.Weekday}
}

// hourAt is the number of the hour that holds a second.
func (c *clock) hourAt(second int64) int64 {
	n := c.midnight + (second-c.midnight*3600)/3600
	if second < n*3600 {
		n--
	}
	return n
}

// look finds hour n, which lies in the day of the step or next to it, in a
// profile.
func (c *clock) look(n int64) (hour, weekend int) {
	hour, day := int(n-c.midnight), c.weekday
	if hour < 0 {
		hour, day = hour+24, day+6
	} else if hour >= 24 {
		hour, day = hour-24, day+1
	}
	if day >= 7 {
		day -= 7
	}
	if day == 0 || day == 6 {
		weekend = 1
	}
	return hour, weekend
}

// busy are the eight kinds of day at a home, in 1/256 of an average one: an
// empty home, then from quiet to busy. Their mean is 1.
var busy = [8]uint64{64, 179, 218, 243, 269, 307, 358, 410}

// busyDay is how busy the day of hour n is.
func (c *clock) busyDay(days stream, n int64) uint64 {
	day := c.midnight
	if n < day {
		day -= 24
	} else if n >= day+24 {
		day += 24
	}
	return busy[days.draw(day/24)>>61]
}

// chance is how often an event of a home happens: at most once in an hour.
type chance struct {
	profile *profile
	rate    uint32 // times a day, in 1/65,536
}

func newChance(p *profile, perDay float64) chance {
	return chance{p, uint32(math.Round(perDay * 65536))}
}

func (k chance) perDay() float64 { return float64(k.rate) / 65536 }

// happens reports whether the event happens in hour n, and returns the draw,
// whose lower half holds the details.
func (k *chance) happens(c *clock, days, draws stream, n int64) (bits uint64, ok bool) {
	bits = draws.draw(n)
	hour, weekend := c.look(n)
	// rate and profile are in 2^16, together in 2^32 as the upper half of the draw.
	likely := uint64(k.rate) * uint64(k.profile[weekend][hour])
	if bits>>32 >= 2*likely { // no day is that busy
		return bits, false
	}
	return bits, bits>>32 < likely*c.busyDay(days, n)>>8
}

// begin is the second at which the event of hour n begins.
func begin(n int64, bits uint64) int64 { return n*3600 + int64(bits&0xfff)*3600>>12 }

// use is something that is switched on now and then and draws its power for some
// minutes. Between the bounds all times and powers are equally likely.
type use struct {
	chance
	shortest, longest uint32 // seconds, at most an hour
	weakest, span     uint32 // W: from weakest to weakest + span
}

// energy is Wh of an average day, as long as no hour is certain.
func (u use) energy() float64 {
	return u.perDay() * float64(u.shortest+u.longest) / 2 * (float64(u.weakest) + float64(u.span)/2) / 3600
}

// drawn is what the use draws in a step, in watt seconds.
func (u *use) drawn(c *clock, days, draws stream) (sum int64) {
	for n := c.hourAt(c.from - int64(u.longest)); n*3600 < c.to; n++ {
		bits, ok := u.happens(c, days, draws, n)
		if !ok {
			continue
		}
		from := begin(n, bits)
		to := from + int64(u.shortest) + int64(uint64(u.longest-u.shortest)*(bits>>12&0x3ff)/0x3ff)
		if from, to = max(from, c.from), min(to, c.to); from < to {
			sum += (to - from) * (int64(u.weakest) + int64(uint64(u.span)*(bits>>22&0x3ff)/0x3ff))
		}
	}
	return sum
}

// mean is a power of so many watt seconds in a step, rounded down.
func (c *clock) mean(wattSeconds int64) Power {
	return Power(wattSeconds * int64(Watt) / (c.to - c.from))
}

// Season and daylight by day of the year, for the middle of the northern
// temperate zone.

// yearCosine is a cosine over the year with its greatest value on a day; by the
// approximation of Bhaskara, (π² − 4x²)/(π² + x²), good to 0.002.
func yearCosine(day, greatest float64) float64 {
	turn := (day - greatest) / 365.25
	turn -= math.Floor(turn + 0.5) // −½ … ½
	sign, x := 1.0, math.Abs(turn)*2
	if x > 0.5 {
		sign, x = -1, 1-x
	}
	square := float64(x * x)
	return sign * (1 - 4*square) / (1 + square)
}

// winter is the share of the coldest day's heating that a day needs, in
// 1/65,536: nothing in the summer half of the year.
var winter = func() (w [367]uint32) {
	for day := range w {
		cold := max(0, yearCosine(float64(day), 3))
		w[day] = uint32(math.Round(65536 * cold * math.Sqrt(cold)))
	}
	return w
}()

// dark is, for each day of the year and hour, the part of the hour that needs
// light, in 1/256. Days are of 8.6 to 15.4 hours, as at 45° north, around a noon
// at 12:20.
var dark = func() (d [367][24]uint8) {
	for day := range d {
		half := 6 - float64(1.7*yearCosine(float64(day), 355))
		for hour := range 24 {
			past := math.Abs(float64(hour)+0.5-12.33) - half + 0.5
			d[day][hour] = uint8(math.Round(255 * max(0, min(1, past))))
		}
	}
	return d
}()
