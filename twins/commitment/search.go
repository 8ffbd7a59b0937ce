package commitment

import "slices"

// search is a fleet with the runs of its units and their value.
type search struct {
	*fleet
	words  int
	on     []uint64 // bits of the units that are on, [period·words + unit/64]
	runs   [][]run
	now    []value // of each period
	starts []value // of each unit
	total  value

	// The value of the period with the unit off and on, and the version of the
	// period that it belongs to.
	worth   [][2]value
	known   []int
	version []int
	clock   int

	bias   []int64 // of the unit that is forced, by period
	forced []bool  // units whose last response was under a bias
	delta  []value
	dp     response
	work   int // units visited: the measure of effort
}

func newSearch(f *fleet) *search {
	s := &search{fleet: f, words: (f.n + 63) / 64}
	s.on = make([]uint64, f.t*s.words)
	s.runs, s.starts = make([][]run, f.n), make([]value, f.n)
	s.now, s.version, s.bias, s.delta = make([]value, f.t), make([]int, f.t), make([]int64, f.t), make([]value, f.t)
	s.forced = make([]bool, f.n)
	s.worth, s.known = make([][2]value, f.n*f.t), make([]int, f.n*f.t)
	return s
}

func (s *search) bits(t int) []uint64 { return s.on[t*s.words : (t+1)*s.words] }

func (s *search) isOn(j, t int) bool { return s.on[t*s.words+j>>6]>>(j&63)&1 != 0 }

// begin sets every unit as far on or off as it can be, whatever the value.
func (s *search) begin(wanted int64) {
	clear(s.on)
	for t := range s.delta {
		s.delta[t] = value{missed: -wanted}
	}
	for j := range s.units {
		runs, _ := s.dp.best(s.fleet, &s.units[j], s.delta)
		s.runs[j] = slices.Clone(runs)
		for _, r := range runs {
			for t := r.start; t < r.end; t++ {
				s.on[t*s.words+j>>6] |= 1 << (j & 63)
			}
		}
	}
	s.total = value{}
	for j := range s.units {
		s.starts[j] = s.startsOf(j, s.runs[j])
		s.total.add(&s.starts[j])
		for t := range s.t {
			if missed := s.missed(j, t, s.isOn(j, t)); missed > 0 {
				s.total.missed += missed
			}
		}
	}
	for t := range s.t {
		s.clock++
		s.version[t] = s.clock
		s.now[t] = s.period(t, s.bits(t), nil)
		s.total.add(&s.now[t])
	}
}

// missed is 1 where a unit does not follow the manager's order.
func (s *search) missed(j, t int, on bool) int64 {
	switch o := s.units[j].order(t); {
	case o == MustRun && !on, o == MustStop && on:
		return 1
	}
	return 0
}

func (s *search) startsOf(j int, runs []run) (v value) {
	for _, r := range runs {
		if r.ordered >= 0 {
			v.cost = v.cost.plus(product(int64(s.units[j].Starts[r.heat].Cost), microEuro))
		}
	}
	return v
}

// look computes delta: the value, in each period, of the unit being on. It
// reports whether any of it has changed.
func (s *search) look(j int) (news bool) {
	word, bit := j>>6, uint64(1)<<(j&63)
	for t := range s.t {
		k := j*s.t + t
		w := &s.worth[k]
		if s.known[k] != s.version[t] {
			on := s.bits(t)
			was := on[word]
			here := 0
			if was&bit != 0 {
				here = 1
			}
			w[here] = s.now[t]
			on[word] ^= bit
			w[1-here] = s.period(t, on, nil)
			on[word] = was
			s.known[k] = s.version[t]
			s.work += s.n
			news = true
		}
		d := &s.delta[t]
		*d = w[1]
		d.sub(&w[0])
		d.missed += s.missed(j, t, true) - s.missed(j, t, false)
	}
	return news
}

// respond gives a unit its best runs with the others fixed, under the bias if
// there is one. It reports whether its runs have changed.
func (s *search) respond(j int, biased bool) bool {
	if news := s.look(j); !news && !biased && !s.forced[j] {
		return false // nothing has changed since its last response
	}
	s.forced[j] = biased
	s.work += dpWork * s.t
	if biased {
		for t := range s.delta {
			s.delta[t].missed += s.bias[t]
		}
	}
	runs, best := s.dp.best(s.fleet, &s.units[j], s.delta)
	have := s.starts[j]
	for _, r := range s.runs[j] {
		for t := r.start; t < r.end; t++ {
			have.add(&s.delta[t])
		}
	}
	if !best.less(&have) {
		return false
	}
	s.assign(j, runs)
	return true
}

