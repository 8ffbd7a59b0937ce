//go:build !linux && !darwin && !freebsd

package persistence

import (
	"io/fs"
	"math"
	"os"
)

// freeSpace is unknown on this system: a full disk shows when a write fails.
func freeSpace(string) (int64, error) { return math.MaxInt64, nil }

// held is unknown on this system: it reports that the store is free.
func held(string) bool { return false }

// canLock reports whether lockFolder locks, so that it tells what no process holds.
const canLock = false

// lockFolder does not lock on this system.
func lockFolder(dir string) (*os.File, error) { return os.Open(dir) }

// lockShared does not lock on this system.
func lockShared(dir string) (*os.File, error) { return os.Open(dir) }

// processExists is unknown on this system: it assumes that the process exists.
func processExists(int) bool { return true }

// diskUsage is unknown on this system: it returns the length of the file, holes included.
func diskUsage(info fs.FileInfo) int64 { return info.Size() }
