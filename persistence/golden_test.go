package persistence

import (
	"bytes"
	"encoding/hex"
	"flag"
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
	"github.com/smatrix-grid/smatrix/twins"
)

var rewrite = flag.Bool("rewrite", false, "write golden bytes that are not there yet")

// golden is the bytes of one version, by name. They stay for ever: what was written
// by a version that has been released must be read by all that follow.
type golden struct {
	path   string
	values map[string][]byte
	names  []string
	added  bool
}

func readGolden(t *testing.T, name string) *golden {
	t.Helper()
	g := &golden{path: filepath.Join("testdata", name), values: map[string][]byte{}}
	text, err := os.ReadFile(g.path)
	if err != nil && !*rewrite {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		b, err := hex.DecodeString(value)
		if err != nil {
			t.Fatal(err)
		}
		g.values[name] = b
		g.names = append(g.names, name)
	}
	return g
}

// get returns the bytes of a name; with -rewrite those that are made now, if there
// are none.
func (g *golden) get(t *testing.T, name string, made []byte) []byte {
	t.Helper()
	if g.values[name] == nil {
		if !*rewrite {
			t.Fatalf("%s has no %s", g.path, name)
		}
		g.values[name], g.added = made, true
		g.names = append(g.names, name)
	}
	return g.values[name]
}

func (g *golden) close(t *testing.T) {
	t.Helper()
	if !g.added {
		return
	}
	var text strings.Builder
	for _, name := range g.names {
		fmt.Fprintf(&text, "%s %x\n", name, g.values[name])
	}
	if err := os.WriteFile(g.path, []byte(text.String()), 0o666); err != nil {
		t.Fatal(err)
	}
}

func hashOf(n byte) (h sim.Hash) {
	for i := range h {
		h[i] = n + byte(i)
	}
	return h
}

// goldenStep has every field of a step, each another value.
func goldenStep() *stepForm {
	return &stepForm{
		tick: 300, head: hashOf(1), states: hashOf(2), due: true, priced: true, mixed: true, price: -42_000_000, carbon: 412_345, residual: -7,
		swing: twins.Swing{Island: true, Blackout: true, Min: -250_000, Max: 1, End: -3, ROCOF: 4, Stages: 5, Relief: 6, Kinetic: -7, Shed: 8, ShedFor: 9},
		flows: flowsOf([]int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 1 << 50}),
		commands: []twins.Command{
			twins.Set("grid/a/h1", "load.scale", 1_300_000_000).At(300, 4),
			twins.Set("grid/a/h2", "pv.scale", -1).At(300, 5),
		},
		digests: []sim.Hash{hashOf(3)},
		cells: []cellForm{{
			notes: []twins.Decision{{Member: "grid/a/h1/b", Reason: twins.Merit, Power: -2000, Shifted: 1, Unserved: 2, Curtailed: 3}},
			events: []twins.Notice{
				{Member: "grid/a", Event: twins.Event{Type: twins.LimitPassed, V: [7]int64{1_000_000, 900_000}}},
				{Member: "grid/a/nobody", Event: twins.Event{Type: twins.SupplyCut, Part: 2, V: [7]int64{1, 2, 3, 4, 5, 6, -7}}},
			},
			broken: "grid/a/h2", brokenBy: 12,
		}},
		isolated: []string{"grid/a/h2"},
	}
}

// TestGoldenBytes reads what version 1 has written, and writes the same.
func TestGoldenBytes(t *testing.T) {
	g := readGolden(t, "v1.txt")
	w := build(t, "testdata/two.yaml", scenario.Options{})
	packer, unpacker := newPacker(), newUnpacker()
	defer packer.Close()
	defer unpacker.Close()
	body := func(name string, key, made []byte) []byte {
		value := g.get(t, name, seal(packer, key, made))
		b, err := unseal(unpacker, key, value)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return b
	}
	k := key(keyStep, 300)
	if g.get(t, "key-step", k); !bytes.Equal(g.values["key-step"], k) {
		t.Errorf("key of step 300 is %x", k)
	}
	if r := readingsKey(7, 96, 2); !bytes.Equal(g.get(t, "key-readings", r), r) {
		t.Errorf("key of readings is %x", r)
	}
	if r := stateKey(96, gridState, 1); !bytes.Equal(g.get(t, "key-state", r), r) {
		t.Errorf("key of a state is %x", r)
	}
	first := shapeOf(twins.FirstLayout(), w.Cells)
	want, caught := goldenStep(), goldenStep()
	caught.caught, caught.caughtUp = true, twins.CatchUp{CaughtUp: 1 << 40, GivenUp: 17}
	for name, want := range map[string]*stepForm{"step": want, "step-caught-up": caught} {
		b := body(name, k, want.append(nil, first, &memberNumbers{}))
		got, err := readStep(b, first)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", name, err, got, want)
		}
		if made := want.append(nil, first, &memberNumbers{}); !bytes.Equal(made, b) {
			t.Errorf("%s is written as %x, was %x", name, made, b)
		}
	}
	goldenReadings(t, "readings", first, body)
	withLimit := twins.FirstLayout()
	withLimit.Nodes = []string{"limit_w"}
	goldenReadings(t, "readings-with-limit", shapeOf(withLimit, w.Cells), body)
	goldenLedger(t, g, want)
	goldenRun(t, g)
	g.close(t)
}

