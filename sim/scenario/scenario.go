package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
	"go.yaml.in/yaml/v4"
)

// Options are what the command line says about a scenario, over what stands in
// its file.
type Options struct {
	Set   []string `json:"set,omitempty"` // PATH=VALUE or PATH*=FACTOR
	Seed  *uint64  `json:"seed,omitempty"`
	Days  *int     `json:"days,omitempty"`  // local calendar days
	Steps *int     `json:"steps,omitempty"` // wins over Days
}

// Scenario is a scenario read and checked: every path exists, patterns are
// expanded, defaults filled in.
type Scenario struct {
	Name        string
	Description string
	File        string // as in messages: street.yaml
	Seed        uint64
	Hosting     string      // message | batched | plain
	Controls    string      // full | none; empty where strategies are chosen by level
	Forecast    string      // stated | perfect
	Strategies  Strategies  // that Controls stands for, or that are chosen
	Reserve     twins.Power // wanted besides what covers the greatest infeed
	Calendar    *inputs.Calendar
	// Interruption is the length beyond which an interruption of supply counts.
	Interruption twins.Seconds
	Rates        Rates           // of rewards
	Events       []twins.Command // in the order of the file

	mu       sync.Mutex // document
	document *document
	origin   Origin
}

// Rates are what a member gets for what it did for the grid. The schema's defaults
// are assumptions: 5 ct/kWh for load that waits, 1 €/kWh for load that is not served,
// and 8 ct/kWh, about a feed-in tariff, for generation held back.
type Rates struct {
	Shifted   twins.Price // load moved to later by agreement
	Unserved  twins.Price // load not served
	Curtailed twins.Price // generation held back
}

// Load reads a shipped scenario by name, or a YAML file. What is wrong with the
// scenario is one *problem.At for each thing, with its line; what is wrong with how
// it was asked for is a *problem.Usage.
func Load(nameOrFile string, o Options) (*Scenario, error) {
	source, from, err := open(nameOrFile)
	if err != nil {
		return nil, err
	}
	s, err := load(source, from, o)
	if err != nil {
		return nil, err
	}
	s.origin.Name = nameOrFile
	return s, nil
}

// Read is Load of a scenario that has been read, under the name that messages call it by.
// Its data is opened in data. Its Origin takes the data for that which is shipped with the
// program, and loads it again only if it is.
func Read(source []byte, file string, data fs.FS, o Options) (*Scenario, error) {
	return load(source, origin{file: file, data: data}, o)
}

func load(source []byte, from origin, o Options) (*Scenario, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	d := &document{file: from.file, dir: from.dir, data: watch(from.data), schema: scenarioSchema(), again: from.again}
	if err := d.read(source, o); err != nil {
		return nil, err
	}
	s := &Scenario{
		Name: d.root.textOf("name"), Description: d.root.textOf("description"), File: d.file,
		Hosting: d.root.textOf("hosting"), Controls: d.root.textOf("controls"), Forecast: d.root.textOf("forecast"),
		document: d, origin: Origin{File: from.file, Dir: from.dir, Text: source, Options: o},
	}
	if s.Name == "" {
		s.Name = strings.TrimSuffix(path.Base(filepath.ToSlash(d.file)), path.Ext(d.file))
	}
	s.Strategies = d.strategies()
	var err error
	if s.Seed, err = strconv.ParseUint(d.root.textOf("seed"), 10, 64); err != nil {
		return nil, d.problem(d.root.get("seed").line, "seed: %v", err)
	}
	if err := d.checkSeed(s.Seed, &o); err != nil {
		return nil, err
	}
	if s.Reserve, err = d.reserve(); err != nil {
		return nil, err
	}
	if s.Calendar, err = d.calendar(o); err != nil {
		return nil, err
	}
	if err := d.service(s); err != nil {
		return nil, err
	}
	s.Events, err = d.events(s.Calendar)
	d.again = false // what changes from here on is new
	return s, err
}

// Over is the scenario over other days, with another seed and without its events.
func (s *Scenario) Over(cal *inputs.Calendar, seed uint64) *Scenario {
	return &Scenario{Name: s.Name, File: s.File, Seed: seed, Hosting: s.Hosting, Controls: s.Controls, Strategies: s.Strategies, Calendar: cal, document: s.document}
}

// Problem is an error about the value of a key at the scenario's top, with its line.
func (s *Scenario) Problem(key, format string, args ...any) error {
	return s.document.problem(s.document.root.get(key).line, "%s: %s", key, fmt.Sprintf(format, args...))
}

// service reads how interruptions are counted and what members are rewarded with.
func (d *document) service(s *Scenario) error {
	r, a := d.root.get("reliability"), d.root.get("agreement")
	for _, v := range []struct {
		of    *tree
		key   string
		scale int64
		to    *int64
	}{
		{r, "interruption_s", 1, (*int64)(&s.Interruption)},
		{a, "shifted_eur_per_kwh", 1_000_000_000, (*int64)(&s.Rates.Shifted)}, // € per kWh to µ€ per MWh
		{a, "unserved_eur_per_kwh", 1_000_000_000, (*int64)(&s.Rates.Unserved)},
		{a, "curtailed_eur_per_kwh", 1_000_000_000, (*int64)(&s.Rates.Curtailed)},
	} {
		n, err := twins.ParseScaled(v.of.textOf(v.key), v.scale)
		if err != nil {
			return d.problem(v.of.get(v.key).line, "%s: %v", v.key, err)
		}
		*v.to = n
	}
	return nil
}

// most bounds the length of a run: what its recordings take grows with it.
const mostDays = 36_600

