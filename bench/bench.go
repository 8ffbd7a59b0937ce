package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/smatrix-grid/smatrix/actors"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/problem"
)

// Options say what is measured: a case for each combination of the four lists. Each zero
// value means its default.
type Options struct {
	Households []int            // sizes of the city; 1,000, 10,000 and 100,000
	Steps      int              // of 15 minutes; 96, a day
	Hostings   []actors.Hosting // message and batched
	Threads    []int            // 1
	Journals   []bool           // whether the run is kept on disk; false
	Seed       *uint64          // the scenario's

	// Commit is that of the program, for the rows.
	Commit string
	// Progress, if not nil, is called now and then with the part of the work that is done, 0
	// to total, and what is being done.
	Progress func(done, total int64, doing string)
	// Prepare, if not nil, is called with every world before it is stepped: a test falsifies
	// a meter.
	Prepare func(*sim.World) error
	// Standing, if not nil, is called at the end of each case while its worlds are in memory.
	Standing func()

	alter func(side string, w *sim.World) // for tests: makes the sides differ
}

// Case is what one row measures.
type Case struct {
	Households int
	Steps      int
	Hosting    actors.Hosting
	Threads    int
	Journal    bool
}

// String describes the case in a line.
func (c Case) String() string {
	return fmt.Sprintf("%s households, %s, %s, journal %s", grouped(int64(c.Households)), c.Hosting, counted(c.Threads, "thread"), onOff(c.Journal))
}

// The defaults of Options.
var (
	UsualHouseholds = []int{1000, 10_000, 100_000}
	UsualHostings   = []actors.Hosting{actors.PerMember, actors.Batched}
)

// UsualSteps is a day of quarter hours.
const UsualSteps = 96

func (o Options) filled() Options {
	if o.Households == nil {
		o.Households = UsualHouseholds
	}
	if o.Steps == 0 {
		o.Steps = UsualSteps
	}
	if o.Hostings == nil {
		o.Hostings = UsualHostings
	}
	if o.Threads == nil {
		o.Threads = []int{1}
	}
	if o.Journals == nil {
		o.Journals = []bool{false}
	}
	return o
}

// Cases returns the cases in the order in which they are measured.
func (o Options) Cases() (all []Case) {
	o = o.filled()
	for _, n := range o.Households {
		for _, h := range o.Hostings {
			for _, t := range o.Threads {
				for _, j := range o.Journals {
					all = append(all, Case{n, o.Steps, h, t, j})
				}
			}
		}
	}
	return all
}

// Check returns the first option that cannot be measured, as a *problem.Usage. It does not
// look at the memory; see Fits.
func (o Options) Check() error {
	o = o.filled()
	bad := func(format string, args ...any) error {
		return &problem.Usage{What: fmt.Sprintf(format, args...)}
	}
	for _, n := range o.Households {
		if n < 1 {
			return bad("--households %d: wanted at least 1", n)
		}
	}
	if o.Steps < 1 {
		return bad("--steps %d: wanted at least 1", o.Steps)
	}
	known := []actors.Hosting{actors.PerMember, actors.Batched, actors.Plain}
	for _, h := range o.Hostings {
		if !slices.Contains(known, h) {
			names := []string{string(actors.PerMember), string(actors.Batched), string(actors.Plain)}
			return bad("--hosting %q: %s", h, problem.Wanted(string(h), names))
		}
	}
	for _, t := range o.Threads {
		if t < 1 {
			return bad("--threads %d: wanted at least 1", t)
		}
	}
	if !cpuKnown {
		return errors.New("this system does not tell the processor time of a process, which is what bench measures")
	}
	return nil
}

// Warnings returns what is allowed and makes figures harder to read.
func (o Options) Warnings() (all []string) {
	for _, t := range slices.Compact(slices.Sorted(slices.Values(o.filled().Threads))) {
		if cores := runtime.NumCPU(); t > cores {
			all = append(all, fmt.Sprintf("--threads %d: more than the %s of this machine: threads wait for each other, so time on the clock says little", t, counted(cores, "core")))
		}
	}
	return all
}

// DigestError says that the actors and the flat loop have computed different runs.
type DigestError struct {
	Case         Case
	Digest, Flat string
}

