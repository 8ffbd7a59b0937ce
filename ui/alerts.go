package ui

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/stream"
)

// Rule is a condition that people want to hear of.
type Rule struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity" enum:"note,warning,critical"`
	Text     string `json:"text"`
}

// The rules, in the order in which they are shown.
var rules = []Rule{
	{"balance.residual", "critical", "energy was lost or made"},
	{"grid.islanded", "note", "no neighbour holds the frequency, the grid does itself"},
	{"frequency.blackout", "critical", "plants left the grid, its frequency was out of all bounds"},
	{"frequency.shedding", "critical", "load was shed by its relays, the frequency was too low"},
	{"reserve.short", "warning", "if the greatest infeed were lost now, reserve would not make up for it"},
	{"frequency.outside", "warning", "the frequency was more than 0.2 Hz off"},
	{"load.unserved", "critical", "load that was wanted is not served"},
	{"limit.above", "critical", "above the limit of its connection point"},
	{"limit.near", "warning", "within a tenth of the limit of its connection point"},
	{"member.quarantined", "critical", "it failed twice in a step, an estimate stands for it"},
	{"unit.unavailable", "warning", "a plant or tie is out of service"},
	{"unit.stopped_early", "warning", "a plant was stopped before it had run for its least time"},
	{"vehicle.not_ready", "critical", "a vehicle left without what its trip needs"},
	{"vehicle.impossible", "warning", "a vehicle was plugged in too late for what it needs"},
	{"heat.left_comfort", "warning", "a home is too cold or too warm"},
	{"hot_water.short", "warning", "there was too little hot water"},
	{"generation.curtailed", "note", "generation is held back"},
	{"storage.empty", "note", "batteries are down to their least"},
}

// ruleOfEvent says which notable events are alerts of the community that they
// happen in, or of the grid.
var ruleOfEvent = map[string]struct {
	rule  string
	is    func(*twins.Event) bool
	exact bool // of the member itself
}{
	"vehicle.unplugged":      {"vehicle.not_ready", func(e *twins.Event) bool { return e.Field("ready") == 0 }, false},
	"vehicle.plugged_in":     {"vehicle.impossible", func(e *twins.Event) bool { return e.Field("impossible_mj") > 0 }, false},
	"heat_pump.left_comfort": {"heat.left_comfort", func(*twins.Event) bool { return true }, false},
	"hot_water.short":        {"hot_water.short", func(*twins.Event) bool { return true }, false},
	"grid.reserve_short":     {"reserve.short", func(*twins.Event) bool { return true }, false},
	"producer.stopped":       {"unit.stopped_early", func(e *twins.Event) bool { return e.Field("early_s") > 0 }, true},
}

func ruleNamed(name string) *Rule {
	for i := range rules {
		if rules[i].Rule == name {
			return &rules[i]
		}
	}
	return nil
}

// alert is one cause: a rule and who it is about.
type alert struct {
	id, scope    string
	rule         *Rule
	first, last  twins.Tick
	count        int64
	active       bool
	acknowledged bool
	revision     uint64
}

// mostAlerts bounds the rows: causes that are over go first, the oldest before.
const mostAlerts = 10_000

// alerts are the rows of a run. A storm of one cause is one row.
type alerts struct {
	index *Index
	low   map[string]int64 // least state of charge of storage by path, ppb

	mu          sync.Mutex
	rows        map[string]*alert
	revision    uint64
	out         map[string]bool // units out of service
	quarantined map[string]bool
	opened      bool          // a row has become active in the last step
	unseen      atomic.Int64  // how many rows are active and not acknowledged
	now         atomic.Uint64 // the revision

	making sync.Mutex // of news
	made   map[newsOf][]byte
	madeAt uint64 // revision of what is made
}

// newsOf is a message of what has changed since a revision.
type newsOf struct {
	since uint64
	json  bool
}

// mostNews is how many messages of one revision are kept: most viewers have the one
// before, and those that come anew want all.
const mostNews = 8

