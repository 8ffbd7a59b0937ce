package persistence

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// runArchives has the archives of runs made by earlier programs, a folder for each model.
// Its expected.json is a list of archivedRun; its README.md says how they were made.
const runArchives = "testdata/runs"

// archivedRun is what the program that made an archive computed for its run.
type archivedRun struct {
	Archive  string `json:"archive"` // file beside the table
	SHA256   string `json:"sha256"`  // of that file, hex
	Model    int    `json:"model"`   // of the program that made it
	Scenario string `json:"scenario"`
	Seed     uint64 `json:"seed"`
	State    State  `json:"state"`     // in run.json: running of a killed one
	LastStep int64  `json:"last_step"` // steps of the whole scenario
	// DiffersAt is the first step in which a later model differs; 0: none.
	DiffersAt twins.Tick `json:"differs_at"`

	Kept    archivedFigures  `json:"kept"`    // of the steps that are in the archive
	Resumed *archivedFigures `json:"resumed"` // of the whole run; nil if it had been made to its end
	Fork    struct {
		At  twins.Tick `json:"at"`
		Set []string   `json:"set"`
		archivedFigures
	} `json:"fork"` // of a fork of it, parent's steps included
	Spans []struct {
		From twins.Tick `json:"from"`
		To   twins.Tick `json:"to"`
		archivedFigures
	} `json:"spans"` // of some of its steps

	Commands int               `json:"commands"`       // from outside, those for later steps included
	First    []archivedCommand `json:"first_commands"` // at most 10 of them
}

// archivedFigures are some of a report, under the names that `smatrix run --json` gives them.
type archivedFigures struct {
	Steps      int64              `json:"steps"`
	Digest     string             `json:"digest"`
	Energy     views.EnergyReport `json:"energy_wh"`
	PeakW      float64            `json:"peak_w"`
	PeakStep   int64              `json:"peak_step"`
	UFLSStages int64              `json:"ufls_stages"`
	Rewards    views.RewardReport `json:"rewards_eur"`
}

// archivedCommand is a command with its value as it is kept: mW, mJ, ppb, 0 or 1.
type archivedCommand struct {
	Seq     int64      `json:"seq"`
	Tick    twins.Tick `json:"tick"`
	Target  string     `json:"target"`
	Name    string     `json:"name"`
	Setting string     `json:"setting"`
	Value   int64      `json:"value"`
}

// archivedNotes are the notes of each archive that has any, byte for byte: idempotency keys
// with their commands, and acknowledged alerts with the number of steps made by then.
var archivedNotes = map[string]map[string]string{
	"model1/city-killed.tar.zst": {
		"key/golden-load": `{"body":"{Target:grid/community-01/household-0001 Setting:load.scale Value: Word: Multiply:1.5 Tick:0}",` +
			`"command":{"Step":120,"Seq":1,"Target":"grid/community-01/household-0001","Name":"multiply","Args":{"Setting":"load.scale","Value":1500000000}}}`,
	},
	"model1/town-killed.tar.zst": {
		"key/golden-coal": `{"body":"{Target:grid/supply/coal Setting:available Value:false Word: Multiply: Tick:0}",` +
			`"command":{"Step":20,"Seq":1,"Target":"grid/supply/coal","Name":"set","Args":{"Setting":"available","Value":0}}}`,
		"acknowledge/storage.empty:grid/community-02": `{"tick":40}`,
	},
}

