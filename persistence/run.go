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
	"strings"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
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
	tempSuffix   = ".tmp" // suffix of a file that is being written
)

// mostMeta bounds run.json, whose longest part are the changes that --set asked for, and
// address, in bytes.
const mostMeta = 16 << 20

// runFormat is the version of the folder's form.
const runFormat = 3

// State is the state of a run.
type State string

// The states of a run.
const (
	Running     State = "running"
	Done        State = "done"
	Interrupted State = "interrupted" // ended early after a whole step, on request
	Failed      State = "failed"
)

// Run is the content of run.json.
type Run struct {
	Format   int       `json:"format"`
	ID       string    `json:"id,omitempty"` // unique to the run
	Scenario string    `json:"scenario"`
	Seed     uint64    `json:"seed"`
	Created  time.Time `json:"created"`
	Smatrix  string    `json:"smatrix"` // version of the program
	State    State     `json:"state"`
	Journal  *Kept     `json:"journal,omitempty"` // nil if the run is not kept step by step
	Sum      string    `json:"sum"`               // CRC-32C of all other fields, hex
}

// Kept is what a run that is kept step by step is built from when it is opened.
type Kept struct {
	Scenario  scenario.Origin     `json:"scenario"` // its text is scenario.yaml
	Text      string              `json:"text"`     // SHA-256 of scenario.yaml, hex
	Data      []scenario.DataFile `json:"data"`     // files of recorded data
	Steps     int64               `json:"steps"`    // of the whole run
	StepS     int64               `json:"step_s"`
	CSV       bool                `json:"csv"`              // whether readings.csv and grid.csv belong to the run
	Parent    *Parent             `json:"parent,omitempty"` // nil if the run is not a fork
	Retention Retention           `json:"retention,omitzero"`
	Form      *Form               `json:"form,omitempty"` // nil: older than layouts
}

// sum computes the value of Sum.
func (r Run) sum() string {
	r.Sum = ""
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // plain data always marshals
	}
	return fmt.Sprintf("%08x", crc32.Checksum(b, castagnoli))
}

// RunDir is the folder of a run in progress.
type RunDir struct {
	dir  string
	meta Run
	csv  *csvFiles // nil without CSV

	// Keep and Fork read these: what to delete during the run, and the kind of table of
	// the journal, nil for Badger.
	Retention Retention
	Tables    Opener

	journal *Journal // nil if the run is not kept step by step
	lock    *os.File // of a temporary folder, else nil
	begun   *os.File // the folder, locked until its run has a journal; nil of a temporary folder, which is locked longer
}

// CreateRun makes the folder of a run, parents included, and writes its run.json with the
// state Running; it fills in Format and State of meta. A folder that is not empty, not a
// folder or not writable is a *problem.Usage and stays as it was; but the folder of a run whose process
// ended before anything was kept is taken.
func CreateRun(dir string, meta Run) (*RunDir, error) { return createRun(dir, meta, nil) }

// createRun is CreateRun; lock is that of a folder which the caller has locked, else nil.
func createRun(dir string, meta Run, lock *os.File) (*RunDir, error) {
	meta.Format, meta.State, meta.ID = runFormat, Running, newIdentity()
	r := &RunDir{dir: dir, meta: meta, lock: lock}
	if dir == "" {
		return nil, unusable(dir, "has no name")
	}
	removeAbandoned(r.path(runFile))
	removeBegun(dir)
	if err := checkEmpty(dir, hiddenPrefix(runFile)); err != nil {
		return nil, err
	}
	made, err := makeFolders(dir)
	if err == nil {
		err = checkRoom(dir)
	}
	if err == nil && lock == nil {
		if r.begun, err = lockFolder(dir); errors.Is(err, errHeld) {
			err = unusable(dir, "is being used by another run")
		} else if err != nil {
			err = unusableFor(dir, "cannot be used", err)
		}
	}
	if err == nil {
		err = r.claim()
	}
	if err != nil {
		r.unlockBegun()
		removeFolders(made)
		return nil, err
	}
	return r, nil
}

// unlockBegun unlocks the folder: its journal is locked by now, or nothing more is written.
func (r *RunDir) unlockBegun() {
	if r.begun != nil {
		_ = r.begun.Close() // a lock only
		r.begun = nil
	}
}

