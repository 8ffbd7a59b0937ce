package main

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	"github.com/smatrix-grid/smatrix/sim"
)

// memoryLimit is Go's soft limit of memory for a run that is kept. The journal's compactions use more
// than the run for a second or two, and most of it is garbage at once: without a limit the heap would
// double from there. The limit follows what the run itself needs, so that a run never collects garbage
// without end. As a sink, it looks at the memory from time to time.
type memoryLimit struct {
	bytes  int64
	steps  int
	least  int64 // bytes in use at the calmest check since the limit was last thought of
	before int64 // the limit to go back to
}

const (
	spareMemory     = 64 << 20 // beside twice what is in use at the start
	stepsUntilCheck = 256
	checksUntilMore = 8 // the calmest of them has no compaction in it
)

// newMemoryLimit sets the limit. What is in memory now is taken for what the run needs.
func newMemoryLimit() *memoryLimit {
	runtime.GC()
	l := &memoryLimit{bytes: 2*liveHeap() + spareMemory, least: math.MaxInt64}
	l.before = debug.SetMemoryLimit(l.bytes)
	return l
}

// Commit implements sim.Sink. It raises the limit where the run itself needs more than three quarters of
// it.
func (l *memoryLimit) Commit(*sim.StepRecord) error {
	if l.steps++; l.steps%stepsUntilCheck == 0 {
		l.check(liveHeap())
	}
	return nil
}

func (l *memoryLimit) check(live int64) {
	l.least = min(l.least, live)
	if l.steps%(stepsUntilCheck*checksUntilMore) != 0 {
		return
	}
	if wanted := l.least / 3 * 4; wanted > l.bytes {
		l.bytes = wanted
		debug.SetMemoryLimit(l.bytes)
	}
	l.least = math.MaxInt64
}

// lift goes back to the limit that was there before.
func (l *memoryLimit) lift() { debug.SetMemoryLimit(l.before) }

// liveHeap returns the bytes that were in use at the end of the last collection of garbage.
func liveHeap() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}
