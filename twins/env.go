package twins

// Env is the world as every twin sees it in one step: made by the runner before
// the step, the same for all twins, never changed.
type Env struct {
	Tick Tick
	Step Seconds // length of the step
	Seed uint64

	// Local wall clock at the start of the step.
	Day         int32   // local calendar days since the run's first day
	SecondOfDay int32   // 0 … 86,399 as the wall clock shows, daylight saving included
	Weekday     int8    // 0 is Sunday
	YearDay     int16   // 1 … 366
	DayLength   Seconds // 82,800, 86,400 or 90,000

	Weather Weather

	// Price of energy at the market, day-ahead: it may be negative. Carbon is what a
	// kWh of the neighbour's mix has emitted, mg CO2. Without a market both are 0.
	Price  Price
	Carbon int64

	// Recorded has, for each copy of a recorded column that a member follows, the
	// mean power of this step. Members hold an index into it, which their Site gave them.
	Recorded []Power

	// Commands that take effect now, ordered by (target, seq).
	Commands []Command
}

// Weather is the mean of a step at the scenario's place. Without weather it is a
// calm night of 0 °C.
type Weather struct {
	GHI, DNI, DHI float64 // W/m²: global horizontal, direct normal, diffuse horizontal
	Temperature   float64 // °C, dry bulb
	Wind          float64 // m/s at 10 m above ground
	AirDensity    float64 // kg/m³
	// Sun is the unit vector towards the sun: east, north, up, with refraction. It
	// is that of the middle of the step, or of that part of it in which the sun is
	// up: so up ≤ 0 says that it is down all the step.
	Sun [3]float64
}

// Decision is a decision about a member in a step and its reason. It is part
// of the record and of the hash.
type Decision struct {
	Member string
	Reason Reason
	// Power is the setpoint of the member that replaced its reference, with the
	// devices behind its meter; or the estimate for a quarantined member.
	Power Power
	// The effect: load moved to later by agreement (negative where it cannot be made up
	// after all), load not served and generation held back, both ≥ 0.
	Shifted, Unserved, Curtailed Power
}

// Site answers the questions of a kind about the scenario while its members
// are built.
type Site struct {
	Step  Seconds
	Steps Tick // length of the run, 0 if open
	Seed  uint64
	// Layout is that of the run which the members belong to; nil: this program's.
	Layout *Layout
	// Recorded resolves a column of a recording, in a copy that is moved by whole
	// weeks (0: not moved), to an index into Env.Recorded.
	Recorded func(recording, column string, moveWeeks int) (int32, error)
	// Sessions are a user's recorded times at the plug around the run, moved by
	// whole weeks: in order and a step or more apart.
	Sessions func(list, user string, shiftWeeks int) ([]Session, error)
	// At returns the step in which the wall clock of the day reaches a second of
	// the day; days count from the run's first. Times before the run are
	// negative.
	At func(day int, secondOfDay int) Tick
	// Days is the number of local calendar days that the run touches.
	Days int
}

// Session is one recorded time at the plug, [From, Until).
type Session struct {
	From, Until Tick
	Energy      Energy // drawn by the charger
	File        string // that it comes from, for messages
	Line        int
}

// Member names one twin that is to be built.
type Member struct {
	Path string // its name for ever: grid/community-12/household-0042/battery-1
	Spec []byte // JSON: its entry in the scenario, defaults filled in, as its kind's Schema has it
}

// Key is the identity of a path in random streams.
func (m Member) Key() uint64 { return PathKey(m.Path) }
