package commitment

import "github.com/smatrix-grid/smatrix/twins"

// run is a span of periods in which a unit is on: [start, end).
type run struct {
	start, end int
	ordered    int // period of the order, −1 if that was before the plan
	heat       Heat
}

// response finds the best runs of one unit, given for each period the value of
// being on against being off: exact dynamic programming over switching times, in
// time proportional to the periods.
//
// It finds, for each period t, ups[t]: the least value of everything before a run
// that begins at t, with its start; and downs[t]: that of everything before a rest
// that begins at t. Values of being off are left out, since they are the same for
// every choice.
type response struct {
	sum         []value // of being on in periods before t
	ups, downs  []step
	rest        [heats]window // downs from which a start in each heat state can begin
	ready       window        // ups old enough to stop
	result, cut []run
}

// step is the best way to a switching time.
type step struct {
	value
	ok      bool
	from    int // the previous switching time; before: the plan's first run or rest
	ordered int
	heat    Heat
}

const before = -1

// window keeps the least of the values pushed that are not too old: a monotone
// queue of switching times.
type window struct {
	at   []int
	head int
}

func (w *window) reset() { w.at, w.head = w.at[:0], 0 }

func (w *window) push(t int, key func(int) *value) {
	for len(w.at) > w.head && key(t).less(key(w.at[len(w.at)-1])) {
		w.at = w.at[:len(w.at)-1]
	}
	w.at = append(w.at, t)
}

// oldest drops the values from before a time, and returns the least of the
// rest.
func (w *window) oldest(from int) (t int, ok bool) {
	for w.head < len(w.at) && w.at[w.head] < from {
		w.head++
	}
	if w.head == len(w.at) {
		return 0, false
	}
	return w.at[w.head], true
}

// best returns the runs of least value and that value. delta is the value that
// being on adds in each period.
func (r *response) best(f *fleet, u *fleetUnit, delta []value) ([]run, value) {
	n := f.t
	r.sum = append(r.sum[:0], value{})
	for t := range n {
		v := r.sum[t]
		v.add(&delta[t])
		r.sum = append(r.sum, v)
	}
	r.ups, r.downs = append(r.ups[:0], make([]step, n)...), append(r.downs[:0], make([]step, n)...)
	r.ready.reset()
	for h := range r.rest {
		r.rest[h].reset()
	}
	for t := range n {
		r.down(u, t)
		r.up(f, u, t)
	}
	return r.trace(u, n)
}

// open is the value of a run that began at ups[s], less the sum before it, so
// that the sum up to its end can be added.
func (r *response) open(s int) *value { return &r.ups[s].value }

// down finds the best way to a rest that begins at t.
func (r *response) down(u *fleetUnit, t int) {
	d, out := &r.downs[t], u.out(t)
	if s := t - u.minUp; s >= 0 && r.ups[s].ok && s > u.lastOut[t] {
		r.ready.push(s, r.open)
	}
	if s, ok := r.ready.oldest(u.lastOut[t] + 1); ok {
		r.offer(d, r.ups[s].value, s, t)
	}
	first := u.begin != never && u.lastOut[t] < 0
	switch {
	case first && t < u.begin && out: // a start under way is lost
		*d = step{ok: true, from: before}
	case first && t >= u.begin && (t >= u.settle || out):
		v := value{}
		v.sub(&r.sum[u.begin])
		r.offer(d, v, before, t)
	}
	for s := u.lastOut[t] + 1; out && s < t; s++ { // an outage ends young runs as well
		if r.ups[s].ok {
			r.offer(d, r.ups[s].value, s, t)
		}
	}
}

// offer proposes a way to a rest at t: by the run that began at from.
func (r *response) offer(d *step, v value, from, t int) {
	v.add(&r.sum[t])
	if !d.ok || v.less(&d.value) {
		*d = step{value: v, ok: true, from: from}
	}
}

func (r *response) rested(t int) *value { return &r.downs[t].value }

// up finds the best way to a run that begins at t, over all heat states.
func (r *response) up(f *fleet, u *fleetUnit, t int) {
	for h := range heats {
		order := t - u.lead[h]
		if b := order - u.from[h]; u.until[h] > u.from[h] && b >= 0 && r.downs[b].ok {
			r.rest[h].push(b, r.rested)
		}
		if u.out(t) || order < 0 || order <= u.lastOut[t] {
			continue
		}
		start := value{cost: product(int64(u.Starts[h].Cost), microEuro)}
		if b, ok := r.rest[h].oldest(order - u.until[h] + 1); ok {
			r.start(t, step{value: r.downs[b].value, from: b, ordered: order, heat: h}, &start)
		}
		if off := u.Since + twins.Seconds(order)*f.p.Period; u.State == Off && u.heatOf(off) == h && off >= u.MinDown {
			r.start(t, step{from: before, ordered: order, heat: h}, &start)
		}
	}
}

func (r *response) start(t int, s step, cost *value) {
	s.add(cost)
	s.sub(&r.sum[t])
	if up := &r.ups[t]; !up.ok || s.less(&up.value) {
		s.ok = true
		*up = s
	}
}

// trace finds the best end and follows the steps back.
func (r *response) trace(u *fleetUnit, n int) ([]run, value) {
	var end step
	on := false
	take := func(v value, from int, running bool) {
		if !end.ok || v.less(&end.value) {
			end, on = step{value: v, ok: true, from: from}, running
		}
	}
	if u.begin == never || u.begin >= n && u.lastOut[n] < 0 {
		take(value{}, before, false)
	}
	for t := range n {
		if r.downs[t].ok {
			take(r.downs[t].value, t, false)
		}
		if s := r.ups[t]; s.ok && t > u.lastOut[n] {
			s.add(&r.sum[n])
			take(s.value, t, true)
		}
	}
	if u.begin < n && u.lastOut[n] < 0 {
		v := r.sum[n]
		v.sub(&r.sum[u.begin])
		take(v, before, true)
	}
	return r.back(u, end.from, on, n), end.value
}

// back collects the runs, the last first, and reverses them.
func (r *response) back(u *fleetUnit, t int, on bool, end int) []run {
	r.cut = r.cut[:0]
	for {
		if on && t == before {
			r.cut = append(r.cut, run{start: u.begin, end: end, ordered: -1})
			break
		}
		if t == before {
			break
		}
		if on {
			s := &r.ups[t]
			r.cut = append(r.cut, run{start: t, end: end, ordered: s.ordered, heat: s.heat})
			t = s.from
		} else {
			end = t
			if t = r.downs[t].from; t == before && (u.begin == never || u.begin >= end) {
				break
			}
		}
		on = !on
	}
	r.result = r.result[:0]
	for k := len(r.cut) - 1; k >= 0; k-- {
		if r.cut[k].start < r.cut[k].end {
			r.result = append(r.result, r.cut[k])
		}
	}
	return r.result
}
