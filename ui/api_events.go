package ui

import (
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// EventInfo is one notable event.
type EventInfo struct {
	Tick   int64             `json:"tick"`
	Time   string            `json:"time"`
	Path   string            `json:"path"`
	Type   string            `json:"type"`
	Fields map[string]Number `json:"fields" doc:"values in the units of their names"`
}

// DecisionInfo is one decision about a member with its reason.
type DecisionInfo struct {
	Tick       int64   `json:"tick"`
	Time       string  `json:"time"`
	Path       string  `json:"path"`
	Reason     string  `json:"reason"`
	PowerW     Number  `json:"power_w" doc:"the setpoint that replaced its reference"`
	ShiftedW   Number  `json:"shifted_w"`
	UnservedW  Number  `json:"unserved_w"`
	WaitingW   *Number `json:"waiting_w" nullable:"true" doc:"what began to lack at the member in this step for a deadline to come, the same in each decision about it; null if the record of an earlier program lacks it"`
	CurtailedW Number  `json:"curtailed_w"`
}

func (r *run) eventInfo(s *Step, n *twins.Notice) EventInfo {
	e := EventInfo{Tick: int64(s.Tick), Time: r.time(s.Tick), Path: n.Member, Type: n.Event.Type.Name, Fields: map[string]Number{}}
	for i, f := range n.Event.Type.Fields {
		e.Fields[f] = Number{n.Event.V[i], twins.FieldPlaces(f)}
	}
	return e
}

func (r *run) decisionInfo(s *Step, d *twins.Decision) DecisionInfo {
	w := func(p twins.Power) Number { return Number{int64(p), 3} }
	info := DecisionInfo{Tick: int64(s.Tick), Time: r.time(s.Tick), Path: d.Member, Reason: d.Reason.String(),
		PowerW: w(d.Power), ShiftedW: w(d.Shifted), UnservedW: w(d.Unserved), CurtailedW: w(d.Curtailed)}
	if v := r.waitingIn(s, d.Member); v != viewers.None {
		info.WaitingW = &Number{v, 3}
	}
	return info
}

// waitingIn is what began to wait at a member in a step, mW: 0 for a kind that cannot wait, viewers.None if
// the record lacks it.
func (r *run) waitingIn(s *Step, member string) int64 {
	p, ok := r.index.Place(member)
	if !ok {
		return 0
	}
	c := columnOf(r.index.block(p).Kind, twins.ColumnWaiting.Name)
	if c < 0 {
		return 0
	}
	return s.Scopes[r.index.scopeOfTile(int(p.Tile))][p.Block].Value(c, int(p.Row))
}

// backwards calls visit with the steps that the history holds, newest first, until visit returns false.
func (r *run) backwards(from, to twins.Tick, visit func(*Step) bool) error {
	first, _ := r.history.Bounds()
	for t := to - 1; t >= max(from, first); t-- {
		s, err := r.history.Step(t, false)
		if err != nil {
			return nil // evicted in the meantime
		}
		if !visit(s) {
			break
		}
	}
	return nil
}

// mostDecisions is how many decisions a twin lists, lookBack how many steps are searched for them.
const (
	mostDecisions = 20
	lookBack      = 1000
)

func (r *run) decisionsOf(path string, step *Step) []DecisionInfo {
	found := []DecisionInfo{}
	if step == nil {
		return found
	}
	_ = r.backwards(step.Tick-lookBack, step.Tick+1, func(s *Step) bool {
		for i := range s.Decisions {
			if s.Decisions[i].Member == path {
				found = append(found, r.decisionInfo(s, &s.Decisions[i]))
			}
		}
		return len(found) < mostDecisions
	})
	return found[:min(len(found), mostDecisions)]
}

type eventsQuery struct {
	RunQuery
	Page
	Path string `query:"path" maxLength:"500" doc:"of a member, or of a node above it"`
	Type string `query:"type" maxLength:"100"`
	From int64  `query:"from" default:"0"`
	To   int64  `query:"to" default:"-1"`
}

type eventList struct {
	Next   string      `json:"next"`
	Events []EventInfo `json:"events"`
}

type decisionsQuery struct {
	RunQuery
	Page
	Path   string `query:"path" maxLength:"500" doc:"of a member, or of a node above it"`
	Reason string `query:"reason" maxLength:"100"`
	From   int64  `query:"from" default:"0"`
	To     int64  `query:"to" default:"-1"`
}

type decisionList struct {
	Next      string         `json:"next"`
	Decisions []DecisionInfo `json:"decisions"`
}

// under reports whether path equals above or lies below it.
func under(path, above string) bool {
	return above == "" || path == above || strings.HasPrefix(path, above) && path[len(above)] == '/'
}

// pages selects one page of what backwards finds. A cursor is a step and an index in its list.
type pages struct {
	limit    int
	tick, at int64 // where the page begins
	next     string
	n        int
}

func newPages(p Page, to twins.Tick) (*pages, error) {
	g := &pages{limit: p.Limit, tick: int64(to) - 1}
	if p.Cursor == "" {
		return g, nil
	}
	var t, at int64
	if n, err := fmt.Sscanf(p.Cursor, "%d.%d", &t, &at); n != 2 || err != nil || t < 0 || at < 0 {
		return nil, huma.Error422UnprocessableEntity(fmt.Sprintf("cursor %q: wanted one from an answer", p.Cursor))
	}
	g.tick, g.at = min(t, g.tick), at
	return g, nil
}

// take reports whether the i-th item of a step belongs to the page, and whether the page is full.
func (g *pages) take(t twins.Tick, i int) (take, full bool) {
	switch {
	case int64(t) == g.tick && int64(i) < g.at:
		return false, false
	case g.n == g.limit:
		g.next = fmt.Sprintf("%d.%d", t, i)
		return false, true
	}
	g.n++
	return true, false
}

// newestFirst returns a page of the items of steps that match, newest first, each as info describes it,
// and the cursor of the next page.
func newestFirst[T, O any](r *run, w Window, p Page, items func(*Step) []T, matches func(*T) bool, info func(*Step, *T) O) (page []O, next string, err error) {
	from, to, err := r.span(w)
	if err != nil {
		return nil, "", err
	}
	g, err := newPages(p, to)
	if err != nil {
		return nil, "", err
	}
	page = []O{}
	err = r.backwards(from, twins.Tick(g.tick)+1, func(s *Step) bool {
		all := items(s)
		for i := range all {
			if !matches(&all[i]) {
				continue
			}
			take, full := g.take(s.Tick, i)
			if full {
				return false
			}
			if take {
				page = append(page, info(s, &all[i]))
			}
		}
		return true
	})
	return page, g.next, err
}

// checkPath refuses a path that no twin has.
func (r *run) checkPath(path string) error {
	if path != "" && path != twins.GridPath && r.kindOf(path) == nil {
		return huma.Error404NotFound(fmt.Sprintf("no twin %q", path))
	}
	return nil
}

func (r *run) events(q *eventsQuery) (*eventList, error) {
	if err := r.checkPath(q.Path); err != nil {
		return nil, err
	}
	if err := oneOf("type", q.Type, notableTypes()); err != nil {
		return nil, err
	}
	matches := func(n *twins.Notice) bool {
		return under(n.Member, q.Path) && (q.Type == "" || q.Type == n.Event.Type.Name)
	}
	page, next, err := newestFirst(r, Window{From: q.From, To: q.To}, q.Page, func(s *Step) []twins.Notice { return s.Events }, matches, r.eventInfo)
	return &eventList{next, page}, err
}

// notableTypes returns the names of the events that are recorded.
func notableTypes() (names []string) {
	for _, t := range twins.EventTypes() {
		if t.Notable {
			names = append(names, t.Name)
		}
	}
	return names
}

func (r *run) decisions(q *decisionsQuery) (*decisionList, error) {
	if err := r.checkPath(q.Path); err != nil {
		return nil, err
	}
	if err := oneOf("reason", q.Reason, reasonNames()[1:]); err != nil {
		return nil, err
	}
	matches := func(d *twins.Decision) bool {
		return under(d.Member, q.Path) && (q.Reason == "" || q.Reason == d.Reason.String())
	}
	page, next, err := newestFirst(r, Window{From: q.From, To: q.To}, q.Page, func(s *Step) []twins.Decision { return s.Decisions }, matches, r.decisionInfo)
	return &decisionList{next, page}, err
}

func (s *Server) eventRoutes(a *api) {
	get(a, "/events", Watch, "Notable events, newest first", of(s, func(q *eventsQuery) RunQuery { return q.RunQuery }, (*run).events))
	get(a, "/decisions", Watch, "Decisions with their reasons, newest first", of(s, func(q *decisionsQuery) RunQuery { return q.RunQuery }, (*run).decisions))
}
