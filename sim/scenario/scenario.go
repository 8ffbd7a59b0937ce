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

// Options are the changes to a scenario that the command line asks for. They win over the
// scenario's file.
type Options struct {
	Set   []string `json:"set,omitempty"` // PATH=VALUE or PATH*=FACTOR
	Seed  *uint64  `json:"seed,omitempty"`
	Days  *int     `json:"days,omitempty"`  // local calendar days
	Steps *int     `json:"steps,omitempty"` // overrides Days
}

// Scenario is a scenario that has been read and checked: patterns are expanded and defaults
// filled in, so that every path exists.
type Scenario struct {
	Name        string
	Description string
	File        string // as in error messages: street.yaml
	Seed        uint64
	Hosting     string      // message | batched | plain
	Controls    string      // full | none; empty if strategies are chosen level by level
	Forecast    string      // stated | perfect
	Strategies  Strategies  // those of Controls, or those chosen level by level
	Reserve     twins.Power // reserve_w: wanted on top of the reserve for the loss of the greatest infeed
	Calendar    *inputs.Calendar
	// Interruption is the length beyond which an interruption of supply counts.
	Interruption twins.Seconds
	Rates        Rates           // rewards
	Events       []twins.Command // in the order of the file

	mu       sync.Mutex // protects document
	document *document
	origin   Origin
}

// Rates are the rewards of a member for what it did for the grid. The schema's defaults are
// assumptions: 5 ct/kWh for load that waits, 1 €/kWh for load that is not served, and 8 ct/kWh,
// about a feed-in tariff, for generation held back.
type Rates struct {
	Shifted   twins.Price // load moved to later by agreement
	Unserved  twins.Price // load not served
	Curtailed twins.Price // generation held back
}

// Load reads a shipped scenario by name, or a YAML file. Each error in the scenario is a
// *problem.At with its line; an error in how it was asked for is a *problem.Usage.
func Load(nameOrFile string, o Options) (*Scenario, error) {
	source, from, err := openScenario(nameOrFile)
	if err != nil {
		return nil, err
	}
	s, err := loadFrom(source, from, o)
	if err != nil {
		return nil, err
	}
	s.origin.Name = nameOrFile
	return s, nil
}

// Read is Load for a scenario whose text is source. Error messages call it file. Its data
// files are opened in data. Its Origin assumes the data that is shipped with the program, so
// Origin.Load works only for such data.
func Read(source []byte, file string, data fs.FS, o Options) (*Scenario, error) {
	return loadFrom(source, location{file: file, data: data, events: EventsDue}, o)
}

func loadFrom(source []byte, from location, o Options) (*Scenario, error) {
	if err := o.checkLength(); err != nil {
		return nil, err
	}
	d := &document{file: from.file, dir: from.dir, data: trackFS(from.data), schema: scenarioSchema(), again: from.again, rule: from.events}
	if err := d.readTree(source, o); err != nil {
		return nil, err
	}
	s := &Scenario{
		Name: d.root.textOf("name"), Description: d.root.textOf("description"), File: d.file,
		Hosting: d.root.textOf("hosting"), Controls: d.root.textOf("controls"), Forecast: d.root.textOf("forecast"),
		document: d, origin: Origin{File: from.file, Dir: from.dir, Text: source, Options: o, Events: from.events},
	}
	if s.Name == "" {
		s.Name = strings.TrimSuffix(path.Base(filepath.ToSlash(d.file)), path.Ext(d.file))
	}
	s.Strategies = d.readStrategies()
	var err error
	if s.Seed, err = strconv.ParseUint(d.root.textOf("seed"), 10, 64); err != nil {
		return nil, d.errorAt(d.root.get("seed").line, "seed: %v", err)
	}
	if err := d.checkSeed(s.Seed, &o); err != nil {
		return nil, err
	}
	if s.Reserve, err = d.readReserve(); err != nil {
		return nil, err
	}
	if s.Calendar, err = d.readCalendar(o); err != nil {
		return nil, err
	}
	if err := d.readService(s); err != nil {
		return nil, err
	}
	s.Events, err = d.readEvents(s.Calendar)
	d.again = false // what changes from here on is new
	return s, err
}

// Over returns the scenario over other days, with another seed and without its events.
func (s *Scenario) Over(cal *inputs.Calendar, seed uint64) *Scenario {
	return &Scenario{Name: s.Name, File: s.File, Seed: seed, Hosting: s.Hosting, Controls: s.Controls, Strategies: s.Strategies, Calendar: cal, document: s.document}
}

