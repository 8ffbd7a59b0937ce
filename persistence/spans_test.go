package persistence

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
)

// Rising steps are the same whether stored as progressions or one by one.
func TestTicksAreAList(t *testing.T) {
	for round := range uint64(500) {
		random := rand.New(rand.NewPCG(round, 21))
		var is ticks
		var want []twins.Tick
		at := twins.Tick(0)
		for range random.IntN(60) {
			switch random.IntN(8) {
			case 0:
				if len(want) > 0 {
					is, want = is.withoutFirst(), want[1:]
				}
			case 1:
				cut := twins.Tick(random.IntN(int(at) + 2))
				is = slices.Clone(is)
				is.cut(cut)
				want = slices.DeleteFunc(slices.Clone(want), func(n twins.Tick) bool { return n > cut })
			default:
				if at += 24; random.IntN(4) == 0 {
					at += 1 + twins.Tick(random.IntN(30))
				}
				is, want = is.with(at), append(want, at)
			}
			if got := slices.Collect(is.all()); !slices.Equal(got, want) || is.len() != len(want) {
				t.Fatalf("round %d: %v, wanted %v", round, got, want)
			}
			n := twins.Tick(random.IntN(int(at) + 40))
			i, found := slices.BinarySearch(want, n)
			before := twins.Tick(0)
			if found {
				before = n
			} else if i > 0 {
				before = want[i-1]
			}
			if got, ok := is.before(n); got != before || ok != (found || i > 0) || is.has(n) != found {
				t.Fatalf("round %d: before %d comes %d, wanted %d, of %v", round, n, got, before, want)
			}
			if len(want) > 0 && (is.first() != want[0] || is.last() != want[len(want)-1]) {
				t.Fatalf("round %d: %d to %d, of %v", round, is.first(), is.last(), want)
			}
		}
	}
}

// chunkAt finds the same chunk as a search in the list of all valid chunks. Marks that are damaged,
// overlap the chunk before or end after the last step are invalid.
func TestChunksAreAList(t *testing.T) {
	for round := range uint64(500) {
		random := rand.New(rand.NewPCG(round, 22))
		table := &Memory{}
		s := &Store{table: table, packer: newPacker(), unpacker: newUnpacker()}
		var want []stepRange
		at, refused := twins.Tick(random.IntN(100)), 0
		s.steps = at + 500
		for at < 520 {
			c := stepRange{at, at + 1 + twins.Tick(random.IntN(96))}
			at = c.to
			e := s.seal(key(keyChunk, c.from), chunkMark(int(c.to-c.from), 3))
			switch random.IntN(10) {
			case 0:
				e.Value[len(e.Value)-1] ^= 1
			case 1:
				continue // its mark is lost
			case 2:
				at = c.from + 1 + twins.Tick(random.IntN(int(c.to-c.from))) // the next one overlaps it
				fallthrough
			default:
				if n := len(want); c.to <= s.steps && (n == 0 || want[n-1].to <= c.from) {
					want = append(want, c)
				} else {
					refused++
				}
			}
			_ = table.Put([]Entry{e}) // it does not fail
		}
		var err error
		if s.chunks, err = s.listChunks(); err != nil || len(s.chunks.refused) != refused {
			t.Fatalf("round %d: %v, %d refused, wanted %d", round, err, len(s.chunks.refused), refused)
		}
		for range 300 {
			at := twins.Tick(random.IntN(600))
			i := slices.IndexFunc(want, func(c stepRange) bool { return at < c.to })
			c, found := s.chunkAt(at)
			switch {
			case i < 0:
				if found {
					t.Fatalf("round %d: step %d is in %v, wanted none of %v", round, at, c, want)
				}
			case want[i].from <= at && (!found || c != want[i]) || want[i].from > at && (found || c != stepRange{at, want[i].from}):
				t.Fatalf("round %d: step %d is in %v (%t), wanted %v", round, at, c, found, want[i])
			}
		}
		if first, found := s.firstChunk(); found != (len(want) > 0) || found && first != want[0] {
			t.Fatalf("round %d: the first is %v, of %v", round, first, want)
		}
		if len(want) > 0 && s.chunks.end() != want[len(want)-1].to {
			t.Fatalf("round %d: they end at %d, of %v", round, s.chunks.end(), want)
		}
		s.packer.Close()
		s.unpacker.Close()
	}
}
