package persistence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/scenario"
)

// The files of a run's folder.
const (
	runFile      = "run.json"
	reportFile   = "report.json"
	readingsFile = "readings.csv"
	gridFile     = "grid.csv"
	bookingsFile = "bookings.csv"
	scenarioFile = "scenario.yaml"
	ledgerFile   = "ledger"
	journalDir   = "journal"
	addressFile  = "address"
	writing      = ".tmp" // ends the name of a file that is being written
)

// runFormat is the number of the folder's form.
const runFormat = 3

// State says how a run stands.
type State string

// The states of a run.
const (
	Running     State = "running"
	Done        State = "done"
	Interrupted State = "interrupted" // ended early after a whole step, on request
	Failed      State = "failed"
)

// Run is what run.json says of a run.
type Run struct {
	Format   int       `json:"format"`
	ID       string    `json:"id,omitempty"` // no other run has it
	Scenario string    `json:"scenario"`
	Seed     uint64    `json:"seed"`
	Created  time.Time `json:"created"`
	Smatrix  string    `json:"smatrix"` // version of the program
	State    State     `json:"state"`
	Journal  *Kept     `json:"journal,omitempty"` // nil if the run is not kept step by step
	Sum      string    `json:"sum"`               // CRC-32C of all the rest, hex
}

// Kept says from what a run that is kept step by step can be built again.
type Kept struct {
	Scenario  scenario.Origin     `json:"scenario"` // its text is scenario.yaml
	Text      string              `json:"text"`     // SHA-256 of scenario.yaml, hex
	Data      []scenario.DataFile `json:"data"`     // recorded data that it reads
	Steps     int64               `json:"steps"`    // of the whole run
	StepS     int64               `json:"step_s"`
	CSV       bool                `json:"csv"`              // whether readings.csv and grid.csv belong to the run
	Parent    *Parent             `json:"parent,omitempty"` // of a fork
	Retention Retention           `json:"retention,omitzero"`
	Form      *Form               `json:"form,omitempty"` // nil: kept before there were layouts
}

// sum is what Sum must be.
func (r Run) sum() string {
	r.Sum = ""
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // it is plain data
	}
	return fmt.Sprintf("%08x", crc32.Checksum(b, castagnoli))
}

// RunDir is the folder of a run that is being made.
type RunDir struct {
	dir  string
	meta Run
	csv  *csvFiles // nil if nobody asked for it

	// For Keep and Fork: what is let go while the run is made, and what its journal
	// is kept in, nil for Badger.
	Retention Retention
	Tables    Opener

	journal *Journal // nil if the run is not kept step by step
	lock    *os.File // of a temporary folder
}

// CreateRun makes the folder of a run, parents included, and writes its run.json:
// running. Format and State of meta are filled in. A folder that cannot be used,
// because there is something in it, it is no folder or may not be written, is a
// *problem.Usage and stays as it was.
func CreateRun(dir string, meta Run) (*RunDir, error) {
	meta.Format, meta.State, meta.ID = runFormat, Running, newIdentity()
	r := &RunDir{dir: dir, meta: meta}
	if dir == "" {
		return nil, unusable(dir, "has no name")
	}
	if err := checkEmpty(dir); err != nil {
		return nil, err
	}
	made, err := makeFolders(dir)
	if err == nil {
		err = r.claim()
	}
	if err != nil {
		removeFolders(made)
		return nil, err
	}
	return r, nil
}

// unusable says why a folder cannot take a run, and what to do.
func unusable(dir, why string, args ...any) error {
	return &problem.Usage{What: fmt.Sprintf("output folder %q %s; choose one that is new or empty", dir, fmt.Sprintf(why, args...))}
}

// checkEmpty refuses what is no folder and a folder with something in it, besides
// what is known.
func checkEmpty(dir string, known ...string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if info, errStat := os.Stat(dir); errStat == nil && !info.IsDir() {
		return unusable(dir, "is a file")
	}
	if err != nil {
		return unusable(dir, "cannot be used: %v", reason(err))
	}
	if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == runFile }) {
		return unusable(dir, "holds a run already")
	}
	for _, e := range entries {
		if !slices.Contains(known, e.Name()) {
			return unusable(dir, "is not empty: it has %s", e.Name())
		}
	}
	return nil
}

// reason is an error of the operating system without operation and path.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// makeFolders makes dir with its parents and returns those that were missing,
// innermost first, also if it could not make all of them.
func makeFolders(dir string) (made []string, err error) {
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		if _, err := os.Lstat(d); !errors.Is(err, fs.ErrNotExist) || d == filepath.Dir(d) {
			break
		}
		made = append(made, d)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return made, unusable(dir, "cannot be made: %v", reason(err))
	}
	return made, nil
}

