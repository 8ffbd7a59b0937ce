//go:build linux || darwin || freebsd

package persistence

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// freeSpace returns how many bytes a user may still write to the disk of a folder.
func freeSpace(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}

// held reports whether a process has the Badger store in a folder open, and so locked.
func held(dir string) bool {
	f, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_NONBLOCK, 0) // it may be a pipe
	if err != nil {
		return false
	}
	defer f.Close()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	return errors.Is(err, syscall.EWOULDBLOCK)
}

// canLock reports whether lockFolder locks, so that it tells what no process holds.
const canLock = true

// lockFolder locks a folder or file until the returned file is closed or the process ends. Of one that
// is locked already, the error is errHeld.
func lockFolder(dir string) (*os.File, error) { return lock(dir, syscall.LOCK_EX) }

// lockShared locks a folder as lockFolder does, but other readers may do so as well.
func lockShared(dir string) (*os.File, error) { return lock(dir, syscall.LOCK_SH) }

func lock(dir string, how int) (*os.File, error) {
	f, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_NONBLOCK, 0) // it may be a pipe
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errHeld
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// processExists reports whether a process with this ID may exist.
func processExists(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// diskUsage returns how many bytes a file takes on disk.
func diskUsage(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return min(info.Size(), s.Blocks*512)
	}
	return info.Size()
}
