package views

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strings"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Shares folds a run into the ratios of the whole grid, which RatioKinds defines.
//
// In each step import serves load before storage, and export is of production before storage
// and import. That says what was own production. For the renewable share everything that is used
// in a step has the mix of all that is supplied in it, import that of the neighbour. Storage
// gives what it held before the step, by its mix, and bears its losses; all batteries are one
// store, all vehicles another. Only what a battery holds above its min_soc is in the store: the
// rest never comes out.
type Shares struct {
	renewable map[string]bool // producers by path
	neighbour func(twins.Tick) (share twins.Ratio, known bool)

	floors [][][]twins.Energy // of each cell, block and member: what never comes out

	shared
}

// shared is what Shares has summed up. The sources of used add up to consumed + driven.
type shared struct {
	batteries, vehicles pool
	consumed, driven    twins.Total
	ownUsed             twins.Total             // own production
	used                [numSources]twins.Total // by source
	exported, lost      twins.Total             // of own production
}

// RatioKind is one ratio of a run: its name in files, its name for people, and what it is. Its value
// is the sum of the energies Over ÷ the sum of the energies Under, which EnergyKinds names. It is
// between 0 and 1, and there is none while its denominator is 0.
type RatioKind struct {
	Name, Label, Definition string
	Over, Under             []string
}

// RatioKinds are the ratios of a run. They are defined here alone: report, help, API and page show
// these definitions. The three shares by source add up to 1.
var RatioKinds = []RatioKind{
	{"self_sufficiency", "Self-sufficiency",
		"own production used, at once or through storage, ÷ consumption (loads and driving); what storage held before the run is no own production. " +
			"It says where the energy was produced, the shares below from what, and import serves loads before storage: so it does not add up with them",
		[]string{"own_used"}, consumption},
	{"self_consumption", "Self-consumption",
		"own production used ÷ (used + exported + lost in storage), each counted when it happens",
		[]string{"own_used"}, []string{"own_used", "own_exported", "own_lost"}},
	{"renewable_share", "Renewable share",
		"consumption (loads and driving) that came from hydro, wind, sun and biogas, by the mix of each step, import by the neighbour's mix, ÷ consumption",
		[]string{"renewable_used"}, consumption},
	{"non_renewable_share", "Non-renewable share",
		"consumption that came from all other plants and the rest of the neighbour's mix, counted alike, ÷ consumption",
		[]string{"non_renewable_used"}, consumption},
	{"renewable_share_unknown", "Share of unknown origin",
		"consumption of which it is not known whether it was renewable (held by storage before the run, charged elsewhere, imported where the neighbour's mix is not known) ÷ consumption; " +
			"with the two shares before it 100 %",
		[]string{"unknown_used"}, consumption},
}

// consumption names the energies that are used.
var consumption = []string{"consumed", "driven"}

// EnergyKind is one energy of the ratios: its name in files, and its name for people.
type EnergyKind struct {
	Name, Label string
	of          func(*shared) twins.Total
}

// EnergyKinds are all energies that RatioKinds names, and the two parts of unknown_used.
var EnergyKinds = []EnergyKind{
	{"consumed", "Consumed by loads", func(s *shared) twins.Total { return s.consumed }},
	{"driven", "Used by driving", func(s *shared) twins.Total { return s.driven }},
	{"own_used", "Own production used", func(s *shared) twins.Total { return s.ownUsed }},
	{"own_exported", "Own production exported", func(s *shared) twins.Total { return s.exported }},
	{"own_lost", "Own production lost in storage", func(s *shared) twins.Total { return s.lost }},
	{"renewable_used", "Renewable energy used", func(s *shared) twins.Total { return s.used[renewable] }},
	{"non_renewable_used", "Non-renewable energy used", func(s *shared) twins.Total { return s.used[nonRenewable] }},
	{"unknown_used", "Energy of unknown origin used", func(s *shared) twins.Total { return s.used[heldBefore].PlusTotal(s.used[unknownSource]) }},
	{"held_before_used", "Of it held by storage before the run", func(s *shared) twins.Total { return s.used[heldBefore] }},
	{"other_unknown_used", "Of it imported without a mix or charged elsewhere", func(s *shared) twins.Total { return s.used[unknownSource] }},
}

