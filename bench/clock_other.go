//go:build !unix

package bench

import "time"

// cpuKnown reports whether this system tells the processor time of a process.
const cpuKnown = false

func processTime() time.Duration { return 0 }

func PeakResident() int64 { return 0 }

func resetPeak() {}
