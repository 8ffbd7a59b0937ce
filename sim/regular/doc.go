// Package regular opens files that may come from others: those of a scenario, a run's
// folder or an archive.
//
// A name can be that of a pipe, on which opening waits for a writer, or of a device that
// never ends, and a file can be larger than memory. The functions refuse what is no
// regular file without waiting for it, and files that are larger than the caller expects.
//
// Deliberately absent: writing, and any rule about where a file may lie.
package regular
