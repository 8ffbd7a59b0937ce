package sim

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// Later is what a fork does with the commands from outside that its parent has for the first
// step of the fork and for later ones. The zero value means KeepLater.
type Later string

// The two choices.
const (
	KeepLater Later = "keep" // the fork carries them out in their steps, as its parent does
	DropLater Later = "drop" // the fork has none of them
)

// ParseLater returns the choice that a word stands for. The empty word is KeepLater.
func ParseLater(word string) (Later, error) {
	switch l := Later(word); l {
	case "":
		return KeepLater, nil
	case KeepLater, DropLater:
		return l, nil
	}
	return "", fmt.Errorf("%q, wanted keep or drop", word)
}

// Add takes a command from outside for a step that is not made yet. Commands for one
// target and step are carried out by Seq, and with equal Seq in the order in which they
// were added. It must not be called while a step is being made. An error says why the
// command is refused; nothing has changed then.
func (w *World) Add(c twins.Command) error {
	passed, err := w.Pass([]twins.Command{c})
	if err != nil {
		return err
	}
	passed.Take()
	w.Schedule([]twins.Command{c})
	return nil
}

// Schedule adds commands that have passed the check. Their steps must not have been made
// yet. It must not be called while a step is being made.
func (w *World) Schedule(taken []twins.Command) { w.added = append(w.added, taken...) }

// LastSeq returns the greatest Seq of the world's commands; 0 if there are none. It must
// not be called while a step is being made.
func (w *World) LastSeq() (last int64) {
	for _, all := range [...][]twins.Command{w.commands, w.added} {
		for i := range all {
			last = max(last, all[i].Seq)
		}
	}
	return last
}

// CheckDuringSteps allows Pass and Passage.Take to be called, by one caller at a time,
// while a step is being made: it builds now what they would otherwise build on first use.
func (w *World) CheckDuringSteps() {
	for _, c := range w.Cells {
		c.KindOf("") // builds the cell's index
	}
	if w.courses == nil { // from now on only the step reads the world's commands
		w.readCourses()
	}
}

// Check returns the reason for which commands are refused: the target has no such
// setting, the value is out of bounds, or a factor takes the setting out of bounds
// together with the other commands for it. A twin never refuses a command that has
// passed, since a refusal would end the run.
func (w *World) Check(more ...twins.Command) error {
	_, err := w.Pass(more)
	return err
}

// Pass is Check that also returns how the commands change the courses of settings.
// Nothing has changed until Passage.Take.
func (w *World) Pass(more []twins.Command) (passed Passage, err error) {
	if w.courses == nil {
		w.readCourses()
	}
	together := pointsOf(more)
	for i := range more {
		kind, err := w.checkTarget(&more[i])
		if err != nil {
			return nil, err
		}
		if !more[i].Type.OfSetting() {
			continue
		}
		of := settingOf{more[i].Target, more[i].Setting()}
		points := together[of]
		if points == nil { // checked with an earlier command for the same setting
			continue
		}
		delete(together, of)
		c, err := w.courseOf(kind, of)
		if err != nil {
			return nil, err
		}
		if c == nil { // the twin is not built from a scenario's entry
			continue
		}
		change, err := c.with(points)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", of.target, err)
		}
		passed = append(passed, change)
	}
	return passed, nil
}

// checkTarget refuses a command whose target does not exist, whose type the target's kind
// does not take, whose setting the kind does not have, or whose body the type refuses.
func (w *World) checkTarget(c *twins.Command) (*twins.Kind, error) {
	kind := w.KindOf(c.Target)
	if kind == nil {
		return nil, fmt.Errorf("no member %s", c.Target)
	}
	if !kind.Takes(c.Type) {
		return nil, fmt.Errorf("%s: unknown command %q, wanted %s", c.Target, c.Type, strings.Join(kind.CommandNames(), " or "))
	}
	if c.Type.Check != nil {
		if err := c.Type.Check(c.Body); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", c.Target, c.Type.Name, err)
		}
	}
	if !c.Type.OfSetting() {
		return kind, nil
	}
	set, ok := kind.Setting(c.Setting())
	switch {
	case !ok:
		return nil, fmt.Errorf("%s: %s may not change in mid-run", c.Target, c.Setting())
	case c.Type == twins.CommandSet && (c.Value() < set.Min || c.Value() > set.Max):
		return nil, fmt.Errorf("%s: %s is outside its bounds", c.Target, set.Name)
	case c.Type == twins.CommandMultiply && c.Value() < 0:
		return nil, fmt.Errorf("%s: %s: a factor is 0 or more", c.Target, set.Name)
	}
	return kind, nil
}

