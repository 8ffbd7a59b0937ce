package sim

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/smatrix-grid/smatrix/sim/malformed"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// entrance is a place where bytes from outside are read: whatever they are, they are taken or refused with an
// error, without a panic.
type entrance struct {
	name  string
	seeds [][]byte
	reads func(b []byte) error
}

// takesAll reads malformed inputs, which follow from a seed: some are taken, some refused.
func (e *entrance) takesAll(t *testing.T, n int) {
	r := rand.New(rand.NewPCG(4, 4))
	taken := 0
	for i := range n {
		b := malformed.Of(r, e.seeds, malformed.Words, 64<<10)
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Fatalf("%s, input %d: %v, for %.2000q", e.name, i, p, b)
				}
			}()
			if e.reads(b) == nil {
				taken++
			}
		}()
	}
	if taken == 0 || taken == n {
		t.Errorf("%s: %d of %d inputs were taken", e.name, taken, n)
	}
}

// fuzzes makes a fuzz target of the entrance.
func (e *entrance) fuzzes(f *testing.F) {
	for _, seed := range e.seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) { _ = e.reads(b) })
}

var homesFile = []byte("time,one,two,sun\n2018-01-08T00:00,1,2,3\n2018-01-08T01:00,1,2,3\n")

// scenarioEntrance reads scenario files.
func scenarioEntrance(t testing.TB) *entrance {
	e := &entrance{name: "scenario"}
	for _, text := range []string{baseScenario(t), "", "a: &a [*a]", "communities: [{id: a}]\nties: [{id: b, community: a, import_w: 1e300, export_w: 1}]",
		"households: [{id: '*', load: {column: '*', recording: homes}}]", "<<: {a: 1}\n? {b: 1}\n: c", "seed: -0\nstep_s: 1e-300\ndays: 0x1"} {
		e.seeds = append(e.seeds, []byte(text))
	}
	data := fstest.MapFS{"homes.csv": {Data: homesFile}}
	e.reads = func(b []byte) error {
		s, err := scenario.Read(b, "x.yaml", data, scenario.Options{Steps: new(2)})
		if err != nil {
			return err
		}
		w, err := Build(s)
		if err != nil {
			return err
		}
		var env twins.Env
		w.Env(1, &env)
		return nil
	}
	return e
}

// dataEntrance reads a file of recorded homes. Its first byte says in which format it is read.
func dataEntrance(t testing.TB) *entrance {
	formats := []struct{ format, text string }{
		{"", string(homesFile)},
		{"format: {decimal: comma, thousands: point}", "time;one;two;sun\n2018-01-08T00:00;1,0;1.234,5;3\n2018-01-08T01:00;1;2;3\n"},
		{"format: {date: dd.mm.yyyy, missing: [n/a]}, gaps: hold", "time,one,two,sun\n08.01.2018 00:00,1,n/a,3\n08.01.2018 01:00,1,2,3\n"},
		{"format: {date: unix_s, newest_first: true}", "time,one,two,sun\n1515369600,1,2,3\n1515366000,1,2,3\n"},
		{"format: {meter: id, value: kW}", "time,id,kW\n2018-01-08T00:00,one,1\n2018-01-08T00:00,two,1\n2018-01-08T00:00,sun,1\n2018-01-08T01:00,one,1\n2018-01-08T01:00,two,1\n2018-01-08T01:00,sun,1\n"},
		{"format: {reading: counter}", "time,one,two,sun\n2018-01-08T00:00,1,2,3\n2018-01-08T01:00,2,3,4\n2018-01-08T02:00,3,4,5\n"},
		{"format: {encoding: latin-1, header: {find: time}, totals: [Total]}", "M\xe4rz\ntime,one,two,sun\n2018-01-08T00:00,1,2,3\n2018-01-08T01:00,1,2,3\nTotal,2,4,6\n"},
	}
	e := &entrance{name: "data file"}
	for i, of := range formats {
		e.seeds = append(e.seeds, append([]byte{byte(i)}, of.text...))
	}
	base := baseScenario(t)
	e.reads = func(b []byte) error {
		if len(b) == 0 {
			return nil
		}
		of := formats[int(b[0])%len(formats)].format
		text := strings.Replace(base, "unit: kW}", "unit: kW, "+of+"}", 1)
		data := fstest.MapFS{"homes.csv": {Data: b[1:]}}
		s, err := scenario.Read([]byte(text), "x.yaml", data, scenario.Options{Steps: new(2)})
		if err != nil {
			return err
		}
		_, err = Build(s)
		return err
	}
	return e
}

// snapshotEntrance reads stored states: of a community, by the first byte, or of the grid.
func snapshotEntrance(t testing.TB) *entrance {
	s, err := scenario.Load("hamlet", scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := mustBuild(t, s)
	var cells [][]byte
	var grid []byte
	flat := NewFlat(w, nil, true)
	run := Runner{World: w, Stepper: flat, Sinks: []Sink{SinkFunc(func(r *StepRecord) error {
		if r.States != nil {
			cells, grid = nil, r.States.AppendGrid(nil)
			for i := range r.States.Cells() {
				cells = append(cells, r.States.AppendCell(nil, i))
			}
		}
		return nil
	})}}
	for range s.Calendar.Steps {
		if _, err := run.Step(); err != nil {
			t.Fatal(err)
		}
	}
	e := &entrance{name: "snapshot"}
	for i, b := range append(cells, grid) {
		e.seeds = append(e.seeds, append([]byte{byte(i)}, b...))
	}
	into := mustBuild(t, s)
	e.reads = func(b []byte) error {
		if len(b) == 0 {
			return nil
		}
		states, own := append([][]byte{}, cells...), grid
		if i := int(b[0]) % (len(cells) + 1); i < len(cells) {
			states[i] = b[1:]
		} else {
			own = b[1:]
		}
		return into.Restore(states, own)
	}
	if len(cells) == 0 || e.reads(bytes.Clone(e.seeds[0])) != nil {
		t.Fatal("no states are stored")
	}
	return e
}

// Malformed scenarios, data files and snapshots are refused without a panic.
func TestMalformedInputs(t *testing.T) {
	n := 1000
	if long {
		n = 100_000
	}
	for _, of := range []func(testing.TB) *entrance{scenarioEntrance, dataEntrance, snapshotEntrance} {
		of(t).takesAll(t, n)
	}
}

// Any text of a scenario is loaded or refused without a panic.
func FuzzLoad(f *testing.F) { scenarioEntrance(f).fuzzes(f) }

// Any data file is read or refused without a panic.
func FuzzData(f *testing.F) { dataEntrance(f).fuzzes(f) }

// Any stored state is restored or refused without a panic.
func FuzzSnapshot(f *testing.F) { snapshotEntrance(f).fuzzes(f) }
