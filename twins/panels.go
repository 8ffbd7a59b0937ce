package twins

import "fmt"

// panels are solar panels on a roof, as a meter recorded their output.
var panels = &PartKind{
	Name: "pv", Label: "Roof panels", Tier: Generation, Version: 1,
	Schema: `{"type": "object", "additionalProperties": false, "required": ["recording", "column"],
      "description": "recorded output of panels on the roof",
      "properties": {
        "recording": {"type": "string", "minLength": 1, "description": "id of a recording"},
        "column": {"type": "string", "minLength": 1, "description": "one of its columns"},
        "scale": {"type": "number", "minimum": 0, "maximum": 1000, "default": 1, "x-changeable": true, "description": "factor on the recorded power"}
      }}`,
	New: func(site *Site, members []Member) (PartSlab, error) {
		s := NewPartSlab[panelRow](len(members))
		for i, m := range members {
			r, err := newRecorded(site, m)
			if err != nil {
				return nil, err
			}
			s.Row(i).recorded = r
		}
		return s, nil
	},
	Settings: scaleSetting,
	Events:   []*EventType{eventSet},
	Sample: func(between func(lo, hi int64) int64) string {
		return fmt.Sprintf(`{"recording": "r", "column": "c%d", "scale": %d.%d}`, between(0, 9), between(0, 3), between(0, 999))
	},
}

type panelRow struct{ recorded }

func (p *panelRow) Offer(env *Env) Band {
	sun := p.power(env)
	return Band{Min: -sun, Ref: -sun, Max: 0}
}
func (p *panelRow) Step(_ *Env, set Power, _ *Events) Power { return set }
func (p *panelRow) Command(_ *Env, c *Command, ev *Events) error {
	return setEvent(scaleSetting, c, p.current, ev)
}

func (p *panelRow) AppendBinary(b []byte) []byte { return appendInts(append(b, 1), int64(p.scale)) }
func (p *panelRow) UnmarshalBinary(b []byte) ([]byte, error) {
	return readInts(b, "pv", 1, (*int64)(&p.scale))
}