// TestArchivedRuns reads runs that earlier programs have kept, and computes them again: their
// figures, also when resumed and forked, must be those that their makers computed.
func TestArchivedRuns(t *testing.T) {
	tables, err := filepath.Glob(filepath.Join(runArchives, "*", "expected.json"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("no table of archives in %s: %v", runArchives, err)
	}
	for _, table := range tables {
		text, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		var runs []archivedRun
		if err := json.Unmarshal(text, &runs); err != nil {
			t.Fatalf("%s: %v", table, err)
		}
		folder := filepath.Dir(table)
		allArchivesListed(t, folder, runs)
		for i := range runs {
			name := filepath.Base(folder) + "/" + strings.TrimSuffix(runs[i].Archive, ".tar.zst")
			t.Run(name, func(t *testing.T) {
				defer func() {
					if t.Failed() {
						t.Logf("archive %s of model %d; repeat with: go test ./persistence -run '^TestArchivedRuns$/^%s$'",
							filepath.Join(folder, runs[i].Archive), runs[i].Model, strings.ReplaceAll(name, "/", "$/^"))
					}
				}()
				a := &archive{archivedRun: &runs[i], file: filepath.Join(folder, runs[i].Archive)}
				a.isUnchanged(t)
				s := open(t, a.restored(t), Read) // one for all: data files are read once
				a.isRead(t, s)
				a.isComputedAgain(t, s)
				source := s.source
				if a.DiffersAt > 0 {
					a.isOfAnotherModel(t, s)
					s.Close()
					return
				}
				a.isForked(t, s)
				a.isResumed(t, source)
			})
		}
	}
}

// allArchivesListed fails for an archive without a row, which no test would read.
func allArchivesListed(t *testing.T, folder string, runs []archivedRun) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.tar.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !slices.ContainsFunc(runs, func(r archivedRun) bool { return r.Archive == filepath.Base(f) }) {
			t.Errorf("%s is not in expected.json of its folder", f)
		}
	}
}

// archive is one archive under test.
type archive struct {
	*archivedRun
	file string
}

// isUnchanged checks that the file is as it was packed.
func (a *archive) isUnchanged(t *testing.T) {
	t.Helper()
	b, err := os.ReadFile(a.file)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sim.Hash(sha256.Sum256(b)).String(); sum != a.SHA256 {
		t.Fatalf("the archive's SHA-256 is %s, wanted %s: archives are never replaced", sum, a.SHA256)
	}
}