func (e *DigestError) Error() string {
	return fmt.Sprintf("%s: the actors' digest %.16s differs from the flat loop's %.16s: no figures", e.Case, e.Digest, e.Flat)
}

// InterruptedError says that the context ended after some of the cases.
type InterruptedError struct{ Done, Cases int }

func (e *InterruptedError) Error() string {
	return fmt.Sprintf("interrupted after row %d of %d", e.Done, e.Cases)
}

// Run measures each case and calls row for each. An error ends it: a *DigestError, the
// *sim.AuditError of a step whose books do not close, an *InterruptedError once ctx is done,
// or that of row. The case that it happened in has no row.
func (o Options) Run(ctx context.Context, row func(*Row) error) error {
	o = o.filled()
	cases := o.Cases()
	if err := o.loadOnce(); err != nil {
		return err
	}
	work := newWork(cases, o.Progress)
	for i, c := range cases {
		work.begin(i, c)
		r, err := o.measure(ctx, c, work)
		if err != nil && errors.Is(err, ctx.Err()) {
			return &InterruptedError{i, len(cases)}
		}
		if err == nil {
			err = row(r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// loadOnce loads a city of one home: what the program keeps once for all scenarios, such as
// compiled schemas, is in no later measurement of the heap.
func (o Options) loadOnce() error {
	_, err := o.load(Case{Households: 1, Steps: 1, Hosting: actors.Batched})
	return err
}

// work is how far all cases are, in household-steps. To start a world takes about as long
// as startSteps of its steps.
type work struct {
	show        func(done, total int64, doing string)
	cases       int
	done, total int64
	prefix      string
}

const startSteps = 150

func newWork(cases []Case, show func(done, total int64, doing string)) *work {
	w := &work{show: show, cases: len(cases)}
	for _, c := range cases {
		w.total += int64(c.Households) * int64(2*c.Steps+2*startSteps) * int64(c.passes())
	}
	return w
}

// begin begins a case, which is named in few words: a terminal has 80 columns.
func (w *work) begin(i int, c Case) {
	w.prefix = fmt.Sprintf("%d of %d: %s homes, %s", i+1, w.cases, grouped(int64(c.Households)), c.Hosting)
}

// add counts n household-steps as done.
func (w *work) add(n int64, doing string) {
	w.done += n
	if w.show != nil {
		w.show(w.done, w.total, w.prefix+": "+doing)
	}
}

// Rows are measured in rounds in which both sides make the same steps, one after the other.
// A round is whole hours where the steps suffice, since the grid plans once an hour: then
// all rounds have equal work.
const (
	leastRounds  = 7
	roundsOfPass = 12 // of which the first warms up
	hour         = 4  // steps
)

// pass is how the steps of a case are cut into rounds: warm steps, which are not counted,
// then rounds of at most each.
type pass struct{ warm, each int }

func (c Case) pass() pass {
	each := max(1, c.Steps/roundsOfPass)
	switch {
	case c.Steps == 1:
		return pass{0, 1}
	case c.Steps >= (leastRounds+1)*hour:
		each = max(hour, each/hour*hour)
	}
	return pass{each, each}
}

// rounds is the number of rounds of a pass that are counted.
func (c Case) rounds() int {
	p := c.pass()
	return (c.Steps - p.warm + p.each - 1) / p.each
}

// passes is how often the run is made, from its start, so that there are at least
// leastRounds rounds.
func (c Case) passes() int { return (leastRounds + c.rounds() - 1) / c.rounds() }

// abandonable returns what call returns, or the context's error as soon as ctx is done: a
// long call that cannot be interrupted is left behind then, and the process ends. A panic
// of call becomes the caller's.
func abandonable[T any](ctx context.Context, call func() (T, error)) (T, error) {
	type result struct {
		value    T
		err      error
		panicked any
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			r.panicked = recover()
			done <- r
		}()
		r.value, r.err = call()
	}()
	select {
	case r := <-done:
		if r.panicked != nil {
			panic(r.panicked)
		}
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// per divides a time by a number of things, in nanoseconds.
func per(d time.Duration, n float64) float64 { return float64(d) / n }
