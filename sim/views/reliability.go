package views

import (
	"maps"
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Reliability folds the events supply.cut (twins.SupplyCut) into the indices of
// IEEE 1366. Customers are the members with the role of a load, each with a connection
// point of its own. Only customers that were cut take memory.
//
// An interruption of a customer begins in a step in which essential load is cut, and
// lasts as long as consecutive steps cut it. Its length is the sum of cut ÷ wanted of
// these steps, times the step: a customer that was off for a part of a step, or whose
// load was cut in part, was interrupted for that part.
type Reliability struct {
	// Threshold is the length beyond which an interruption counts; 0 is
	// DefaultInterruption.
	Threshold twins.Seconds

	customers int64
	now       twins.Tick
	step      twins.Seconds
	cut       map[string]*cutCustomer
	counted   int64       // interruptions that are over
	length    duration    // of the counted interruptions together
	ens       twins.Total // energy not served
}

// DefaultInterruption is the length beyond which interruptions count in the European
// Union (CEER benchmarking reports: longer than 3 minutes). IEEE 1366 has 5 minutes.
const DefaultInterruption twins.Seconds = 180

// cutCustomer is a customer that has been cut.
type cutCustomer struct {
	burden        twins.Burden // after the last cut
	lastCut       twins.Tick   // of any load
	lastEssential twins.Tick   // last step in which essential load was cut; −1: never
	length        int64        // of the interruption that lastEssential belongs to, ns
}

// nanosecond is the unit in which lengths are added up. A part of a step is
// rounded down to it, so that an interruption of just the threshold never exceeds
// it by rounding.
const nanosecond = 1_000_000_000 // in a second

// duration is a sum of lengths, which may be longer than 64 bits of nanoseconds.
type duration struct{ seconds, nanoseconds int64 }

func (d duration) plus(ns int64) duration {
	ns += d.nanoseconds
	return duration{d.seconds + ns/nanosecond, ns % nanosecond}
}

func (d duration) minutes() float64 {
	return (float64(d.seconds) + float64(d.nanoseconds)/nanosecond) / 60
}

// Commit implements sim.Sink.
func (v *Reliability) Commit(r *sim.StepRecord) error {
	if v.cut == nil {
		v.cut = map[string]*cutCustomer{}
	}
	v.now, v.step, v.customers = r.Tick, r.Step, 0
	for _, c := range r.Cells {
		for _, b := range c.Blocks {
			if b.Kind.Role == twins.RoleLoad {
				v.customers += int64(len(b.Paths))
			}
		}
		for i := range c.Events {
			if e := &c.Events[i]; e.Event.Type == twins.SupplyCut {
				v.addCut(e.Member, &e.Event, r)
			}
		}
	}
	return nil
}

// addCut adds the event of one customer in one step.
func (v *Reliability) addCut(member string, e *twins.Event, r *sim.StepRecord) {
	v.ens = v.ens.Plus(twins.Power(e.Field("unserved_w")).For(r.Step))
	s := v.cut[member]
	if s == nil {
		s = &cutCustomer{lastEssential: -1}
		v.cut[member] = s
	}
	s.lastCut = r.Tick
	s.burden = twins.Burden{Need: twins.Energy(e.Field("need_j")), Borne: twins.Energy(e.Field("borne_j"))}
	cut, wanted := e.Field("cut_w"), e.Field("wanted_w")
	if cut <= 0 {
		return
	}
	if s.lastEssential >= 0 && s.lastEssential != r.Tick-1 {
		v.counted, v.length = v.add(s, v.counted, v.length)
		s.length = 0
	}
	off, _ := twins.MulDiv(cut, int64(r.Step)*nanosecond, wanted)
	s.lastEssential = r.Tick
	s.length += off
}

// add counts an interruption if it is long enough.
func (v *Reliability) add(s *cutCustomer, counted int64, length duration) (int64, duration) {
	threshold := v.Threshold
	if threshold == 0 {
		threshold = DefaultInterruption
	}
	if s.lastEssential < 0 || s.length <= int64(threshold)*nanosecond {
		return counted, length
	}
	return counted + 1, length.plus(s.length)
}

// Report returns the indices so far. An interruption that has not ended counts with its
// length so far.
func (v *Reliability) Report() ReliabilityReport {
	counted, length := v.counted, v.length
	for _, s := range v.cut {
		counted, length = v.add(s, counted, length)
	}
	r := ReliabilityReport{ENSWh: v.ens.WattHours()}
	if v.customers > 0 {
		r.SAIDIMin = length.minutes() / float64(v.customers)
		r.SAIFI = float64(counted) / float64(v.customers)
	}
	if counted > 0 {
		caidi := length.minutes() / float64(counted)
		r.CAIDIMin = &caidi
	}
	return r
}

// ENS returns the energy not served, exactly.
func (v *Reliability) ENS() twins.Total { return v.ens }

// fairDays is how many days the burdens of customers are compared over.
const fairDays = 30

// Fairness compares the shares of their essential need that were not served, among the
// customers that were cut in the last 30 days; nil if there was none. The need of a
// customer is that at its last cut.
func (v *Reliability) Fairness() *FairnessReport {
	var sum, squares, most float64
	n := int64(0)
	for _, path := range slices.Sorted(maps.Keys(v.cut)) { // floats add up in one order
		s := v.cut[path]
		age := int64(v.now-s.lastCut) * int64(v.step)
		if s.burden.Borne <= 0 || s.burden.Need <= 0 || age >= fairDays*86_400 {
			continue
		}
		x := float64(s.burden.Borne) / float64(s.burden.Need)
		n++
		sum += x
		squares += float64(x * x)
		most = max(most, x)
	}
	if n == 0 {
		return nil
	}
	return &FairnessReport{
		Jain:        sum / (float64(n) * squares) * sum,
		MaxOverMean: most / sum * float64(n),
		ServedShort: n,
	}
}
