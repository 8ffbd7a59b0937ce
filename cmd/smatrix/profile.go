package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/sim/problem"
)

// profiles are what a command writes about its own use of processor and memory. The flags
// and the files are those of go test.
type profiles struct {
	cpu, memory, trace string

	interruptible atomic.Bool // the command itself ends after a signal

	mu      sync.Mutex
	files   [3]*profileFile // as the flags; nil: not wanted
	taken   bool            // memory has been written
	written bool
	failed  error // of writing
}

// add adds the flags.
func (p *profiles) add(c *cobra.Command) {
	c.Flags().StringVar(&p.cpu, "cpuprofile", "", "write where processor time goes to `FILE`, for go tool pprof")
	c.Flags().StringVar(&p.memory, "memprofile", "", "write what is allocated and what is in use to `FILE`")
	c.Flags().StringVar(&p.trace, "trace", "", "write what runs when to `FILE`, for go tool trace")
}

// around calls do while the profiles that the flags name are made. The files are created
// before, so that one that cannot be written is an error before anything else happens, and
// written after it, also if do fails or is interrupted. Until do has called endsBySignal,
// which a command does that ends after a signal by itself, a signal writes the files and
// ends the process; after that a second one does.
func (p *profiles) around(do func() error) (err error) {
	if p.cpu == "" && p.memory == "" && p.trace == "" {
		return do()
	}
	if err := p.start(); err != nil {
		return err
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	over := make(chan struct{})
	go p.watch(signals, over)
	defer func() {
		signal.Stop(signals)
		close(over)
		err = errors.Join(err, p.write())
	}()
	return do()
}

// watch ends the process after a signal that do does not answer.
func (p *profiles) watch(signals <-chan os.Signal, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		case <-signals:
		}
		if p.interruptible.CompareAndSwap(true, false) {
			continue
		}
		_ = p.write() // the process ends in any case
		os.Exit(exitInterrupted)
	}
}

// endsBySignal says that from now on the command ends by itself after a signal.
func (p *profiles) endsBySignal() { p.interruptible.Store(true) }

func (p *profiles) start() error {
	flags := [...]string{"cpuprofile", "memprofile", "trace"}
	names := []string{p.cpu, p.memory, p.trace}
	for i, name := range names {
		if name == "" {
			continue
		}
		if k := slices.Index(names, name); k < i {
			p.closeAll()
			return &problem.Usage{What: fmt.Sprintf("--%s and --%s are the same file %q, wanted one for each", flags[k], flags[i], name)}
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666) // not for reading: a pipe would be its own reader
		if err != nil {
			p.closeAll()
			return &problem.Usage{What: fmt.Sprintf("--%s %q cannot be written: %v", flags[i], name, causeOf(err))}
		}
		p.files[i] = &profileFile{File: f}
	}
	if f := p.files[0]; f != nil {
		if err := pprof.StartCPUProfile(f); err != nil {
			p.closeAll()
			return err
		}
	}
	if f := p.files[2]; f != nil {
		if err := trace.Start(f); err != nil {
			pprof.StopCPUProfile()
			p.closeAll()
			return err
		}
	}
	return nil
}

// profileFile is a file that remembers the first error of Write: the makers of profiles and traces of the
// runtime drop it.
type profileFile struct {
	*os.File
	failed error
}

// Write implements io.Writer. Only one goroutine writes at a time, and it is at its end when Close is called.
func (f *profileFile) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	if f.failed == nil {
		f.failed = err
	}
	return n, err
}

// Close closes the file and returns the first error of all that was done with it.
func (f *profileFile) Close() error {
	err := f.File.Close()
	if f.failed != nil {
		return f.failed
	}
	return err
}

// causeOf returns an error of a file without its name.
func causeOf(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func (p *profiles) closeAll() {
	for _, f := range p.files {
		if f != nil {
			_ = f.Close() // nothing was written
		}
	}
}

// snapshot writes the profile of the memory, in place of one written before. A command calls
// it while what it has made is in use; otherwise it is written at the end.
func (p *profiles) snapshot() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writeMemory()
}

// writeMemory is snapshot for a caller that holds mu.
func (p *profiles) writeMemory() {
	f := p.files[1]
	if f == nil || p.written {
		return
	}
	runtime.GC() // the profile is that of the last collection
	err := f.Truncate(0)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil || !p.taken { // a device has no size
		err = pprof.Lookup("allocs").WriteTo(f, 0)
	}
	p.failed, p.taken = errors.Join(p.failed, err), true
}

// write ends the profiles and closes their files, once.
func (p *profiles) write() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.written {
		return p.failed
	}
	if p.files[0] != nil {
		pprof.StopCPUProfile()
	}
	if p.files[2] != nil {
		trace.Stop()
	}
	if !p.taken {
		p.writeMemory()
	}
	for _, f := range p.files {
		if f != nil {
			p.failed = errors.Join(p.failed, f.Close())
		}
	}
	p.written = true
	return p.failed
}
