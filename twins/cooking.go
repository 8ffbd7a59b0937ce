package twins

// cooking is hob and oven at meals, and kettle, toaster and microwave in between.
var cooking = &PartKind{
	Name: "cooking", Label: "Cooking", Tier: Essential, Version: 1,
	Entry: appliancesKey,
	New: func(site *Site, members []Member) (PartSlab, error) {
		s := NewPartSlab[cookingRow](len(members))
		for i, m := range members {
			h, err := newHome(site, m)
			if err != nil {
				return nil, err
			}
			*s.Row(i) = cookingRow{
				days:    newStream(h.seed, h.key, purposeDay),
				meals:   newStream(h.seed, h.key, purposeMeal),
				kettles: newStream(h.seed, h.key, purposeKettle),
				meal:    h.mealUse(), kettle: h.kettleUse(),
			}
		}
		return s, nil
	},
}

// cookingRow has no state.
type cookingRow struct {
	days, meals, kettles stream
	meal, kettle         use
}

var (
	mealHours = newProfile(
		[24]float64{0.1, 0.06, 0.05, 0.05, 0.06, 0.2, 0.45, 0.8, 0.85, 0.65, 0.6, 0.65, 0.75, 0.6, 0.55, 0.6, 0.75, 1.0, 1.08, 0.9, 0.6, 0.4, 0.3, 0.2},
		[24]float64{0.12, 0.08, 0.05, 0.05, 0.05, 0.1, 0.25, 0.5, 0.8, 0.9, 0.85, 0.95, 1.0, 0.9, 0.8, 0.75, 0.85, 1.0, 1.0, 0.8, 0.55, 0.4, 0.3, 0.2})
	kettleHours = newProfile(
		[24]float64{0.2, 0.1, 0.05, 0.05, 0.2, 0.8, 2.0, 2.4, 2.2, 1.6, 1.6, 1.3, 1.3, 1.2, 1.2, 1.4, 1.4, 1.4, 1.3, 1.3, 1.2, 1.2, 0.9, 0.4},
		[24]float64{0.2, 0.1, 0.05, 0.05, 0.1, 0.4, 1.0, 1.8, 2.3, 2.4, 2.0, 1.7, 1.6, 1.5, 1.4, 1.5, 1.5, 1.4, 1.3, 1.2, 1.2, 1.1, 0.9, 0.4})
)

// mealUse: a plate of a hob has 1.2 to 2 kW, an oven up to 3.6 kW; an hour at
// most.
func (h *home) mealUse() use {
	often := h.often * h.spread(traitMeals, 0.3) * (0.6 + float64(0.18*h.occupants))
	return use{newChance(mealHours, often), 20 * 60, 50 * 60, 2400, 1600}
}

// kettleUse: a kettle has 2 to 3 kW, a toaster or microwave 1 to 1.5 kW, for a few
// minutes.
func (h *home) kettleUse() use {
	often := h.often * h.spread(traitKettle, 0.4) * (2 + float64(0.8*h.occupants))
	return use{newChance(kettleHours, often), 90, 300, 1200, 1800}
}

func (k *cookingRow) Offer(env *Env) Band {
	c := env.clock()
	return Fixed(c.mean(k.meal.drawn(&c, k.days, k.meals) + k.kettle.drawn(&c, k.days, k.kettles)))
}

func (k *cookingRow) Step(_ *Env, p Power, _ *Events) Power       { return p }
func (k *cookingRow) Apply(*Event)                                {}
func (k *cookingRow) Command(_ *Env, c *Command, _ *Events) error { return refused(c) }

func (k *cookingRow) AppendBinary(b []byte) []byte { return append(b, 1) }
func (k *cookingRow) UnmarshalBinary(b []byte) ([]byte, error) {
	return readInts(b, "cooking", 1)
}
