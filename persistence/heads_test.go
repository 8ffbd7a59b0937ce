package persistence

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// heads are all that a ledger has, page by page.
func (c *ledgerContent) heads(t *testing.T) (all []sim.Hash) {
	t.Helper()
	s := &Store{index: c.index}
	for at := range c.index.steps {
		all = append(all, s.headInLedger(at))
	}
	if len(s.repairs) > len(c.holes) {
		t.Fatalf("read again, the ledger has other damage: %v", s.repairs)
	}
	return all
}

// chunksOf are the chunks of a store, one after another.
func chunksOf(s *Store) (all []stepRange) {
	for t := twins.Tick(0); t < s.Steps(); {
		c, found := s.chunkAt(t)
		if found {
			all = append(all, c)
		}
		t = c.to
	}
	return all
}

// headOf is the head after n steps as a reader has it.
func headOf(r *Reader, n twins.Tick) sim.Hash {
	r.mu.Lock()
	defer r.mu.Unlock()
	head, _ := r.refresh().HeadAt(n)
	return head
}

// slowLedger reads a ledger in the simplest way: all at once, a head for each step. The test
// compares readLedger, which reads in blocks and keeps no heads, with it.
type slowLedger struct {
	heads []sim.Hash
	given []twins.Command
	holes []int64
	torn  int64
}

func readSlowly(b []byte) *slowLedger {
	l := &slowLedger{}
	whole := func(at int) int { // length of the record that begins at a byte, 0 if there is none
		if len(b)-at < 9 {
			return 0
		}
		n := int(binary.LittleEndian.Uint32(b[at:]))
		if n == 0 || n > mostPerRecord || n > len(b)-at-8 || binary.LittleEndian.Uint32(b[at+4:]) != ledgerSum(b[at:at+8+n]) {
			return 0
		}
		return 8 + n
	}
	for at := ledgerHead; at < len(b); {
		n := whole(at)
		if n == 0 {
			next := at + 1
			for next < len(b) && whole(next) == 0 {
				next++
			}
			if next == len(b) {
				l.torn = int64(len(b) - at)
				break
			}
			l.holes = append(l.holes, int64(at))
			at = next
			continue
		}
		if r := newDecoder(b[at+9 : at+n]); b[at+8] == recordStep {
			t, head := int(r.Int()), r.hash()
			for len(l.heads) <= t {
				l.heads = append(l.heads, sim.Hash{})
			}
			l.heads[t] = head
		} else if b[at+8] == recordCommand {
			l.given = append(l.given, r.commands()...)
		}
		at += n
	}
	return l
}

// hurtLedger damages a ledger in one of several ways.
func hurtLedger(random *rand.Rand, b []byte, heads []sim.Hash) []byte {
	b = slices.Clone(b)
	body := b[ledgerHead+41:] // the record of the chain's start stays whole
	at := random.IntN(len(body))
	switch random.IntN(6) {
	case 0: // whole
	case 1:
		for range 1 + random.IntN(5) {
			body[random.IntN(len(body))] ^= 1 << random.IntN(8)
		}
	case 2:
		clear(body[at:min(len(body), at+random.IntN(3000))])
	case 3:
		b = b[:len(b)-len(body)+at]
	case 4:
		b = append(b, make([]byte, random.IntN(200))...)
	case 5: // steps are repeated out of order; the first records of some are damaged
		clear(body[at:min(len(body), at+random.IntN(3000))])
		l := &ledger{}
		for range random.IntN(60) {
			t := random.IntN(len(heads))
			l.step(twins.Tick(t), heads[t])
		}
		b = append(b, l.buf...)
	}
	return b
}