// Problem returns an error about the value of a top-level key, with its line.
func (s *Scenario) Problem(key, format string, args ...any) error {
	return s.document.errorAt(s.document.root.get(key).line, "%s: %s", key, fmt.Sprintf(format, args...))
}

// readService reads how interruptions are counted, and the rates of rewards.
func (d *document) readService(s *Scenario) error {
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
			return d.errorAt(v.of.get(v.key).line, "%s: %v", v.key, err)
		}
		*v.to = n
	}
	return nil
}

// mostDays bounds the length of a run, because the temporary files of its recordings grow with it.
const mostDays = 36_600

// checkLength checks the length of the run, which is above 0 and bounded.
func (o *Options) checkLength() error {
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

// readTree reads a file into a tree in which every path exists.
func (d *document) readTree(source []byte, o Options) (err error) {
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
	if err := d.applySets(whole); err != nil {
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
	if err := d.applySets(ofEntries); err != nil {
		return err
	}
	return d.meaning()
}

// splitSets separates changes of the whole scenario, which are made before homes are drawn
// and patterns are expanded, from changes of entries, which are made after that.
func (d *document) splitSets(sets []string) (whole, ofEntries []string) {
	for _, written := range sets {
		path, _, _ := strings.Cut(written, "=")
		first, _, within := strings.Cut(strings.TrimSuffix(path, "*"), ".")
		if _, isList := d.schema.entryIn(first); isList && within {
			ofEntries = append(ofEntries, written)
		} else {
			whole = append(whole, written)
		}
	}
	return whole, ofEntries
}

func (d *document) applySets(sets []string) error {
	for _, written := range sets {
		if err := d.applySet(written); err != nil {
			return &problem.Usage{What: "--set: " + err.Error()}
		}
	}
	if len(sets) == 0 {
		return nil
	}
	return d.shape() // each value is valid by itself, but together they may be invalid
}

// checkTime checks step, zone and start, as far as the schema cannot.
func (d *document) checkTime() error {
	var found []error
	step, zone := d.root.get("step_s"), d.root.get("zone")
	if s, _ := strconv.Atoi(step.text); 86_400%s != 0 {
		found = append(found, d.errorAt(step.line, "step_s: %d does not divide a day of 86400 s, wanted one that does, such as 60, 900 or 3600", s))
	}
	if _, err := loadZone(zone.text); err != nil {
		found = append(found, d.errorAt(zone.line, "zone: %q is unknown, wanted a name such as Europe/Berlin", zone.text))
	} else if _, err := d.startTime(); err != nil {
		found = append(found, err)
	}
	return problem.Join(found)
}

// loadZone loads a time zone by name. It refuses the machine's zone, because a run must not
// depend on it.
func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, errors.New("no zone")
	}
	return time.LoadLocation(name)
}

func (d *document) startTime() (time.Time, error) {
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
		if date, wrong := time.Parse(layout, at.text); layout == time.DateOnly && wrong == nil {
			if first, exists := inputs.FirstMoment(date, zone); exists {
				return first, nil
			}
		}
		if err != nil || t.Format(layout) != at.text {
			break
		}
		return t, nil
	}
	return time.Time{}, d.errorAt(at.line, "start: there is no %s in %s", at.text, zone)
}

func (d *document) readCalendar(o Options) (*inputs.Calendar, error) {
	start, err := d.startTime()
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
		return nil, d.errorAt(days.line, "days: %v", err)
	}
	return inputs.NewCalendar(start, twins.Seconds(step), steps), nil
}

// Identity is the scenario's content as canonical JSON: the same bytes for the same content,
// however it was written. It lacks hosting, accepted warnings and the length of the run, which change no step;
// events, which are hashed as commands of their steps; and the seed, which is hashed
// separately.
func (s *Scenario) Identity() []byte {
	rest := s.document.root.without("hosting", "accept", "events", "days", "seed")
	return (&canonical{}).append(nil, &rest)
}

// YAML returns the scenario with patterns expanded and defaults filled in. A comment above
// each calendar says which recorded days it uses for which days of the run.
func (s *Scenario) YAML() ([]byte, error) {
	var b bytes.Buffer
	w, err := yaml.NewDumper(&b)
	if err != nil {
		return nil, err
	}
	root := s.document.root.node()
	s.commentCalendars(root)
	if err := w.Dump(root); err != nil {
		return nil, fmt.Errorf("%s: %w", s.File, err)
	}
	return b.Bytes(), w.Close()
}
