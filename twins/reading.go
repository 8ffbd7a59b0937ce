package twins

// Reading is what a member did in one step, as its own meter has it. Powers
// are means over the step.
//
//	Power        = Load − Generation + Storage + Exchange
//	Storage · Δt = Stored + Lost + Driven − Elsewhere        (energies of the step)
//
// Both hold exactly, for every member and step; Imbalance is the deviation.
type Reading struct {
	Power      Power         // net at the terminals: + draws, − injects
	Load       Power         // ≥ 0, what appliances drew
	Generation Power         // ≥ 0, after curtailment
	Storage    Power         // + charging, − discharging, conversion and standby included
	Exchange   Power         // ties only: − imports into the grid, + exports out of it
	Reactive   ReactivePower // + draws

	// Unserved is what was wanted, not delivered and not agreed to, ≥ 0. Of a load that can
	// be made up by a deadline it is what lacks then, booked in the step of the deadline; of
	// heat, what would have kept the room or the tank from falling (further) below its band.
	Unserved          Power
	UnservedEssential Power // ≥ 0, of it what was essential
	Curtailed         Power // ≥ 0, generation held back
	// Shifted is what was moved to later by agreement; what stays moved is not counted again.
	// It is negative for energy that was moved and cannot be drawn in time after all.
	Shifted Power
	// Waiting is what began to lack in the step for a deadline that is still to come, ≥ 0: it
	// was not delivered when it had to be. At the deadline it becomes unserved.
	Waiting Power
	Waits   Energy // ≥ 0, all that lacks at the end of the step for deadlines to come
	CatchUp        // of what was shifted; not a column: records have its sum
	Reason  Reason

	Stored    Energy // change of what the storage holds
	Lost      Energy // ≥ 0, in conversion and standby
	Driven    Energy // ≥ 0, spent by driving
	Elsewhere Energy // ≥ 0, charged away from the grid
	Content   Energy // what the storage holds at the end of the step
	SoC       Ratio  // Content ÷ rated energy

	// How far and how long a room and a tank of hot water were below their bands, ≥ 0.
	RoomBelow, TankBelow DegreeHours

	// Parts has one Power for each of the member's devices, in the order of its
	// Parts list; nil where the member is one device. They add up to Power.
	Parts []Power
}

// Imbalance returns by how much the reading breaks its identities, in
// millijoules: 0, or there is an error. If several are broken it returns the
// first, so that two errors cannot cancel.
func (r *Reading) Imbalance(s Seconds) Energy {
	if by := r.Power - (r.Load - r.Generation + r.Storage + r.Exchange); by != 0 {
		return by.For(s)
	}
	if r.Parts != nil {
		rest := r.Power
		for _, p := range r.Parts {
			rest -= p
		}
		if rest != 0 {
			return rest.For(s)
		}
	}
	return r.Storage.For(s) - (r.Stored + r.Lost + r.Driven - r.Elsewhere)
}

// Flows is the sum of readings of one step, by quantity. Nodes of the tree,
// the audit and reports add it up.
type Flows struct {
	Power      Power
	Load       Power
	Generation Power
	Charge     Power // ≥ 0
	Discharge  Power // ≥ 0
	Import     Power // ≥ 0, over ties
	Export     Power // ≥ 0, over ties
	NetworkLoss,
	Unserved,
	UnservedEssential,
	Curtailed,
	Shifted Power
	// Relief is what loads, wanted and metered, did not draw because the frequency was
	// low (+) or drew more because it was high (−); Kinetic is what went into rotating
	// masses (+) or came out of them. Both belong to a whole island, never to a member.
	Relief, Kinetic                        Power
	Reactive                               ReactivePower
	Stored, StorageLoss, Driven, Elsewhere Energy
	Waiting                                Power  // ≥ 0, what began to wait in the step
	Waits                                  Energy // ≥ 0, all that waits at its end
	RoomBelow, TankBelow                   DegreeHours
}

// Add adds a member's reading.
func (f *Flows) Add(r *Reading) {
	f.Power += r.Power
	f.Load += r.Load
	f.Generation += r.Generation
	f.Charge += max(r.Storage, 0)
	f.Discharge += max(-r.Storage, 0)
	f.Export += max(r.Exchange, 0)
	f.Import += max(-r.Exchange, 0)
	f.Unserved += r.Unserved
	f.UnservedEssential += r.UnservedEssential
	f.Curtailed += r.Curtailed
	f.Shifted += r.Shifted
	f.Reactive += r.Reactive
	f.Stored += r.Stored
	f.StorageLoss += r.Lost
	f.Driven += r.Driven
	f.Elsewhere += r.Elsewhere
	if r.Waits != 0 || r.Waiting != 0 || r.RoomBelow != 0 || r.TankBelow != 0 { // rare
		f.Waiting += r.Waiting
		f.Waits += r.Waits
		f.RoomBelow += r.RoomBelow
		f.TankBelow += r.TankBelow
	}
}

