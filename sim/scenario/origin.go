package scenario

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sync"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/regular"
	"github.com/smatrix-grid/smatrix/sim/scenarios"
)

// Origin is what a scenario was loaded from: everything that is needed to load it again,
// except the data files that it names.
type Origin struct {
	Name    string  `json:"name"` // as it was asked for: a shipped scenario's name, or a file
	File    string  `json:"file"` // its name in error messages
	Dir     string  `json:"dir"`  // folder from which the paths of data files start; "" if shipped with the program
	Text    []byte  `json:"-"`    // the scenario as it was written
	Options Options `json:"options"`
	// Events is the rule of the program that began the run, so that its events keep their
	// steps.
	Events EventRule `json:"events,omitempty"`
}

// Shipped reports whether the scenario and its data were shipped with the program.
func (s *Origin) Shipped() bool { return s.Dir == "" }

// Origin returns what the scenario was loaded from.
func (s *Scenario) Origin() Origin { return s.origin }

// Load loads the scenario again, as Load did. It accepts values that Load has refused only
// since the run was begun. It opens any file that the scenario names: Reload is for the
// scenario of a kept run.
func (s Origin) Load() (*Scenario, error) {
	if s.Shipped() {
		return s.load(scenarios.Files)
	}
	return s.load(regular.Dir(s.Dir))
}

// Reload is Load for a kept run, with the data files that the run has read.
//
// The scenario in a run's folder can name any file of this machine, and another person may have
// written it. So Reload reads only files whose SHA-256 the run has recorded: errors about their
// content then show nothing that the author of the run did not know. A file that is gone or has changed is a
// *problem.At.
func (s Origin) Reload(files []DataFile) (*Scenario, error) {
	if err := s.check(files); err != nil {
		return nil, err
	}
	if s.Shipped() {
		return s.load(scenarios.Files)
	}
	return s.load(&knownFS{FS: regular.Dir(s.Dir), origin: &s, files: files})
}

func (s Origin) load(data fs.FS) (*Scenario, error) {
	from := location{file: s.File, dir: s.Dir, data: data, events: s.Events, again: true}
	made, err := loadFrom(s.Text, from, s.Options)
	if err != nil {
		return nil, err
	}
	made.origin.Name = s.Name
	return made, nil
}

// DataFile is a file of recorded data that a run has read.
type DataFile struct {
	Path   string `json:"path"`   // absolute; for a shipped scenario the path in scenarios.Files
	SHA256 string `json:"sha256"` // hex
}

// Data returns the data files that have been read so far, sorted by path. After sim.Build
// these are all data files of the scenario.
func (s *Scenario) Data() (files []DataFile, err error) {
	w := s.document.data.(*trackedFS)
	for _, name := range w.opened() {
		sum, err := fileSum(w.FS, name)
		if err != nil {
			return nil, err
		}
		path, err := s.origin.pathOf(name)
		if err != nil {
			return nil, err
		}
		files = append(files, DataFile{path, sum})
	}
	return files, nil
}

// pathOf returns the path of a data file as DataFile has it.
func (s *Origin) pathOf(name string) (string, error) {
	if s.Shipped() {
		return name, nil
	}
	if name = filepath.FromSlash(name); !filepath.IsAbs(name) {
		name = filepath.Join(s.Dir, name)
	}
	return filepath.Abs(name)
}

// knownFS opens the data files that a run has read, and no others.
type knownFS struct {
	fs.FS
	origin *Origin
	files  []DataFile
}

var errNotRead = errors.New("the run has not read this file")

// Open implements fs.FS.
func (k *knownFS) Open(name string) (fs.File, error) {
	path, err := k.origin.pathOf(name)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(k.files, func(f DataFile) bool { return f.Path == path }) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errNotRead}
	}
	return k.FS.Open(name)
}

// check returns an error for each data file that is gone or has changed. It does not tell
// the SHA-256 of a file that may be another than the run's.
func (s *Origin) check(files []DataFile) error {
	data, what := fs.FS(regular.Dir("/")), "recorded data"
	if s.Shipped() {
		data, what = scenarios.Files, "data of the shipped scenario"
	}
	var found []error
	for _, f := range files {
		sum, err := fileSum(data, f.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			found = append(found, &problem.At{File: f.Path, What: what + " is gone, wanted the file that the run has read"})
		case err != nil:
			found = append(found, &problem.At{File: f.Path, What: err.Error(), Err: err})
		case sum != f.SHA256:
			found = append(found, &problem.At{File: f.Path, What: fmt.Sprintf("%s has changed since the run has read it, wanted the file with SHA-256 %.12s…", what, f.SHA256)})
		}
	}
	return problem.Join(found)
}

func fileSum(data fs.FS, name string) (string, error) {
	f, err := data.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// trackedFS records which files have been opened.
type trackedFS struct {
	fs.FS
	mu    sync.Mutex
	names map[string]bool
}

func trackFS(data fs.FS) *trackedFS { return &trackedFS{FS: data, names: map[string]bool{}} }

// Open implements fs.FS.
func (w *trackedFS) Open(name string) (fs.File, error) {
	f, err := w.FS.Open(name)
	if err == nil {
		w.mu.Lock()
		w.names[name] = true
		w.mu.Unlock()
	}
	return f, err
}

func (w *trackedFS) opened() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.names))
}

// MakeAbsolute makes the folder of the data independent of the process's working directory.
func (o *Origin) MakeAbsolute() (err error) {
	if !o.Shipped() {
		o.Dir, err = filepath.Abs(o.Dir)
	}
	return err
}
