package twins

import "fmt"

// Node is the twin of a community or of the grid: what its members have moved
// since the start, its greatest load, and, for a community, the limit at its
// connection point. Its running totals are 128-bit.
type Node struct {
	kind  *Kind
	limit Power // changeable; 0: none. Of import and of export alike

	consumed, produced, charged, discharged Total
	imported, exported, lost                Total
	unserved, curtailed                     Total
	peak                                    Power // greatest load + charging, mean of a step
	peakTick                                Tick
	breaches                                int64 // steps above the limit
}

// Community adds its members up.
var Community = Declare(Kind{
	Name: "community", Plural: "communities", Label: "Community", Role: RoleNode, Version: 1,
	Schema: `{
  "properties": {
    "limit_w": {"type": ["number", "null"], "minimum": 0, "maximum": 1e15, "default": null, "x-changeable": true, "description": "of net import and export at its connection point, W: steps above it are counted, nothing keeps it yet; 0 or null: none"}
  }
}`,
	Events:   []*EventType{nodeMoved, nodeCrossed, eventSet, LimitPassed},
	Settings: communitySettings.list(),
	Columns:  nodeColumns,
})

var communitySettings = changeable[Node]{
	number(Setting{Name: "limit_w", Scale: int64(Watt), Min: 0, Max: int64(1_000_000 * Gigawatt), Zero: "none"}, func(n *Node) *Power { return &n.limit }),
}

// GridPath is the path of the grid's twin; every other path begins with it.
const GridPath = "grid"

// Grid adds the communities up.
var Grid = Declare(Kind{
	Name: "grid", Plural: "grids", Label: "Grid", Role: RoleNode, Version: 1,
	Schema:  `{"properties": {}}`,
	Events:  []*EventType{nodeMoved, nodeCrossed},
	Columns: nodeColumns,
})

var nodeColumns = []Column{ColumnPower, ColumnGeneration, ColumnUnserved, ColumnCurtailed, ColumnWaiting}

var (
	nodeMoved = &EventType{Name: "node.moved", Fields: []string{"consumed_j", "produced_j", "charged_j", "discharged_j", "lost_j", "unserved_j", "curtailed_j"}}
	// crossed: what passed the node's border, and the step's greatest load.
	nodeCrossed = &EventType{Name: "node.crossed", Fields: []string{crossedIn: "imported_j", crossedOut: "exported_j", crossedLoad: "load_w", crossedTick: "tick", crossedAbove: "above_limit"}}
)

// The values of nodeCrossed.
const crossedIn, crossedOut, crossedLoad, crossedTick, crossedAbove = 0, 1, 2, 3, 4

// LimitPassed is the notable event of a community whose net import (+) or export (−)
// was above its limit in a step.
var LimitPassed = &EventType{Name: "community.limit_passed", Fields: []string{"net_w", "limit_w"}, Notable: true}

type nodeSpec struct {
	Limit *Power `json:"limit_w"`
}

// NewNode builds the twin of a community or grid.
func NewNode(k *Kind, m Member) (*Node, error) {
	var spec nodeSpec
	if err := decodeSpec(m, &spec); err != nil {
		return nil, err
	}
	n := &Node{kind: k, peakTick: -1}
	if spec.Limit != nil {
		n.limit = *spec.Limit
	}
	return n, nil
}

// Limit is the limit of net import and export at its connection point; 0:
// none.
func (n *Node) Limit() Power { return n.limit }

// above reports whether a power through the node's border is above its limit.
func (n *Node) above(p Power) bool { return n.limit > 0 && p > n.limit }

// Settle appends what happens to the node when its members' flows of the step
// are f and in and out pass its border (each ≥ 0).
func (n *Node) Settle(env *Env, f *Flows, in, out Power, ev *Events) {
	e := func(p Power) int64 { return int64(p.For(env.Step)) }
	*ev.Add(nodeMoved) = [7]int64{e(f.Load), e(f.Generation), e(f.Charge), e(f.Discharge), e(f.NetworkLoss), e(f.Unserved), e(f.Curtailed)}
	*ev.Add(nodeCrossed) = [7]int64{crossedIn: e(in), crossedOut: e(out), crossedLoad: int64(f.Load + f.Charge), crossedTick: int64(env.Tick),
		crossedAbove: flag(n.above(max(in, out)))}
}

// Apply makes an event part of the state.
func (n *Node) Apply(e *Event) {
	switch e.Type {
	case nodeMoved:
		for i, t := range [...]*Total{&n.consumed, &n.produced, &n.charged, &n.discharged, &n.lost, &n.unserved, &n.curtailed} {
			*t = t.Plus(Energy(e.V[i]))
		}
	case nodeCrossed:
		n.imported = n.imported.Plus(Energy(e.V[crossedIn]))
		n.exported = n.exported.Plus(Energy(e.V[crossedOut]))
		if load := Power(e.V[crossedLoad]); n.peakTick < 0 || load > n.peak {
			n.peak, n.peakTick = load, Tick(e.V[crossedTick])
		}
		n.breaches += e.V[crossedAbove]
	case eventSet:
		communitySettings.apply(n, e)
	default:
		panic(fmt.Sprintf("%s: unknown event %s", n.kind.Name, e.Type.Name))
	}
}

// Command turns a command into events.
func (n *Node) Command(_ *Env, c *Command, ev *Events) error {
	if len(n.kind.Settings) == 0 {
		return refused(c)
	}
	return communitySettings.command(n, c, ev)
}

func (n *Node) totals() []*Total {
	return []*Total{&n.consumed, &n.produced, &n.charged, &n.discharged, &n.imported, &n.exported, &n.lost, &n.unserved, &n.curtailed}
}

// AppendBinary appends the stored form, version byte first.
func (n *Node) AppendBinary(b []byte) []byte {
	b = append(b, n.kind.Version)
	for _, t := range n.totals() {
		hi, lo := t.Bits()
		b = appendInts(b, hi, int64(lo))
	}
	return appendInts(b, int64(n.limit), int64(n.peak), int64(n.peakTick), n.breaches)
}

// UnmarshalBinary is the inverse of AppendBinary and returns the rest of b.
func (n *Node) UnmarshalBinary(b []byte) ([]byte, error) {
	var v [22]int64
	p := make([]*int64, len(v))
	for i := range v {
		p[i] = &v[i]
	}
	b, err := readInts(b, n.kind.Name, n.kind.Version, p...)
	if err != nil {
		return b, err
	}
	for i, t := range n.totals() {
		*t = TotalOf(v[2*i], uint64(v[2*i+1]))
	}
	n.limit, n.peak, n.peakTick, n.breaches = Power(v[18]), Power(v[19]), Tick(v[20]), v[21]
	return b, nil
}