// Plus adds the flows of another node.
func (f *Flows) Plus(g *Flows) {
	f.Power += g.Power
	f.Load += g.Load
	f.Generation += g.Generation
	f.Charge += g.Charge
	f.Discharge += g.Discharge
	f.Import += g.Import
	f.Export += g.Export
	f.NetworkLoss += g.NetworkLoss
	f.Unserved += g.Unserved
	f.UnservedEssential += g.UnservedEssential
	f.Curtailed += g.Curtailed
	f.Shifted += g.Shifted
	f.Relief += g.Relief
	f.Kinetic += g.Kinetic
	f.Reactive += g.Reactive
	f.Stored += g.Stored
	f.StorageLoss += g.StorageLoss
	f.Driven += g.Driven
	f.Elsewhere += g.Elsewhere
	f.Waiting += g.Waiting
	f.Waits += g.Waits
	f.RoomBelow += g.RoomBelow
	f.TankBelow += g.TankBelow
}

// FlowColumn is one figure of flows, as it appears in files and frames. The name
// carries the unit and stays for ever.
type FlowColumn struct {
	Name   string
	Places int // decimals of the stored integer
	Value  func(*Flows) int64
	Set    func(*Flows, int64) // the inverse of Value
}

func flowColumn[T ~int64](name string, at func(*Flows) *T) FlowColumn {
	return flowColumnOf(name, 3, at)
}

func flowColumnOf[T ~int64](name string, places int, at func(*Flows) *T) FlowColumn {
	return FlowColumn{
		Name: name, Places: places,
		Value: func(f *Flows) int64 { return int64(*at(f)) },
		Set:   func(f *Flows, v int64) { *at(f) = T(v) },
	}
}

// FlowColumns are all figures of Flows. Their order is that of stored forms: a new column
// comes last.
var FlowColumns = []FlowColumn{
	flowColumn("power_w", func(f *Flows) *Power { return &f.Power }),
	flowColumn("load_w", func(f *Flows) *Power { return &f.Load }),
	flowColumn("generation_w", func(f *Flows) *Power { return &f.Generation }),
	flowColumn("charge_w", func(f *Flows) *Power { return &f.Charge }),
	flowColumn("discharge_w", func(f *Flows) *Power { return &f.Discharge }),
	flowColumn("import_w", func(f *Flows) *Power { return &f.Import }),
	flowColumn("export_w", func(f *Flows) *Power { return &f.Export }),
	flowColumn("network_loss_w", func(f *Flows) *Power { return &f.NetworkLoss }),
	flowColumn("unserved_w", func(f *Flows) *Power { return &f.Unserved }),
	flowColumn("unserved_essential_w", func(f *Flows) *Power { return &f.UnservedEssential }),
	flowColumn("curtailed_w", func(f *Flows) *Power { return &f.Curtailed }),
	flowColumn("shifted_w", func(f *Flows) *Power { return &f.Shifted }),
	flowColumn("relief_w", func(f *Flows) *Power { return &f.Relief }),
	flowColumn("kinetic_w", func(f *Flows) *Power { return &f.Kinetic }),
	flowColumn("reactive_var", func(f *Flows) *ReactivePower { return &f.Reactive }),
	flowColumn("stored_j", func(f *Flows) *Energy { return &f.Stored }),
	flowColumn("storage_loss_j", func(f *Flows) *Energy { return &f.StorageLoss }),
	flowColumn("driven_j", func(f *Flows) *Energy { return &f.Driven }),
	flowColumn("elsewhere_j", func(f *Flows) *Energy { return &f.Elsewhere }),
	flowColumn("waiting_w", func(f *Flows) *Power { return &f.Waiting }),
	flowColumn("waiting_j", func(f *Flows) *Energy { return &f.Waits }),
	flowColumnOf("room_below_kh", 6, func(f *Flows) *DegreeHours { return &f.RoomBelow }),
	flowColumnOf("tank_below_kh", 6, func(f *Flows) *DegreeHours { return &f.TankBelow }),
}

