package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/smatrix-grid/smatrix/twins"
)

// ModelChange says what the figures of a model differ in from those of the one before.
type ModelChange struct {
	Model int
	What  string
	// Differs reports whether a step of the model before may come out otherwise, from how
	// the frequency moved in it; nil: any step may.
	Differs func(*twins.Swing) bool
}

// Models are the models of this program and of those before it, in order. Whoever makes
// the same inputs give other figures adds one: a run is computed again only by its own
// model, or by one that does not differ in any of its steps. Tests add to it.
var Models = []ModelChange{
	{Model: 1, What: "the first whose runs were kept"},
	{Model: 2, What: "each tier has a reason of its own: differs only in steps in which under-frequency stages were reached",
		Differs: func(s *twins.Swing) bool { return s.Stages > 0 || s.Blackout }},
	{Model: 3, What: "load that can catch up is unserved once, at its deadline, and heat only below its band; vehicles need the energy of their next trip"},
}

// Model is the number of this program's model.
func Model() int { return Models[len(Models)-1].Model }

// ModelsSince are the changes that came after a model.
func ModelsSince(model int) []ModelChange {
	at := slices.IndexFunc(Models, func(m ModelChange) bool { return m.Model > model })
	if at < 0 {
		return nil
	}
	return Models[at:]
}

// Form is how a run is recorded and chained.
type Form struct {
	Chain  int           // version of the chain: FirstChain or LayoutChain; 0 stands for FirstChain
	Model  int           // that the run was begun with
	Layout *twins.Layout // of its records
}

// Versions of the chain. The start of a LayoutChain names model and layout.
const (
	FirstChain  = 2
	LayoutChain = 3
)

// NewForm is the form of a run that this program begins.
func NewForm(cells []*twins.Cell) Form {
	return Form{Chain: LayoutChain, Model: Model(), Layout: twins.LayoutOf(cells)}
}

// start is the chain's head before the first step.
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

// Joint is where a run goes on in another model or layout than it had before: a link of
// the chain of its own, before the step Tick.
type Joint struct {
	Tick   twins.Tick    `json:"step"`
	Model  int           `json:"model"`
	Layout *twins.Layout `json:"layout"`
}

// Head is the head of the chain after the joint, from that before it.
func (j *Joint) Head(before Hash) Hash {
	b := append([]byte("smatrix joint\n"), before[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(j.Tick))
	b = binary.LittleEndian.AppendUint64(b, uint64(j.Model))
	layout := j.Layout.Hash()
	return sha256.Sum256(append(b, layout[:]...))
}