// removeBegun empties the folder of a run whose process has ended before the run had a journal, so that nothing of
// it is kept. It leaves a folder that another process is about to begin a run in, and one that has a file that
// such a run does not have. run.json is deleted last: a process that is killed here leaves such a folder again.
func removeBegun(dir string) {
	run, err := openRun(dir)
	if err != nil || !run.justBegun() || !canLock {
		return
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return
	}
	defer lock.Close()
	run, err = openRun(dir) // it may have got its journal since
	if err != nil || !run.justBegun() || held(run.path(journalDir)) {
		return
	}
	entries, err := os.ReadDir(dir)
	if err != nil || slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !ofBegunRun(e.Name()) }) {
		return
	}
	for _, e := range entries {
		if e.Name() != runFile {
			err = errors.Join(err, os.RemoveAll(run.path(e.Name())))
		}
	}
	if err == nil {
		_ = os.Remove(run.path(runFile)) // if it stays, it is reported
	}
}

// justBegun reports whether a run is as it is before it has a journal.
func (r *RunDir) justBegun() bool {
	return r.meta.Journal == nil && r.meta.State == Running && r.meta.Format == runFormat
}

// ofBegunRun reports whether a run that has no journal yet may have a file of that name: those of its end are not
// among them.
func ofBegunRun(name string) bool {
	begun := []string{runFile, scenarioFile, ledgerFile, journalDir, runFile + tempSuffix, scenarioFile + tempSuffix, readingsFile + tempSuffix, gridFile + tempSuffix}
	return slices.Contains(begun, name)
}

// unusable returns the error of an output folder that cannot be used, and what to do.
func unusable(dir, why string, args ...any) error {
	return &problem.Usage{What: fmt.Sprintf("output folder %q %s; choose one that is new or empty", dir, fmt.Sprintf(why, args...))}
}

// unusableFor returns the error of an output folder that cannot be used because of another one.
func unusableFor(dir, what string, err error) error {
	if system := systemErrorOfOutput(dir, err); system != nil {
		return system
	}
	return unusable(dir, "%s: %v", what, reason(err))
}

// checkEmpty returns an error if dir is not a folder, or contains files whose names begin with none of the
// prefixes.
func checkEmpty(dir string, prefixes ...string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if info, errStat := os.Stat(dir); errStat == nil && !info.IsDir() {
		return unusable(dir, "is a file")
	}
	if err != nil {
		return unusableFor(dir, "cannot be used", err)
	}
	if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == runFile }) {
		return unusable(dir, "holds a run already")
	}
	for _, e := range entries {
		if !slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(e.Name(), prefix) }) {
			return unusable(dir, "is not empty: it has %s", e.Name())
		}
	}
	return nil
}

// reason strips operation and path from an error of the operating system.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// makeFolders makes dir with its parents and returns the folders that it made, innermost
// first, also when it fails.
func makeFolders(dir string) (made []string, err error) {
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		if _, err := os.Lstat(d); !errors.Is(err, fs.ErrNotExist) || d == filepath.Dir(d) {
			break
		}
		made = append(made, d)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return made, unusableFor(dir, "cannot be made", err)
	}
	return made, nil
}

// removeFolders undoes makeFolders; folders that are not empty stay.
func removeFolders(made []string) {
	for _, d := range made {
		_ = os.Remove(d) // an empty folder left behind does no harm
	}
}

// claim writes the first run.json. If two runs claim one folder at the same time, one
// succeeds: only one can give its file that name.
func (r *RunDir) claim() error {
	f, err := CreateFile(r.path(runFile))
	if err != nil {
		return unusableFor(r.dir, "cannot be written", err)
	}
	err = checkEmpty(r.dir, hiddenPrefix(runFile))
	if err == nil {
		r.meta.Sum = r.meta.sum()
		err = encode(f, r.meta)
	}
	if err != nil {
		f.Discard()
		return err
	}
	if err := f.Keep(); errors.Is(err, problem.ErrUsage) {
		return unusable(r.dir, "is being used by another run")
	} else if err != nil {
		return err
	}
	return nil
}

// encode writes JSON for people.
func encode(to io.Writer, v any) error {
	w := json.NewEncoder(to)
	w.SetIndent("", "  ")
	w.SetEscapeHTML(false)
	return w.Encode(v)
}

// writeMeta replaces run.json.
func (r *RunDir) writeMeta() error {
	r.meta.Sum = r.meta.sum()
	return r.write(runFile, r.meta)
}

func (r *RunDir) path(name string) string { return filepath.Join(r.dir, name) }