func (o *Options) check() error {
	if o.Days != nil && (*o.Days < 1 || *o.Days > mostDays) {
		return &problem.Usage{What: outside("--days", *o.Days, mostDays)}
	}
	if o.Steps != nil && (*o.Steps < 1 || int64(*o.Steps) > mostDays*86_400) {
		return &problem.Usage{What: outside("--steps", *o.Steps, mostDays*86_400)}
	}
	return nil
}

func outside(flag string, n int, most int64) string {
	if n < 1 {
		return fmt.Sprintf("%s %d: wanted at least 1", flag, n)
	}
	return fmt.Sprintf("%s %d: wanted at most %d", flag, n, most)
}

// read turns a file into a tree in which every path exists.
func (d *document) read(source []byte, o Options) (err error) {
	if d.root, err = readYAML(d.file, source); err != nil {
		return err
	}
	d.dropEmpty()
	if err := d.shape(); err != nil {
		return err
	}
	if err := d.checkVanishing(); err != nil {
		return err
	}
	d.schema.fill(d.schema.top(), &d.root)
	whole, ofEntries := d.splitSets(o.Set)
	if err := d.setAll(whole); err != nil {
		return err
	}
	if o.Seed != nil {
		d.root.put("seed", tree{form: formNumber, text: strconv.FormatUint(*o.Seed, 10)})
	}
	if o.Days != nil {
		d.root.put("days", tree{form: formNumber, text: strconv.Itoa(*o.Days)})
	}
	if err := d.checkTime(); err != nil {
		return err
	}
	if err := d.draw(); err != nil {
		return err
	}
	if err := d.expand(); err != nil {
		return err
	}
	if err := d.setAll(ofEntries); err != nil {
		return err
	}
	return d.meaning()
}

// splitSets tells changes of the scenario as a whole, which come before homes are
// drawn and patterns expanded, from those of entries.
func (d *document) splitSets(sets []string) (whole, ofEntries []string) {
	for _, written := range sets {
		path, _, _ := strings.Cut(written, "=")
		first, _, within := strings.Cut(strings.TrimSuffix(path, "*"), ".")
		if _, isList := d.schema.entry(first); isList && within {
			ofEntries = append(ofEntries, written)
		} else {
			whole = append(whole, written)
		}
	}
	return whole, ofEntries
}

func (d *document) setAll(sets []string) error {
	for _, written := range sets {
		if err := d.set(written); err != nil {
			return &problem.Usage{What: "--set: " + err.Error()}
		}
	}
	if len(sets) == 0 {
		return nil
	}
	return d.shape() // each value is right by itself; together they may not be
}

// checkTime checks what the schema cannot know of steps and zones.
func (d *document) checkTime() error {
	var found []error
	step, zone := d.root.get("step_s"), d.root.get("zone")
	if s, _ := strconv.Atoi(step.text); 86_400%s != 0 {
		found = append(found, d.problem(step.line, "step_s: %d does not divide a day of 86400 s, wanted one that does, such as 60, 900 or 3600", s))
	}
	if _, err := loadZone(zone.text); err != nil {
		found = append(found, d.problem(zone.line, "zone: %q is unknown, wanted a name such as Europe/Berlin", zone.text))
	} else if _, err := d.start(); err != nil {
		found = append(found, err)
	}
	return problem.Join(found)
}

// loadZone refuses the zone of the machine: a run must not depend on it.
func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, errors.New("no zone")
	}
	return time.LoadLocation(name)
}

func (d *document) start() (time.Time, error) {
	at := d.root.get("start")
	zone, err := loadZone(d.root.textOf("zone"))
	if err != nil {
		return time.Time{}, err
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if len(layout) != len(at.text) {
			continue
		}
		t, err := time.ParseInLocation(layout, at.text, zone)
		if err != nil || t.Format(layout) != at.text {
			break
		}
		return t, nil
	}
	return time.Time{}, d.problem(at.line, "start: there is no %s in %s", at.text, zone)
}

func (d *document) calendar(o Options) (*inputs.Calendar, error) {
	start, err := d.start()
	if err != nil {
		return nil, err
	}
	step, err := strconv.Atoi(d.root.textOf("step_s"))
	if err != nil {
		return nil, err
	}
	if o.Steps != nil {
		return inputs.NewCalendar(start, twins.Seconds(step), twins.Tick(*o.Steps)), nil
	}
	days := d.root.get("days")
	n, err := strconv.Atoi(days.text)
	if err != nil {
		return nil, err
	}
	steps, err := inputs.NewCalendar(start, twins.Seconds(step), 0).StepsOfDays(n)
	if err != nil {
		return nil, d.problem(days.line, "days: %v", err)
	}
	return inputs.NewCalendar(start, twins.Seconds(step), steps), nil
}

// Identity is what the scenario is made of, as canonical JSON: the same bytes
// for the same content, however it was written. Hosting and the length of the run
// are left out, since they change no step; events, since they are hashed as
// commands of their steps; and the seed, which is hashed beside it.
func (s *Scenario) Identity() []byte {
	rest := s.document.root.without("hosting", "events", "days", "seed")
	return (&canonical{}).append(nil, &rest)
}

// YAML returns the scenario with patterns expanded and defaults filled in. Beside
// a recording's calendar stands which days it lays where.
func (s *Scenario) YAML() ([]byte, error) {
	var b bytes.Buffer
	w, err := yaml.NewDumper(&b)
	if err != nil {
		return nil, err
	}
	root := s.document.root.node()
	s.noteCalendars(root)
	if err := w.Dump(root); err != nil {
		return nil, fmt.Errorf("%s: %w", s.File, err)
	}
	return b.Bytes(), w.Close()
}
