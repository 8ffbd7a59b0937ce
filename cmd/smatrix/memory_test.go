package main

import (
	"math"
	"runtime/debug"
	"testing"
)

// The limit of memory stands while only compactions need more, and follows the run when it needs more
// itself. Without it, a run would collect garbage without end.
func TestMemoryLimitFollowsTheRun(t *testing.T) {
	was := debug.SetMemoryLimit(-1)
	const limit = 400
	l := memoryLimit{bytes: limit, least: math.MaxInt64, before: was}
	defer l.lift()
	checks := func(live ...int64) int64 {
		for _, bytes := range live {
			l.steps += stepsUntilCheck
			l.check(bytes << 20)
		}
		return l.bytes >> 20
	}
	l.bytes <<= 20
	for _, c := range []struct {
		about string
		live  []int64
		want  int64
	}{
		{"a run that needs little", []int64{100, 100, 100, 100, 100, 100, 100, 100}, limit},
		{"a compaction in all checks but one", []int64{900, 900, 900, 900, 900, 900, 100, 900}, limit},
		{"a run that needs 450 MiB", []int64{450, 460, 900, 470, 480, 490, 500, 510}, 600},
		{"less again", []int64{100, 100, 100, 100, 100, 100, 100, 100}, 600},
	} {
		if got := checks(c.live...); got != c.want {
			t.Errorf("%s: limit of %d MiB, wanted %d", c.about, got, c.want)
		}
	}
	if set := debug.SetMemoryLimit(-1) >> 20; set != 600 {
		t.Errorf("Go's limit is %d MiB, wanted 600", set)
	}
	l.lift()
	if set := debug.SetMemoryLimit(-1); set != was {
		t.Errorf("after the run the limit is %d, wanted %d as before", set, was)
	}
}