// Net is what passes the connection point of a node with these flows: + import,
// − export, what is lost in its network included.
func (f *Flows) Net() Power { return f.Power + f.NetworkLoss }

// Residual is production + discharge + import + relief − (consumption + charge +
// export + losses + kinetic): zero, or energy has been lost or made.
func (f *Flows) Residual() Power {
	return f.Generation + f.Discharge + f.Import + f.Relief -
		(f.Load + f.Charge + f.Export + f.NetworkLoss + f.Kinetic)
}

// Column is one figure of a reading as it appears in frames, files and
// hashes. The name carries the unit and stays for ever.
type Column struct {
	Name  string
	Value func(*Reading) int64
	// Set is the inverse of Value: it puts a recorded value into a reading.
	Set func(*Reading, int64)
	// Places is the number of decimals that separate the stored integer from
	// the named unit: 3 for mW under a name in W, 0 for plain numbers.
	Places int
	// Derived columns can be computed from the others: they are shown, exported and
	// journaled as the difference from the computed value, but not hashed.
	Derived bool
	// Sum is the flows' sum of the column over all readings, for a column that is
	// never negative: if it is 0 all values are 0 and need not be read. nil if flows
	// do not have it.
	Sum func(*Flows) int64
	// Moved says that the column is 0 for all members of a block unless one of them has a
	// reason or has shifted load.
	Moved bool
}

// column makes a Column from the field of a reading that holds its value.
func column[T ~int64](name string, places int, at func(*Reading) *T) Column {
	return Column{
		Name: name, Places: places,
		Value: func(r *Reading) int64 { return int64(*at(r)) },
		Set:   func(r *Reading, v int64) { *at(r) = T(v) },
	}
}

// derived marks a column that can be computed from others.
func derived(c Column) Column {
	c.Derived = true
	return c
}

// summed gives a column that is never negative its sum in flows.
func summed[T ~int64](c Column, sum func(*Flows) T) Column {
	c.Sum = func(f *Flows) int64 { return int64(sum(f)) }
	return c
}

// The columns that kinds choose from.
var (
	ColumnPower      = column("power_w", 3, func(r *Reading) *Power { return &r.Power })
	ColumnGeneration = summed(column("generation_w", 3, func(r *Reading) *Power { return &r.Generation }), func(f *Flows) Power { return f.Generation })
	ColumnUnserved   = summed(column("unserved_w", 3, func(r *Reading) *Power { return &r.Unserved }), func(f *Flows) Power { return f.Unserved })
	ColumnCurtailed  = summed(column("curtailed_w", 3, func(r *Reading) *Power { return &r.Curtailed }), func(f *Flows) Power { return f.Curtailed })
	ColumnShifted    = Column{Name: "shifted_w", Places: 3, Moved: true,
		Value: func(r *Reading) int64 { return int64(r.Shifted) },
		Set:   func(r *Reading, v int64) { r.Shifted = Power(v) }}
	ColumnWaiting   = summed(column("waiting_w", 3, func(r *Reading) *Power { return &r.Waiting }), func(f *Flows) Power { return f.Waiting })
	ColumnWaits     = summed(column("waiting_j", 3, func(r *Reading) *Energy { return &r.Waits }), func(f *Flows) Energy { return f.Waits })
	ColumnRoomBelow = summed(column("room_below_kh", 6, func(r *Reading) *DegreeHours { return &r.RoomBelow }), func(f *Flows) DegreeHours { return f.RoomBelow })
	ColumnTankBelow = summed(column("tank_below_kh", 6, func(r *Reading) *DegreeHours { return &r.TankBelow }), func(f *Flows) DegreeHours { return f.TankBelow })
	ColumnReactive  = column("reactive_var", 3, func(r *Reading) *ReactivePower { return &r.Reactive })
	ColumnContent   = column("stored_j", 3, func(r *Reading) *Energy { return &r.Content })
	ColumnSoC       = derived(column("soc", 9, func(r *Reading) *Ratio { return &r.SoC }))
	ColumnDriven    = column("driven_j", 3, func(r *Reading) *Energy { return &r.Driven })
	ColumnElsewhere = column("elsewhere_j", 3, func(r *Reading) *Energy { return &r.Elsewhere })
	ColumnReason    = Column{Name: "reason", Moved: true,
		Value: func(r *Reading) int64 { return int64(r.Reason) },
		Set:   func(r *Reading, v int64) { r.Reason = Reason(v) }}
)