// KindOf returns the kind of a member or of a community; nil if nothing has that path.
func (w *World) KindOf(path string) *twins.Kind {
	for end := range len(path) + 1 {
		if end < len(path) && path[end] != '/' {
			continue
		}
		i, ok := slices.BinarySearchFunc(w.Cells, path[:end], func(c *twins.Cell, path string) int { return strings.Compare(c.Path, path) })
		if ok {
			return w.Cells[i].KindOf(path)
		}
	}
	return nil
}

// settingOf names a setting of a twin.
type settingOf struct{ target, name string }

// course is the values of a setting over the run, one after each command that changes it.
type course struct {
	setting scenario.EntrySetting // with the value that the scenario gives
	points  []point               // sorted by step and seq
}

// point is one command of a course.
type point struct {
	step   twins.Tick
	seq    int64
	factor bool
	arg    int64 // value or factor of the command
	value  int64 // of the setting after the command
}

func (p *point) before(q *point) bool { return p.step < q.step || p.step == q.step && p.seq < q.seq }

// courses has the courses of all settings that commands change.
type courses map[settingOf]*course

// courseChange is a change of a course: points replace its points from ≤ i < to.
type courseChange struct {
	course   *course
	from, to int
	points   []point
}

// Passage is how commands that have passed the check change the courses of settings.
type Passage []courseChange

// Take applies the changes, so that later commands are checked together with these. No
// other passage of the world may have been taken since this one was returned.
func (p Passage) Take() {
	for _, c := range p {
		c.course.points = slices.Replace(c.course.points, c.from, c.to, c.points...)
	}
}

// pointsOf groups the commands that change settings by setting, each group in the order in
// which they are carried out.
func pointsOf(commands []twins.Command) map[settingOf][]point {
	all := make(map[settingOf][]point, len(commands))
	for i := range commands {
		c := &commands[i]
		if !c.Type.OfSetting() {
			continue
		}
		of := settingOf{c.Target, c.Setting()}
		all[of] = append(all[of], point{step: c.Step, seq: c.Seq, factor: c.Type == twins.CommandMultiply, arg: c.Value()})
	}
	for _, points := range all {
		slices.SortStableFunc(points, func(a, b point) int { return cmp.Or(cmp.Compare(a.step, b.step), cmp.Compare(a.seq, b.seq)) })
	}
	return all
}

// readCourses builds the courses from the world's commands.
func (w *World) readCourses() {
	w.courses = courses{}
	for of, points := range pointsOf(slices.Concat(w.commands, w.added)) {
		c, err := w.courseOf(w.KindOf(of.target), of)
		if c == nil || err != nil {
			continue
		}
		if change, err := c.with(points); err == nil { // they have passed
			Passage{change}.Take()
		}
	}
}

// courseOf returns the course of a setting, which it makes if there is none yet; nil if
// the twin is not built from an entry of the scenario.
func (w *World) courseOf(kind *twins.Kind, of settingOf) (*course, error) {
	if c := w.courses[of]; c != nil {
		return c, nil
	}
	entry, ok := w.Scenario.Entry(kind, of.target)
	if !ok {
		return nil, nil
	}
	set, ok := entry.Setting(of.name)
	if !ok {
		return nil, fmt.Errorf("%s: it has no %s", of.target, of.name)
	}
	c := &course{setting: set}
	w.courses[of] = c
	return c, nil
}

