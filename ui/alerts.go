package ui

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/stream"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// Rule is a condition that raises an alert.
type Rule struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity" enum:"note,warning,critical"`
	Text     string `json:"text"`
	Counts   string `json:"counts" enum:"steps,member-steps,events" doc:"what the count of its alerts counts"`
}

// rules returns views.Rules in the form of the API.
func rules() (all []Rule) {
	for _, r := range views.Rules() {
		all = append(all, Rule(r))
	}
	return all
}

// alert is an alert of the views, and whether it has been acknowledged since it became active.
type alert struct {
	views.Alert
	acknowledged bool
}

// alerts adds to the alerts of the views which of them are acknowledged and in which revision each
// changed last, so that a viewer can ask for changes since the revision that it has.
type alerts struct {
	of *folded

	mu        sync.Mutex
	seen      map[string]twins.Tick // by ID: number of steps made when it was last acknowledged
	rows      alertRows             // after the last step
	revision  uint64
	revisions map[string]uint64 // by ID: revision of its last change in this process
	unseen    atomic.Int64      // number of alerts that are active and not acknowledged
	now       atomic.Uint64     // the same as revision, read without mu

	making sync.Mutex // guards made and madeAt
	made   map[newsOf][]byte
	madeAt uint64 // revision of the messages in made
}

// newsOf is the key of a message: the revision that a viewer has, and the encoding.
type newsOf struct {
	since uint64
	json  bool
}

// mostNews is how many messages of one revision are cached. Few are needed: most viewers have
// the revision before, and new viewers need all alerts.
const mostNews = 8

// newAlerts follows the alerts of views, beginning with the present ones. seen has by ID the number
// of steps made when an alert was acknowledged.
func newAlerts(of *folded, seen map[string]twins.Tick) *alerts {
	a := &alerts{of: of, seen: seen, revisions: map[string]uint64{}}
	a.revision = 1 + uint64(latest(of, views.AlertsKind, (*views.Alerts).Steps)) + uint64(len(seen))
	a.all(func(row alert) { a.revisions[row.ID] = a.revision })
	a.countOpen()
	return a
}

// all calls visit with each alert. The caller holds mu or is the only one with access.
func (a *alerts) all(visit func(alert)) {
	latest(a.of, views.AlertsKind, func(v *views.Alerts) int {
		v.All(func(row *views.Alert) { visit(a.row(row)) })
		return v.Len()
	})
}

// row adds to an alert whether it is acknowledged. The caller holds mu or is the only one with access.
func (a *alerts) row(of *views.Alert) alert {
	made, ok := a.seen[of.ID]
	return alert{*of, ok && of.Since < made}
}

// alertRows are the alerts after a step. They are never changed; steps between which no alert became
// active or inactive share idle, and the first of them owns it.
type alertRows struct {
	active, idle []views.Alert
	owns         bool
}

// size is the memory of the rows in bytes; shared rows count at their owner.
func (a *alertRows) size() int {
	rows := len(a.active)
	if a.owns {
		rows += len(a.idle)
	}
	return 120 * rows
}

// all calls visit with each row.
func (a *alertRows) all(visit func(*views.Alert)) {
	for _, rows := range [...][]views.Alert{a.active, a.idle} {
		for i := range rows {
			visit(&rows[i])
		}
	}
}

// step updates the revisions after the views have processed step t, and returns the alerts after it.
func (a *alerts) step(t twins.Tick) *alertRows {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revision++
	rows, moved, now := 0, false, alertRows{}
	a.all(func(row alert) {
		rows++
		if row.Changed == t {
			a.revisions[row.ID] = a.revision
		}
		if row.Active {
			now.active = append(now.active, row.Alert)
		}
		moved = moved || row.Active && row.Since == t || !row.Active && row.Changed == t
	})
	if now.idle = a.rows.idle; moved || len(now.idle) != rows-len(now.active) {
		now.idle, now.owns = make([]views.Alert, 0, rows-len(now.active)), true
		a.all(func(row alert) {
			if !row.Active {
				now.idle = append(now.idle, row.Alert)
			}
		})
	}
	a.rows = now
	if len(a.revisions) > rows+views.MostAlerts { // many belong to alerts that the view has dropped
		known := map[string]uint64{}
		a.all(func(row alert) { known[row.ID] = a.revisions[row.ID] })
		a.revisions = known
	}
	a.countOpen()
	return &now
}