// hurtJournal deletes or damages records of steps in a table, and returns those left.
func hurtJournal(random *rand.Rand, table *Memory, steps int) (left []bool) {
	left = slices.Repeat([]bool{true}, steps)
	for range random.IntN(4) {
		from := random.IntN(steps)
		for t := from; t < min(steps, from+random.IntN(60)); t++ {
			e := Entry{Key: key(keyStep, twins.Tick(t))}
			if random.IntN(3) == 0 {
				e.Value = []byte("spoilt")
			}
			_ = table.Put([]Entry{e}) // it does not fail
			left[t] = false
		}
	}
	return left
}

// hurtCommands deletes or damages some commands in a table.
func hurtCommands(random *rand.Rand, table *Memory, commands []twins.Command) {
	for i := range commands {
		if random.IntN(4) > 0 {
			continue
		}
		e := Entry{Key: key(keyCommand, twins.Tick(i))}
		if random.IntN(3) == 0 {
			e.Value = []byte("spoilt")
		}
		_ = table.Put([]Entry{e}) // it does not fail
	}
}

// commandsLeft are those that a ledger or a table still has, in the order of steps.
func commandsLeft(slow *slowLedger, table *Memory, given []twins.Command) (left []twins.Command) {
	unpacker := newUnpacker()
	defer unpacker.Close()
	for i, c := range given {
		k := key(keyCommand, twins.Tick(i))
		v, err := table.Get(k)
		if err == nil {
			_, err = unseal(unpacker, k, v)
		}
		if err == nil || slices.Contains(slow.given, c) {
			left = append(left, c)
		}
	}
	sortCommands(left)
	return left
}

