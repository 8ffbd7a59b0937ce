package actors_test

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/actors"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// play runs a world through actors and returns its digest and report.
func play(t testing.TB, w *sim.World, o actors.Options, more ...sim.Sink) (string, *views.Report, error) {
	t.Helper()
	o.Hash = true
	s, err := actors.Start(w, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	chain := w.NewChain()
	sum := &views.Summary{}
	runner := sim.Runner{World: w, Stepper: s, Sinks: append([]sim.Sink{chain, sum}, more...)}
	_, err = runner.Run(context.Background())
	return chain.Digest().String(), sum.Report(w), err
}

// Each home's power is its column of the recorded day, to the milliwatt. The
// test reads the file independently of the product's reader.
func TestStreetIsTheRecordedDay(t *testing.T) {
	w := load(t, "street")
	frames := &sim.Memory{}
	_, report, err := play(t, w, actors.Options{}, frames)
	if err != nil {
		t.Fatal(err)
	}
	rows := recordedRows(t)
	if len(frames.Frames) != len(rows)-1 || len(rows) != 1441 {
		t.Fatalf("%d steps, %d recorded minutes", len(frames.Frames), len(rows)-1)
	}
	homes := 0
	for col, name := range rows[0] {
		number, ok := strings.CutPrefix(name, "Shape_")
		if !ok {
			continue
		}
		homes++
		got := frames.Column("grid/street/household-"+number, "power_w")
		for step := range got {
			want, err := twins.ParseScaled(rows[step+1][col], int64(twins.Kilowatt))
			if err != nil || got[step] != want {
				t.Fatalf("%s, step %d: %d mW, recorded %s kW", name, step, got[step], rows[step+1][col])
			}
		}
	}
	if homes != 55 || report.Members["household"] != 55 {
		t.Errorf("%d columns, %d households", homes, report.Members["household"])
	}
	if report.Energy.Consumed != 483914.15 || report.PeakW != 57358 || report.PeakStep != 565 || report.BalanceResidualMJ != 0 {
		t.Errorf("report %+v", report)
	}
}

func recordedRows(t *testing.T) [][]string {
	t.Helper()
	f, err := os.Open("../sim/scenarios/street/load_profiles_1min.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// Promise R1: one digest in every execution, on 1, 2 and 16 threads, in every hosting, and with the
// race detector (the same golden file is used with and without).
func TestDigestsOfShippedScenarios(t *testing.T) {
	digests := map[string]string{}
	threads, names := []int{1, 2, 16}, []string{"hamlet", "town", "street"}
	if testing.Short() { // with the race detector, which changes the order each time
		threads, names = threads[2:], names[:2]
	}
	for _, name := range names {
		want := ""
		build := builder(t, name)
		for _, n := range threads {
			for _, h := range []actors.Hosting{actors.Batched, actors.PerMember, actors.Plain} {
				w := build()
				before := runtime.GOMAXPROCS(n)
				got, _, err := play(t, w, actors.Options{Hosting: h, Shards: n})
				runtime.GOMAXPROCS(before)
				if err != nil {
					t.Fatal(err)
				}
				if want == "" {
					want = got
				}
				if got != want {
					t.Fatalf("%s, hosting %s, %d threads: digest %s, before it was %s", name, h, n, got, want)
				}
			}
		}
		if digests[name] = want; testing.Short() {
			continue
		}
		w := build()
		flat := w.NewChain()
		runner := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{flat}}
		if _, err := runner.Run(context.Background()); err != nil || flat.Digest().String() != want {
			t.Fatalf("%s without actors: %s, %v, with them %s", name, flat.Digest(), err, want)
		}
		if other, _, _ := play(t, load(t, name, "seed=2"), actors.Options{}); other == want {
			t.Errorf("%s: another seed gives the same digest", name)
		}
	}
	sameDigests(t, "testdata/digests.txt", digests)
}

// sameDigests compares digests with those in a file for this program's chain and model.
// With -rewrite it adds the lines of a chain and model without any. It never changes a
// line: a change that gives the same inputs other figures must add a model to sim.Models.
func sameDigests(t *testing.T, file string, digests map[string]string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	known, of := map[string]string{}, fmt.Sprintf("chain %d model %d ", sim.LayoutChain, sim.Model())
	for line := range strings.Lines(string(text)) {
		if rest, ours := strings.CutPrefix(strings.TrimSpace(line), of); ours {
			name, digest, _ := strings.Cut(rest, " ")
			known[name] = digest
		}
	}
	if len(known) == 0 && *rewrite {
		for _, name := range slices.Sorted(maps.Keys(digests)) {
			text = append(text, of+name+" "+digests[name]+"\n"...)
		}
		if err := os.WriteFile(file, text, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	for name, digest := range digests {
		if known[name] != digest {
			t.Errorf("%s%s has digest %s, wanted %q of %s: figures that change want another model (sim.Models), and its lines by -rewrite", of, name, digest, known[name], file)
		}
	}
}

// A tie or a unit that delivers one milliwatt less than it reported shows in
// the residual, whatever comes after it in the order.
func TestShortDeliveryBreaksTheAudit(t *testing.T) {
	for _, row := range []struct{ scenario, path string }{
		{"street", "grid/supply/tie"},
		{"hamlet", "grid/supply/tie"},
		{"hamlet", "grid/supply/engine"},
	} {
		w := load(t, row.scenario)
		for _, c := range w.Cells {
			c.Falsify = func(path string, r *twins.Reading) {
				if path != row.path || r.Power >= 0 {
					return
				}
				r.Power++
				if r.Exchange != 0 {
					r.Exchange++
				} else {
					r.Generation--
				}
			}
		}
		_, report, err := play(t, w, actors.Options{})
		var audit *sim.AuditError
		if !errors.As(err, &audit) || audit.Node != "grid" || report.BalanceResidualMJ == 0 {
			t.Errorf("%s, %s: %v, residual %d mJ", row.scenario, row.path, err, report.BalanceResidualMJ)
		}
	}
}

// A household that is put in front of the others changes none of their
// readings.
func TestHouseholdInFrontChangesNoOther(t *testing.T) {
	dir := t.TempDir()
	source, err := scenario.Source("hamlet")
	if err != nil {
		t.Fatal(err)
	}
	const list = "\nhouseholds:\n"
	text := strings.Replace(string(source), "hamlet/day.csv", "day.csv", 1)
	if !strings.Contains(text, list) {
		t.Fatal("hamlet has no households")
	}
	text = strings.Replace(text, list, list+"  - id: a-newcomer\n    community: north\n    load: {recording: day, column: home-1}\n", 1)
	day, err := os.ReadFile("../sim/scenarios/hamlet/day.csv")
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"day.csv": day, "more.yaml": []byte(text)} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	before, after := &sim.Memory{}, &sim.Memory{}
	if _, _, err := play(t, load(t, "hamlet"), actors.Options{}, before); err != nil {
		t.Fatal(err)
	}
	if _, _, err := play(t, load(t, filepath.Join(dir, "more.yaml")), actors.Options{}, after); err != nil {
		t.Fatal(err)
	}
	others := 0
	for i := range before.Frames {
		for _, c := range before.Frames[i].Communities {
			for _, k := range c.Kinds {
				if k.Kind.Role != twins.RoleLoad { // supply and shared storage have to follow the new household
					continue
				}
				for n, path := range k.Paths {
					for col := range k.Kind.Columns {
						name := k.Kind.Columns[col].Name
						if v, ok := after.Frames[i].Value(path, name); !ok || v != k.Columns[col][n] {
							t.Fatalf("step %d: %s of %s was %d, is %d", i, name, path, k.Columns[col][n], v)
						}
						others++
					}
				}
			}
		}
	}
	if _, ok := after.Frames[0].Value("grid/north/a-newcomer", "power_w"); !ok || others == 0 {
		t.Fatal("the newcomer is not there")
	}
}