func severity(r *views.Rule) stream.Alert_Severity {
	return stream.Alert_Severity(stream.Alert_Severity_value[strings.ToUpper(r.Severity)])
}

// since returns the alerts that have changed after a revision, sorted, and the present revision.
func (a *alerts) since(revision uint64) ([]alert, uint64) {
	changed, now := a.changed(revision)
	slices.SortFunc(changed, func(p, q alert) int { return views.CompareAlerts(&p.Alert, &q.Alert) })
	return changed, now
}

func (a *alerts) changed(revision uint64) (rows []alert, now uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if revision == a.revision && revision > 0 {
		return nil, revision
	}
	a.all(func(row alert) {
		if a.revisions[row.ID] > revision || revision == 0 {
			rows = append(rows, row)
		}
	})
	return rows, a.revision
}

// news returns the encoded message with the alerts that have changed after a revision, nil if none
// has, and the present revision. Viewers with the same revision share one message; encoding it
// does not block step.
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
		b = viewers.Message(&stream.ServerMessage{Body: &stream.ServerMessage_Alerts{Alerts: m}}, asJSON)
	}
	if a.madeAt != revision || len(a.made) >= mostNews {
		a.made, a.madeAt = map[newsOf][]byte{}, revision
	}
	a.made[of] = b
	return b, revision
}

// open returns the number of active alerts that are not acknowledged.
func (a *alerts) open() int { return int(a.unseen.Load()) }

// countOpen updates unseen and now after a change. The caller holds mu or is the only one with access.
func (a *alerts) countOpen() {
	n := int64(0)
	a.all(func(row alert) {
		if row.Active && !row.acknowledged {
			n++
		}
	})
	a.unseen.Store(n)
	a.now.Store(a.revision)
}

// hasOpened reports whether an alert became active in the last step.
func (a *alerts) hasOpened() bool {
	return latest(a.of, views.AlertsKind, (*views.Alerts).Opened)
}

func (a *alerts) has(id string) bool {
	return latest(a.of, views.AlertsKind, func(v *views.Alerts) bool { return v.Find(id) != nil })
}

// acknowledge marks an alert as acknowledged after made steps. The mark holds until the alert
// becomes active again.
func (a *alerts) acknowledge(id string, made twins.Tick) (alert, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	found, ok := alert{}, false
	latest(a.of, views.AlertsKind, func(v *views.Alerts) bool {
		if row := v.Find(id); row != nil {
			found, ok = a.row(row), true
		}
		return ok
	})
	if !ok {
		return found, fmt.Errorf("no alert %q", id)
	}
	if !found.acknowledged {
		a.revision++
		a.revisions[id] = a.revision
		a.forget()
		a.seen[id] = made
		found.acknowledged = found.Since < made
		a.countOpen()
	}
	return found, nil
}

// forget drops the acknowledgements of alerts that the view has dropped. The caller holds mu.
func (a *alerts) forget() {
	if len(a.seen) < 2*views.MostAlerts {
		return
	}
	seen := map[string]twins.Tick{}
	a.all(func(row alert) {
		if made, ok := a.seen[row.ID]; ok {
			seen[row.ID] = made
		}
	})
	a.seen = seen
}

// acknowledgedAt reports whether an alert was acknowledged after step t, in which it was as given. An
// acknowledgement that a later one has replaced is not known.
func (a *alerts) acknowledgedAt(t twins.Tick, row *views.Alert) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	made, ok := a.seen[row.ID]
	return ok && row.Since < made && made <= t+1
}

// acknowledgedUntil returns the acknowledgements made after at most so many steps.
func (a *alerts) acknowledgedUntil(steps twins.Tick) map[string]twins.Tick {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen := map[string]twins.Tick{}
	for id, made := range a.seen {
		if made <= steps {
			seen[id] = made
		}
	}
	return seen
}

// message returns the alert as a row of the stream.
func (row *alert) message() *stream.Alert {
	return &stream.Alert{Id: row.ID, Rule: row.Rule.Rule, Severity: severity(row.Rule), Scope: row.Scope, Text: row.Rule.Text,
		First: int64(row.First), Last: int64(row.Last), Count: uint64(row.Count), Active: row.Active, Acknowledged: row.acknowledged}
}
