package twins

import (
	"fmt"
	"math"
)

// Tie connects the grid to a neighbour, with a capacity each way. Its own
// twin meters it.
var Tie = Declare(Kind{
	Name: "tie", Plural: "ties", Label: "Tie", Role: RoleTie, Version: 1,
	Schema:   tieSchema,
	New:      newTies,
	Sample:   tieSample,
	Events:   []*EventType{tieExchanged, eventSet},
	Settings: tieSettings.list(),
	Columns:  []Column{ColumnPower},
	Gauges:   []Gauge{gaugeRoom},
})

var tieSettings = changeable[tie]{
	yesNo("available", func(t *tie) *bool { return &t.available }),
	number(Setting{Name: "import_w", Scale: int64(Watt), Max: int64(1000 * Gigawatt)}, func(t *tie) *Power { return &t.importLimit }),
	number(Setting{Name: "export_w", Scale: int64(Watt), Max: int64(1000 * Gigawatt)}, func(t *tie) *Power { return &t.exportLimit }),
}

const tieSchema = `{
  "required": ["import_w", "export_w"],
  "properties": {
    "import_w": {"type": "number", "minimum": 0, "maximum": 1e12, "x-changeable": true, "description": "greatest power into the grid, W"},
    "export_w": {"type": "number", "minimum": 0, "maximum": 1e12, "x-changeable": true, "description": "greatest power out of the grid, W"},
    "link": {"enum": ["ac", "dc"], "default": "ac", "description": "dc carries power without holding frequency"},
    "holds_frequency": {"type": "boolean", "default": true, "description": "the neighbour holds 50 Hz while an ac tie is in service"},
    "cost_eur_per_mwh": {"type": ["number", "null"], "minimum": -1e6, "maximum": 1e6, "default": null, "description": "price of import in the merit order; null: after every plant"},
    "available": {"type": "boolean", "default": true, "x-changeable": true, "description": "false: open"}
  }
}`

type tieSpec struct {
	Import         Power  `json:"import_w"`
	Export         Power  `json:"export_w"`
	Link           string `json:"link"`
	HoldsFrequency bool   `json:"holds_frequency"`
	Cost           *Price `json:"cost_eur_per_mwh"`
	Available      bool   `json:"available"`
}

// Unpriced is the cost of a tie that comes after every plant.
const Unpriced Price = math.MaxInt64

type tie struct {
	importLimit, exportLimit Power // changeable
	available                bool  // changeable
	holdsFrequency           bool
	cost                     Price

	imported, exported Energy // registers
}

var tieExchanged = &EventType{Name: "tie.exchanged", Fields: []string{"imported_j", "exported_j"}}

// Holder is a slab that knows whether a tie is in service, and whether its neighbour
// holds the frequency now: that is so for a tie in service whose entry says that the
// neighbour does.
type Holder interface {
	InService(i int) bool
	HoldsFrequency(i int) bool
	// Synchronous reports whether the neighbour holds the frequency whenever the tie is in service.
	Synchronous(i int) bool
}

// ties is the slab.
type ties struct{ *SlabOf[tie, *tie] }

// InService implements Holder.
func (s *ties) InService(i int) bool { return s.Row(i).available }

// Synchronous implements Holder.
func (s *ties) Synchronous(i int) bool { return s.Row(i).holdsFrequency }

// HoldsFrequency implements Holder.
func (s *ties) HoldsFrequency(i int) bool {
	t := s.Row(i)
	return t.available && t.holdsFrequency
}

func newTies(_ *Site, members []Member) (Slab, error) {
	s := &ties{NewSlab[tie, *tie](len(members))}
	for i, m := range members {
		var spec tieSpec
		if err := decodeSpec(m, &spec); err != nil {
			return nil, err
		}
		t := tie{
			importLimit: spec.Import, exportLimit: spec.Export, available: spec.Available,
			holdsFrequency: spec.HoldsFrequency && spec.Link == "ac", cost: Unpriced,
		}
		if spec.Cost != nil {
			t.cost = *spec.Cost
		}
		*s.Row(i) = t
	}
	return s, nil
}

func (t *tie) Offer(_ *Env, out *Flex) {
	out.Cost = t.cost
	if t.available {
		out.Tier[Generation] = Band{Min: -t.importLimit, Max: t.exportLimit}
	}
}

func (t *tie) Step(env *Env, set *Setpoint, ev *Events, out *Reading) {
	var can Flex
	t.Offer(env, &can)
	out.Exchange = can.Tier[Generation].Clip(set.Tier[Generation])
	out.Power = out.Exchange
	*ev.Add(tieExchanged) = [7]int64{
		int64(max(-out.Exchange, 0).For(env.Step)),
		int64(max(out.Exchange, 0).For(env.Step)),
	}
}

// Gauges implements GaugeRow.
func (t *tie) Gauges(_ *Env, read *Reading, out []int64) {
	if out[0] = 0; t.available {
		out[0] = int64(max(0, t.importLimit-max(0, -read.Exchange)))
	}
}

func (t *tie) Apply(e *Event) {
	switch e.Type {
	case tieExchanged:
		t.imported += Energy(e.V[0])
		t.exported += Energy(e.V[1])
	case eventSet:
		tieSettings.apply(t, e)
	}
}

func (t *tie) Command(_ *Env, c *Command, ev *Events) error { return tieSettings.command(t, c, ev) }

func (t *tie) AppendBinary(b []byte) []byte {
	return appendInts(append(b, Tie.Version), int64(t.imported), int64(t.exported),
		int64(t.importLimit), int64(t.exportLimit), flag(t.available))
}

func (t *tie) UnmarshalBinary(b []byte) ([]byte, error) {
	var available int64
	b, err := readInts(b, "tie", Tie.Version, (*int64)(&t.imported), (*int64)(&t.exported),
		(*int64)(&t.importLimit), (*int64)(&t.exportLimit), &available)
	t.available = available != 0
	return b, err
}

func tieSample(between func(lo, hi int64) int64) string {
	return fmt.Sprintf(`{"import_w": %d, "export_w": %d, "link": "ac", "holds_frequency": true, "cost_eur_per_mwh": %s, "available": true}`,
		between(0, 50000), between(0, 50000), []string{"null", "90.5"}[between(0, 1)])
}
