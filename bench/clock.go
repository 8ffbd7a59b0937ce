package bench

import "time"

// usage is what something has used: time on the clock, and processor time, user and
// system, of all threads of the process.
type usage struct{ wall, cpu time.Duration }

// stopwatch measures usage from its start on.
type stopwatch struct {
	began time.Time
	cpu   time.Duration
}

func startWatch() stopwatch { return stopwatch{time.Now(), processTime()} }

func (s stopwatch) used() usage { return usage{time.Since(s.began), processTime() - s.cpu} }

func (u *usage) add(v usage) { u.wall, u.cpu = u.wall+v.wall, u.cpu+v.cpu }