// Formula is the ratio in the names of its energies: "own_used ÷ (consumed + driven)".
func (k *RatioKind) Formula() string {
	side := func(names []string) string {
		if len(names) == 1 {
			return names[0]
		}
		return "(" + strings.Join(names, " + ") + ")"
	}
	return side(k.Over) + " ÷ " + side(k.Under)
}

// of returns the ratio, nil if its denominator is 0.
func (k *RatioKind) of(s *shared) *float64 { return ratio(s.sum(k.Over), s.sum(k.Under)) }

// sum adds energies up by name.
func (s *shared) sum(names []string) (t twins.Total) {
	for _, name := range names {
		t = t.PlusTotal(s.energy(name))
	}
	return t
}

// energy returns the energy of a name of EnergyKinds.
func (s *shared) energy(name string) twins.Total {
	for i := range EnergyKinds {
		if k := &EnergyKinds[i]; k.Name == name {
			return k.of(s)
		}
	}
	panic("views: no energy " + name) // a mistake of the caller
}

// source is what energy was made from, as far as it is known. Each millijoule has one. What storage held
// before the first step is of unknown origin, and kept apart from the rest that is.
type source int

const (
	renewable source = iota
	nonRenewable
	heldBefore
	unknownSource // imported without a mix, or charged elsewhere
	numSources
)

// mix is a quantity of energy by source, and how much of it is own production.
type mix struct {
	by  [numSources]twins.Energy
	own twins.Energy
}

// heldMix is energy that storage held before the first step.
func heldMix(e twins.Energy) (m mix) {
	m.by[heldBefore] = e
	return m
}

// unknownMix is energy of which nothing is known.
func unknownMix(e twins.Energy) (m mix) {
	m.by[unknownSource] = e
	return m
}

// whole is the quantity.
func (m *mix) whole() (sum twins.Energy) {
	for _, e := range m.by {
		sum += e
	}
	return sum
}

// part is a share of, out of the whole quantity, whose sources add up to of exactly. Of an empty
// quantity nothing is known.
func (m mix) part(of twins.Energy) (p mix) {
	whole := m.whole()
	switch {
	case of <= 0:
		return p
	case whole <= 0:
		return unknownMix(of)
	}
	split := twins.NewSplit(twins.Power(of), twins.Power(whole))
	for k, e := range m.by {
		p.by[k] = twins.Energy(split.Next(twins.Power(e)))
	}
	p.own = scaled(m.own, of, whole)
	return p
}

// take takes a share out of a quantity and returns it. What is more than the whole is of unknown
// origin.
func (m *mix) take(of twins.Energy) mix {
	p := m.part(min(of, m.whole()))
	*m = m.minus(p)
	p.by[unknownSource] += of - p.whole()
	return p
}

func (m mix) plus(n mix) mix {
	for k := range m.by {
		m.by[k] += n.by[k]
	}
	m.own += n.own
	return m
}

func (m mix) minus(n mix) mix {
	for k := range m.by {
		m.by[k] -= n.by[k]
	}
	m.own -= n.own
	return m
}

// pool is the content of several stores.
type pool struct {
	begun bool
	held  mix
}

// poolFlows are the energies of a pool's stores in a step, each ≥ 0 but for stored.
type poolFlows struct {
	content, charge, discharge twins.Energy
	stored, lost, driven       twins.Energy
	elsewhere                  twins.Energy
}

// begin sets the content before the first step.
func (p *pool) begin(f *poolFlows) {
	if !p.begun {
		p.begun, p.held = true, heldMix(max(0, f.content-f.stored))
	}
}

// step takes the pool, out of which the discharge has been taken, through a step in which it was
// charged with in. It returns the mix of what it lost and of what was driven.
func (p *pool) step(f *poolFlows, in mix) (lost, driven mix) {
	p.held = p.held.plus(in).plus(unknownMix(f.elsewhere))
	lost = p.held.take(f.lost)
	driven = p.held.take(f.driven)
	switch rest := p.held.whole(); {
	case rest > f.content: // fills a battery up to its min_soc
		p.held.take(rest - f.content)
	case rest < f.content:
		p.held = p.held.plus(unknownMix(f.content - rest))
	}
	return lost, driven
}

