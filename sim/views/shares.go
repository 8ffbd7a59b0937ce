package views

import (
	"encoding/json"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Shares folds a run into the ratios of the whole grid, which RatioKinds defines.
//
// In each step import serves load before storage, and export is of production before storage
// and import. For the renewable share everything that is used in a step has the mix of all
// that is supplied in it, import that of the neighbour. Storage gives what it held before the
// step, by its mix, and bears its losses; all batteries are one store, all vehicles another.
// Only what a battery holds above its min_soc is in the store: the rest never comes out.
type Shares struct {
	renewable map[string]bool // producers by path
	neighbour func(twins.Tick) (share twins.Ratio, known bool)

	floors [][][]twins.Energy // of each cell, block and member: what never comes out

	shared
}

// shared is what Shares has summed up.
type shared struct {
	batteries, vehicles pool
	consumed            twins.Total
	used                [numOrigins]twins.Total // of consumed
	exported, lost      twins.Total             // of own production
}

// RatioKind is one ratio of a run: its name in files, its name for people, and its formula. A value
// is between 0 and 1, and there is none while its denominator is 0.
type RatioKind struct {
	Name, Label, Definition string
	of                      func(*shared) *float64
}

// RatioKinds are the ratios of a run. They are defined here alone: report, help, API and page show
// these definitions.
var RatioKinds = []RatioKind{
	{"self_sufficiency", "Self-sufficiency",
		"own production used, at once or through storage, ÷ consumption (loads and driving); what storage held before the run is no own production",
		func(s *shared) *float64 { return ratio(s.used[ownProduction], s.consumed) }},
	{"self_consumption", "Self-consumption",
		"own production used ÷ (used + exported + lost in storage), each counted when it happens",
		func(s *shared) *float64 {
			own := s.used[ownProduction]
			return ratio(own, own.PlusTotal(s.exported).PlusTotal(s.lost))
		}},
	{"renewable_share", "Renewable share",
		"consumption (loads and driving) that came from hydro, wind, sun and biogas, by the mix of each step, import by the neighbour's mix, ÷ consumption",
		func(s *shared) *float64 { return ratio(s.used[renewable], s.consumed) }},
	{"renewable_share_unknown", "Share of unknown origin",
		"consumption of which it is not known whether it was renewable (held by storage before the run, charged elsewhere, imported where the neighbour's mix is not known) ÷ consumption",
		func(s *shared) *float64 { return ratio(s.used[unknownOrigin], s.consumed) }},
}

// origin labels energy. A quantity of energy has several, which need not exclude each other.
type origin int

const (
	ownProduction origin = iota
	renewable
	unknownOrigin
	numOrigins
)

// mix is how much of a quantity of energy has each origin.
type mix [numOrigins]twins.Energy

// part is the mix of a share of, out of whole, of a quantity with mix m.
func (m mix) part(of, whole twins.Energy) (p mix) {
	if whole <= 0 || of <= 0 {
		return p
	}
	for k, e := range m {
		q, _ := twins.MulDiv(int64(e), int64(of), int64(whole))
		p[k] = twins.Energy(q)
	}
	return p
}

func (m mix) plus(n mix) mix {
	for k := range m {
		m[k] += n[k]
	}
	return m
}

func (m mix) minus(n mix) mix {
	for k := range m {
		m[k] -= n[k]
	}
	return m
}

// pool is the content of several stores, and how much of it has each origin.
type pool struct {
	begun bool
	held  twins.Energy
	of    mix
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
		p.begun, p.held = true, max(0, f.content-f.stored)
		p.of = mix{unknownOrigin: p.held}
	}
}

// step takes the pool through a step in which it was charged with in, and returns the mix of
// what it lost and of what was driven.
func (p *pool) step(f *poolFlows, in mix) (lost, driven mix) {
	rest := p.held + f.charge + f.elsewhere - f.discharge
	of := p.of.plus(in).minus(p.of.part(f.discharge, p.held))
	of[unknownOrigin] += f.elsewhere
	lost, driven = of.part(f.lost, rest), of.part(f.driven, rest)
	p.held, p.of = f.content, of.minus(lost).minus(driven)
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
	supply := generated + imported + discharged
	stored := s.batteries.of.part(batteries.discharge, s.batteries.held).plus(s.vehicles.of.part(vehicles.discharge, s.vehicles.held))

	// By the step's mix: all that is used is alike.
	all := stored
	all[renewable] += made
	all = all.plus(s.ofNeighbour(r.Tick, imported))
	// By precedence: import serves load first, export is of production first.
	out := [3]twins.Energy{} // exported of production, storage, import
	left := exported
	for k, from := range [3]twins.Energy{generated, discharged, imported} {
		out[k] = min(left, from)
		left -= out[k]
	}
	need := supply - charged - exported // loads, losses of the network, rotating masses, less relief
	byImport := min(imported-out[2], need)
	byStorage := min(discharged-out[1], need-byImport)
	own := func(production, storage twins.Energy) twins.Energy {
		return production + stored.part(storage, discharged)[ownProduction]
	}
	toLoad, into := all.part(load, supply), all.part(charged, supply)
	toLoad[ownProduction] = scaled(own(need-byImport-byStorage, byStorage), load, need)
	into[ownProduction] = own(generated-out[0]-(need-byImport-byStorage), discharged-out[1]-byStorage)

	lostB, _ := s.batteries.step(batteries, into.part(batteries.charge, charged))
	lostV, driven := s.vehicles.step(vehicles, into.part(vehicles.charge, charged))
	s.consumed = s.consumed.Plus(load).Plus(vehicles.driven)
	for k := range s.used {
		s.used[k] = s.used[k].Plus(toLoad[k]).Plus(driven[k])
	}
	s.exported = s.exported.Plus(own(out[0], out[1]))
	s.lost = s.lost.Plus(lostB[ownProduction]).Plus(lostV[ownProduction])
}

// ofNeighbour is the mix of what was imported in a step.
func (s *Shares) ofNeighbour(t twins.Tick, imported twins.Energy) mix {
	if s.neighbour != nil {
		if share, known := s.neighbour(t); known {
			q, _ := share.Of(int64(imported))
			return mix{renewable: twins.Energy(q)}
		}
	}
	return mix{unknownOrigin: imported}
}

// scaled is e·of ÷ by, 0 if by is 0.
func scaled(e, of, by twins.Energy) twins.Energy {
	if by <= 0 {
		return 0
	}
	q, _ := twins.MulDiv(int64(e), int64(of), int64(by))
	return twins.Energy(q)
}

// Ratio returns the ratio of a name of RatioKinds; nil if its denominator is 0.
func (s *Shares) Ratio(name string) *float64 {
	for i := range RatioKinds {
		if k := &RatioKinds[i]; k.Name == name {
			return k.of(&s.shared)
		}
	}
	panic("views: no ratio " + name) // a mistake of the caller
}