// restored unpacks the archive into a folder of its own.
func (a *archive) restored(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := RestoreBackup(a.file, dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// isRead checks what a program of any model reads from the records.
func (a *archive) isRead(t *testing.T, s *Store) {
	t.Helper()
	m := s.Meta()
	if m.Scenario != a.Scenario || m.Seed != a.Seed || m.State != a.State || m.Journal.Steps != a.LastStep {
		t.Errorf("run.json says %q, seed %d, %s, %d steps; wanted %q, %d, %s, %d",
			m.Scenario, m.Seed, m.State, m.Journal.Steps, a.Scenario, a.Seed, a.State, a.LastStep)
	}
	if int64(s.Steps()) != a.Kept.Steps {
		t.Fatalf("%d steps are kept, wanted %d", s.Steps(), a.Kept.Steps)
	}
	compareFigures(t, "replayed", replayedFigures(t, s, 0, s.Steps()), a.Kept)
	for _, span := range a.Spans {
		compareFigures(t, "a part replayed", replayedFigures(t, s, span.From, span.To), span.archivedFigures)
	}
	if a.Resumed == nil { // the last hours of a killed run are not in the windows yet
		usageAddsUp(t, s, a.Kept)
	}
	a.comparesCommands(t, s)
	if s.Damaged() {
		t.Errorf("it is called damaged: %q", s.Repairs())
	}
}

// replayedFigures are the figures of the steps from ≤ t < to, from the records.
func replayedFigures(t *testing.T, s *Store, from, to twins.Tick) archivedFigures {
	t.Helper()
	w, err := s.Twins()
	if err != nil {
		t.Fatal(err)
	}
	sum := views.NewSummary(w)
	if err := s.Replay(from, to, sum); err != nil {
		t.Fatal(err)
	}
	digest, err := s.DigestAt(to)
	var other *ModelError
	if err != nil && !errors.As(err, &other) { // then no state is kept there
		t.Fatal(err)
	}
	if e := sum.Report(w).Energy; from == 0 && w.Scenario.Name == "hamlet" && e.CaughtUp != nil {
		t.Errorf("%v Wh were caught up in a run whose program did not count it", *e.CaughtUp)
	}
	return figuresOf(sum, w, digest)
}

func figuresOf(s *views.Summary, w *sim.World, digest sim.Hash) archivedFigures {
	r := s.Report(w)
	f := archivedFigures{Steps: r.Steps, Digest: digest.String(), Energy: archivedEnergy(r.Energy), PeakW: r.PeakW, PeakStep: r.PeakStep, Rewards: r.Rewards}
	if r.Frequency != nil {
		f.UFLSStages = r.Frequency.UFLSStages
	}
	return f
}

func compareFigures(t *testing.T, how string, got, want archivedFigures) {
	t.Helper()
	if got.Digest == (sim.Hash{}).String() { // unknown for steps that another model made
		want.Digest = got.Digest
	}
	if want.Digest == "" { // another model has another digest
		got.Digest = ""
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\ngot  %+v\nwant %+v", how, got, want)
	}
}

// usageAddsUp checks that the communities' local days add up to what was consumed.
func usageAddsUp(t *testing.T, s *Store, want archivedFigures) {
	t.Helper()
	var consumed twins.Energy
	err := s.Usage(Days, 0, 1<<40, func(_ int64, _ int, u *views.CellUsage) error {
		consumed += u.Total[views.Consumed]
		return nil
	})
	if err != nil {
		t.Fatalf("usage: %v", err)
	}
	if got := consumed.WattHours(); got != want.Energy.Consumed {
		t.Errorf("use by the day adds up to %v Wh consumed, wanted %v", got, want.Energy.Consumed)
	}
}

func (a *archive) comparesCommands(t *testing.T, s *Store) {
	t.Helper()
	all := s.Commands(0, 1<<40)
	slices.SortStableFunc(all, func(a, b twins.Command) int { return int(a.Seq - b.Seq) })
	if len(all) != a.Commands {
		t.Fatalf("%d commands are kept, wanted %d", len(all), a.Commands)
	}
	for i, want := range a.First {
		c := all[i]
		if got := (archivedCommand{c.Seq, c.Step, c.Target, c.Type.Name, c.Setting(), c.Value()}); got != want {
			t.Errorf("command %d:\ngot  %+v\nwant %+v", i, got, want)
		}
	}
	notes, err := s.Notes("")
	if err != nil {
		t.Fatal(err)
	}
	want := archivedNotes[filepath.Base(filepath.Dir(a.file))+"/"+a.Archive]
	if got, want := slices.Sorted(maps.Keys(notes)), slices.Sorted(maps.Keys(want)); !reflect.DeepEqual(got, want) {
		t.Errorf("notes %q, wanted %q", got, want)
	}
	for name, text := range want {
		if !bytes.Equal(notes[name], []byte(text)) {
			t.Errorf("note %s is %s, wanted %s", name, notes[name], text)
		}
	}
}

// isComputedAgain checks that the steps are computed alike, member by member.
func (a *archive) isComputedAgain(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Verify(0, s.Steps(), nil, nil); err != nil {
		t.Errorf("verify: %v", err)
	}
}

// isResumed resumes a killed run and runs it to its end. The scenario is that of another copy,
// which has read the data files.
func (a *archive) isResumed(t *testing.T, source *scenario.Scenario) {
	t.Helper()
	if a.Resumed == nil {
		return
	}
	dir := a.restored(t)
	s := open(t, dir, Write)
	s.source = source
	w, err := s.Twins()
	if err != nil {
		t.Fatal(err)
	}
	sum := views.NewSummary(w)
	j, m, err := s.Resume(Durability{Every: time.Hour}, sum)
	if err != nil {
		t.Fatalf("resume: %v", err)
	}
	digest := carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1, sum)
	compareFigures(t, "resumed", figuresOf(sum, m.World, digest), *a.Resumed)
	s = open(t, dir, Read)
	defer s.Close()
	s.source = source
	usageAddsUp(t, s, *a.Resumed)
	a.comparesCommands(t, s)
	said, err := readLedgerAt(dir, filepath.Join(dir, ledgerFile))
	if want := archivedNotes[filepath.Base(filepath.Dir(a.file))+"/"+a.Archive]; err != nil || said.version != ledgerVersion || len(said.notes) != len(want) {
		t.Errorf("its ledger is of version %d with the notes %v, wanted %d and %q; %v", said.version, said.notes, ledgerVersion, want, err)
	}
}

// isOfAnotherModel checks that Recomputable names the step at which this program's model
// differs, and that all earlier steps are computed alike.
func (a *archive) isOfAnotherModel(t *testing.T, s *Store) {
	t.Helper()
	var other *ModelError
	if err := s.Recomputable(0, s.Steps()); !errors.As(err, &other) || other.Step != a.DiffersAt || other.Model != a.Model {
		t.Errorf("recomputable: %v, wanted a ModelError of model %d at step %d", err, a.Model, a.DiffersAt)
	}
	if err := s.Recomputable(0, a.DiffersAt); err != nil {
		t.Errorf("steps before it: %v", err)
	}
	if err := s.CanFork(a.DiffersAt); err != nil {
		t.Errorf("a fork before it: %v", err)
	}
	if err, at := s.CanFork(a.DiffersAt+1), fmt.Sprintf("--at %d ", a.DiffersAt); !errors.As(err, &other) || !strings.Contains(err.Error(), at) {
		t.Errorf("a fork after it: %v, wanted a ModelError that names %s", err, at)
	}
	m, err := s.At(a.DiffersAt)
	if err != nil {
		t.Fatal(err)
	}
	if head, _ := s.HeadAt(a.DiffersAt); m.Chain.Head() != head {
		t.Errorf("computed again, the head before step %d is %s, was %s", a.DiffersAt, m.Chain.Head(), head)
	}
}

// isForked forks the run and runs the fork to its end, which closes the store.
func (a *archive) isForked(t *testing.T, s *Store) {
	t.Helper()
	w, err := s.Twins()
	if err != nil {
		t.Fatal(err)
	}
	changes, err := w.Scenario.Changes(a.Fork.Set, a.Fork.At, s.Commands(0, 1<<40))
	if err != nil {
		t.Fatal(err)
	}
	sum := views.NewSummary(w)
	if err := s.Replay(0, a.Fork.At, sum); err != nil {
		t.Fatal(err)
	}
	r, err := CreateRun(filepath.Join(t.TempDir(), "fork"), Run{Scenario: a.Scenario, Seed: a.Seed, Smatrix: "test"})
	if err != nil {
		t.Fatal(err)
	}
	j, m, err := s.Fork(r, a.Fork.At, changes, sim.KeepLater, Durability{Every: time.Hour})
	if err != nil {
		t.Fatalf("fork: %v", err)
	}
	digest := carryOn(t, r, j, m.World, m.Chain, a.Fork.At, -1, sum)
	compareFigures(t, "forked", figuresOf(sum, m.World, digest), a.Fork.archivedFigures)
}

// archivedEnergy returns the energies that the programs had that made the archives, without those that have been
// added since.
func archivedEnergy(e views.EnergyReport) views.EnergyReport {
	e.Driven, e.StoredBatteries, e.StoredVehicles, e.OwnUsed, e.OwnExported, e.OwnLost, e.Relief, e.Kinetic = 0, 0, 0, 0, 0, 0, 0, 0
	e.RenewableUsed, e.NonRenewableUsed, e.UnknownUsed, e.HeldBeforeUsed, e.OtherUnknownUsed = 0, 0, 0, 0, 0
	e.CaughtUp, e.GivenUp, e.StillShifted = nil, nil, nil
	return e
}