// NewShares makes the fold of a world before its first step.
func NewShares(w *sim.World) Shares {
	s := Shares{renewable: map[string]bool{}}
	if w.Market != nil {
		s.neighbour = w.Market.Renewable
	}
	for _, c := range w.Cells {
		floors := make([][]twins.Energy, len(c.Blocks))
		for i, b := range c.Blocks {
			switch b.Kind {
			case twins.Producer:
				for _, path := range b.Paths {
					s.renewable[path] = twins.Renewable(entrySpec(w, b.Kind, path).Technology)
				}
			case twins.Battery:
				for _, path := range b.Paths {
					spec := entrySpec(w, b.Kind, path)
					floors[i] = append(floors[i], spec.Rated.Times(spec.Min))
				}
			}
		}
		s.floors = append(s.floors, floors)
	}
	return s
}

// shareSpec is what the fold needs of an entry of the scenario.
type shareSpec struct {
	Technology string       `json:"technology"`
	Rated      twins.Energy `json:"rated_wh"`
	Min        twins.Ratio  `json:"min_soc"`
}

// entrySpec reads a member's entry; what it does not have stays 0.
func entrySpec(w *sim.World, k *twins.Kind, path string) (spec shareSpec) {
	var fields map[string]json.RawMessage
	if e, ok := w.Scenario.Entry(k, path); ok && json.Unmarshal(e.JSON(), &fields) == nil {
		_ = json.Unmarshal(fields["technology"], &spec.Technology)
		_ = json.Unmarshal(fields["rated_wh"], &spec.Rated)
		_ = json.Unmarshal(fields["min_soc"], &spec.Min)
	}
	return spec
}

// Commit implements sim.Sink.
func (s *Shares) Commit(r *sim.StepRecord) error {
	var batteries, vehicles poolFlows
	var made twins.Power // renewable
	for n, c := range r.Cells {
		for i := range c.Blocks {
			b := &c.Blocks[i]
			switch {
			case b.Kind == twins.Vehicle:
				vehicles.add(b, nil, r.Step)
			case b.Kind.Role == twins.RoleStorage:
				var floors []twins.Energy
				if n < len(s.floors) {
					floors = s.floors[n][i]
				}
				batteries.add(b, floors, r.Step)
			case b.Kind != twins.Producer:
				made += b.Flows.Generation
			case b.Flows.Generation != 0:
				n := b.ColumnNamed(twins.ColumnPower.Name)
				for m, path := range b.Paths {
					if s.renewable[path] {
						made += max(0, twins.Power(-b.Value(n, m)))
					}
				}
			}
		}
	}
	s.batteries.begin(&batteries)
	s.vehicles.begin(&vehicles)
	s.step(r, made.For(r.Step), &batteries, &vehicles)
	return nil
}

// add adds the members of a block, which have floors if these are not nil.
func (f *poolFlows) add(b *twins.BlockRecord, floors []twins.Energy, step twins.Seconds) {
	f.charge += b.Flows.Charge.For(step)
	f.discharge += b.Flows.Discharge.For(step)
	f.stored += b.Flows.Stored
	f.lost += b.Flows.StorageLoss
	f.driven += b.Flows.Driven
	f.elsewhere += b.Flows.Elsewhere
	for m, held := range b.Column(b.ColumnNamed(twins.ColumnContent.Name)) {
		floor := twins.Energy(0)
		if floors != nil {
			floor = floors[m]
		}
		f.content += max(0, twins.Energy(held)-floor)
	}
}

