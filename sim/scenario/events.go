package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// planned is a command with what its checks need.
type planned struct {
	twins.Command
	line    int32
	name    string // of its target and setting, as in --set
	setting twins.Setting
	before  int64 // value of the setting in the scenario
}

// settingOf names a setting of a twin.
type settingOf struct{ target, name string }

// plan expands one change in mid-run into commands. Its errors are a pathError or a
// valueError.
func (d *document) plan(written string, step twins.Tick) ([]planned, error) {
	c, err := parseChange(written)
	if err != nil {
		return nil, err
	}
	targets, err := d.targets(c.path)
	if err != nil {
		return nil, err
	}
	commands := make([]planned, len(targets))
	for i := range targets {
		if commands[i], err = d.command(&c, &targets[i], step); err != nil {
			return nil, err
		}
	}
	return commands, nil
}

func (d *document) command(c *change, t *target, step twins.Tick) (p planned, err error) {
	key := strings.Join(t.rest, ".")
	k := kindOfList(t.list)
	p.name = t.name()
	ok := false
	if k != nil && t.sub.isTrue("x-changeable") {
		p.setting, ok = k.Setting(key)
	}
	if !ok {
		return p, errPath("%s may not change in mid-run, %s", p.name, settingsOf(k))
	}
	p.setting = within(p.setting, t.sub)
	old := t.object.get(t.key)
	if old == nil {
		old = &tree{}
	}
	if p.before, err = stored(old, p.setting); err != nil {
		return p, errValue("%s: %v", p.name, err)
	}
	target := targetPath(k, t.entry)
	if c.factor {
		by, err := factor(c, p.name, old)
		if err == nil && !d.again && roundsToZero(c.value.text, int64(twins.One)) {
			err = errValue("%s: factor %s would be taken as 0, wanted 0 or at least 0.000000001", p.name, c.value.text)
		}
		p.Command = twins.Multiply(target, key, by).At(step, 0)
		return p, err
	}
	if found := d.validate(valueAt{p.name, &c.value, t.sub}); len(found) > 0 {
		return p, asValueError(found[0])
	}
	if c.value.form == formNull {
		wanted := "a number"
		if p.setting.Zero != "" {
			wanted = "0 for " + p.setting.Zero
		}
		return p, errValue("%s: null cannot be set in mid-run, wanted %s", p.name, wanted)
	}
	if !d.again {
		if err := vanishes(p.name, &c.value, p.setting); err != nil {
			return p, err
		}
	}
	v, err := stored(&c.value, p.setting)
	p.Command = twins.Set(target, key, v).At(step, 0)
	if err != nil || v < p.setting.Min || v > p.setting.Max {
		return p, errValue("%s: %s is outside %s…%s", p.name, c.value.text, p.setting.Text(p.setting.Min), p.setting.Text(p.setting.Max))
	}
	return p, nil
}

func settingsOf(k *twins.Kind) string {
	if k == nil {
		return "wanted a setting of a member or a community"
	}
	names := make([]string, len(k.Settings))
	for i, s := range k.Settings {
		names[i] = s.Name
	}
	slices.Sort(names)
	return "wanted one of: " + strings.Join(names, ", ")
}

// within returns a setting with its bounds narrowed to those of its schema.
func within(s twins.Setting, of subschema) twins.Setting {
	if least := of.get("minimum"); least != nil {
		if v, err := stored(least, s); err == nil {
			s.Min = max(s.Min, v)
		}
	}
	if most := of.get("maximum"); most != nil {
		if v, err := stored(most, s); err == nil {
			s.Max = min(s.Max, v)
		}
	}
	return s
}

// targetPath is the path of an entry's twin.
func targetPath(k *twins.Kind, entry *tree) string {
	if k.Role == twins.RoleNode {
		return communityPath(entry.textOf("id"))
	}
	return memberPath(entry)
}

// stored converts a value to the integer of a setting; 0 for no value.
func stored(t *tree, s twins.Setting) (int64, error) {
	switch {
	case t.form == formNumber:
		return twins.ParseScaled(t.text, s.Scale)
	case t.form == formBoolean && t.text == "true":
		return 1, nil
	case t.form == formText:
		return int64(max(0, slices.Index(s.Words, t.text))), nil // the schema allows no other word
	}
	return 0, nil
}

