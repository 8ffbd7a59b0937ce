package views

import (
	"maps"
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// Report holds the results of a run: the object that `run --json` prints. Energies
// are sums over the run, at AC terminals. A pointer is nil if the grid lacks that
// part, or if the denominator of a ratio is 0.
type Report struct {
	Scenario string         `json:"scenario"`
	Seed     uint64         `json:"seed"`
	Run      *string        `json:"run"` // folder of the run
	StepS    int64          `json:"step_s"`
	Steps    int64          `json:"steps"`
	Hosting  string         `json:"hosting"`
	Members  map[string]int `json:"members"`  // by kind: members that were in service at some time
	Prepared map[string]int `json:"prepared"` // by kind: members that are prepared and were never put in

	Energy            EnergyReport `json:"energy_wh"`
	BalanceResidualMJ int64        `json:"balance_residual_mj"`
	PeakW             float64      `json:"peak_w"`    // highest consumption + charging of a step, a mean over the step
	PeakStep          int64        `json:"peak_step"` // step of PeakW
	PeakImportW       float64      `json:"peak_import_w"`
	PeakExportW       float64      `json:"peak_export_w"`
	// LimitBreachSteps counts community-steps: a step counts once for each community whose net import
	// or export is above its limit in it. Limits are watched, and not kept yet. Breached has the
	// communities and the steps to which that happened.
	LimitBreachSteps int64        `json:"limit_breach_steps"`
	Breached         BreachReport `json:"limit_breach"`
	ReportRatios

	Vehicles    VehicleReport     `json:"vehicles"`
	Comfort     ComfortReport     `json:"comfort"`
	Frequency   *FrequencyReport  `json:"frequency_hz"`
	Reliability ReliabilityReport `json:"reliability"`
	Fairness    *FairnessReport   `json:"fairness"` // null: no customer was cut
	Rewards     RewardReport      `json:"rewards_eur"`
	// CO2G is the emission of what was imported, in g: import times the neighbour's mix of each
	// step. What the grid's own plants emit is not in it. null without a mix.
	CO2G     *float64        `json:"co2_g"`
	Forecast *ForecastReport `json:"forecast"` // null: no forecast was made, or none judged yet

	Digest             string  `json:"digest"`
	MessagesHandled    int64   `json:"messages_handled"`
	WallS              float64 `json:"wall_s"`
	HouseholdStepsPerS float64 `json:"household_steps_per_s"`
	PeakRSSBytes       int64   `json:"peak_rss_bytes"`

	// ProducedBy is the produced energy in Wh by kind of producer.
	ProducedBy map[string]float64 `json:"produced_wh_by_kind"`
	// RecordedEveryS is the interval of the coarsest recording, in seconds; null: no
	// recording. Steps shorter than that add no information.
	RecordedEveryS *int64 `json:"recorded_every_s"`
	// FilledValues counts the values that recordings and weather lack for the whole of the scenario's time, and that
	// were filled; also if the report is of a part of it.
	FilledValues int `json:"filled_values"`
	// Warnings are doubts about the scenario and its data, which the run has taken as they are.
	Warnings []problem.Warning `json:"warnings"`
	// Quarantined members failed twice in one step; an estimate replaces each of them.
	Quarantined []string `json:"quarantined"`
	// Recomputed reports, after `replay --verify`, whether the steps were computed again. Steps
	// of another model are not.
	Recomputed *bool `json:"recomputed,omitempty"`
	// Interrupted reports that the run was stopped before its last step.
	Interrupted bool `json:"interrupted"`
}

// ReportRatios are the ratios of RatioKinds, in that order. UnknownShare is the share of consumption of
// which it is not known whether it is renewable.
type ReportRatios struct {
	SelfSufficiency   *float64 `json:"self_sufficiency"`
	SelfConsumption   *float64 `json:"self_consumption"`
	RenewableShare    *float64 `json:"renewable_share"`
	NonRenewableShare *float64 `json:"non_renewable_share"`
	UnknownShare      *float64 `json:"renewable_share_unknown"`
}

// All returns the ratios in the order of RatioKinds.
func (r *ReportRatios) All() []*float64 {
	return []*float64{r.SelfSufficiency, r.SelfConsumption, r.RenewableShare, r.NonRenewableShare, r.UnknownShare}
}

// BreachReport counts the communities that were above their limit in some step, and the steps in which
// some community was.
type BreachReport struct {
	Communities int64 `json:"communities"`
	Steps       int64 `json:"steps"`
}

// EnergyReport is energy in Wh.
type EnergyReport struct {
	Consumed   float64 `json:"consumed"`   // loads, without storage and vehicles
	Driven     float64 `json:"driven"`     // out of the batteries of vehicles, by driving
	Produced   float64 `json:"produced"`   // after curtailment, rooftop included
	Imported   float64 `json:"imported"`   // over the outer ties
	Exported   float64 `json:"exported"`   // over the outer ties
	Charged    float64 `json:"charged"`    // batteries and vehicles
	Discharged float64 `json:"discharged"` // batteries and vehicles
	Lost       float64 `json:"lost"`       // in cables and transformers
	// In an island: load that was not drawn because the frequency was low (negative: more, because it was
	// high), and what rotating masses have gained by turning faster (negative: given). With them the energies
	// close: produced + imported + discharged + relief = consumed + charged + exported + lost + kinetic.
	Relief    float64 `json:"relief"`
	Kinetic   float64 `json:"kinetic"`
	Curtailed float64 `json:"curtailed"`
	Shifted   float64 `json:"shifted"` // drawn later by agreement, counted once
	// Of what was shifted: CaughtUp has been drawn, GivenUp is not wanted any more (a vehicle has charged
	// on the way, the sun has warmed a room), StillShifted is to be drawn after the last step. Load that
	// turned out to be missing is no longer in Shifted, but in Waiting and then in Unserved. So Shifted =
	// CaughtUp + GivenUp + StillShifted; in a part of a run StillShifted is negative if more was caught up
	// than shifted. null: an earlier program has made some of the steps and did not count it.
	CaughtUp     *float64 `json:"caught_up"`
	GivenUp      *float64 `json:"given_up"`
	StillShifted *float64 `json:"still_shifted"`
	// TurnedDown is load that was given up by agreement and not made up within a day. It is 0,
	// because no kind of load can agree to that yet: machines run within the time that they may
	// wait, a day at most; heating makes its load up; and a vehicle charges the missing energy at
	// its next stay.
	TurnedDown float64 `json:"turned_down"`
	// Unserved is load that was wanted, not delivered and not agreed to. Of what can catch
	// up (vehicles, machines, pumps) it is what was missing at its deadline, counted once; of
	// heat, the electricity that would have kept rooms and tanks from falling below their band.
	Unserved          float64 `json:"unserved"`
	UnservedEssential float64 `json:"unserved_essential"`
	// Waiting is what lacked at the end of the run for deadlines after it; null if the records of
	// an earlier program do not say it.
	Waiting *float64 `json:"waiting"`
	// By how much more batteries and vehicles held at the end than before the first step; negative if they
	// ended emptier. The heat in rooms and tanks is not in it: records do not have it.
	StoredBatteries float64 `json:"stored_batteries"`
	StoredVehicles  float64 `json:"stored_vehicles"`
	// The energies of the ratios, see RatioKinds: own production that was used (by loads and driving),
	// exported and lost in storage; and what was used by its source, in sum Consumed + Driven.
	OwnUsed          float64 `json:"own_used"`
	OwnExported      float64 `json:"own_exported"`
	OwnLost          float64 `json:"own_lost"`
	RenewableUsed    float64 `json:"renewable_used"`
	NonRenewableUsed float64 `json:"non_renewable_used"`
	UnknownUsed      float64 `json:"unknown_used"`
	// The two parts of UnknownUsed: what batteries and vehicles held before the first step, and the rest, which was
	// imported where the neighbour's mix is not known or charged elsewhere.
	HeldBeforeUsed   float64 `json:"held_before_used"`
	OtherUnknownUsed float64 `json:"other_unknown_used"`
}

// EnergyName is an energy of EnergyReport and its name in JSON; Wh is nil if it is not known. About says
// what it is, where the name does not.
type EnergyName struct {
	Name, About string
	Wh          *float64
}

// All returns the energies in the order in which they are shown.
func (e *EnergyReport) All() []EnergyName {
	return []EnergyName{
		{"consumed", "by loads, without storage and driving", &e.Consumed},
		{"driven", "out of the batteries of vehicles", &e.Driven},
		{"produced", "after curtailment", &e.Produced},
		{"imported", "over the outer ties", &e.Imported},
		{"exported", "over the outer ties", &e.Exported},
		{"charged", "by batteries and vehicles", &e.Charged},
		{"discharged", "by batteries and vehicles", &e.Discharged},
		{"stored_batteries", "by how much more batteries held at the end than at the start", &e.StoredBatteries},
		{"stored_vehicles", "by how much more vehicles held at the end than at the start", &e.StoredVehicles},
		{"lost", "in cables and transformers", &e.Lost},
		{"relief", "not drawn because the frequency was low; negative: more", &e.Relief},
		{"kinetic", "gained by rotating masses; negative: given", &e.Kinetic},
		{"curtailed", "", &e.Curtailed},
		{"shifted", "to later by agreement: caught up + given up + still shifted", &e.Shifted},
		{"caught_up", "of what was shifted: drawn since", e.CaughtUp},
		{"given_up", "of what was shifted: not wanted any more", e.GivenUp},
		{"still_shifted", "of what was shifted: to be drawn after the end", e.StillShifted},
		{"turned_down", "given up by agreement", &e.TurnedDown},
		{"unserved", "wanted and not delivered", &e.Unserved},
		{"unserved_essential", "", &e.UnservedEssential},
		{"waiting", "missing for deadlines after the end", e.Waiting},
		{"own_used", "own production, by loads and driving", &e.OwnUsed},
		{"own_exported", "own production", &e.OwnExported},
		{"own_lost", "own production, in storage", &e.OwnLost},
		{"renewable_used", "by loads and driving", &e.RenewableUsed},
		{"non_renewable_used", "by loads and driving", &e.NonRenewableUsed},
		{"unknown_used", "by loads and driving, of unknown origin: held before + other unknown", &e.UnknownUsed},
		{"held_before_used", "of what storage held before the run", &e.HeldBeforeUsed},
		{"other_unknown_used", "of import without a mix and of what vehicles charged elsewhere", &e.OtherUnknownUsed},
	}
}

// ComfortReport is how far and how long rooms and tanks of hot water were below the lower
// edge of their bands, in kelvin-hours, over all homes; null if the records of an earlier program
// do not say it.
type ComfortReport struct {
	RoomsKh *float64 `json:"rooms_below_kh"`
	TanksKh *float64 `json:"tanks_below_kh"`
}

// VehicleReport counts departures of vehicles.
type VehicleReport struct {
	Departures int64 `json:"departures"`
	Ready      int64 `json:"ready"` // with the energy of their next trip
	// NoTrip are those of Ready that needed nothing: no trip after them is known, as after a
	// vehicle's last recorded session.
	NoTrip int64 `json:"no_trip"`
	// Impossible departures lacked what no supply could have charged in time: they were told so
	// at plug-in, or the charger was out of service.
	Impossible int64 `json:"impossible"`
}

// ReliabilityReport has the energy not served in Wh, per customer SAIDI in minutes
// and SAIFI in interruptions, and CAIDI in minutes per interruption, which is null if
// there was no interruption.
type ReliabilityReport struct {
	ENSWh    float64  `json:"ens_wh"`
	SAIDIMin float64  `json:"saidi_min"`
	SAIFI    float64  `json:"saifi"`
	CAIDIMin *float64 `json:"caidi_min"`
}

// FairnessReport compares customers by the share x of their essential need that was
// not served. ServedShort is the number n of customers with x > 0. Jain's index,
// (Σx)² ÷ (n·Σx²), is 1 if all have the same share and 1/n if one customer has all of
// it (Jain, Chiu, Hawe, DEC-TR-301, 1984); MaxOverMean is 1 and n there.
type FairnessReport struct {
	Jain        float64 `json:"jain"`
	MaxOverMean float64 `json:"max_over_mean"`
	ServedShort int64   `json:"served_short"`
}

// RewardReport has the rewards of all members, in euro at the scenario's rates.
type RewardReport struct {
	Shifted   float64 `json:"shifted"`
	Unserved  float64 `json:"unserved"`
	Curtailed float64 `json:"curtailed"`
}

// Summary is the sink that makes a Report, and holds the curves of the whole grid
// for a plot.
type Summary struct {
	step       twins.Seconds
	steps      int64
	flows      [numSums]twins.Total // by kind of energy: sumConsumed, …
	producedBy map[string]twins.Total
	peak       twins.Power
	peakTick   twins.Tick
	peakIn     twins.Power
	peakOut    twins.Power
	breaches   int64           // community-steps
	breached   map[string]bool // communities
	breachedIn int64           // steps
	stored     [2]twins.Total  // change of what batteries and vehicles hold
	caughtUp   twins.Total
	givenUp    twins.Total
	unkept     bool // some records lack what was caught up
	departures twins.Departures
	told       map[string]bool // vehicles at the plug that were told that they cannot be charged in time
	quarantine []string
	putIn      map[string]bool // members set available by a command, and prepared members that were seen in service
	waiting    twins.Energy    // at the end of the last step
	lacking    bool            // a record lacks what waits, and how cold rooms and tanks were
	roomBelow  twins.DegreeHours
	tankBelow  twins.DegreeHours
	residual   twins.Energy
	mixed      bool    // the market has a mix
	carbon     wideSum // import times the mix of the neighbour, in mJ·mg/kWh

	Reliability Reliability
	Bookings    Bookings
	Frequency   Frequency
	Forecast    Forecast
	Shares      Shares

	// Demand is consumption + charging over the run, Production is generation.
	Demand, Production Trace
}

// NewSummary makes a Summary of a world before its first step.
func NewSummary(w *sim.World) *Summary {
	s := w.Scenario
	return &Summary{mixed: w.Market != nil && w.Market.Mixed, Reliability: Reliability{Threshold: s.Interruption}, Bookings: Bookings{Rates: s.Rates}, Shares: NewShares(w)}
}

// The kinds of energy that Summary adds up.
const (
	sumConsumed = iota
	sumProduced
	sumImported
	sumExported
	sumCharged
	sumDischarged
	sumLost
	sumCurtailed
	sumUnserved
	sumUnservedEssential
	sumShifted
	sumRelief
	sumKinetic
	numSums
)

// Commit implements sim.Sink.
func (s *Summary) Commit(r *sim.StepRecord) error {
	if s.producedBy == nil {
		s.producedBy, s.putIn, s.breached = map[string]twins.Total{}, map[string]bool{}, map[string]bool{}
	}
	f := &r.Flows
	s.step = r.Step
	s.steps++
	for k, p := range [...]twins.Power{sumConsumed: f.Load, sumProduced: f.Generation, sumImported: f.Import, sumExported: f.Export,
		sumCharged: f.Charge, sumDischarged: f.Discharge, sumLost: f.NetworkLoss, sumCurtailed: f.Curtailed, sumUnserved: f.Unserved, sumUnservedEssential: f.UnservedEssential,
		sumShifted: f.Shifted, sumRelief: f.Relief, sumKinetic: f.Kinetic} {
		s.flows[k] = s.flows[k].Plus(p.For(r.Step))
	}
	s.waiting = f.Waits
	s.lacking = s.lacking || r.Lacking > 0
	s.roomBelow += f.RoomBelow
	s.tankBelow += f.TankBelow
	demand := f.Load + f.Charge
	if s.steps == 1 || demand > s.peak {
		s.peak, s.peakTick = demand, r.Tick
	}
	s.peakIn, s.peakOut = max(s.peakIn, f.Import), max(s.peakOut, f.Export)
	s.residual = max(s.residual, r.Residual.For(r.Step), -r.Residual.For(r.Step))
	s.quarantine = append(s.quarantine, r.Quarantined...)
	s.Demand.Add(demand)
	s.Production.Add(f.Generation)
	s.carbon.add(f.Import.For(r.Step), r.Carbon)
	s.Frequency.fold(r)
	s.commands(r.Commands)
	for i := range r.Events {
		s.Forecast.fold(&r.Events[i].Event)
	}
	s.caughtUp, s.givenUp = s.caughtUp.Plus(r.CatchUp.CaughtUp), s.givenUp.Plus(r.CatchUp.GivenUp)
	s.unkept = s.unkept || !r.CatchUpKnown
	before := s.breaches
	for _, c := range r.Cells {
		s.cell(c, r.Step)
	}
	if s.breaches > before {
		s.breachedIn++
	}
	if err := s.Shares.Commit(r); err != nil {
		return err
	}
	if err := s.Reliability.Commit(r); err != nil {
		return err
	}
	return s.Bookings.Commit(r)
}

func (s *Summary) commands(all []twins.Command) {
	for i := range all {
		if c := &all[i]; c.Type == twins.CommandSet && c.Setting() == twins.InService && c.Value() != 0 {
			s.putIn[c.Target] = true
		}
	}
}

// members counts the members of each kind, those that were put in among them, and
// separately those that stayed prepared.
func (s *Summary) members(w *sim.World, r *Report) {
	r.Members, r.Prepared = maps.Clone(w.Members), maps.Clone(w.Prepared)
	for path := range s.putIn {
		k := w.KindOf(path)
		if e, ok := w.Scenario.Entry(k, path); ok && e.Absent() {
			r.Members[k.Name]++
			r.Prepared[k.Name]--
		}
	}
	for _, k := range twins.Kinds() { // a kind that the scenario does not have is 0, not absent
		if k != twins.Grid {
			r.Members[k.Name] += 0
		}
	}
}

func (s *Summary) cell(c *twins.CellRecord, step twins.Seconds) {
	for k := range c.Blocks {
		b := &c.Blocks[k]
		at := 0
		if b.Kind == twins.Vehicle {
			at = 1
		}
		s.stored[at] = s.stored[at].Plus(b.Flows.Stored)
		if made := b.Flows.Generation; made != 0 {
			s.producedBy[b.Kind.Name] = s.producedBy[b.Kind.Name].Plus(made.For(step))
		}
		for i, path := range b.Paths {
			if b.Prepared(i) && !b.Vacant(i) {
				s.putIn[path] = true
			}
		}
	}
	for i := range c.Events {
		e := &c.Events[i].Event
		if e.Type.Departures != nil {
			s.depart(c.Events[i].Member, e.Type.Departures(e))
		}
		if e.Type == twins.LimitPassed {
			s.breaches++
			s.breached[c.Path] = true
		}
	}
	if c.BrokenBy != 0 && s.residual == 0 {
		s.residual = max(c.BrokenBy, -c.BrokenBy)
	}
}

// depart counts the departures of a vehicle. One that was told on arrival that it cannot be
// charged in time counts when it leaves, as one whose charger was out of service does.
func (s *Summary) depart(member string, d twins.Departures) {
	if d.Left == 0 {
		if d.Impossible > 0 {
			if s.told == nil {
				s.told = map[string]bool{}
			}
			s.told[member] = true
		}
		return
	}
	if s.told[member] {
		d.Impossible = 1
		delete(s.told, member)
	}
	s.departures = s.departures.Plus(d)
}

// Report returns the results so far. The caller fills in run folder, digest, messages
// and times.
func (s *Summary) Report(w *sim.World) *Report {
	wh := func(k int) float64 { return s.flows[k].WattHours() }
	r := &Report{
		Scenario: w.Scenario.Name, Seed: w.Scenario.Seed, Hosting: w.Scenario.Hosting,
		StepS: int64(w.Scenario.Calendar.Step), Steps: s.steps,
		Energy: EnergyReport{
			Consumed: wh(sumConsumed), Produced: wh(sumProduced), Imported: wh(sumImported), Exported: wh(sumExported),
			Charged: wh(sumCharged), Discharged: wh(sumDischarged), Lost: wh(sumLost), Relief: wh(sumRelief), Kinetic: wh(sumKinetic), Curtailed: wh(sumCurtailed),
			Shifted: wh(sumShifted), Unserved: wh(sumUnserved), UnservedEssential: wh(sumUnservedEssential),
			StoredBatteries: s.stored[0].WattHours(), StoredVehicles: s.stored[1].WattHours(),
		},
		BalanceResidualMJ: int64(s.residual),
		PeakW:             s.peak.Watts(), PeakStep: int64(s.peakTick),
		PeakImportW: s.peakIn.Watts(), PeakExportW: s.peakOut.Watts(),
		LimitBreachSteps: s.breaches, Breached: BreachReport{int64(len(s.breached)), s.breachedIn},
		Vehicles:    VehicleReport{s.departures.Left, s.departures.Ready, s.departures.NoTrip, s.departures.Impossible},
		Reliability: s.Reliability.Report(), Fairness: s.Reliability.Fairness(), Rewards: s.Bookings.Report(),
		Frequency: s.Frequency.Report(), Forecast: s.Forecast.Report(w.Scenario.Forecast),
		ProducedBy:  map[string]float64{},
		Warnings:    append([]problem.Warning{}, w.Warnings...),
		Quarantined: append([]string{}, s.quarantine...),
	}
	if !s.lacking {
		r.Energy.Waiting = new(s.waiting.WattHours())
		r.Comfort = ComfortReport{new(s.roomBelow.KelvinHours()), new(s.tankBelow.KelvinHours())}
	}
	if s.mixed {
		r.CO2G = new(s.carbon.grams())
	}
	s.members(w, r)
	slices.Sort(r.Quarantined)
	for k, e := range s.producedBy {
		r.ProducedBy[k] = e.WattHours()
	}
	for _, rec := range w.Recordings {
		r.FilledValues += rec.Filled
		if every := int64(rec.Interval); r.RecordedEveryS == nil || *r.RecordedEveryS < every {
			r.RecordedEveryS = &every
		}
	}
	if w.Weather != nil {
		r.FilledValues += w.Weather.Filled
	}
	if !s.unkept {
		still := s.flows[sumShifted].Minus(s.caughtUp).Minus(s.givenUp)
		r.Energy.CaughtUp, r.Energy.GivenUp, r.Energy.StillShifted = new(s.caughtUp.WattHours()), new(s.givenUp.WattHours()), new(still.WattHours())
	}
	s.Shares.report(r)
	return r
}

// ratio returns a ÷ b, nil if b is 0.
func ratio(a, b twins.Total) *float64 {
	if b.Sign() == 0 {
		return nil
	}
	q := a.WattHours() / b.WattHours()
	return &q
}
