package twins

import (
	"fmt"
	"slices"
	"strings"
)

// Level is the level of the grid at which a strategy decides.
type Level uint8

// Levels.
const (
	LevelGrid      Level = iota // over communities and units
	LevelCommunity              // over homes and the other members of a community
	LevelHome                   // over the devices behind a home's meter
	NumLevels
)

var levelNames = [NumLevels]string{"grid", "community", "home"}

func (l Level) String() string { return levelNames[l] }

// Strategy describes one way of deciding at one level: all that the scenario reader and
// the grid know of it. Name and Version are on disk for ever.
type Strategy struct {
	Name    string // operator; unique among all levels
	Version uint8  // of the stored form of its state, which the name and the version are written before
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

	// Upgrades turn the state of each earlier version into that of the next. The state that a
	// version without one has, UnmarshalBinary reads itself.
	Upgrades map[uint8]Upgrade

	// Unnamed says that some of its stored states are from before the name was written in front.
	Unnamed bool

	// exact strategies never ask for more than was offered, and their setpoints add
	// up: they are not straightened.
	exact bool
}

// GridSite has what a controller may use while it is built.
type GridSite struct {
	Communities []Roster // in path order
	Reserve     Power    // in addition to what covers the greatest infeed
	// Forecast makes the scenario's forecast, which may take long; it returns nil
	// without an error if there is no plant to plan.
	Forecast func() (Forecast, error)
}

// Expectation is the forecast of one period, or the figures of a step: means, each
// ≥ 0. Load is what customers would draw without a request, storage apart; Roofs
// is the generation behind their meters; Units is that of wind and sun connected
// to the grid itself.
type Expectation struct{ Load, Roofs, Units Power }

// Forecast predicts load and generation. It is pure except for what it
// learns.
type Forecast interface {
	// Expect writes the forecast for periods from the step of env on, each of the
	// given length, the first beginning with that step. of is the offer of this step,
	// and now its sum.
	Expect(env *Env, of *Offers, now Expectation, period Seconds, out []Expectation)
	// Learn receives the figures of each step, once or twice, and appends notable
	// events: how large the error of the forecast was.
	Learn(env *Env, now Expectation, events []Notice) []Notice
	// The stored form of what it has learnt, as in Stateful.
	AppendBinary(b []byte) []byte
	UnmarshalBinary(b []byte) (rest []byte, err error)
}

// Steward decides for a community or a home: what its members offer together, and how
// its setpoint is divided among them. It is pure: the same arguments and state give the
// same answer, and each method may be called again in a step after a failure. It sees
// offers, never the future and never a twin. Its answers are straightened: no member is
// asked for more than it offered, and the members' setpoints add up to the setpoint of
// all.
//
// net is the network's answer before this exchange: at StageSettle, when nothing of this
// step is known yet, the answer to the step before; at StageRevise the answer to the pass
// before in this step. So a limit takes effect in the step in which it is passed if the
// step has another pass, and in the next one in any case.
type Steward interface {
	// Fold turns out, which comes as the sum of the members' offers, into the offer of them
	// all. It cannot keep back essential load, nor the last means of closing the books:
	// holding generation back, leaving storage alone and using owners' reserves. It may be
	// called more than once in a step.
	Fold(env *Env, m Members, net *NetworkState, out *Flex)
	// Divide writes the setpoints of the members, which come as their references, so that they
	// add up to ask, which is not to be changed. Essential load that is cut is cut in rotation
	// afterwards, whatever is written. A setpoint that differs from the member's reference has a
	// reason; without one it gets that of ask, or Planned.
	//
	// The part of ask that a home leaves goes to its own parts.
	Divide(env *Env, m Members, net *NetworkState, ask *Setpoint)
}

// StatefulSteward is a steward with a memory. Its state changes in Settled alone, and is
// part of the community's.
type StatefulSteward interface {
	Steward
	// Settled is called once a step with its outcome: m has the readings.
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

// StrategyNamed returns the strategy with a name, or nil.
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
	Spec []byte // JSON; nil: no keys
}

// nameMark begins the header of a strategy's state. Every stored form begins with its
// version, which is never 0, so a state without a name can be recognised.
const nameMark = 0

// AppendName appends the header of the strategy's stored state: a zero byte, the length of
// the name, the name, and the version.
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

// ReadName removes the header that AppendName wrote from b, and returns the version of the
// state; a state without a header is of version 1. It refuses the state of another strategy
// or of a later version.
func (s *Strategy) ReadName(b []byte) (version uint8, rest []byte, err error) {
	if len(b) > 0 && b[0] != nameMark && s.Unnamed {
		return 1, b, nil
	}
	if len(b) < 3 || b[0] != nameMark || len(b) < 3+int(b[1]) {
		return 0, b, fmt.Errorf("stored state has no name of a strategy, wanted %s", s.Name)
	}
	name, version, rest := string(b[2:2+int(b[1])]), b[2+int(b[1])], b[3+int(b[1]):]
	if name != s.Name || version > s.Version || version == 0 {
		return 0, b, fmt.Errorf("stored state is of strategy %q, version %d, wanted %q, version %d or before", name, version, s.Name, s.Version)
	}
	return version, rest, nil
}

// Restore upgrades the state of a version, with which b begins, to the strategy's own, gives
// it to read, and returns the rest of b.
func (s *Strategy) Restore(version uint8, b []byte, read func([]byte) ([]byte, error)) (rest []byte, err error) {
	return restoreFrom(version, b, s.Upgrades, read)
}