// factor returns the factor of a change, ppb.
func factor(c *change, name string, old *tree) (int64, error) {
	if old.form != formNumber {
		return 0, notNumber(name, old)
	}
	f, err := twins.ParseScaled(c.value.text, int64(twins.One))
	if err != nil || f < 0 {
		return 0, errValue("%s: factor %s, wanted 0 or more", name, c.value.text)
	}
	return f, nil
}

// Commands expands changes, written as in --set, into commands for a step, numbered from 1.
// Forks and the API use it. Errors are a *problem.Usage.
func (s *Scenario) Commands(sets []string, step twins.Tick) (commands []twins.Command, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, written := range sets {
		more, err := s.document.plan(written, step)
		if err != nil {
			return nil, &problem.Usage{What: "--set: " + err.Error()}
		}
		for _, p := range more {
			p.Seq = int64(len(commands) + 1)
			commands = append(commands, p.Command)
		}
	}
	return commands, nil
}

// Changes is Commands for a run that already has the commands before. It numbers the new ones
// after those and after the scenario's events, and refuses factors that would take a setting
// out of its bounds.
func (s *Scenario) Changes(sets []string, step twins.Tick, before []twins.Command) ([]twins.Command, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var more []planned
	for _, written := range sets {
		p, err := s.document.plan(written, step)
		if err != nil {
			return nil, &problem.Usage{What: "--set: " + err.Error()}
		}
		more = append(more, p...)
	}
	seq := int64(len(s.Events))
	for _, c := range before {
		seq = max(seq, c.Seq)
	}
	commands := make([]twins.Command, len(more))
	for i := range more {
		more[i].Seq = seq + int64(i) + 1
		commands[i] = more[i].Command
	}
	if found := s.document.rehearse(slices.Concat(s.document.planned, plannedLike(before, more), more)); len(found) > 0 {
		var p *problem.At
		errors.As(found[0], &p)
		return nil, &problem.Usage{What: "--set: " + strings.TrimPrefix(p.What, "events: ")}
	}
	return commands, nil
}

// plannedLike returns commands with the bounds that others have for the same setting. It
// leaves out commands for settings that the others do not change.
func plannedLike(commands []twins.Command, others []planned) (found []planned) {
	like := make(map[settingOf]planned, len(others))
	for _, o := range others {
		if of := (settingOf{o.Target, o.Setting()}); like[of].Target == "" {
			like[of] = o
		}
	}
	for _, c := range commands {
		if o, ok := like[settingOf{c.Target, c.Setting()}]; ok {
			o.Command = c
			found = append(found, o)
		}
	}
	return found
}

// Moment returns the step of a moment written as under events: a number of a step, HH:MM on
// the first day, or a date and a time. Within a step it is the next one, which does not begin
// before the moment. Every flag that names a moment is read by it. Errors are a *problem.Usage
// that names the flag.
func (s *Scenario) Moment(flag, at string) (twins.Tick, error) {
	t := tree{form: formText, text: at}
	if at != "" && strings.Trim(at, "0123456789") == "" {
		t.form = formNumber
	}
	m, err := s.document.momentOf(&t, s.Calendar)
	var p *problem.At
	switch {
	case errors.As(err, &p) && strings.Contains(p.What, "before the start"):
		err = &problem.Usage{What: "--" + flag + ": " + strings.TrimPrefix(p.What, "events: at: ")}
	case err != nil:
		err = &problem.Usage{What: fmt.Sprintf("--%s %q: wanted a step, HH:MM or 2006-01-02T15:04", flag, at)}
	}
	return m.due, err
}

// MomentWarning returns the warning about a moment that Moment has read, as that about an
// event, if it is within a step.
func (s *Scenario) MomentWarning(at string) (w problem.Warning, doubtful bool) {
	t := tree{form: formText, text: at}
	m, err := s.document.momentOf(&t, s.Calendar)
	if err != nil || m.within == m.due {
		return w, false
	}
	return problem.Warning{File: s.File, Column: "--at", Kind: problem.WarnEventInStep,
		Text: fmt.Sprintf("%s is within the step of %s to %s: the change takes effect at %s; likely steps that are too long for it", at,
			clockText(s.Calendar, m.within), clockText(s.Calendar, m.within+1), clockText(s.Calendar, m.due))}, true
}

// EventRule is in which step an event takes effect whose moment is within a step.
type EventRule string

// The event rules. Their words are in the files of kept runs.
const (
	EventsEarly EventRule = ""    // in the step that contains the moment: runs kept by programs before the other rule
	EventsDue   EventRule = "due" // in the first step that begins at the moment or after it
)

