package views

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/form"
	"github.com/smatrix-grid/smatrix/twins"
)

// AlertsKind is the row of Alerts.
var AlertsKind = Declare(Kind{Name: "alerts", Version: 1, New: func(w *sim.World) View { return newAlerts(w) }})

// Rule is a condition that opens an alert.
type Rule struct {
	Rule     string // its name, on disk for ever
	Severity string // note, warning or critical
	Text     string // the condition in words
	Counts   string // what Alert.Count counts: CountsSteps, CountsMembers or CountsEvents
}

// What Alert.Count counts, by rule: the steps in which the rule held; each member for which it held, in each
// step; or events.
const (
	CountsSteps   = "steps"
	CountsMembers = "member-steps"
	CountsEvents  = "events"
)

// ownRules are the rules in the order in which they are shown. Without Counts a rule counts steps. A rule without severity and text here
// has them in the row of its event (twins.Alert).
var ownRules = []Rule{
	{Rule: "balance.residual", Severity: "critical", Text: "energy was lost or made"},
	{Rule: "grid.islanded", Severity: "note", Text: "no neighbour holds the frequency, the grid does itself"},
	{Rule: "frequency.blackout", Severity: "critical", Text: "plants left the grid, its frequency was out of all bounds"},
	{Rule: "frequency.shedding", Severity: "critical", Text: "load was shed by its relays, the frequency was too low"},
	{Rule: "reserve.short"},
	{Rule: "frequency.outside", Severity: "warning", Text: "the frequency was more than 0.2 Hz off"},
	{Rule: "load.unserved", Severity: "critical", Text: "load that was wanted is not served", Counts: CountsMembers},
	{Rule: "limit.above", Severity: "critical", Text: "above the limit of its connection point"},
	{Rule: "limit.near", Severity: "warning", Text: "within a tenth of the limit of its connection point"},
	{Rule: "member.quarantined", Severity: "critical", Text: "it failed twice in a step, an estimate replaces it"},
	{Rule: "unit.unavailable", Severity: "warning", Text: "a plant or tie is out of service"},
	{Rule: "unit.stopped_early"},
	{Rule: "vehicle.not_ready"},
	{Rule: "vehicle.impossible"},
	{Rule: "heat.left_comfort"},
	{Rule: "hot_water.short"},
	{Rule: "generation.curtailed", Severity: "note", Text: "generation is held back"},
	{Rule: "storage.empty", Severity: "note", Text: "batteries are at their lowest state of charge", Counts: CountsMembers},
}

// Rules returns all rules in the order in which they are shown. Rules of events that ownRules does
// not name are last.
func Rules() []Rule {
	rules := slices.Clone(ownRules)
	for i := range rules {
		rules[i].Counts = cmp.Or(rules[i].Counts, CountsSteps)
	}
	for _, e := range twins.EventTypes() {
		if e.Alert == nil {
			continue
		}
		of := Rule{e.Alert.Rule, e.Alert.Severity, e.Alert.Text, CountsEvents}
		if i := slices.IndexFunc(rules, func(r Rule) bool { return r.Rule == of.Rule }); i >= 0 {
			rules[i] = of
		} else {
			rules = append(rules, of)
		}
	}
	return rules
}

// severities are the words of a rule, the worst last.
var severities = []string{"note", "warning", "critical"}

// Alert is one rule for one scope, however often the rule has held there.
type Alert struct {
	ID          string // the rule, a colon and the scope
	Scope       string // path of the grid, a community or a member
	Rule        *Rule
	First, Last twins.Tick // first and last step in which the rule held
	Since       twins.Tick // step in which the alert last became active
	Changed     twins.Tick // step of the last change of any field
	Count       int64      // how often the rule held: of what, Rule.Counts says
	Active      bool       // the rule held in the last step
}

// CompareAlerts orders alerts: active ones first, then the worst and the latest.
func CompareAlerts(p, q *Alert) int {
	active := 0
	if p.Active != q.Active {
		if active = 1; p.Active {
			active = -1
		}
	}
	worst := slices.Index(severities, q.Rule.Severity) - slices.Index(severities, p.Rule.Severity)
	return cmp.Or(active, worst, cmp.Compare(q.Last, p.Last), strings.Compare(p.ID, q.ID))
}

// MostAlerts bounds the rows. The oldest inactive alerts are dropped first.
const MostAlerts = 10_000

// Alerts are the alerts of a run, active or not, after the last step.
//
//	version byte, steps int, lists of text: units out of service, members quarantined; a
//	list in order of IDs: rule text, scope text, first, last, since, changed, count int, active uint
type Alerts struct {
	next  twins.Tick
	watch *watched

	rows        map[string]*Alert
	out         map[string]bool // units out of service
	quarantined map[string]bool
}

// watched is the part of the scenario that the rules need. It never changes, and copies of a view
// share it.
type watched struct {
	rules map[string]*Rule
	cells [][]watchedBlock // as in the world
	units map[string]bool  // paths of plants and ties
	out   []string         // units that are out of service at the start
}