// CSV begins readings.csv and grid.csv and returns the sink that writes them. They have these
// names when Finish closes them.
func (r *RunDir) CSV() (sim.Sink, error) {
	files, err := createCSV(r.path(readingsFile+tempSuffix), r.path(gridFile+tempSuffix))
	if err != nil {
		return nil, err
	}
	r.csv = files
	return files, nil
}

// SetCSVAside renames readings.csv and grid.csv before CSV replaces them with files that begin
// with a later step, and returns their new names. A file that is not there is left out, and so is one
// whose new name is taken: it begins with that step, and the earlier rows were set aside before. Of a run that
// was killed, the file that it was writing may have the most rows.
func (r *RunDir) SetCSVAside(step twins.Tick) (names []string, err error) {
	for _, name := range []string{readingsFile, gridFile} {
		aside := fmt.Sprintf("%s-before-step-%d.csv", strings.TrimSuffix(name, ".csv"), step)
		if _, err := os.Lstat(r.path(aside)); err == nil {
			continue
		}
		err := os.Rename(larger(r.path(name), r.path(name+tempSuffix)), r.path(aside))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return names, err
		}
		if err == nil {
			names = append(names, aside)
		}
	}
	return names, nil
}

// larger returns the name of the larger of two files, the first if neither is there.
func larger(a, b string) string {
	size := func(name string) int64 {
		info, err := os.Lstat(name)
		if err != nil {
			return -1
		}
		return info.Size()
	}
	if size(b) > size(a) {
		return b
	}
	return a
}

// openTable opens the journal's table.
func (r *RunDir) openTable(mode Mode, thin bool) (Table, error) {
	open := r.Tables
	if open == nil {
		open = Badger
	}
	return open(r.path(journalDir), mode, thin)
}

// Shown writes the address at which this process serves the run into the folder; Finish
// removes it.
func (r *RunDir) Shown(address string) error { return r.writeText(addressFile, []byte(address+"\n")) }

// Dir returns the path of the folder.
func (r *RunDir) Dir() string { return r.dir }

// Remove deletes the folder of a temporary run.
func (r *RunDir) Remove() error {
	err := os.RemoveAll(r.dir)
	r.unlockBegun()
	if r.lock != nil {
		err = errors.Join(err, r.lock.Close())
	}
	return err
}

// Finish closes the CSV files, writes the report, if there is any, and the final state in run.json. If
// anything cannot be written, it returns the error and the state is Failed.
func (r *RunDir) Finish(state State, report any) error {
	var err error
	if r.csv != nil {
		err = r.endCSV()
	}
	if r.journal != nil {
		err = errors.Join(err, r.journal.End())
	}
	_ = os.Remove(r.path(addressFile)) // it may not exist
	if report != nil {
		err = errors.Join(err, r.write(reportFile, report))
	}
	if r.meta.State = state; err != nil {
		r.meta.State = Failed
	}
	defer r.unlockBegun()
	return errors.Join(err, r.writeMeta())
}

// endCSV closes the CSV files and gives them their names, in place of those of an earlier part of the run. After
// an error it deletes them.
func (r *RunDir) endCSV() error {
	err := r.csv.Close()
	for _, name := range []string{readingsFile, gridFile} {
		temp := r.path(name + tempSuffix)
		if err == nil {
			err = os.Rename(temp, r.path(name))
		}
		if err != nil {
			_ = os.Remove(temp) // the first error is the cause
		}
	}
	syncFolder(r.dir)
	return err
}

// WriteBookings writes bookings.csv if the run has CSV files.
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

// writeText writes a file of the folder; the content is synced before the file is renamed.
func (r *RunDir) writeText(name string, text []byte) error {
	f, err := createRegular(r.path(name + tempSuffix))
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

// write replaces a JSON file of the folder as a whole, or leaves the old one.
func (r *RunDir) write(name string, v any) error {
	f, err := createRegular(r.path(name + tempSuffix))
	if err != nil {
		return err
	}
	return r.replace(f, name, v)
}

// replace writes v into f, which is named name.tmp, and renames it to name. It is safe by
// order: sync the content, rename, sync the folder.
func (r *RunDir) replace(f *os.File, name string, v any) error {
	err := encode(f, v)
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

// syncFolder syncs the folder's entries to disk. Not every system can; errors are ignored,
// as the files exist without it.
func syncFolder(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	_ = d.Sync()
	d.Close()
}