// assign gives a unit new runs.
func (s *search) assign(j int, runs []run) {
	s.total.sub(&s.starts[j])
	s.starts[j] = s.startsOf(j, runs)
	s.total.add(&s.starts[j])
	old := s.runs[j]
	s.runs[j] = slices.Clone(runs)
	for t := range s.t {
		was, is := covers(old, t), covers(runs, t)
		if was == is {
			continue
		}
		s.on[t*s.words+j>>6] ^= 1 << (j & 63)
		s.total.missed += s.missed(j, t, is) - s.missed(j, t, was)
		s.total.sub(&s.now[t])
		s.now[t] = s.worth[j*s.t+t][0]
		if is {
			s.now[t] = s.worth[j*s.t+t][1]
		}
		s.total.add(&s.now[t])
		s.clock++
		s.version[t] = s.clock
		s.known[j*s.t+t] = s.clock
	}
}

func covers(runs []run, t int) bool {
	for _, r := range runs {
		if r.start <= t && t < r.end {
			return true
		}
	}
	return false
}

// settle makes units respond to each other, in an order, until none can
// improve.
func (s *search) settle(order []int, rounds int) {
	for range rounds {
		changed := false
		for _, j := range order {
			if s.respond(j, false) {
				changed = true
			}
		}
		if !changed {
			return
		}
	}
}

// Effort of the search: how often units respond to each other from a start, how
// many neighbours in the list respond to a shake, and units visited for each
// unit and period before shaking ends. The tests bound the resulting error.
const (
	rounds     = 6
	neighbours = 12
	effort     = 4000
	leastWork  = 500_000
	dpWork     = 20 // cost of a response for each period, in units visited
)

// solve searches from nothing and from everything, keeps the better, and shakes it.
func (s *search) solve() {
	up := make([]int, s.n)
	for j := range up {
		up[j] = j
	}
	down := slices.Clone(up)
	slices.Reverse(down)

	s.begin(-1)
	s.settle(up, rounds)
	grown := s.save()
	s.begin(1)
	s.settle(down, rounds)
	if grown.total.less(&s.total) {
		s.restore(grown)
	}
	limit := s.work + max(leastWork, effort*s.n)
	for s.shakeAll(limit) {
	}
}

// shakeAll tries each unit's runs and rests once, whole and in parts, and reports
// whether to try again: something was gained and the limit is not reached.
func (s *search) shakeAll(limit int) (gained bool) {
	for _, part := range parts {
		for j := range s.units {
			near := s.near(j)
			for k := 0; ; k++ { // runs change while they are shaken
				span, bias, ok := s.span(j, k)
				if !ok {
					break
				}
				if s.work > limit {
					return false
				}
				if span.start == span.end {
					continue // it runs at either end of the plan
				}
				if from, to := part(span.start, span.end); s.shake(j, from, to, bias, near) {
					gained = true
				}
			}
		}
	}
	return gained
}

// parts of a span are forced one by one.
var parts = [...]func(a, b int) (from, to int){
	func(a, b int) (int, int) { return a, b },
	func(a, b int) (int, int) { return a, (a + b) / 2 },
	func(a, b int) (int, int) { return (a + b) / 2, b },
	func(a, b int) (int, int) { return a, a + 1 },
	func(a, b int) (int, int) { return b - 1, b },
}

// span is the k-th rest or run of a unit, in turn, with the bias against it: a
// rest is forced on, a run off.
func (s *search) span(j, k int) (span run, bias int64, ok bool) {
	runs := s.runs[j]
	if i := k / 2; k%2 == 1 {
		if i >= len(runs) {
			return run{}, 0, false
		}
		return runs[i], 1, true
	} else if i <= len(runs) {
		span.end = s.t
		if i > 0 {
			span.start = runs[i-1].end
		}
		if i < len(runs) {
			span.end = runs[i].start
		}
		return span, -1, true
	}
	return run{}, 0, false
}

// near are the neighbours of the unit in the list, without the unit itself.
func (s *search) near(j int) (near []int) {
	for i := max(0, j-neighbours/2); i < s.n && len(near) < neighbours; i++ {
		if i != j {
			near = append(near, i)
		}
	}
	return near
}

// shake forces a unit off or on in a span, makes its neighbours and then the
// unit itself respond, and undoes it if the result is no better.
func (s *search) shake(j, from, to int, bias int64, near []int) bool {
	if from >= to {
		return false
	}
	was := s.save()
	clear(s.bias)
	for t := from; t < to; t++ {
		s.bias[t] = bias * 1000
	}
	if !s.respond(j, true) {
		return false
	}
	s.settle(near, 2)
	s.respond(j, false)
	s.settle(near, 1)
	if s.total.less(&was.total) {
		return true
	}
	s.restore(was)
	return false
}

// saved is the part of search that a shake changes.
type saved struct {
	on      []uint64
	runs    [][]run
	now     []value
	starts  []value
	total   value
	version []int
}

func (s *search) save() *saved {
	return &saved{slices.Clone(s.on), slices.Clone(s.runs), slices.Clone(s.now), slices.Clone(s.starts), s.total, slices.Clone(s.version)}
}

// restore undoes a shake, versions included, as they name the same
// commitment.
func (s *search) restore(w *saved) {
	copy(s.on, w.on)
	copy(s.runs, w.runs)
	copy(s.now, w.now)
	copy(s.starts, w.starts)
	copy(s.version, w.version)
	s.total = w.total
}