// watchedBlock has the indices of the columns that the rules read; −1: the kind lacks the column.
type watchedBlock struct {
	unserved, waiting, soc, power, content int
	floors                                 []int64 // least state of charge of each, ppb; nil if the kind has none
	prepared                               []bool  // as long as floors: the battery is prepared, so it may be absent
}

func newAlerts(w *sim.World) *Alerts {
	a := &Alerts{watch: watch(w), rows: map[string]*Alert{}, out: map[string]bool{}, quarantined: map[string]bool{}}
	for _, path := range a.watch.out {
		a.out[path] = true
	}
	return a
}

func watch(w *sim.World) *watched {
	of := &watched{rules: map[string]*Rule{}, units: map[string]bool{}}
	rules := Rules()
	for i := range rules {
		of.rules[rules[i].Rule] = &rules[i]
	}
	for _, c := range w.Cells {
		var blocks []watchedBlock
		for _, b := range c.Blocks {
			blocks = append(blocks, watchBlock(b))
			if !b.Kind.Role.Unit() {
				continue
			}
			for _, path := range b.Paths {
				of.units[path] = true
				e, ok := w.Scenario.Entry(b.Kind, path)
				if !ok {
					continue
				}
				if s, ok := e.Setting(twins.InService); ok && s.Value == 0 {
					of.out = append(of.out, path)
				}
			}
		}
		of.cells = append(of.cells, blocks)
	}
	return of
}

func watchBlock(b *twins.Block) watchedBlock {
	column := func(c twins.Column) int { return columnOf(b.Kind, c.Name) }
	of := watchedBlock{unserved: column(twins.ColumnUnserved), waiting: column(twins.ColumnWaiting), soc: column(twins.ColumnSoC),
		power: column(twins.ColumnPower), content: column(twins.ColumnContent)}
	slab, ok := b.Slab.(twins.Floored)
	if !ok || of.soc < 0 {
		return of
	}
	for i := range b.Paths {
		of.floors, of.prepared = append(of.floors, int64(slab.Floor(i))), append(of.prepared, b.Prepared(i))
	}
	return of
}

type cause struct{ rule, scope string }

// Commit implements View.
func (a *Alerts) Commit(r *sim.StepRecord) error {
	now := map[cause]int64{}
	ofGrid(r, now)
	for i, c := range r.Cells {
		ofCommunity(c, now)
		for k := range c.Blocks {
			a.watch.cells[i][k].ofBlock(&c.Blocks[k], c.Path, now)
		}
	}
	a.ofUnits(r, now)
	for _, row := range a.rows {
		if row.Active && now[cause{row.Rule.Rule, row.Scope}] == 0 {
			row.Active, row.Changed = false, r.Tick
		}
	}
	for c, n := range now {
		a.update(c, n, r.Tick)
	}
	a.dropOldest()
	a.next = r.Tick + 1
	return nil
}

func ofGrid(r *sim.StepRecord, now map[cause]int64) {
	ofEvents(r.Events, twins.GridPath, now)
	const band = 200_000 // µHz
	for rule, is := range map[string]bool{
		"balance.residual": r.Residual != 0, "frequency.blackout": r.Swing.Blackout, "frequency.shedding": r.Swing.Stages > 0,
		"frequency.outside": r.HasFrequency() && (r.Swing.Min < -band || r.Swing.Max > band), "grid.islanded": r.Swing.Island,
	} {
		if is {
			now[cause{rule, twins.GridPath}]++
		}
	}
}

func ofCommunity(c *twins.CellRecord, now map[cause]int64) {
	net, limit := max(c.Net(), -c.Net()), c.Limit
	switch {
	case limit == 0:
	case net > limit:
		now[cause{"limit.above", c.Path}]++
	case net >= limit-limit/10:
		now[cause{"limit.near", c.Path}]++
	}
	if c.Flows.Curtailed > 0 {
		now[cause{"generation.curtailed", c.Path}]++
	}
	ofEvents(c.Events, c.Path, now)
}

// ofBlock counts the members of a kind with load that is not served, or that began to wait because it
// cannot be drawn by its deadline any more, and the batteries that are empty.
func (w *watchedBlock) ofBlock(b *twins.BlockRecord, path string, now map[cause]int64) {
	column := func(n int) []int64 {
		if n < 0 || n >= len(b.Columns) { // the run's layout lacks it
			return nil
		}
		return b.Column(n)
	}
	unserved, waiting := column(w.unserved), column(w.waiting)
	for i := range max(len(unserved), len(waiting)) {
		if at(unserved, i) > 0 || at(waiting, i) > 0 {
			now[cause{"load.unserved", path}]++
		}
	}
	if w.floors != nil {
		soc, power, content := column(w.soc), column(w.power), column(w.content)
		const near = 1_000_000 // a thousandth
		for i, floor := range w.floors {
			if at(soc, i) <= floor+near && !(w.prepared[i] && at(power, i) == 0 && at(content, i) == 0) {
				now[cause{"storage.empty", path}]++
			}
		}
	}
}

// at returns a value of a column. A nil column has zeros only.
func at(column []int64, i int) int64 {
	if column == nil {
		return 0
	}
	return column[i]
}