// goldenForm reads run.json of format 3: with layout, models and a joint.
func goldenForm(t *testing.T, g *golden, dir string, want Run) {
	layout := twins.FirstLayout()
	kept := *want.Journal
	kept.Form = &Form{Chain: sim.LayoutChain, Begun: 1, Model: 2, Layout: layout, Joints: []sim.Joint{{Tick: 24, Model: 2, Layout: layout}}}
	want.Journal = &kept
	want.Sum = want.sum()
	r := &RunDir{dir: dir, meta: want}
	if err := r.writeMeta(); err != nil {
		t.Fatal(err)
	}
	made, err := os.ReadFile(filepath.Join(dir, runFile))
	if err != nil {
		t.Fatal(err)
	}
	got, err := readMeta(dir, g.get(t, "run.json-3", made))
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("run.json of format 3: %v\ngot  %+v\nwant %+v", err, got, want)
	}
}

// goldenReadings has every form of a series.
func goldenReadings(t *testing.T, name string, shape *shape, body func(name string, key, made []byte) []byte) {
	k, c := newCellChunk(shape, 0), twins.NewCellRecord(shape.cells[0])
	want := map[string][]int64{}
	for step := range int64(3) {
		for i := range c.Blocks {
			b := &c.Blocks[i]
			b.Flows = flowsOf([]int64{step, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, int64(i)})
			for n := range b.Columns {
				var values []int64
				for m, path := range b.Paths {
					v := [...]int64{0, 500_000, 3600 * (step + 1), (step - 1) * 1 << 62}[(i+m+n)%4]
					if b.Columns[n].Name == "soc" {
						v = 500_000_000 + step*111
					}
					if b.Columns[n].Name == "reason" {
						v %= 8
					}
					name := path + " " + b.Columns[n].Name
					want[name] = append(want[name], v)
					values = append(values, v)
				}
				b.SetColumn(n, values)
			}
		}
		c.Flows, c.Limit = twins.Flows{NetworkLoss: twins.Power(step)}, twins.Power(7*step)
		k.add(c)
	}
	made := k.append(nil, shape.cells[0], 96)
	b := body(name, readingsKey(0, 96, 0), made)
	if !bytes.Equal(made, b) {
		t.Errorf("readings are written as %x, was %x", made, b)
	}
	got, err := readCellChunk(b, shape, 0, 96, 3)
	if err != nil {
		t.Fatal(err)
	}
	for step := range 3 {
		c := twins.NewCellRecord(shape.cells[0])
		got.fill(c, step)
		for i := range c.Blocks {
			block := &c.Blocks[i]
			for m := range block.Paths {
				for n, col := range block.Columns {
					if v := block.Value(n, m); v != want[block.Paths[m]+" "+col.Name][step] {
						t.Errorf("%s %s in step %d is %d", block.Paths[m], col.Name, step, v)
					}
				}
			}
			if f := &block.Flows; f.Power != twins.Power(step) || f.Elsewhere != twins.Energy(i) {
				t.Errorf("flows of %s: %v", block.Kind.Plural, f)
			}
		}
		if c.Flows.NetworkLoss != twins.Power(step) {
			t.Errorf("flows: %+v", c.Flows)
		}
		if limit := twins.Power(7 * step * shape.nodes); c.Limit != limit {
			t.Errorf("limit in step %d: %d, wanted %d", step, c.Limit, limit)
		}
	}
}

// memoryFile is a file in memory.
type memoryFile struct{ bytes.Buffer }

func (*memoryFile) Sync() error  { return nil }
func (*memoryFile) Close() error { return nil }