// step divides what was supplied in a step among what was used.
func (s *Shares) step(r *sim.StepRecord, made twins.Energy, batteries, vehicles *poolFlows) {
	e := func(p twins.Power) twins.Energy { return p.For(r.Step) }
	f := &r.Flows
	generated, imported, exported, load := e(f.Generation), e(f.Import), e(f.Export), e(f.Load)
	discharged, charged := batteries.discharge+vehicles.discharge, batteries.charge+vehicles.charge
	stored := s.batteries.held.take(batteries.discharge).plus(s.vehicles.held.take(vehicles.discharge))

	// By the step's mix: all that is used is alike.
	all := stored.plus(s.ofNeighbour(r.Tick, imported))
	all.by[renewable] += made
	all.by[nonRenewable] += generated - made
	// By precedence: import serves load first, export is of production first.
	out := [3]twins.Energy{} // exported of production, storage, import
	left := exported
	for k, from := range [3]twins.Energy{generated, discharged, imported} {
		out[k] = min(left, from)
		left -= out[k]
	}
	need := generated + imported + discharged - charged - exported // loads, losses of the network, rotating masses, less relief
	byImport := min(imported-out[2], need)
	byStorage := min(discharged-out[1], need-byImport)
	own := func(production, storage twins.Energy) twins.Energy {
		return production + stored.part(storage).own
	}
	toLoad, into := all.part(load), all.part(charged)
	toLoad.own = scaled(own(need-byImport-byStorage, byStorage), load, need)
	into.own = own(generated-out[0]-(need-byImport-byStorage), discharged-out[1]-byStorage)

	intoBatteries := into.part(batteries.charge)
	lostB, _ := s.batteries.step(batteries, intoBatteries)
	lostV, driven := s.vehicles.step(vehicles, into.minus(intoBatteries))
	s.consumed, s.driven = s.consumed.Plus(load), s.driven.Plus(vehicles.driven)
	s.ownUsed = s.ownUsed.Plus(toLoad.own).Plus(driven.own)
	for k := range s.used {
		s.used[k] = s.used[k].Plus(toLoad.by[k]).Plus(driven.by[k])
	}
	s.exported = s.exported.Plus(own(out[0], out[1]))
	s.lost = s.lost.Plus(lostB.own).Plus(lostV.own)
}

// ofNeighbour is the mix of what was imported in a step.
func (s *Shares) ofNeighbour(t twins.Tick, imported twins.Energy) (m mix) {
	if s.neighbour == nil {
		return unknownMix(imported)
	}
	share, known := s.neighbour(t)
	if !known {
		return unknownMix(imported)
	}
	q, _ := share.Of(int64(imported))
	m.by[renewable], m.by[nonRenewable] = twins.Energy(q), imported-twins.Energy(q)
	return m
}

// scaled is e·of ÷ by, 0 if by is 0.
func scaled(e, of, by twins.Energy) twins.Energy {
	if by <= 0 {
		return 0
	}
	q, _ := twins.MulDiv(int64(e), int64(of), int64(by))
	return twins.Energy(q)
}

// Ratios returns the ratios in the order of RatioKinds, each nil if its denominator is 0.
func (s *shared) Ratios() (all []*float64) {
	for i := range RatioKinds {
		all = append(all, RatioKinds[i].of(s))
	}
	return all
}

// report writes the ratios and their energies into a report.
func (s *shared) report(r *Report) {
	all, e := s.Ratios(), &r.Energy
	r.ReportRatios = ReportRatios{all[0], all[1], all[2], all[3], all[4]}
	e.Driven, e.OwnUsed, e.OwnExported, e.OwnLost = s.driven.WattHours(), s.ownUsed.WattHours(), s.exported.WattHours(), s.lost.WattHours()
	e.RenewableUsed, e.NonRenewableUsed, e.UnknownUsed = s.used[renewable].WattHours(), s.used[nonRenewable].WattHours(), s.energy("unknown_used").WattHours()
	e.HeldBeforeUsed, e.OtherUnknownUsed = s.used[heldBefore].WattHours(), s.used[unknownSource].WattHours()
}

// SumToHundred returns shares that add up to 1 as percentages with one decimal that add up to 100: rounded
// down, and the largest remainders up.
func SumToHundred(shares ...float64) []float64 {
	const whole = 1000
	tenths, rest := make([]int, len(shares)), whole
	order := make([]int, len(shares))
	remainder := func(i int) float64 { return whole*shares[i] - float64(tenths[i]) }
	for i, s := range shares {
		tenths[i], order[i] = int(math.Floor(whole*s)), i
		rest -= tenths[i]
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(remainder(j), remainder(i)) })
	for _, i := range order[:max(0, min(rest, len(order)))] {
		tenths[i]++
	}
	percent := make([]float64, len(shares))
	for i, n := range tenths {
		percent[i] = float64(n) / 10
	}
	return percent
}