// The head after each step is the committed one if ledger or journal still has it, for pages of
// any length and any damage, and also after the ledger has been mended. The same holds for
// commands, which may also be lost after the run has been opened.
func TestHeadsOfDamagedRuns(t *testing.T) {
	w, err := killedWorld()
	if err != nil {
		t.Fatal(err)
	}
	table, dir := &Memory{}, filepath.Join(t.TempDir(), "run")
	r, err := CreateRun(dir, Run{})
	if err != nil {
		t.Fatal(err)
	}
	r.Tables = func(string, Mode, bool) (Table, error) { return table, nil }
	chain := w.NewChain()
	j, err := r.Keep(w, chain, Durability{})
	if err != nil {
		t.Fatal(err)
	}
	heads, start := []sim.Hash(nil), chain.Head()
	note := sim.SinkFunc(func(*sim.StepRecord) error { heads = append(heads, chain.Head()); return nil })
	run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain, note, j}}
	var given []twins.Command
	for at := range twins.Tick(killSteps) {
		if at%7 == 3 && at < killSteps-30 {
			c := killCommand(at+at%30).At(at+at%30, int64(len(given)+1))
			given = append(given, c)
			if err := errors.Join(j.AppendCommand(c), w.Add(c)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := run.Step(); err != nil {
			t.Fatal(err)
		}
		if n := random(at); headOf(j.Reader(), n) != append([]sim.Hash{start}, heads...)[n] {
			t.Fatalf("after step %d the head after %d steps is another one", at, n)
		}
	}
	if err := r.Finish(Interrupted, nil); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, ledgerFile))
	if err != nil {
		t.Fatal(err)
	}
	defer func(heads twins.Tick, commands int) { headsPerPage, commandsPerPage = heads, commands }(headsPerPage, commandsPerPage)
	seen := map[string]int{}
	for round := range uint64(400) {
		random := rand.New(rand.NewPCG(round, 11))
		headsPerPage, commandsPerPage = 1+twins.Tick(random.IntN(300)), 1+random.IntN(6)
		b, hurt := hurtLedger(random, whole, heads), &Memory{entries: slices.Clone(table.entries)}
		left := hurtJournal(random, hurt, len(heads))
		if round%2 == 0 {
			hurtCommands(random, hurt, given)
		}
		if err := os.WriteFile(filepath.Join(dir, ledgerFile), b, 0o666); err != nil {
			t.Fatal(err)
		}
		slow := readSlowly(b)
		if got, err := readLedgerAt(dir, filepath.Join(dir, ledgerFile)); err != nil || !slices.Equal(got.holes, slow.holes) || got.torn != slow.torn {
			t.Fatalf("round %d: %v; holes %v, torn %d, wanted %v and %d", round, err, got.holes, got.torn, slow.holes, slow.torn)
		}
		s, err := OpenOn(func(string, Mode, bool) (Table, error) { return hurt, nil }, dir, Write)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		compareHeads(t, round, s, heads, slow, left, seen)
		compareCommands(t, round, random, s, commandsLeft(slow, hurt, given))
		if round%3 == 0 {
			hurtCommands(random, hurt, given)
			compareCommands(t, round, random, s, commandsLeft(slow, hurt, given))
		}
		if round%5 == 0 { // the journal has all commands again
			want := commandsLeft(slow, hurt, given)
			if err := s.restoreCommands(); err != nil || len(s.commands.lost) > 0 {
				t.Fatalf("round %d: %v, %d are not restored", round, err, len(s.commands.lost))
			}
			compareCommands(t, round, random, s, want)
			if err := s.mergeCommands(nil); err != nil {
				t.Fatal(err)
			}
			compareCommands(t, round, random, s, want)
		}
		if len(slow.holes) > 0 {
			l, err := s.mendLedger()
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			l.f.Close()
			compareHeads(t, round, s, heads, slow, left, seen)
			compareCommands(t, round, random, s, commandsLeft(slow, hurt, given))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if seen["in the journal only"] == 0 || seen["in the ledger only"] == 0 || seen["lost"] == 0 {
		t.Errorf("the damage shows too little: %v", seen)
	}
}

// compareCommands compares the commands of some steps with those that are left.
func compareCommands(t *testing.T, round uint64, random *rand.Rand, s *Store, left []twins.Command) {
	t.Helper()
	for range 5 {
		from := twins.Tick(random.IntN(killSteps))
		to := from + twins.Tick(random.IntN(killSteps))
		var want []twins.Command
		for _, c := range left {
			if from <= c.Step && c.Step < to {
				want = append(want, c)
			}
		}
		if got := s.Commands(from, to); !slices.Equal(got, want) {
			t.Fatalf("round %d: of steps %d to %d the commands %v, wanted %v", round, from, to, got, want)
		}
	}
	if got := s.Commands(0, allSteps); !slices.Equal(got, left) {
		t.Fatalf("round %d: %d commands, wanted %d", round, len(got), len(left))
	}
	byNumber := slices.SortedFunc(slices.Values(left), func(a, b twins.Command) int { return int(a.Seq - b.Seq) })
	for range 5 {
		position, most := random.IntN(len(left)+5), random.IntN(20)
		behind := min(position, len(left))
		want := slices.Clone(byNumber[min(behind, max(0, position-most)):behind])
		slices.Reverse(want)
		if got, err := s.CommandsBefore(position, most); err != nil || !slices.Equal(got, want) {
			t.Fatalf("round %d: %v; %d before %d are %v, wanted %v", round, err, most, position, got, want)
		}
	}
}

// random is a number of steps up to those made when step t has been.
func random(t twins.Tick) twins.Tick { return (t * 7919) % (t + 2) }

// compareHeads compares all heads of a store with the committed ones that are left.
func compareHeads(t *testing.T, round uint64, s *Store, heads []sim.Hash, slow *slowLedger, left []bool, seen map[string]int) {
	t.Helper()
	steps := len(slow.heads)
	for at, kept := range left {
		if kept {
			steps = max(steps, at+1)
		}
	}
	if int(s.Steps()) < steps { // more if it is known that the run was ended later
		t.Fatalf("round %d: %d steps, wanted %d", round, s.Steps(), steps)
	}
	for at := range heads[:s.Steps()] {
		said := at < len(slow.heads) && slow.heads[at] != sim.Hash{}
		want := sim.Hash{}
		if said || left[at] {
			want = heads[at]
		}
		switch {
		case !said && left[at]:
			seen["in the journal only"]++
		case said && !left[at]:
			seen["in the ledger only"]++
		case !said:
			seen["lost"]++
		}
		if got, ok := s.HeadAt(twins.Tick(at) + 1); !ok || got != want {
			t.Fatalf("round %d, pages of %d: the head after step %d is %s, wanted %s", round, headsPerPage, at, got, want)
		}
		if s.missing.has(twins.Tick(at)) == left[at] {
			t.Fatalf("round %d: step %d is missing: %t, wanted %t", round, at, left[at], !left[at])
		}
	}
	if _, ok := s.HeadAt(s.Steps() + 1); ok {
		t.Fatalf("round %d: there is a head behind the last", round)
	}
}

// The memory of a run that is kept does not grow with its length, though commands arrive all the
// time: ten times the steps add at most a tenth. The run deletes old days, so that a table in
// memory does not grow either.
func TestHeapOfALongRun(t *testing.T) {
	defer func(was int) { runtime.MemProfileRate = was }(runtime.MemProfileRate)
	runtime.MemProfileRate = 1 // all is counted
	for name, tables := range map[string]Opener{"in memory": func(string, Mode, bool) (Table, error) { return &Memory{}, nil }, "on Badger": nil} {
		t.Run(name, func(t *testing.T) {
			w := build(t, roadFile(t, 25), scenario.Options{Set: []string{"step_s=60"}})
			r, err := CreateRun(filepath.Join(t.TempDir(), "run"), Run{})
			if err != nil {
				t.Fatal(err)
			}
			r.Tables, r.Retention = tables, Retention{Readings: 1, Events: 1, Hours: 1, Snapshots: 2}
			chain := w.NewChain()
			j, err := r.Keep(w, chain, Durability{Every: time.Hour, Steps: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			run := &sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain, j}}
			clock := live.New(run, live.Options{Paused: true, Keep: func(c []twins.Command) error { return j.AppendCommand(c...) }})
			done := make(chan error, 1)
			ctx, stop := context.WithCancel(t.Context())
			go func() { done <- clock.Run(ctx) }()
			steps := w.Scenario.Calendar.Steps / 100 * 100
			var first int64
			for at := twins.Tick(0); at < steps; at += 20 {
				if _, err := clock.Add(twins.Set("grid/road/pump", "rated_w", 500_000+int64(at))); err != nil {
					t.Fatal(err)
				}
				if _, err := clock.Step(t.Context(), 20); err != nil {
					t.Fatal(err)
				}
				if at+20 == steps/10 {
					first = heapOf(j)
				}
			}
			last := heapOf(j)
			t.Logf("heap after %d steps %d KiB, after %d steps %d KiB", steps/10, first>>10, steps, last>>10)
			if first <= 0 || last*10 > first*11 {
				t.Errorf("the heap grows from %d to %d KiB with ten times the steps, wanted at most 1.1 ×", first>>10, last>>10)
			}
			stop()
			<-done
			if err := r.Finish(Interrupted, nil); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// heapOf returns the bytes in use that the program has allocated since the test began, cached pages
// included, without Badger's own buffers, which are some multiple of 16 MiB.
func heapOf(j *Journal) (bytes int64) {
	for n := twins.Tick(1); n <= j.store.Steps(); n += max(1, j.store.Steps()/20) {
		j.store.HeadAt(n)
	}
	runtime.GC()
	runtime.GC() // the profile is of the one before
	records := make([]runtime.MemProfileRecord, 1<<16)
	n, ok := runtime.MemProfile(records, false)
	if !ok {
		return -1
	}
	for i := range records[:n] {
		r := &records[i]
		frames, badger := runtime.CallersFrames(r.Stack()), false
		for more := true; more; {
			var f runtime.Frame
			f, more = frames.Next()
			badger = badger || strings.Contains(f.Function, "dgraph-io")
		}
		if !badger {
			bytes += r.InUseBytes()
		}
	}
	runtime.KeepAlive(j)
	return bytes
}