// goldenLedger compares the bytes of a ledger, and reads those of both versions.
func goldenLedger(t *testing.T, g *golden, step *stepForm) {
	for version, name := range map[byte]string{1: "ledger", 2: "ledger-2"} {
		f := &memoryFile{}
		l := &ledger{f: f, buf: append([]byte(ledgerMagic), version)}
		l.add(recordStart, func(w *encoder) { w.hash(hashOf(4)) })
		l.commands(step.commands)
		notes := map[string]note{}
		if version > 1 {
			notes = map[string]note{"acknowledge/a": {3, `{"tick":2}`}, "b": {2, ""}}
			l.note("acknowledge/a", note{1, `{"tick":1}`})
			l.note("b", notes["b"])
			l.note("acknowledge/a", notes["acknowledge/a"])
		}
		l.step(0, hashOf(5))
		l.step(1, hashOf(6))
		l.end(2, hashOf(7))
		if err := l.flush(); err != nil {
			t.Fatal(err)
		}
		b := g.get(t, name, f.Bytes())
		if !bytes.Equal(b, f.Bytes()) {
			t.Errorf("%s is written as %x", name, f.Bytes())
		}
		c, err := readLedger("", bytes.NewReader(b))
		if err != nil || c.start != hashOf(4) || !slices.Equal(c.heads(t), []sim.Hash{hashOf(5), hashOf(6)}) || c.ended != 2 || c.digest != hashOf(7) ||
			!slices.Equal(c.commands, step.commands) || !maps.Equal(c.notes, notes) || c.torn != 0 || int(c.size) != len(b) {
			t.Errorf("%s: %v, %+v", name, err, c)
		}
		newer := slices.Clone(b)
		newer[len(ledgerMagic)] = ledgerVersion + 1
		if _, err := readLedger("run", bytes.NewReader(newer)); err == nil || !strings.Contains(err.Error(), "wanted a newer program") {
			t.Errorf("a newer ledger: %v", err)
		}
	}
}

func goldenRun(t *testing.T, g *golden) {
	days, seed := 2, uint64(7)
	want := Run{Format: 2, Scenario: "two", Seed: 7, Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Smatrix: "v1", State: Interrupted, Journal: &Kept{
		Scenario: scenario.Origin{Name: "two.yaml", File: "two.yaml", Dir: "/data", Options: scenario.Options{Set: []string{"a=b"}, Days: &days, Seed: &seed}},
		Text:     "00", Data: []scenario.DataFile{{Path: "/data/two.csv", SHA256: "01"}}, Steps: 48, StepS: 3600, CSV: true,
	}}
	want.Sum = want.sum()
	dir := t.TempDir()
	r := &RunDir{dir: dir, meta: want}
	if err := r.writeMeta(); err != nil {
		t.Fatal(err)
	}
	made, err := os.ReadFile(filepath.Join(dir, runFile))
	if err != nil {
		t.Fatal(err)
	}
	got, err := readMeta(dir, g.get(t, "run.json-2", made))
	if want.Format = runFormat; err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("run.json of format 2: %v\ngot  %+v\nwant %+v", err, got, want)
	}
	if f := got.Journal.form(); f.Chain != sim.FirstChain || f.Begun != 1 || f.Model != 1 || f.Layout.Check() != nil {
		t.Errorf("run.json of format 2 has the form %+v", f)
	}
	goldenForm(t, g, dir, want)
	first := []byte(`{"format": 1, "scenario": "two", "seed": 7, "created": "2026-01-02T03:04:05Z", "smatrix": "v1", "state": "done"}`)
	got, err = readMeta(dir, g.get(t, "run.json-1", first))
	if err != nil || got.Scenario != "two" || got.State != Done || got.Seed != 7 || got.Journal != nil || got.Format != runFormat {
		t.Errorf("run.json of format 1: %v, %+v", err, got)
	}
}

// A value of an unknown version or packing is refused, and so is one that
// is under another key.
func TestForeignValuesAreRefused(t *testing.T) {
	packer, unpacker := newPacker(), newUnpacker()
	defer packer.Close()
	defer unpacker.Close()
	k := key(keyStep, 5)
	for name, change := range map[string]func(v []byte){
		"version 2 of a value":  func(v []byte) { v[0] = 2 },
		"an unknown packing":    func(v []byte) { v[1] = 7 },
		"packed, but it is not": func(v []byte) { v[1] = flagZstd },
	} {
		v := seal(packer, k, []byte("something"))
		change(v)
		sum := checksum(k, v)
		v[2], v[3], v[4], v[5] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
		if _, err := unseal(unpacker, k, v); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := unseal(unpacker, key(keyStep, 6), seal(packer, k, []byte("something"))); err == nil {
		t.Error("a value under another key was accepted")
	}
}