// removeFolders undoes makeFolders; what has got something in it since then stays.
func removeFolders(made []string) {
	for _, d := range made {
		_ = os.Remove(d) // nothing was lost if it stays
	}
}

// claim writes the first run.json. Of two runs that want one folder at the same
// time one gets it: only one can have run.json.tmp, and whoever gets that late
// finds run.json.
func (r *RunDir) claim() error {
	temp := r.path(runFile + writing)
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	switch {
	case errors.Is(err, fs.ErrExist):
		return unusable(r.dir, "is being used by another run")
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.EROFS):
		return unusable(r.dir, "cannot be written: %v", reason(err))
	case err != nil:
		return fmt.Errorf("output folder %q: %w", r.dir, err)
	}
	if err := checkEmpty(r.dir, runFile+writing); err != nil {
		f.Close()
		os.Remove(temp)
		return err
	}
	r.meta.Sum = r.meta.sum()
	return r.replace(f, runFile, r.meta)
}

// writeMeta replaces run.json.
func (r *RunDir) writeMeta() error {
	r.meta.Sum = r.meta.sum()
	return r.write(runFile, r.meta)
}

func (r *RunDir) path(name string) string { return filepath.Join(r.dir, name) }

// CSV begins readings.csv and grid.csv and returns the sink that fills them.
// Finish closes them.
func (r *RunDir) CSV() (sim.Sink, error) {
	files, err := createCSV(r.path(readingsFile), r.path(gridFile))
	if err != nil {
		return nil, err
	}
	r.csv = files
	return files, nil
}

// openTable opens the journal's table.
func (r *RunDir) openTable(mode Mode, thin bool) (Table, error) {
	open := r.Tables
	if open == nil {
		open = Badger
	}
	return open(r.path(journalDir), mode, thin)
}

// Shown says in the folder where the process that holds the run is to be asked,
// until Finish.
func (r *RunDir) Shown(address string) error { return r.writeText(addressFile, []byte(address+"\n")) }

// Dir is where it is.
func (r *RunDir) Dir() string { return r.dir }

// Remove deletes the folder of a run that nobody wants to keep.
func (r *RunDir) Remove() error {
	err := os.RemoveAll(r.dir)
	if r.lock != nil {
		err = errors.Join(err, r.lock.Close())
	}
	return err
}

// Finish closes the CSV files, writes the report and says in run.json how the run
// has ended. If not all that belongs to the run could be written, that is the
// error, and the run has failed.
func (r *RunDir) Finish(state State, report any) error {
	var err error
	if r.csv != nil {
		err = r.csv.Close()
	}
	if r.journal != nil {
		err = errors.Join(err, r.journal.End())
	}
	_ = os.Remove(r.path(addressFile)) // if it is there
	err = errors.Join(err, r.write(reportFile, report))
	if r.meta.State = state; err != nil {
		r.meta.State = Failed
	}
	return errors.Join(err, r.writeMeta())
}

// WriteBookings writes bookings.csv, if tables were asked for.
func (r *RunDir) WriteBookings(write func(io.Writer) error) error {
	if r.csv == nil {
		return nil
	}
	var table bytes.Buffer
	if err := write(&table); err != nil {
		return err
	}
	return r.writeText(bookingsFile, table.Bytes())
}

// writeText writes a file of the folder, which is synced before it has its name.
func (r *RunDir) writeText(name string, text []byte) error {
	f, err := os.Create(r.path(name + writing))
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), r.path(name))
	}
	return err
}

// write writes a JSON file of the folder whole, or leaves the one that was there.
func (r *RunDir) write(name string, v any) error {
	f, err := os.Create(r.path(name + writing))
	if err != nil {
		return err
	}
	return r.replace(f, name, v)
}

// replace writes v into f, which is named name.tmp, and gives it its name. The
// order is what makes it safe: content on disk, then the name, then the folder.
func (r *RunDir) replace(f *os.File, name string, v any) error {
	w := json.NewEncoder(f)
	w.SetIndent("", "  ")
	w.SetEscapeHTML(false)
	err := w.Encode(v)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), r.path(name))
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	syncFolder(r.dir)
	return nil
}

// syncFolder asks for the folder's names to be on disk. Not every system can, and
// the files are there without it, so it does not fail.
func syncFolder(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	_ = d.Sync()
	d.Close()
}