// ofEvents counts the events whose row has an alert.
func ofEvents(events []twins.Notice, path string, now map[cause]int64) {
	for i := range events {
		e := &events[i].Event
		rule := e.Type.Alert
		if rule == nil || rule.When != nil && !rule.When(e) {
			continue
		}
		scope := path
		if rule.Exact {
			scope = events[i].Member
		}
		now[cause{rule.Rule, scope}]++
	}
}

// ofUnits counts units out of service and members in quarantine.
func (a *Alerts) ofUnits(r *sim.StepRecord, now map[cause]int64) {
	for i := range r.Commands {
		if c := &r.Commands[i]; c.Type.OfSetting() && c.Setting() == twins.InService && a.watch.units[c.Target] {
			if c.Value() == 0 {
				a.out[c.Target] = true
			} else if c.Type == twins.CommandSet {
				delete(a.out, c.Target)
			}
		}
	}
	for path := range a.out {
		now[cause{"unit.unavailable", path}]++
	}
	for _, path := range r.Quarantined {
		a.quarantined[path] = true
	}
	for path := range a.quarantined {
		now[cause{"member.quarantined", path}]++
	}
}

// update opens the alert of a cause or updates the one that exists; the rule held n times in the step.
func (a *Alerts) update(c cause, n int64, t twins.Tick) {
	id := c.rule + ":" + c.scope
	row := a.rows[id]
	if row == nil {
		row = &Alert{ID: id, Scope: c.scope, Rule: a.watch.rules[c.rule], First: t}
		a.rows[id] = row
	}
	if !row.Active {
		row.Active, row.Since = true, t
	}
	row.Last, row.Changed, row.Count = t, t, row.Count+n
}

// dropOldest keeps at most MostAlerts alerts.
func (a *Alerts) dropOldest() {
	if len(a.rows) <= MostAlerts {
		return
	}
	all := slices.SortedFunc(maps.Values(a.rows), CompareAlerts)
	for _, row := range all[MostAlerts:] {
		delete(a.rows, row.ID)
	}
}

// Steps returns how many steps the view has taken.
func (a *Alerts) Steps() twins.Tick { return a.next }

// All visits the alerts in no order. The callback must neither keep nor change them.
func (a *Alerts) All(visit func(*Alert)) {
	for _, row := range a.rows {
		visit(row)
	}
}

// Len returns the number of alerts, active or not.
func (a *Alerts) Len() int { return len(a.rows) }

// Find returns the alert with an ID, or nil.
func (a *Alerts) Find(id string) *Alert { return a.rows[id] }

// Opened reports whether an alert became active in the last step.
func (a *Alerts) Opened() bool {
	for _, row := range a.rows {
		if row.Active && row.Since == a.next-1 {
			return true
		}
	}
	return false
}

// Until implements View. Only the alerts after the last step are known.
func (a *Alerts) Until(at twins.Tick) View {
	if at < a.next {
		return nil
	}
	o := &Alerts{next: a.next, watch: a.watch, rows: map[string]*Alert{}, out: maps.Clone(a.out), quarantined: maps.Clone(a.quarantined)}
	for id, row := range a.rows {
		copied := *row
		o.rows[id] = &copied
	}
	return o
}

// AppendBinary implements View.
func (a *Alerts) AppendBinary(b []byte) []byte {
	w := form.Writer(append(b, AlertsKind.Version))
	w.Int(int64(a.next))
	for _, paths := range []map[string]bool{a.out, a.quarantined} {
		w.Uint(uint64(len(paths)))
		for _, path := range slices.Sorted(maps.Keys(paths)) {
			w.Text(path)
		}
	}
	w.Uint(uint64(len(a.rows)))
	for _, id := range slices.Sorted(maps.Keys(a.rows)) {
		row := a.rows[id]
		w.Text(row.Rule.Rule)
		w.Text(row.Scope)
		for _, v := range [...]int64{int64(row.First), int64(row.Last), int64(row.Since), int64(row.Changed), row.Count} {
			w.Int(v)
		}
		w.Bool(row.Active)
	}
	return w
}

// UnmarshalBinary implements View.
func (a *Alerts) UnmarshalBinary(b []byte) error {
	r := form.NewVersion(b, AlertsKind.Version)
	a.next = twins.Tick(r.Int())
	for _, paths := range []map[string]bool{a.out, a.quarantined} {
		clear(paths)
		for range r.Count(1) {
			paths[r.Text()] = true
		}
	}
	for range r.Count(8) {
		rule := r.Text()
		row := &Alert{Scope: r.Text(), Rule: a.watch.rules[rule]}
		if row.Rule == nil {
			r.Fail(fmt.Errorf("it has a rule %q, which is unknown", rule))
			break
		}
		row.ID = rule + ":" + row.Scope
		row.First, row.Last, row.Since, row.Changed, row.Count = twins.Tick(r.Int()), twins.Tick(r.Int()), twins.Tick(r.Int()), twins.Tick(r.Int()), r.Int()
		row.Active = r.Bool()
		a.rows[row.ID] = row
	}
	return r.Done()
}