// with computes the setting along a course to which more commands are added, after those
// of the same step and seq. It starts at the first added command and stops at the next
// command that sets the value, since the result no longer depends on earlier ones. An error
// names the step in which the setting would leave its bounds, as those of a scenario's events do
// (document.rehearse in package scenario).
func (c *course) with(more []point) (courseChange, error) {
	from := sort.Search(len(c.points), func(i int) bool { return more[0].before(&c.points[i]) })
	change := courseChange{course: c, from: from, to: from}
	v, none := c.setting.Value, c.setting.None
	if from > 0 {
		v, none = c.points[from-1].value, false
	}
	for len(more) > 0 || change.to < len(c.points) {
		var p point
		if change.to == len(c.points) || len(more) > 0 && more[0].before(&c.points[change.to]) {
			p, more = more[0], more[1:]
		} else if p = c.points[change.to]; len(more) == 0 && !p.factor {
			break
		} else {
			change.to++
		}
		if err := c.apply(&p, v, none); err != nil {
			return courseChange{}, err
		}
		change.points = append(change.points, p)
		v, none = p.value, none && p.factor
	}
	return change, nil
}

// apply sets p.value to the setting's value after the command p. v is its value before;
// none says that it had none.
func (c *course) apply(p *point, v int64, none bool) error {
	s, by, ok := &c.setting, twins.CommandSet, true
	p.value = p.arg
	if p.factor {
		by = twins.CommandMultiply
		if ok = !none && math.Abs(float64(v)*float64(p.arg)) < 1e18*float64(twins.One); ok {
			p.value, _ = twins.MulDiv(v, p.arg, int64(twins.One))
		}
	}
	if least := s.Least(by); !ok || p.value < least || p.value > s.Max {
		return fmt.Errorf("%s would be outside %s…%s", s.Name, s.Setting.Text(least), s.Setting.Text(s.Max))
	}
	return nil
}

// compareCommands orders commands by step, target and seq.
func compareCommands(a, b twins.Command) int {
	return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Seq, b.Seq))
}

// commandsOf returns the commands of a step, sorted by target and seq.
func (w *World) commandsOf(t twins.Tick) []twins.Command {
	w.mergeAdded()
	byStep := func(c twins.Command, t twins.Tick) int { return cmp.Compare(c.Step, t) }
	from, _ := slices.BinarySearchFunc(w.commands, t, byStep)
	to, _ := slices.BinarySearchFunc(w.commands, t+1, byStep)
	return w.commands[from:to:to]
}

// Forget drops the commands of steps before t, which have been made. Each setting keeps its
// last value, and records that show the commands keep them. It must not be called while a
// step is being made.
func (w *World) Forget(t twins.Tick) {
	w.mergeAdded()
	from := sort.Search(len(w.commands), func(i int) bool { return w.commands[i].Step >= t })
	for i := range w.commands[:from] {
		c := &w.commands[i]
		if !c.Type.OfSetting() {
			continue
		}
		if of := w.courses[settingOf{c.Target, c.Setting()}]; of != nil {
			of.dropBefore(t)
		}
	}
	w.commands = w.commands[from:]
}

// Held returns how many commands, and values that commands gave to settings, the world has
// in memory.
func (w *World) Held() int {
	held := len(w.commands) + len(w.added)
	for _, c := range w.courses {
		held += len(c.points)
	}
	return held
}

// dropBefore drops the points of steps before t except the last one.
func (c *course) dropBefore(t twins.Tick) {
	n := sort.Search(len(c.points), func(i int) bool { return c.points[i].step >= t })
	if n > 1 {
		c.points = slices.Delete(c.points, 0, n-1)
	}
}

// mergeAdded merges all added commands into the sorted ones. It does not move the commands
// of earlier steps, since a record may show them.
func (w *World) mergeAdded() {
	if len(w.added) == 0 {
		return
	}
	slices.SortStableFunc(w.added, compareCommands)
	at := sort.Search(len(w.commands), func(i int) bool { return compareCommands(w.added[0], w.commands[i]) < 0 })
	later := slices.Clone(w.commands[at:])
	w.commands = w.commands[:at]
	for _, c := range w.added {
		for len(later) > 0 && compareCommands(later[0], c) <= 0 {
			w.commands, later = append(w.commands, later[0]), later[1:]
		}
		w.commands = append(w.commands, c)
	}
	w.commands, w.added = append(w.commands, later...), nil
}
