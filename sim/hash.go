package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/smatrix-grid/smatrix/twins"
)

// Hash is a SHA-256.
type Hash [sha256.Size]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// CellHasher hashes what the members of a cell did in a step: their columns as
// little-endian int64, kind by kind and within a column in path order, then the
// decisions about them. Its buffer is reused.
type CellHasher struct{ buf []byte }

// Sum returns the hash of a cell after StageCommit.
func (h *CellHasher) Sum(c *twins.Cell) Hash {
	b := h.buf[:0]
	for _, block := range c.Blocks {
		for _, col := range block.Kind.Columns {
			if col.Derived {
				continue
			}
			for i := range block.Read {
				b = binary.LittleEndian.AppendUint64(b, uint64(col.Value(&block.Read[i])))
			}
		}
	}
	for _, d := range c.Notes {
		b = appendString(b, d.Member)
		b = append(b, byte(d.Reason))
		b = binary.LittleEndian.AppendUint64(b, uint64(d.Power))
	}
	h.buf = b
	return sha256.Sum256(b)
}

func appendString(b []byte, s string) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}

// Chain is the sink that makes one hash of a run: each step over its tick,
// commands and cells, chained to the step before; over the twins' states where
// a snapshot is due and at the end. Seed and scenario are hashed at the start.
// Nothing that depends on the machine is hashed: not the hosting, threads, wall
// time or restarts.
type Chain struct {
	head Hash
	buf  []byte
	last *StepRecord
}

// chainVersion opens the chain; a change of what is hashed changes it.
const chainVersion = "smatrix chain 1\n"

// NewChain starts the chain of a run.
func NewChain(seed uint64, identity []byte) *Chain {
	b := []byte(chainVersion)
	b = binary.LittleEndian.AppendUint64(b, seed)
	scenario := sha256.Sum256(identity)
	return &Chain{head: sha256.Sum256(append(b, scenario[:]...))}
}

// Commit implements Sink.
func (c *Chain) Commit(r *StepRecord) error {
	b := append(c.buf[:0], c.head[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Tick))
	b = AppendCommands(b, r.Commands)
	for _, d := range r.Digests {
		b = append(b, d[:]...)
	}
	if r.SnapshotDue {
		states := statesOf(r)
		b = append(b, states[:]...)
	}
	c.buf = b
	c.head = sha256.Sum256(b)
	c.last = r
	return nil
}

// Head is the head of the chain after the last step committed.
func (c *Chain) Head() Hash { return c.head }

// Digest is the hash of the whole run so far: the chain's head and the state of
// every twin.
func (c *Chain) Digest() Hash {
	if c.last == nil {
		return c.head
	}
	states := statesOf(c.last)
	return sha256.Sum256(append(c.head[:], states[:]...))
}

func statesOf(r *StepRecord) (h Hash) {
	all := sha256.New()
	var buf []byte
	for _, c := range r.Cells {
		buf = c.AppendStates(buf[:0])
		all.Write(buf)
	}
	all.Write(r.Grid.AppendBinary(buf[:0]))
	all.Sum(h[:0])
	return h
}

// AppendCommands appends the canonical form of a step's commands.
func AppendCommands(b []byte, commands []twins.Command) []byte {
	for i := range commands {
		c := &commands[i]
		b = binary.LittleEndian.AppendUint64(b, uint64(c.Seq))
		b = appendString(b, c.Target)
		b = appendString(b, c.Name)
		b = appendString(b, c.Args.Setting)
		b = binary.LittleEndian.AppendUint64(b, uint64(c.Args.Value))
	}
	return b
}
