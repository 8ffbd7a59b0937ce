package persistence

import (
	"fmt"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// cpu is the processor time of this process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkJournal measures the cost of keeping a run: processor time of the journal alone,
// Badger's own threads included, and bytes on disk, per household and step and by purpose.
// log is the journal without the read models.
func BenchmarkJournal(b *testing.B) {
	for _, c := range []struct {
		scenario   string
		households int
		days       int
		durability Durability
	}{
		{"street", 55, 1, Durability{}},
		{"town", 300, 7, Durability{}},
		{"town", 300, 7, Durability{Steps: 1}},
		{"city", 10_000, 1, Durability{}},
		{"city", 100_000, 1, Durability{}},
	} {
		for _, what := range []string{"log", "all"} {
			b.Run(fmt.Sprintf("%s/households=%d/sync=%d/%s", c.scenario, c.households, c.durability.Steps, what), func(b *testing.B) {
				for b.Loop() {
					benchJournal(b, c.scenario, c.households, c.days, c.durability, what == "all")
				}
			})
		}
	}
}

// timed is a sink whose processor time is counted.
type timed struct {
	sim.Sink
	cpu, wall time.Duration
}

func (s *timed) Commit(r *sim.StepRecord) error {
	from, start := cpu(), time.Now()
	err := s.Sink.Commit(r)
	s.cpu, s.wall = s.cpu+cpu()-from, s.wall+time.Since(start)
	return err
}

func benchJournal(b *testing.B, name string, households, days int, d Durability, models bool) {
	b.StopTimer()
	o := scenario.Options{Days: &days}
	if name == "city" {
		// With a tie that is big enough: of 100,000 homes each that goes short is an event.
		o.Set = []string{fmt.Sprintf("households=%d", households), "ties.*.import_w=1e9", "ties.*.export_w=1e9"}
	}
	w := build(b, name, o)
	dir := filepath.Join(b.TempDir(), "run")
	r, err := CreateRun(dir, Run{})
	if err != nil {
		b.Fatal(err)
	}
	chain := w.NewChain()
	j, err := r.Keep(w, chain, d)
	if err != nil {
		b.Fatal(err)
	}
	if !models {
		j.folds = nil
	}
	t := &timed{Sink: j}
	run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain, t}}
	b.StartTimer()
	for more := true; more; {
		if more, err = run.Step(); err != nil {
			b.Fatal(err)
		}
	}
	from := cpu()
	if err := r.Finish(Done, nil); err != nil {
		b.Fatal(err)
	}
	t.cpu += cpu() - from
	b.StopTimer()
	n := float64(w.Members[twins.Household.Name]) * float64(run.Done())
	b.ReportMetric(float64(t.cpu)/n, "ns-cpu/household-step")
	b.ReportMetric(float64(t.wall)/float64(run.Done())/1e3, "µs-wall/step")
	b.ReportMetric(float64(size(filepath.Join(dir, journalDir)))/n, "B/household-step")
	s := open(b, dir, Read)
	defer s.Close()
	kinds := map[byte]int{}
	err = s.table.Scan(nil, nil, func(k, v []byte) error { kinds[k[0]] += len(k) + len(v); return nil })
	if err != nil {
		b.Fatal(err)
	}
	for kind, name := range map[byte]string{keyReadings: "readings-B", keyStep: "steps-B", keyState: "states-B"} {
		b.ReportMetric(float64(kinds[kind])/n, name)
	}
	b.ReportMetric(float64(kinds[keyHour]+kinds[keyDay])/n, "usage-B")
	b.StartTimer()
}

// BenchmarkSeek goes to steps of a week of the town, each the farthest from its snapshot.
func BenchmarkSeek(b *testing.B) {
	days := 7
	dir := filepath.Join(b.TempDir(), "run")
	kept(b, dir, build(b, "town", scenario.Options{Days: &days}), -1)
	s := open(b, dir, Read)
	defer s.Close()
	n := twins.Tick(0)
	for b.Loop() {
		if _, err := s.At(n%7*96 + 95); err != nil {
			b.Fatal(err)
		}
		n++
	}
}

// BenchmarkReadsBeside makes steps of a city, in turn with a reader that reads its past
// without a pause and without one: the ratio is the median over pairs of rounds.
func BenchmarkReadsBeside(b *testing.B) {
	for b.Loop() {
		readsBeside(b)
	}
}

func readsBeside(b *testing.B) {
	const round, pairs = 4, 11
	days := 1
	w := build(b, "city", scenario.Options{Days: &days, Set: []string{"households=10000"}})
	r, err := CreateRun(filepath.Join(b.TempDir(), "run"), Run{})
	if err != nil {
		b.Fatal(err)
	}
	chain := w.NewChain()
	j, err := r.Keep(w, chain, Durability{})
	if err != nil {
		b.Fatal(err)
	}
	run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain, j}}
	steps := func() time.Duration {
		start := time.Now()
		for range round {
			if _, err := run.Step(); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(start)
	}
	reader, read := j.Reader(), 0
	steps()
	var ratios []float64
	for range pairs {
		alone := steps()
		stop, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := reader.Replay(0, reader.Steps(), false, nothing{}); err != nil {
					b.Error(err)
					return
				}
				read++
			}
		}()
		ratios = append(ratios, float64(steps())/float64(alone))
		close(stop)
		<-done
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[pairs/2], "×-of-a-step-alone")
	b.ReportMetric(float64(read), "replays")
	if err := r.Finish(Interrupted, nil); err != nil {
		b.Fatal(err)
	}
}

// nothing is a sink that ignores its records.
type nothing struct{}

func (nothing) Commit(*sim.StepRecord) error { return nil }

// BenchmarkOpen opens a store of a million steps: the form of each is as short as one
// can be, so it is their number that counts.
func BenchmarkOpen(b *testing.B) {
	const steps = 1_000_000
	w := build(b, "testdata/two.yaml", scenario.Options{})
	dir := filepath.Join(b.TempDir(), "run")
	r, err := CreateRun(dir, Run{})
	if err != nil {
		b.Fatal(err)
	}
	chain := w.NewChain()
	j, err := r.Keep(w, chain, Durability{})
	if err != nil {
		b.Fatal(err)
	}
	var entries []Entry
	for t := range twins.Tick(steps) {
		head := hashOf(byte(t))
		f := &stepForm{tick: t, head: head, digests: []sim.Hash{head}}
		entries = append(entries, j.store.seal(key(keyStep, t), f.append(nil, shapeOf(w.Form.Layout, w.Cells), &memberNumbers{})))
		j.ledger.step(t, head)
		if len(entries) == 1000 {
			if err := j.store.table.Put(entries); err != nil {
				b.Fatal(err)
			}
			entries = entries[:0]
		}
	}
	if err := j.ledger.flush(); err != nil {
		b.Fatal(err)
	}
	drop(j)
	for b.Loop() {
		s := open(b, dir, Read)
		if s.Steps() != steps {
			b.Fatal(s.Steps(), s.Repairs())
		}
		s.Close()
	}
}
