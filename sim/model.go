package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/smatrix-grid/smatrix/twins"
)

// ModelChange describes how a model's figures differ from those of the model before it.
type ModelChange struct {
	Model int
	What  string
	// Differs reports whether a step of the model before may have other figures in this one,
	// from what is kept of it; nil: any step may.
	Differs func(*KeptStep) bool
	// Lasts says that a step that differs may change all steps after it.
	Lasts bool
}

// KeptStep is what a change of the model is judged by: figures and notable events of a step
// that was made by the model before.
type KeptStep struct {
	Swing  twins.Swing
	Flows  twins.Flows
	Events []twins.Notice
}

// Models are this program's model and all earlier ones, in order. A change of the program
// after which the same inputs give other figures adds one: a run is computed again only by
// its own model, or by one that differs in none of its steps. Tests append to it.
var Models = []ModelChange{
	{Model: 1, What: "the first whose runs were kept"},
	{Model: 2, What: "each tier has a reason of its own: differs only in steps in which under-frequency stages were reached",
		Differs: relaysActed},
	{Model: 3, What: "load that can catch up is unserved once, at its deadline, and heat only below its band; vehicles need the energy of their next trip; " +
		"the share of a charger that stops is given back to load that is cut: " +
		"differs only from the first step on in which load waits or a vehicle lacks energy", Differs: defersLoad, Lasts: true},
	{Model: 4, What: "load that under-frequency relays or a blackout have cut stays cut in that step: differs only from the first step on in which " +
		"under-frequency stages were reached", Differs: relaysActed, Lasts: true},
}

// relaysActed reports whether under-frequency relays cut load in a step, or the grid was black.
func relaysActed(k *KeptStep) bool { return k.Swing.Stages > 0 || k.Swing.Blackout }

// defersLoad reports whether load waited in a step or was not served that was not essential,
// or a vehicle came or left without the energy of its trip or of its target.
func defersLoad(k *KeptStep) bool {
	if k.Flows.Shifted != 0 || k.Flows.Unserved != k.Flows.UnservedEssential {
		return true
	}
	return slices.ContainsFunc(k.Events, func(n twins.Notice) bool { return twins.LacksEnergy(&n.Event) })
}

// Model returns the number of this program's model.
func Model() int { return Models[len(Models)-1].Model }

// ModelsSince returns the changes after a model, in order; nil if there are none.
func ModelsSince(model int) []ModelChange {
	at := slices.IndexFunc(Models, func(m ModelChange) bool { return m.Model > model })
	if at < 0 {
		return nil
	}
	return Models[at:]
}

// Form is how a run is recorded and chained.
type Form struct {
	Chain  int           // version of the chain: FirstChain or LayoutChain; 0 means FirstChain
	Model  int           // model with which the run was begun
	Layout *twins.Layout // layout of the run's records
}

// Versions of the chain. The start of a LayoutChain names model and layout.
const (
	FirstChain  = 2
	LayoutChain = 3
)

// NewForm is the form of a run of the world that this program begins.
func (w *World) NewForm() Form {
	return Form{Chain: LayoutChain, Model: Model(), Layout: twins.LayoutOf(w.Cells, w.Scenario.Strategies[twins.LevelGrid].Strategy)}
}

// start returns the chain's head before the first step.
func (f Form) start(seed uint64, identity []byte) Hash {
	version := "smatrix chain 2\n"
	if f.Chain == LayoutChain {
		version = "smatrix chain 3\n"
	}
	b := binary.LittleEndian.AppendUint64([]byte(version), seed)
	scenario := sha256.Sum256(identity)
	b = append(b, scenario[:]...)
	if f.Chain == LayoutChain {
		layout := f.Layout.Hash()
		b = binary.LittleEndian.AppendUint64(b, uint64(f.Model))
		b = append(b, layout[:]...)
	}
	return sha256.Sum256(b)
}

// Joint marks where a run continues with another model or layout: a link of its own in the
// chain, before the step Tick.
type Joint struct {
	Tick   twins.Tick    `json:"step"`
	Model  int           `json:"model"`
	Layout *twins.Layout `json:"layout"`
}

// Head returns the chain's head after the joint, given the head before it.
func (j *Joint) Head(before Hash) Hash {
	b := append([]byte("smatrix joint\n"), before[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(j.Tick))
	b = binary.LittleEndian.AppendUint64(b, uint64(j.Model))
	layout := j.Layout.Hash()
	return sha256.Sum256(append(b, layout[:]...))
}
