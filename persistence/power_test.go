package persistence

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// plug is a disk that loses its cache when the power fails: it has the content of each file
// at its last sync.
type plug struct {
	dir    string
	synced map[string][]byte
	broken bool // syncs do nothing, to show that they matter
}

func (p *plug) sync(names ...string) {
	if p.broken && len(p.synced) > 0 {
		return
	}
	for _, name := range names {
		b, _, err := readUsed(filepath.Join(p.dir, name))
		if err == nil {
			p.synced[name] = b
		}
	}
}

// logs are the files that Badger syncs on request; it syncs others itself when it creates
// them.
func (p *plug) logs() (names []string) {
	entries, _ := os.ReadDir(filepath.Join(p.dir, journalDir))
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".mem") || strings.HasSuffix(e.Name(), ".vlog") {
			names = append(names, filepath.Join(journalDir, e.Name()))
		}
	}
	return names
}

// pull returns the content of the disk if the power fails now: any of the blocks written
// since the last sync may be on it.
func (p *plug) pull(t testing.TB, to string, random *rand.Rand) {
	t.Helper()
	copyRun(t, p.dir, to)
	for _, name := range append(p.logs(), ledgerFile) {
		path := filepath.Join(to, name)
		b, size, err := readUsed(path)
		if err != nil {
			t.Fatal(err)
		}
		if name == ledgerFile && random.IntN(2) == 0 { // its new length may be lost, too
			b = b[:len(p.synced[name])+random.IntN(len(b)-len(p.synced[name])+1)]
			size = int64(len(b))
		}
		const block = 512 // bytes that a disk writes at once
		for at := 0; at < len(b); at += block {
			if random.IntN(2) == 0 {
				continue
			}
			for i := at; i < min(at+block, len(b)); i++ {
				if b[i] = 0; i < len(p.synced[name]) {
					b[i] = p.synced[name][i]
				}
			}
		}
		if err := errors.Join(os.WriteFile(path, b, 0o666), os.Truncate(path, size)); err != nil {
			t.Fatal(err)
		}
	}
}

// syncedTable and syncedFile report syncs to the plug.
type syncedTable struct {
	Table
	p *plug
}

func (s syncedTable) Sync() error {
	err := s.Table.Sync()
	s.p.sync(s.p.logs()...)
	return err
}

type syncedFile struct {
	file
	p *plug
}

func (s syncedFile) Sync() error {
	err := s.file.Sync()
	s.p.sync(ledgerFile)
	return err
}

var _ io.Writer = syncedFile{}

// loss is a power loss and what had been synced before.
type loss struct {
	dir      string
	steps    twins.Tick // synced
	commands int
	notes    map[string][]byte
}

// losePower runs the hamlet and pulls the plug n times.
func losePower(t testing.TB, n int, broken bool) (losses []loss) {
	t.Helper()
	often(t)
	w, err := killedWorld()
	if err != nil {
		t.Fatal(err)
	}
	p := &plug{dir: filepath.Join(t.TempDir(), "run"), synced: map[string][]byte{}, broken: broken}
	r, err := CreateRun(p.dir, Run{})
	if err != nil {
		t.Fatal(err)
	}
	chain := w.NewChain()
	j, err := r.Keep(w, chain, Durability{Steps: 16, Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer drop(j)
	j.store.table, j.ledger.f = syncedTable{j.store.table, p}, syncedFile{j.ledger.f, p}
	if err := errors.Join(j.Sync()); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(11, 12))
	run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain, j}}
	commands, notes := 0, map[string][]byte{}
	for k := range n {
		for end := twins.Tick((k + 1) * (killSteps - 1) / n); run.Done() < end; {
			if at := run.Done(); at%20 == 7 {
				if err := errors.Join(j.AppendCommand(killCommand(at)), w.Add(killCommand(at))); err != nil {
					t.Fatal(err)
				}
				commands++
			}
			if at := run.Done(); at%20 == 13 {
				name, value := killNote(at)
				if err := j.AppendNote(name, value); err != nil {
					t.Fatal(err)
				}
				notes[name] = value
			}
			if _, err := run.Step(); err != nil {
				t.Fatal(err)
			}
		}
		l := loss{dir: filepath.Join(t.TempDir(), "lost"), steps: run.Done() - twins.Tick(j.waiting), commands: commands, notes: maps.Clone(notes)}
		p.pull(t, l.dir, random)
		losses = append(losses, l)
	}
	return losses
}

// A power failure loses no synced step and no command; the resumed run has the digest of an
// undisturbed one.
func TestPowerLoss(t *testing.T) {
	fewer := 0
	for i, l := range losePower(t, powerLosses, false) {
		s := open(t, l.dir, Write)
		if s.Steps() < l.steps || len(s.Commands(0, killSteps)) != l.commands {
			t.Fatalf("loss %d: %d steps and %d commands had been synced, %d and %d are kept", i, l.steps, l.commands, s.Steps(), len(s.Commands(0, killSteps)))
		}
		if notes, err := s.Notes(""); err != nil || !maps.EqualFunc(notes, l.notes, bytes.Equal) {
			t.Fatalf("loss %d: notes %q, wanted %q; %v", i, notes, l.notes, err)
		}
		if len(s.Repairs()) > 0 {
			fewer++
		}
		if i%5 != 0 {
			s.Close()
			continue
		}
		j, m, err := s.Resume(Durability{})
		if err != nil {
			t.Fatalf("loss %d: %v; repairs %q", i, err, s.Repairs())
		}
		w, err := killedWorld()
		for k := 0; err == nil && k < l.commands; k++ {
			err = w.Add(killCommand(twins.Tick(20*k + 7)))
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, want := carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1), digestOf(t, w); got != want {
			t.Fatalf("loss %d: digest %s, wanted %s", i, got, want)
		}
	}
	if fewer == 0 {
		t.Error("no loss of power has hurt anything: the test shows nothing")
	}
}

// Without syncing the same power failures lose acknowledged steps.
func TestPowerLossWithoutSync(t *testing.T) {
	for _, l := range losePower(t, 20, true) {
		s, err := Open(l.dir, Read)
		if err != nil {
			return
		}
		steps, commands := s.Steps(), len(s.Commands(0, killSteps))
		s.Close()
		if steps < l.steps || commands < l.commands {
			return
		}
	}
	t.Error("nothing was lost without syncing: the test with it shows nothing")
}
