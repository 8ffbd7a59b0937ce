package twins

// The protocol between the grid and its communities: a Roster once, then an Ask and
// an Answer for each exchange of a step. They are values, so that a community may be
// in the same process, in another one, or a line of a transcript; the grid and its
// controller see nothing else of a community.
//
//	grid ─▶ community   Ask     which step, which stage, what is asked
//	community ─▶ grid   Answer  what all of its members together can do or did
//
// In one process an ask is the grid's and an answer is the community's, and both are
// reused in place: the community reads its ask from when it is asked until it has
// answered, and the grid reads the answer from then until it asks that community again.

// Roster is what the grid knows of a community for the whole run.
type Roster struct {
	Path   string       // of the community
	Units  []UnitRoster // its producers and ties, in path order
	Stores []string     // paths of the storage whose converters may hold the frequency, in slot order
}

// UnitRoster is a producer or tie.
type UnitRoster struct {
	Path string
	Kind *Kind
	Spec []byte // its entry in the scenario, as Member has it
	Duty Duty   // of a producer: Variable for wind and sun; for all others Dispatched
}

// Tie reports whether the unit is a tie; otherwise it is a producer.
func (u *UnitRoster) Tie() bool { return u.Kind.Role == RoleTie }

// Ask is what the grid asks of one community in one exchange.
type Ask struct {
	Tick  Tick
	Seq   int32 // number of the exchange in its step, from 0
	Stage Stage

	// Set is asked of everything but units, at StageSettle and StageRevise.
	Set Setpoint
	// Units has a setpoint for each of the roster's units, at StageClose.
	Units []Setpoint
	// Converters says that the answer at StageSettle must have Converters.
	Converters bool
}

// Answer is what a community answers at the end of an exchange. At StageOffer it is
// cleared; a field that a later stage does not fill keeps its value within the step.
type Answer struct {
	Tick  Tick // as asked
	Seq   int32
	Stage Stage

	// Flex is offered by everything but units, at StageOffer. At StageSettle and
	// StageRevise it differs where an estimate has replaced a member's offer.
	Flex Flex
	// Burden is that of all customers up to now, at StageOffer.
	Burden Burden
	// Flows are those of everything but units at StageSettle and StageRevise, and of
	// all members at StageCommit.
	Flows Flows

	Units  []UnitAnswer  // in the order of the roster
	Stores []StoreAnswer // in the order of the roster
	// Converters of the stores, at StageSettle if the ask wants them; nil otherwise.
	Converters []Converter

	// Isolated are the members that were put into quarantine since the commit before,
	// at StageCommit.
	Isolated []string
}

// UnitAnswer is what a producer or tie answers.
type UnitAnswer struct {
	// At StageOffer:

	Flex Flex
	// Plant describes a producer; zero for a tie. A producer in quarantine is not Available.
	Plant Plant
	// InService is false for a unit that is switched off or in quarantine.
	InService bool
	// Holds says that the neighbour behind a tie in service holds the frequency.
	Holds bool
	// State is the stored form of a producer that is Variable, from which a twin of
	// the same Roster can compute its offer in other weather; nil for other units.
	State []byte

	// Power is what it does, + draws, − injects, at StageClose and StageCommit.
	Power Power
}

// StoreAnswer is the answer of a storage that may hold the frequency.
type StoreAnswer struct {
	// Power is what it does, + charges, − discharges, at StageSettle, StageRevise and
	// StageCommit.
	Power Power
	// InService is false for a storage that is switched off or in quarantine;
	// Forming says that a storage in service holds the frequency. At each stage but
	// StageClose.
	InService, Forming bool
}

// Rosters are those of cells, in their order.
func Rosters(cells []*Cell) []Roster {
	list := make([]Roster, len(cells))
	for i, c := range cells {
		list[i] = c.Roster()
	}
	return list
}
