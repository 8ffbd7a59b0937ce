//go:build unix

package bench

import (
	"os"
	"runtime"
	"syscall"
	"time"
)

// cpuKnown reports whether this system tells the processor time of a process.
const cpuKnown = true

// processTime is the processor time of this process so far, user and system.
func processTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// PeakResident is the greatest resident memory of this process, in bytes, since Measure last began a side:
// where the system cannot reset it, since the process began.
func PeakResident() int64 {
	if v, ok := kibOf("/proc/self/status", "VmHWM"); ok {
		return v
	}
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(u.Maxrss)
	}
	return int64(u.Maxrss) * 1024 // others count in KiB
}

// resetPeak makes PeakResident begin with the present resident memory, on Linux.
func resetPeak() {
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // proc(5); without it the peak is that of the process
}
