package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"

	"github.com/smatrix-grid/smatrix/twins"
)

// Hash is a SHA-256.
type Hash [sha256.Size]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// CellHasher hashes the record of a cell's step: the members' columns as
// little-endian int64, kind by kind and within a column in path order, then the
// decisions about them. Its buffer is reused.
type CellHasher struct{ buf []byte }

// Sum returns the hash of a cell's record. It covers the columns of the run's layout,
// except derived ones.
func (h *CellHasher) Sum(c *twins.CellRecord) Hash {
	b := h.buf[:0]
	for i := range c.Blocks {
		block := &c.Blocks[i]
		for n := range block.Columns {
			if block.Columns[n].Derived {
				continue
			}
			at := len(b)
			b = slices.Grow(b, 8*len(block.Paths))[:at+8*len(block.Paths)]
			to, values := b[at:], block.Column(n)
			if values == nil {
				clear(to)
			}
			for i, v := range values {
				binary.LittleEndian.PutUint64(to[8*i:], uint64(v))
			}
		}
	}
	for _, d := range c.Notes {
		b = appendString(b, d.Member)
		b = append(b, byte(d.Reason))
		for _, p := range [...]twins.Power{d.Power, d.Shifted, d.Unserved, d.Curtailed} {
			b = binary.LittleEndian.AppendUint64(b, uint64(p))
		}
	}
	h.buf = b
	return sha256.Sum256(b)
}

func appendString(b []byte, s string) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}

// Chain is the sink that makes one hash of a run. The link of a step is hashed over the
// link before, the tick, the commands, the digests of the cells and the frequency, and,
// where a snapshot is due, the twins' states. Seed, scenario, model and layout are hashed
// at the start, the twins' states at the end. Nothing that depends on the machine is
// hashed: not the hosting, threads, wall time or restarts.
type Chain struct {
	head   Hash
	states Hash
	buf    []byte
	last   *StepRecord

	// Known returns the hash that the states after a step had when the step was made, for a
	// run whose states this program stores in newer versions. Where Known is nil or reports
	// false, the states are hashed.
	Known func(twins.Tick) (Hash, bool)
}

// NewChain starts the chain of a run in a form.
func NewChain(seed uint64, identity []byte, form Form) *Chain {
	return &Chain{head: form.start(seed, identity)}
}

// NewChain starts the chain of a run of the world.
func (w *World) NewChain() *Chain { return NewChain(w.Scenario.Seed, w.Scenario.Identity(), w.Form) }

// ResumeChain continues a kept chain from its head.
func ResumeChain(head Hash) *Chain { return &Chain{head: head} }

// Commit implements Sink.
func (c *Chain) Commit(r *StepRecord) error {
	c.states = Hash{}
	if r.SnapshotDue {
		c.states = c.statesOf(r)
	}
	c.buf = appendLink(c.buf[:0], c.head, r, c.states)
	c.head = sha256.Sum256(c.buf)
	c.last = r
	return nil
}

func (c *Chain) statesOf(r *StepRecord) Hash {
	if c.Known != nil {
		if hash, ok := c.Known(r.Tick); ok {
			return hash
		}
	}
	return r.States.Hash()
}

// NextHead returns the chain's head after a step, given the head before it. states is the
// hash of the twins' states, which is used only where a snapshot is due.
func NextHead(head Hash, r *StepRecord, states Hash) Hash {
	return sha256.Sum256(appendLink(nil, head, r, states))
}

func appendLink(b []byte, head Hash, r *StepRecord, states Hash) []byte {
	b = append(b, head[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Tick))
	b = AppendCommands(b, r.Commands)
	for _, d := range r.Digests {
		b = append(b, d[:]...)
	}
	b = AppendSwing(b, &r.Swing)
	if r.SnapshotDue {
		b = append(b, states[:]...)
	}
	return b
}

// States returns the hash of the twins' states after the last step committed; zero if no
// snapshot was due then.
func (c *Chain) States() Hash { return c.states }

// Head returns the head of the chain after the last step committed.
func (c *Chain) Head() Hash { return c.head }

// Digest returns the hash of the whole run so far: of the chain's head and the state of
// every twin. Before its first step a chain has no states, and returns its head.
func (c *Chain) Digest() Hash {
	if c.last == nil {
		return c.head
	}
	return DigestOf(c.head, c.last.States.Hash())
}

// DigestOf returns the digest of a run whose chain has this head and whose twins' states
// have this hash.
func DigestOf(head, states Hash) Hash { return sha256.Sum256(append(head[:], states[:]...)) }

// AppendSwing appends the canonical form of the frequency's swing in a step.
func AppendSwing(b []byte, s *twins.Swing) []byte {
	flags := byte(0)
	if s.Island {
		flags |= 1
	}
	if s.Blackout {
		flags |= 2
	}
	if s.Held {
		flags |= 4
	}
	b = append(b, flags)
	for _, v := range [...]int64{s.Min, s.Max, s.End, s.ROCOF, s.Stages, int64(s.Relief), int64(s.Kinetic), int64(s.Shed), int64(s.ShedFor)} {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return b
}

// AppendCommands appends the canonical form of a step's commands: what they do, not
// who sent them.
func AppendCommands(b []byte, commands []twins.Command) []byte {
	for i := range commands {
		c := &commands[i]
		b = binary.LittleEndian.AppendUint64(b, uint64(c.Seq))
		b = appendString(b, c.Target)
		b = appendString(b, c.Type.Name)
		if c.Type.OfSetting() { // the body of a setting contains its length
			b = append(b, c.Body...)
		} else {
			b = appendString(b, c.Body)
		}
	}
	return b
}
