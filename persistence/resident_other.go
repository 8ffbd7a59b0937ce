//go:build !linux

package persistence

import "time"

// releaseTables does nothing on this system.
func releaseTables(string, <-chan time.Time, <-chan struct{}) {}
