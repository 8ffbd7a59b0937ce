package twins

import (
	"fmt"
	"slices"
	"strings"
)

// Level is where in the grid a strategy decides.
type Level uint8

// Levels.
const (
	LevelGrid      Level = iota // over communities and units
	LevelCommunity              // over homes and what else stands in a community
	LevelHome                   // over what stands behind a home's meter
	NumLevels
)

var levelNames = [NumLevels]string{"grid", "community", "home"}

func (l Level) String() string { return levelNames[l] }

// Strategy describes one way of deciding at one level: the only thing that the scenario
// reader and the grid know of it. Name and Version are on disk for ever.
type Strategy struct {
	Name    string // operator; unlike every other strategy's, of whatever level
	Version uint8  // of the stored form of its state
	Level   Level
	Label   string // what it does, in a line

	// Schema is the JSON Schema of its own keys in a scenario: an object with properties,
	// each with a default unless it may be left out. Empty: it has no keys.
	Schema string

	// Controller makes the controller of a grid, at LevelGrid. spec has its own keys,
	// defaults filled in.
	Controller func(g *GridSite, spec []byte) (Controller, error)
	// Steward makes the steward of a community or home, at the other levels. If it is
	// Stateful there is one for each, otherwise one serves many, at the same time.
	Steward func(spec []byte) (Steward, error)

	// Unnamed says that states of it were stored before names stood in front of them.
	Unnamed bool

	// exact strategies never ask for more than was offered, and what they ask adds up:
	// their answers are not straightened.
	exact bool
}

// GridSite is what a controller may ask while it is built.
type GridSite struct {
	Communities []Roster // in path order
	Reserve     Power    // wanted besides what covers the greatest infeed
	// Forecast makes the forecast that the scenario wants, which may take long; nil, and
	// no error, where there is no plant to plan.
	Forecast func() (Forecast, error)
}

// Expectation is what one period is expected to bring, or what a step has brought:
// means, each ≥ 0. Load is what customers would draw if nobody asked for anything
// else, storage apart; Roofs is what stands behind their meters; Units is that of
// wind and sun at the grid's own.
type Expectation struct{ Load, Roofs, Units Power }

// Forecast expects. It is pure but for what it learns.
type Forecast interface {
	// Expect writes what is expected of periods from the step of env on, each of the
	// given length, the first being that step's. of is what this step has offered, and
	// now its sum.
	Expect(env *Env, of *Offers, now Expectation, period Seconds, out []Expectation)
	// Learn is told what a step has offered, once or twice for each, and appends
	// what is worth telling: how far off it was.
	Learn(env *Env, now Expectation, told []Notice) []Notice
	// The stored form of what it has learnt, as in Stateful.
	AppendBinary(b []byte) []byte
	UnmarshalBinary(b []byte) (rest []byte, err error)
}

// Steward decides for a community or a home: what its members offer together, and how
// what is asked of them is divided. It is pure: the same arguments and state give the
// same answer, and each method may be called again in a step after a failure. It sees
// offers, never the future and never a twin. What it answers is straightened: nobody is
// asked for more than was offered, and what is asked of members adds up to what is asked
// of all.
//
// net is what the network answered before this exchange: at StageSettle, where nothing of
// this step is known yet, to the step before; at StageRevise to the pass before in this
// step. So a limit is heard in the step in which it is passed if the step has another
// pass, and in the next one in any case.
type Steward interface {
	// Fold makes out, which comes as the sum of the members' offers, what is offered of
	// them all. Essential load cannot be kept back, nor what closes the books in the end: that
	// generation may be held back, storage left alone, and owners' reserves used. It may be
	// asked more than once in a step.
	Fold(env *Env, m Members, net *NetworkState, out *Flex)
	// Divide writes the setpoints of the members, which come as their references, so that
	// they come to ask, which is not to be changed. Essential load that is cut is cut in rotation
	// afterwards, whatever is written. A setpoint that is not the member's reference says
	// why; without a reason it has that of ask, or is Planned.
	//
	// What a home leaves of ask is asked of its own parts.
	Divide(env *Env, m Members, net *NetworkState, ask *Setpoint)
}

// StatefulSteward is a steward that remembers. Its state changes in Settled alone, and is
// part of the community's.
type StatefulSteward interface {
	Steward
	// Settled tells once a step what came of it: m has the readings.
	Settled(env *Env, m Members)
	// AppendBinary appends the stored form; UnmarshalBinary is its inverse, of this and all
	// earlier versions, and returns the rest of b.
	AppendBinary(b []byte) []byte
	UnmarshalBinary(b []byte) (rest []byte, err error)
}

var strategies []*Strategy

// DeclareStrategy adds a strategy to the registry. It is called once for each, where it is
// defined.
func DeclareStrategy(s Strategy) *Strategy {
	makes := s.Steward != nil
	if s.Level == LevelGrid {
		makes = s.Controller != nil
	}
	switch {
	case StrategyNamed(s.Name) != nil || slices.Contains(levelNames[:], s.Name):
		panic("twins: strategy declared twice, or named like a level: " + s.Name)
	case s.Name == "" || len(s.Name) > 255 || s.Version == 0 || !makes:
		panic("twins: strategy without a name, a version or what makes it: " + s.Name)
	}
	strategies = append(strategies, &s)
	slices.SortFunc(strategies, func(a, b *Strategy) int { return strings.Compare(a.Name, b.Name) })
	return &s
}

// Strategies returns the strategies of a level, by name.
func Strategies(l Level) (all []*Strategy) {
	for _, s := range strategies {
		if s.Level == l {
			all = append(all, s)
		}
	}
	return all
}

// StrategyNamed returns the strategy of a name, or nil.
func StrategyNamed(name string) *Strategy {
	for _, s := range strategies {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Choice is a strategy with its own keys.
type Choice struct {
	*Strategy
	Spec []byte // JSON; nil: it has none
}

// nameMark begins what stands in front of a strategy's state. Every stored form begins with
// its version, which is never 0, so a state without a name is told apart.
const nameMark = 0

// AppendName appends what stands in front of the strategy's stored state: a zero byte, the
// length of the name, the name, and the version.
func (s *Strategy) AppendName(b []byte) []byte {
	b = append(b, nameMark, byte(len(s.Name)))
	return append(append(b, s.Name...), s.Version)
}

// SkipName leaves the name of a strategy out that a stored state may begin with.
func SkipName(b []byte) []byte {
	if len(b) < 3 || b[0] != nameMark || len(b) < 3+int(b[1]) {
		return b
	}
	return b[3+int(b[1]):]
}

// ReadName takes what AppendName wrote off b, and refuses the state of another strategy or
// of a later version.
func (s *Strategy) ReadName(b []byte) (rest []byte, err error) {
	if len(b) > 0 && b[0] != nameMark && s.Unnamed {
		return b, nil
	}
	if len(b) < 3 || b[0] != nameMark || len(b) < 3+int(b[1]) {
		return b, fmt.Errorf("stored state has no name of a strategy, wanted %s", s.Name)
	}
	name, version, rest := string(b[2:2+int(b[1])]), b[2+int(b[1])], b[3+int(b[1]):]
	if name != s.Name || version > s.Version || version == 0 {
		return b, fmt.Errorf("stored state is of strategy %q, version %d, wanted %q, version %d or before", name, version, s.Name, s.Version)
	}
	return rest, nil
}
