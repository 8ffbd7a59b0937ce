package inputs

import (
	"fmt"
	"math"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// A counter only rises. What its readings do besides is told apart here:
//
//   - a reading that is lower than the one before it, while later ones are above both, is left out:
//     a dropout of what reads the counter; so is one that is higher than those after it
//   - readings that go on rising from a lower one: the counter was restarted. At a tenth of the
//     reading before or less it began at 0 again, and what it shows was counted since; where it
//     was full, such as 99999.9, it went on counting; at another value the meter was replaced
//
// A fall is therefore held until the readings after it decide. Rows may be in the order of time, or
// the newest first.

// stand is a run of equal readings, in the order of the file.
type stand struct {
	value    int64 // mJ
	from, to int64 // Unix seconds of its first and last reading in the file
	line     int   // of the first
	n        int64
	bridge   bool // readings between the stand before and this one are left out
}

// counterReadings holds the last readings of a counter, until it is known what they are.
type counterReadings struct {
	newest   bool
	apart    int64                                // s: readings of one stand are no further apart; 0: however far
	count    func(from, to stand, e twins.Energy) // takes two stands in the order of time, and the energy between them
	stands   func(of stand)                       // takes a stand, within which nothing was counted
	hold     []stand                              // that rise, in the order of the file
	fell     []stand                              // after a fall from the last of hold
	rates    [2]float64                           // the highest rises, mJ/s
	steepest stand                                // with which the highest ends, in the order of time
	rise     twins.Energy                         // and by how much
	counted  bool                                 // some rise was counted
	last     bool                                 // no reading follows
	n        int64
	unit     int64 // mJ of 1 in the unit of the file

	dropped  counterDoubt // readings that are left out
	restarts counterDoubt // at 0, with something that was counted before or after
	full     counterDoubt // restarts at 0 of a counter that was full
	replaced counterDoubt // restarts at another value
}

// counterDoubt is what was found several times: how many readings, how often, and the first in the
// order of the file.
type counterDoubt struct {
	times         int64
	n             int64
	line          int
	at            int64
	before, value int64 // mJ
}

func (d *counterDoubt) add(n int64, line int, at, before, value int64) {
	d.n += n
	if d.times++; d.times == 1 {
		d.line, d.at, d.before, d.value = line, at, before, value
	}
}

// Bounds of what is held, and of what tells readings apart.
const (
	heldStands   = 8    // stands that may turn out to be too high
	fellStands   = 32   // stands after a fall, within which it must be decided
	risesAfter   = 3    // rises in a row after a fall that make it a restart
	restartShare = 10   // a restart at 0 is at this part of the reading before, or less
	highRate     = 10   // a reading that is too high rises so many times as steeply as others
	firstRate    = 1000 // so does the second reading, if the first is not of the same counter
	fullShare    = 1000 // a counter is full if it rises by at most this part of its digits to the next reading
	leastFull    = twins.Energy(10_000) * twins.KilowattHour
	oddShare     = 20  // stretches that are left out and replacements are at most this part of the readings
	rareRate     = 100 // a rise that is so many times as steep as any other is a doubt
)

// earlier returns two stands in the order of time.
func (c *counterReadings) earlier(a, b stand) (before, after stand) {
	if c.newest {
		return b, a
	}
	return a, b
}

// rises reports whether b, which follows a in the file, fits to it: the later one is not lower.
func (c *counterReadings) rises(a, b stand) bool {
	before, after := c.earlier(a, b)
	return before.value <= after.value
}

// rate is the rise between two stands that follow each other in the file, mJ/s.
func (c *counterReadings) rate(a, b stand) float64 {
	before, after := c.earlier(a, b)
	return float64(after.value-before.value) / math.Max(1, math.Abs(float64(b.from-a.to)))
}

// nearZero reports whether a fall is one to almost 0.
func nearZero(before, after int64) bool { return after <= before/restartShare }

// read takes the next reading, in mJ.
func (c *counterReadings) read(value, at int64, line int) (decided bool) {
	c.n++
	list := &c.hold
	if len(c.fell) > 0 {
		list = &c.fell
	}
	if k := len(*list) - 1; k >= 0 {
		if last := &(*list)[k]; last.value == value && (c.apart == 0 || max(at-last.to, last.to-at) <= c.apart) {
			last.to = at
			last.n++
			return c.decide(false)
		}
	}
	return c.take(stand{value: value, from: at, to: at, line: line, n: 1})
}

// take takes the next stand. It reports whether a fall is decided in time.
func (c *counterReadings) take(s stand) bool {
	if len(c.hold) == 0 || len(c.fell) == 0 && c.rises(c.hold[len(c.hold)-1], s) {
		c.accept(s)
		return true
	}
	last := c.hold[len(c.hold)-1]
	if len(c.fell) > 0 && c.rises(last, s) && c.returns(last, s) {
		c.dropFell()
		s.bridge = true
		c.accept(s)
		return true
	}
	c.fell = append(c.fell, s)
	return c.decide(false)
}

// returns reports whether a reading that fits to the one before the fall shows that those in
// between were dropouts, and no restart at 0: the way back is steeper than the counter rises.
func (c *counterReadings) returns(last, s stand) bool {
	before, after := c.earlier(last, c.fell[0])
	if !nearZero(before.value, after.value) {
		return true
	}
	usual := c.rates[0]
	for i := range c.hold[1:] {
		usual = math.Max(usual, c.rate(c.hold[i], c.hold[i+1]))
	}
	return c.rate(c.fell[len(c.fell)-1], s) > 2*usual
}

// dropFell leaves out the readings after a fall.
func (c *counterReadings) dropFell() {
	c.leaveOut(c.fell, c.hold[len(c.hold)-1])
	c.fell = c.fell[:0]
}

// leaveOut leaves out readings that follow each other, beside one that is counted.
func (c *counterReadings) leaveOut(out []stand, beside stand) {
	n := int64(0)
	for _, s := range out {
		n += s.n
	}
	c.dropped.add(n, out[0].line, out[0].from, beside.value, out[0].value)
}

// accept takes a stand that fits to the one before it, and counts the oldest that is held.
func (c *counterReadings) accept(s stand) {
	c.hold = append(c.hold, s)
	if len(c.hold) > heldStands {
		c.release(1)
	}
}

// parts reports whether the first of all readings in time is almost 0 and the next far above, as no
// other rise is: then these are not of one counter.
func (c *counterReadings) parts(first, next stand, others []stand) bool {
	if !nearZero(next.value, first.value) {
		return false
	}
	usual := c.rates[0]
	for i := range max(0, len(others)-1) {
		usual = math.Max(usual, c.rate(others[i], others[i+1]))
	}
	return usual > 0 && math.Abs(c.rate(first, next)) > firstRate*usual
}

// release counts the first n rises that are held.
func (c *counterReadings) release(n int) {
	for i := range n {
		a, b := c.hold[i], c.hold[i+1]
		if a.n > 1 {
			c.stands(a)
		}
		before, after := c.earlier(a, b)
		after.bridge = b.bridge
		e := twins.Energy(after.value - before.value)
		if first := !c.counted && !c.newest; first && c.parts(a, b, c.hold[i+1:]) || c.newest && c.last && i == n-1 && c.parts(b, a, c.hold[:i+1]) {
			c.replaced.add(1, b.line, b.from, before.value, after.value)
			e = 0
		}
		if e > 0 {
			c.note(c.rate(a, b), after, e)
		}
		c.counted = true
		c.count(before, after, e)
	}
	c.hold = append(c.hold[:0], c.hold[n:]...)
}

// note notes the steepest rises.
func (c *counterReadings) note(rate float64, after stand, e twins.Energy) {
	switch {
	case rate > c.rates[0]:
		c.rates, c.steepest, c.rise = [2]float64{rate, c.rates[0]}, after, e
	case rate > c.rates[1]:
		c.rates[1] = rate
	}
}

// decide decides what a fall is, if it can: nothing more follows if final. It reports whether that is
// possible with the readings that are held.
func (c *counterReadings) decide(final bool) bool {
	if len(c.fell) == 0 {
		return true
	}
	if c.dropHigh(final) {
		return true
	}
	rises := 0
	for i := range len(c.fell) - 1 {
		if rises++; !c.rises(c.fell[i], c.fell[i+1]) {
			rises = 0
		}
	}
	switch {
	case final || rises >= risesAfter:
		c.restart()
	case len(c.fell) >= fellStands:
		return false
	}
	return true
}

// dropHigh leaves out the last readings before a fall if those after it follow on the ones before, and they
// alone rose so steeply.
func (c *counterReadings) dropHigh(final bool) bool {
	n := int64(0)
	for _, s := range c.fell {
		n += s.n
	}
	if n < 2 && !final {
		return false
	}
	for i := len(c.hold) - 2; i >= 0; i-- {
		if !c.rises(c.hold[i], c.fell[0]) {
			continue
		}
		step, usual := c.rate(c.hold[i], c.hold[i+1]), c.rates[0]
		for _, list := range [][]stand{c.hold[:i+1], c.fell} {
			for k := range len(list) - 1 {
				usual = math.Max(usual, c.rate(list[k], list[k+1]))
			}
		}
		if step <= highRate*usual {
			return false
		}
		c.leaveOut(c.hold[i+1:], c.hold[i])
		c.hold = c.hold[:i+1]
		c.retake(true)
		return true
	}
	return false
}

// retake takes the readings after a fall again.
func (c *counterReadings) retake(bridge bool) {
	again := append([]stand(nil), c.fell...)
	c.fell = c.fell[:0]
	again[0].bridge = bridge
	for _, s := range again {
		c.take(s)
	}
}

// restart counts what is held up to a fall, and goes on behind it.
func (c *counterReadings) restart() {
	c.release(len(c.hold) - 1)
	last, next := c.hold[0], c.fell[0]
	if last.n > 1 {
		c.stands(last)
	}
	before, after := c.earlier(last, next)
	e := twins.Energy(0)
	switch digits := fullAt(before.value, c.unit); {
	case twins.Energy(digits) >= leastFull && digits-before.value+after.value <= digits/fullShare:
		e = twins.Energy(digits - before.value + after.value)
		c.full.add(1, next.line, next.from, before.value, after.value)
	case nearZero(before.value, after.value):
		e = twins.Energy(after.value)
		if after.value > 0 || before.n == 1 {
			c.restarts.add(1, next.line, next.from, before.value, after.value)
		}
	default:
		c.replaced.add(1, next.line, next.from, before.value, after.value)
	}
	c.counted = true
	c.count(before, after, e)
	c.hold = c.hold[:0]
	c.retake(false)
}

// fullAt returns the reading at which a counter with as many digits before the point begins at 0
// again, in mJ: 100,000 after 99,999.9.
func fullAt(value, unit int64) int64 {
	full := unit
	for full <= value && full <= math.MaxInt64/20 {
		full *= 10
	}
	return full
}

// finish counts what is held after the last reading.
func (c *counterReadings) finish() {
	for len(c.fell) > 0 {
		c.decide(true)
	}
	if len(c.hold) == 0 {
		return
	}
	c.last = true
	c.release(len(c.hold) - 1)
	if c.hold[0].n > 1 {
		c.stands(c.hold[0])
	}
}

// odd reports whether readings are so often left out or replaced that they are none of a counter, and
// where the first is.
func (c *counterReadings) odd() (first counterDoubt, is bool) {
	first = c.dropped
	if first.n == 0 || c.replaced.n > 0 && c.replaced.line < first.line {
		first = c.replaced
	}
	return first, c.dropped.times+c.replaced.times > max(1, c.n/oddShare)
}

// doubts returns the warnings about a column of counters, in the time from ≤ t ≤ to that the run needs.
func (c *counterReadings) doubts(file, column, unit string, from, to int64) (found []problem.Warning) {
	add := func(d counterDoubt, kind, text, what string) {
		if d.n > 0 && from <= d.at && d.at <= to {
			found = append(found, problem.Warning{File: file, Line: d.line, Column: column, Kind: kind, Text: text + moreText(d.n, what)})
		}
	}
	number := func(v int64) string { return numberText(float64(v)/float64(c.unit)) + " " + unit }
	d := c.dropped
	add(d, problem.WarnReading, fmt.Sprintf("the counter shows %s beside %s, and its other readings go on without this one: it is left out, likely a dropout of what reads the counter", number(d.value), number(d.before)), "such reading")
	d = c.replaced
	add(d, problem.WarnRestart, fmt.Sprintf("the counter goes on from %s after %s: likely a meter that was replaced; what was counted between the two is not known and taken for 0", number(d.value), number(d.before)), "such change")
	d = c.full
	add(d, problem.WarnRestart, fmt.Sprintf("the counter goes on from %s after %s: it was full, and %s is counted between the two", number(d.value), number(d.before), number(fullAt(d.before, c.unit)-d.before+d.value)), "such change")
	d = c.restarts
	add(d, problem.WarnRestart, fmt.Sprintf("the counter restarts with %s after %s: what it counted between the reading before and the restart is not known and left out", number(d.value), number(d.before)), "such restart")
	if s := c.steepest; c.rates[0]/1000 > mostOfHome && c.rates[0] > rareRate*c.rates[1] && from <= s.from && s.from <= to {
		found = append(found, problem.Warning{File: file, Line: s.line, Column: column, Kind: problem.WarnSpike,
			Text: fmt.Sprintf("the counter rises by %s to this reading, more than %d times as steeply as anywhere else: likely a meter that was replaced, or a wrong reading", number(int64(c.rise)), rareRate)})
	}
	return found
}