func newAlerts(x *Index, w *sim.World) *alerts {
	a := &alerts{index: x, revision: 1, rows: map[string]*alert{}, low: map[string]int64{}, out: map[string]bool{}, quarantined: map[string]bool{}}
	for _, c := range w.Cells {
		for _, b := range c.Blocks {
			storage := b.Kind.Role == twins.RoleStorage && strings.Contains(b.Kind.Schema, `"min_soc"`)
			for _, path := range b.Paths {
				if !storage && !b.Kind.Role.Unit() {
					break
				}
				e, ok := w.Scenario.Entry(b.Kind, path)
				if !ok {
					continue
				}
				if storage {
					var spec struct {
						MinSoC twins.Ratio `json:"min_soc"`
					}
					_ = json.Unmarshal(e.JSON(), &spec) // it has been read before
					a.low[path] = int64(spec.MinSoC)
				} else if s, ok := e.Setting("available"); ok && s.Value == 0 {
					a.out[path] = true
				}
			}
		}
	}
	a.countOpen()
	return a
}

type cause struct{ rule, scope string }

// step looks at a record and updates the rows.
func (a *alerts) step(r *sim.StepRecord, limit func(*twins.Cell, twins.Tick) twins.Power) {
	now := map[cause]int64{}
	a.ofGrid(r, now)
	for _, c := range r.Cells {
		a.ofCell(c, limit(c, r.Tick), now)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.units(r, now)
	a.revision++
	a.opened = false
	for _, row := range a.rows {
		if row.active && now[cause{row.rule.Rule, row.scope}] == 0 {
			row.active, row.revision = false, a.revision
		}
	}
	for c, n := range now {
		a.note(c, n, r.Tick)
	}
	a.bound()
	a.countOpen()
}

func (a *alerts) ofGrid(r *sim.StepRecord, now map[cause]int64) {
	ofEvents(r.Events, sim.GridPath, now)
	const band = 200_000 // µHz
	for rule, is := range map[string]bool{
		"balance.residual": r.Residual != 0, "frequency.blackout": r.Swing.Blackout, "frequency.shedding": r.Swing.Stages > 0,
		"frequency.outside": r.Swing.Min < -band || r.Swing.Max > band, "grid.islanded": r.Swing.Island,
	} {
		if is {
			now[cause{rule, sim.GridPath}]++
		}
	}
}

func (a *alerts) ofCell(c *twins.Cell, limit twins.Power, now map[cause]int64) {
	net := c.Flows.Power + c.Flows.NetworkLoss
	net = max(net, -net)
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
	for _, b := range c.Blocks {
		for i := range b.Read {
			if b.Read[i].Unserved > 0 {
				now[cause{"load.unserved", c.Path}]++
			}
		}
		if b.Kind.Role != twins.RoleStorage || len(a.low) == 0 {
			continue
		}
		for i, path := range b.Paths {
			const near = 1_000_000 // a thousandth
			if low, ok := a.low[path]; ok && int64(b.Read[i].SoC) <= low+near && !b.Vacant(i) {
				now[cause{"storage.empty", c.Path}]++
			}
		}
	}
	ofEvents(c.Events, c.Path, now)
}

// ofEvents counts the alerts that events are.
func ofEvents(events []twins.Notice, path string, now map[cause]int64) {
	for i := range events {
		e := &events[i]
		if rule, ok := ruleOfEvent[e.Event.Type.Name]; ok && rule.is(&e.Event) {
			scope := path
			if rule.exact {
				scope = e.Member
			}
			now[cause{rule.rule, scope}]++
		}
	}
}

// units follows who is out of service. The caller holds mu.
func (a *alerts) units(r *sim.StepRecord, now map[cause]int64) {
	for i := range r.Commands {
		c := &r.Commands[i]
		p, ok := a.index.Place(c.Target)
		if ok && c.Setting() == "available" && a.index.block(p).Kind.Role.Unit() {
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

func (a *alerts) note(c cause, n int64, t twins.Tick) {
	id := c.rule + ":" + c.scope
	row := a.rows[id]
	if row == nil {
		row = &alert{id: id, scope: c.scope, rule: ruleNamed(c.rule), first: t}
		a.rows[id] = row
	}
	if !row.active {
		a.opened, row.acknowledged = true, false
	}
	row.last, row.count, row.active, row.revision = t, row.count+n, true, a.revision
}

func (a *alerts) bound() {
	if len(a.rows) <= mostAlerts {
		return
	}
	all := a.sorted()
	for i := len(all) - 1; i >= 0 && len(a.rows) > mostAlerts; i-- {
		delete(a.rows, all[i].id)
	}
}

// sorted are the rows, active ones first, then the worst and the latest.
func (a *alerts) sorted() []*alert {
	all := make([]*alert, 0, len(a.rows))
	for _, row := range a.rows {
		all = append(all, row)
	}
	slices.SortFunc(all, order)
	return all
}

func order(p, q *alert) int {
	return cmp.Or(less(q.active, p.active), cmp.Compare(severity(q.rule), severity(p.rule)), cmp.Compare(q.last, p.last), strings.Compare(p.id, q.id))
}

func less(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func severity(r *Rule) stream.Alert_Severity {
	return stream.Alert_Severity(stream.Alert_Severity_value[strings.ToUpper(r.Severity)])
}

// since are copies of the rows that have changed after a revision, and the
// revision now.
func (a *alerts) since(revision uint64) ([]alert, uint64) {
	changed, now := a.changed(revision)
	slices.SortFunc(changed, func(p, q alert) int { return order(&p, &q) })
	return changed, now
}

func (a *alerts) changed(revision uint64) (rows []alert, now uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if revision == a.revision && revision > 0 {
		return nil, revision
	}
	for _, row := range a.rows {
		if row.revision > revision || revision == 0 {
			rows = append(rows, *row)
		}
	}
	return rows, a.revision
}

// news is the message on the wire of the rows that have changed after a revision, nil
// if none has, and the revision now. It is made once for all who want it, and what
// makes steps does not wait for that.
func (a *alerts) news(since uint64, asJSON bool) ([]byte, uint64) {
	a.making.Lock()
	defer a.making.Unlock()
	of := newsOf{since, asJSON}
	if b, ok := a.made[of]; ok && a.madeAt == a.now.Load() {
		return b, a.madeAt
	}
	changed, revision := a.since(since)
	var b []byte
	if len(changed) > 0 || since == 0 {
		m := &stream.Alerts{Full: since == 0}
		for i := range changed {
			m.Alerts = append(m.Alerts, changed[i].message())
		}
		b = onWire(encode(&stream.ServerMessage{Body: &stream.ServerMessage_Alerts{Alerts: m}}, asJSON), asJSON)
	}
	if a.madeAt != revision || len(a.made) >= mostNews {
		a.made, a.madeAt = map[newsOf][]byte{}, revision
	}
	a.made[of] = b
	return b, revision
}

// open is how many active rows nobody has acknowledged.
func (a *alerts) open() int { return int(a.unseen.Load()) }

// countOpen counts them after a change. The caller holds mu.
func (a *alerts) countOpen() {
	n := int64(0)
	for _, row := range a.rows {
		if row.active && !row.acknowledged {
			n++
		}
	}
	a.unseen.Store(n)
	a.now.Store(a.revision)
}

// hasOpened says whether a row became active in the last step.
func (a *alerts) hasOpened() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.opened
}

func (a *alerts) has(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rows[id] != nil
}

func (a *alerts) acknowledge(id string) (alert, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	row, ok := a.rows[id]
	if !ok {
		return alert{}, fmt.Errorf("no alert %q", id)
	}
	if !row.acknowledged {
		a.revision++
		row.acknowledged, row.revision = true, a.revision
		a.countOpen()
	}
	return *row, nil
}

// message is the row as the stream has it.
func (row *alert) message() *stream.Alert {
	return &stream.Alert{Id: row.id, Rule: row.rule.Rule, Severity: severity(row.rule), Scope: row.scope, Text: row.rule.Text,
		First: int64(row.first), Last: int64(row.last), Count: uint64(row.count), Active: row.active, Acknowledged: row.acknowledged}
}
