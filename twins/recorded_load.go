package twins

import "fmt"

// recordedLoad is a home's load as a meter recorded it: everything that was
// plugged in. None of it can be moved.
var recordedLoad = &PartKind{
	Name: "load", Label: "Recorded load", Tier: Essential, Version: 1,
	Schema: `{"type": "object", "additionalProperties": false, "required": ["recording", "column"],
      "description": "a recorded load",
      "properties": {
        "recording": {"type": "string", "minLength": 1, "description": "id of a recording"},
        "column": {"type": "string", "minLength": 1, "description": "one of its columns; a * makes one household of each column that fits"},
        "move_weeks": ` + moveWeeksSchema + `,
        "scale": {"type": "number", "minimum": 0, "maximum": 1000, "default": 1, "x-changeable": true, "description": "factor on the recorded power"}
      }}`,
	New: func(site *Site, members []Member) (PartSlab, error) {
		s := NewPartSlab[loadRow](len(members))
		for i, m := range members {
			r, err := newRecorded(site, m)
			if err != nil {
				return nil, err
			}
			s.Row(i).recorded = r
		}
		return s, nil
	},
	Settings: scaleSetting.list(),
	Events:   []*EventType{eventSet},
	Sample: func(between func(lo, hi int64) int64) string {
		return fmt.Sprintf(`{"recording": "r", "column": "c%d", "move_weeks": %d, "scale": %d.%d}`, between(0, 9), between(-3, 3), between(0, 2), between(0, 999))
	},
}

type loadRow struct{ recorded }

func (l *loadRow) Offer(env *Env) Band                   { return Fixed(l.power(env)) }
func (l *loadRow) Step(_ *Env, p Power, _ *Events) Power { return p }
func (l *loadRow) Command(_ *Env, c *Command, ev *Events) error {
	return scaleSetting.command(&l.recorded, c, ev)
}

func (l *loadRow) AppendBinary(b []byte) []byte { return appendInts(append(b, 1), int64(l.scale)) }
func (l *loadRow) UnmarshalBinary(b []byte) ([]byte, error) {
	return readInts(b, "load", 1, (*int64)(&l.scale))
}
