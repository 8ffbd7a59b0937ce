package twins

import "slices"

// handRow is the manager's control of a plant: an order that overrules every plan, an
// output fixed for an hour, and the share of its rating that is sold to the market.
// All of it is changeable.
type handRow struct {
	order int64 // index into plantOrders
	fixed Power // > 0 while tick < until
	until Tick
	sold  Ratio
}

// PlantOrder is what the manager wants of a plant. The numbers are on disk for ever.
type PlantOrder int64

// Orders to plants.
const (
	OrderAuto PlantOrder = 0 // follows the plan
	OrderRun  PlantOrder = 1 // starts as soon as it can and stays on
	OrderStop PlantOrder = 2 // stops at once and stays off
)

// String is the order's word: auto, run or stop.
func (o PlantOrder) String() string { return plantOrders[o] }

var plantOrders = []string{"auto", "run", "stop"}

// fixedFor is how long an output stays fixed.
const fixedFor = hour

// handSchema is the schema of the manager's keys.
const handSchema = `
    "order": {"enum": ["auto", "run", "stop"], "default": "auto", "x-changeable": true, "description": "of the manager, over every plan: starts, with its start-up time, and stays on; stops at once and stays off"},
    "fixed_w": {"type": "number", "minimum": 0, "maximum": 1e12, "default": 0, "x-changeable": true, "description": "output that the manager fixes for an hour from when it is set, inside least output, rating and ramp, W; 0: not fixed"},
    "sold_share": {"type": "number", "minimum": 0, "maximum": 1, "default": 0, "x-changeable": true, "description": "of rated_w that is sold to the market: exported over the ties while the plant runs, until it is needed here"}`

var handSettings = changeable[handRow]{
	number(Setting{Name: "order", Scale: 1, Max: int64(len(plantOrders)) - 1, Words: plantOrders}, func(h *handRow) *int64 { return &h.order }),
	// How long an output is fixed is in an event of its own.
	number(Setting{Name: "fixed_w", Scale: int64(Watt), Max: int64(1000 * Gigawatt)}, func(h *handRow) *Power { return &h.fixed }),
	number(Setting{Name: "sold_share", Scale: int64(One), Max: int64(One)}, func(h *handRow) *Ratio { return &h.sold }),
}

type handSpec struct {
	Order string `json:"order"`
	Fixed Power  `json:"fixed_w"`
	Sold  Ratio  `json:"sold_share"`
}

// producerFixed is the event of an output that is fixed until a tick.
var producerFixed = &EventType{Name: "producer.fixed", Fields: []string{fixedOutput: "output_w", fixedEnd: "until_tick"}, Notable: true}

// Hand is what the manager has ordered of a plant. Its output is fixed at Fixed, > 0, in steps
// before Until; Sold is the share of its rating that is sold to the market.
type Hand struct {
	Order PlantOrder
	Fixed Power
	Until Tick
	Sold  Ratio
}

// Value is the stored value of a setting of the manager's; false if there is none with that
// name.
func (h *Hand) Value(setting string) (v int64, ok bool) {
	of := handRow{order: int64(h.Order), fixed: h.Fixed, sold: h.Sold}
	s := handSettings.named(setting)
	if s == nil {
		return 0, false
	}
	return s.get(&of), true
}

// Set gives a setting a value in step t, for callers that have a plant's commands but not the plant.
// step is the length of a step.
func (h *Hand) Set(setting string, v int64, t Tick, step Seconds) {
	of := handRow{int64(h.Order), h.Fixed, h.Until, h.Sold}
	if s := handSettings.named(setting); s != nil {
		s.set(&of, v)
	}
	if setting == "fixed_w" {
		of.until = fixedUntil(t, step)
	}
	*h = Hand{PlantOrder(of.order), of.fixed, of.until, of.sold}
}

func (h *handRow) init(s *handSpec, step Seconds) {
	*h = handRow{order: max(0, int64(slices.Index(plantOrders, s.Order))), fixed: s.Fixed, sold: s.Sold}
	if h.fixed > 0 {
		h.until = fixedUntil(0, step)
	}
}

func fixedUntil(t Tick, step Seconds) Tick { return t + Tick((fixedFor+step-1)/step) }

// isFixed reports whether the output is fixed in this step.
func (h *handRow) isFixed(env *Env) bool { return h.fixed > 0 && env.Tick < h.until }