func (r EventRule) step(m moment) twins.Tick {
	if r == EventsEarly {
		return m.within
	}
	return m.due
}

// moment is a point in time of a run: the step that contains it, and the first step that
// begins at it or after it.
type moment struct{ within, due twins.Tick }

// readEvents expands the scenario's events into commands, numbered from 1 in the order of the
// file.
func (d *document) readEvents(cal *inputs.Calendar) ([]twins.Command, error) {
	var all []planned
	var found []error
	for i := range d.entries("events") {
		e := &d.entries("events")[i]
		m, err := d.momentOf(e.get("at"), cal)
		if err != nil {
			found = append(found, err)
			continue
		}
		d.doubtfulEvents = append(d.doubtfulEvents, d.eventWarnings(e.get("at"), m, cal)...)
		at := d.rule.step(m)
		sets := e.get("set").items
		if e.get("set").form == formText {
			sets = []tree{*e.get("set")}
		}
		for k := range sets {
			commands, err := d.plan(sets[k].text, at)
			if err != nil {
				found = append(found, d.eventError(sets[k].line, err))
			}
			for _, p := range commands {
				p.Seq, p.line = int64(len(all)+1), sets[k].line
				all = append(all, p)
			}
		}
	}
	if found = append(found, d.rehearse(all)...); len(found) > 0 {
		return nil, errors.Join(found[:min(len(found), problem.Most)]...)
	}
	d.planned = all
	commands := make([]twins.Command, len(all))
	for i := range all {
		commands[i] = all[i].Command
	}
	return commands, nil
}

// eventError adds the line of the event to an error of plan. A wrong path is an error of
// usage, as it is in --set.
func (d *document) eventError(line int32, err error) error {
	var path *pathError
	p := d.errorAt(line, "events: %v", err)
	if errors.As(err, &path) {
		return &problem.At{File: d.file, Line: int(line), What: "events: " + err.Error(), Err: problem.ErrUsage}
	}
	return p
}

// rehearse computes the values of all settings through the run and refuses factors that take
// one out of its bounds, because that would fail the run later.
func (d *document) rehearse(all []planned) (found []error) {
	now := map[settingOf]int64{}
	inOrder := slices.Clone(all)
	slices.SortStableFunc(inOrder, func(a, b planned) int { return cmp.Compare(a.Step, b.Step) })
	for _, p := range inOrder {
		at := settingOf{p.Target, p.Setting()}
		v, changed := now[at]
		if !changed {
			v = p.before
		}
		if now[at] = p.Value(); p.Type != twins.CommandMultiply {
			continue
		}
		least := p.setting.Least(p.Type)
		ok := math.Abs(float64(v)*float64(p.Value())) < 1e18*float64(twins.One)
		if ok {
			v, _ = twins.MulDiv(v, p.Value(), int64(twins.One))
			ok = v >= least && v <= p.setting.Max
		}
		if now[at] = v; !ok {
			found = append(found, d.errorAt(p.line, "events: %s: the factor takes it out of %s…%s", p.name,
				p.setting.Text(least), p.setting.Text(p.setting.Max)))
		}
	}
	return found
}

// momentOf reads an event's moment.
func (d *document) momentOf(at *tree, cal *inputs.Calendar) (m moment, err error) {
	if at.form == formNumber {
		n, err := twins.ParseScaled(at.text, 1)
		if err != nil {
			return m, d.errorAt(at.line, "events: at: step %s is too large", at.text)
		}
		return moment{twins.Tick(n), twins.Tick(n)}, nil
	}
	day, clock := 0, at.text
	if date, rest, ok := strings.Cut(at.text, "T"); ok {
		t, err := time.Parse(time.DateOnly, date)
		if err != nil {
			return m, d.errorAt(at.line, "events: at: %q is no date", date)
		}
		day, clock = cal.DayOf(t), rest
	}
	if len(clock) == len("15:04") {
		clock += ":00"
	}
	t, err := time.Parse(time.TimeOnly, clock)
	if err != nil {
		return m, d.errorAt(at.line, "events: at: %q is no time of day, wanted HH:MM", clock)
	}
	second := t.Hour()*3600 + t.Minute()*60 + t.Second()
	m = moment{cal.At(day, second), cal.AtOrAfter(day, second)}
	if m.within < 0 {
		return m, d.errorAt(at.line, "events: at: %s is before the start %s", at.text, cal.StartText())
	}
	return m, nil
}
