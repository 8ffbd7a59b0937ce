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
	"github.com/smatrix-grid/smatrix/sim/scenarios"
)

// Origin is what a scenario was loaded from: all that is wanted to load the same
// again, but for the data files that it names.
type Origin struct {
	Name    string  `json:"name"` // as it was asked for: of a shipped scenario, or a file
	File    string  `json:"file"` // as in messages
	Dir     string  `json:"dir"`  // from which paths of data count; "" if shipped with the program
	Text    []byte  `json:"-"`    // as it was written
	Options Options `json:"options"`
}

// Shipped reports whether scenario and data came with the program.
func (s *Origin) Shipped() bool { return s.Dir == "" }

// Origin says from what the scenario was loaded.
func (s *Scenario) Origin() Origin { return s.origin }

// Load loads the scenario again, as Load did. It accepts values that Load has refused only
// since the run was begun.
func (s Origin) Load() (*Scenario, error) {
	from := origin{file: s.File, dir: s.Dir, data: scenarios.Files, again: true}
	if !s.Shipped() {
		from.data = dirFS(s.Dir)
	}
	made, err := load(s.Text, from, s.Options)
	if err != nil {
		return nil, err
	}
	made.origin.Name = s.Name
	return made, nil
}

// DataFile is a file of recorded data that a run has read.
type DataFile struct {
	Path   string `json:"path"`   // absolute; of a shipped scenario the name within the program
	SHA256 string `json:"sha256"` // hex
}

// Data is the data files that have been read so far, by path: after Build all of
// them.
func (s *Scenario) Data() (files []DataFile, err error) {
	w := s.document.data.(*watched)
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

// pathOf is where a data file lies.
func (s *Origin) pathOf(name string) (string, error) {
	if s.Shipped() {
		return name, nil
	}
	if name = filepath.FromSlash(name); !filepath.IsAbs(name) {
		name = filepath.Join(s.Dir, name)
	}
	return filepath.Abs(name)
}

// Check refuses data files that are gone or are not what they were.
func (s *Origin) Check(files []DataFile) error {
	data, what := fs.FS(dirFS("/")), "recorded data"
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
			found = append(found, &problem.At{File: f.Path, What: fmt.Sprintf("%s has changed since the run has read it: SHA-256 %.12s…, wanted %.12s…", what, sum, f.SHA256)})
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

// watched remembers which files have been opened.
type watched struct {
	fs.FS
	mu    sync.Mutex
	names map[string]bool
}

func watch(data fs.FS) *watched { return &watched{FS: data, names: map[string]bool{}} }

// Open implements fs.FS.
func (w *watched) Open(name string) (fs.File, error) {
	f, err := w.FS.Open(name)
	if err == nil {
		w.mu.Lock()
		w.names[name] = true
		w.mu.Unlock()
	}
	return f, err
}

func (w *watched) opened() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.names))
}

// MakeAbsolute makes the folder of the data independent of where the process stands.
func (o *Origin) MakeAbsolute() (err error) {
	if !o.Shipped() {
		o.Dir, err = filepath.Abs(o.Dir)
	}
	return err
}
