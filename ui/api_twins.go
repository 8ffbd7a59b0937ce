package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// limitSetting names the setting of a community's limit.
const limitSetting = "limit_w"

// TwinRow is one twin in a list.
type TwinRow struct {
	Path      string  `json:"path"`
	Kind      string  `json:"kind"`
	Community string  `json:"community"`
	Owner     string  `json:"owner"`
	Tile      int     `json:"tile"`
	X         float64 `json:"x"`
	Y         float64 `json:"y"`
	Absent    bool    `json:"absent" doc:"it is prepared, and absent in this step"`
	Values    Figures `json:"values" doc:"null: it has none, or the record of an earlier program lacks it; empty before the first step"`
}

// TwinList is a page of twins.
type TwinList struct {
	Total int       `json:"total"`
	Tick  int64     `json:"tick" doc:"step of the values, -1 before the first"`
	Next  string    `json:"next" doc:"cursor of the next page, empty at the end"`
	Twins []TwinRow `json:"twins"`
}

type twinsQuery struct {
	RunQuery
	Page
	Kind      string   `query:"kind"`
	Community string   `query:"community" doc:"its id or path"`
	Where     []string `query:"where,explode" maxItems:"10" doc:"column, one of < <= = >= >, number: soc<0.2"`
	Q         string   `query:"q" maxLength:"200" doc:"parts of the path or of the kind's label, or words kind:battery, community:south, soc<0.2"`
	Tick      int64    `query:"tick" minimum:"-1" default:"-1" doc:"step of the values; -1: the latest"`
	Absent    bool     `query:"absent" doc:"also prepared ones that are absent in this step"`
}

// predicate is a condition on a column: column, comparison, number.
type predicate struct {
	column string
	is     func(order int) bool
	number string
}

var comparisons = []struct {
	sign string
	is   func(order int) bool
}{
	{"<=", func(o int) bool { return o <= 0 }}, {">=", func(o int) bool { return o >= 0 }},
	{"<", func(o int) bool { return o < 0 }}, {">", func(o int) bool { return o > 0 }}, {"=", func(o int) bool { return o == 0 }},
}

func parsePredicate(s string) (predicate, error) {
	for _, c := range comparisons {
		column, number, ok := strings.Cut(s, c.sign)
		if !ok {
			continue
		}
		p := predicate{strings.TrimSpace(column), c.is, strings.TrimSpace(number)}
		known := slices.ContainsFunc(twins.Kinds(), func(k *twins.Kind) bool { return columnOf(k, p.column) >= 0 })
		if !known {
			return p, fmt.Errorf("%q: no column %q", s, p.column)
		}
		if _, err := twins.ParseScaled(p.number, 1000); err != nil {
			return p, fmt.Errorf("%q: %q is not a number", s, p.number)
		}
		return p, nil
	}
	return predicate{}, fmt.Errorf("%q, wanted column, one of < <= = >= >, and a number: soc<0.2", s)
}

func columnOf(k *twins.Kind, name string) int {
	return slices.IndexFunc(k.Columns, func(c twins.Column) bool { return c.Name == name })
}

// filter holds the conditions of a search for twins.
type filter struct {
	kind      string
	community int // −1: any
	where     []predicate
	texts     []string
}

func (r *run) filter(q *twinsQuery) (f filter, err error) {
	f = filter{kind: q.Kind, community: -1}
	community, where := q.Community, q.Where
	for _, word := range strings.Fields(q.Q) {
		switch key, value, ok := strings.Cut(word, ":"); {
		case ok && key == "kind":
			f.kind = value
		case ok && key == "community":
			community = value
		case strings.ContainsAny(word, "<>="):
			where = append(where, word)
		default:
			f.texts = append(f.texts, strings.ToLower(word))
		}
	}
	if err := oneOf("kind", f.kind, kindNames()); err != nil {
		return f, err
	}
	if community != "" {
		if !strings.HasPrefix(community, twins.GridPath+"/") {
			community = twins.GridPath + "/" + community
		}
		c, ok := r.index.Community(community)
		if !ok {
			return f, fmt.Errorf("no community %q", community)
		}
		f.community = c.Index
	}
	for _, w := range where {
		p, err := parsePredicate(w)
		if err != nil {
			return f, err
		}
		f.where = append(f.where, p)
	}
	return f, nil
}

// kindNames returns the names of the kinds of members.
func kindNames() (names []string) {
	for _, k := range twins.Kinds() {
		names = append(names, k.Name)
	}
	return names
}

// bound is a predicate for one kind: a column and the stored integer.
type bound struct {
	column int
	value  int64
	is     func(int) bool
}

// of binds the predicates to the columns of a kind; false if the kind lacks one of them.
func (f *filter) of(k *twins.Kind) (all []bound, ok bool) {
	for _, p := range f.where {
		c := columnOf(k, p.column)
		if c < 0 {
			return nil, false
		}
		v, err := twins.ParseScaled(p.number, int64(math.Pow10(k.Columns[c].Places)))
		if err != nil {
			return nil, false
		}
		all = append(all, bound{c, v, p.is})
	}
	return all, true
}

func (r *run) twins(q *twinsQuery) (*TwinList, error) {
	f, err := r.filter(q)
	if err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	from, err := q.from()
	if err != nil {
		return nil, err
	}
	step, _, err := r.stepAt(q.Tick, false)
	if err != nil {
		return nil, err
	}
	list := &TwinList{Tick: -1, Twins: []TwinRow{}}
	if step != nil {
		list.Tick = int64(step.Tick)
	}
	for t := range r.index.Tiles {
		for k := range r.index.Tiles[t].Blocks {
			b := &r.index.Tiles[t].Blocks[k]
			bounds, ok := f.of(b.Kind)
			if !ok || f.kind != "" && f.kind != b.Kind.Name || step == nil && len(bounds) > 0 {
				continue
			}
			for row := range b.Paths {
				at := Place{int32(t), int32(k), int32(row)}
				if !f.matches(b, row, bounds, step, r.index.scopeOfTile(t), k) || !q.Absent && r.absent(at, step) {
					continue
				}
				if list.Total++; list.Total > from && len(list.Twins) < q.Limit {
					list.Twins = append(list.Twins, r.row(at, step))
				}
			}
		}
	}
	if end := from + len(list.Twins); end < list.Total && len(list.Twins) > 0 {
		list.Next = strconv.Itoa(end)
	}
	return list, nil
}

func (f *filter) matches(b *TileBlock, row int, bounds []bound, step *Step, scope, block int) bool {
	if f.community >= 0 && int(b.Community[row]) != f.community {
		return false
	}
	for _, text := range f.texts {
		if !strings.Contains(strings.ToLower(b.Paths[row]), text) && !strings.Contains(strings.ToLower(b.Kind.Label), text) {
			return false
		}
	}
	for _, p := range bounds {
		of := &step.Scopes[scope][block]
		v := of.Value(p.column, row)
		if v == viewers.None {
			return false
		}
		order := 0
		if v < p.value {
			order = -1
		} else if v > p.value {
			order = 1
		}
		if !p.is(order) {
			return false
		}
	}
	return true
}

// stepAt returns a step as stepWithParts does; −1 means the latest one, which is nil before the first.
// In a replay the latest is the one that its clock shows.
func (r *run) stepAt(t int64, parts bool) (s *Step, notComputed string, err error) {
	if t < 0 {
		first, next := r.history.Bounds()
		if r.replay {
			first, next = 0, r.pace.Clock().Tick
		}
		if next == first {
			return nil, "", nil
		}
		t = int64(next) - 1
	}
	if s, notComputed, err = r.stepWithParts(twins.Tick(t), parts); err != nil {
		return nil, "", huma.Error404NotFound(err.Error())
	}
	return s, notComputed, nil
}

func (r *run) row(p Place, step *Step) TwinRow {
	b := r.index.block(p)
	path := b.Paths[p.Row]
	return TwinRow{Path: path, Kind: b.Kind.Name, Community: r.index.Communities[b.Community[p.Row]].Path, Owner: b.Owners[p.Row],
		Tile: int(p.Tile), X: b.X[p.Row], Y: b.Y[p.Row], Absent: r.absent(p, step), Values: r.values(p, step)}
}

// absent reports whether a twin is prepared and absent in a step: it stores nothing and neither
// draws nor generates. Before the first step its setting decides.
func (r *run) absent(p Place, step *Step) bool {
	b := r.index.block(p)
	if !b.Prepared[p.Row] {
		return false
	}
	if step == nil {
		v, _ := r.settings(b.Paths[p.Row], -1)(twins.InService)
		return v == 0
	}
	for _, c := range [...]twins.Column{twins.ColumnPower, twins.ColumnContent} {
		if at := columnOf(b.Kind, c.Name); at >= 0 && step.Scopes[r.index.scopeOfTile(int(p.Tile))][p.Block].Value(at, int(p.Row)) != 0 {
			return false
		}
	}
	return true
}

// values returns a twin's columns in a step; none before the first step.
func (r *run) values(p Place, step *Step) Figures {
	values := Figures{}
	if step == nil {
		return values
	}
	b, block := r.index.block(p), &step.Scopes[r.index.scopeOfTile(int(p.Tile))][p.Block]
	for i, c := range b.Kind.Columns {
		values.put(c.Name, block.Value(i, int(p.Row)), c.Places)
	}
	return values
}

// TwinSetting is a setting with its value after a step.
type TwinSetting struct {
	SettingInfo
	Value *Number `json:"value" nullable:"true" doc:"null: none, or not known"`
	Word  string  `json:"word" doc:"name of the value, where it is a choice"`
}

// PartInfo is one device of a twin with its power.
type PartInfo struct {
	Name   string  `json:"name"`
	PowerW *Number `json:"power_w" nullable:"true" doc:"null before the first step"`
	Absent bool    `json:"absent" doc:"it is a prepared generator that is not installed: its scale is 0"`
}

// TwinInfo is all that is known of one twin. A journal does not keep gauges and the powers of
// devices: they are computed again, and NotComputed says why where that is not possible.
type TwinInfo struct {
	Path           string         `json:"path"`
	Kind           string         `json:"kind"`
	Label          string         `json:"label"`
	Role           string         `json:"role"`
	Community      string         `json:"community"`
	Owner          string         `json:"owner"`
	Parent         string         `json:"parent"`
	Tile           int            `json:"tile" doc:"-1 for a community and the grid"`
	X              float64        `json:"x"`
	Y              float64        `json:"y"`
	Absent         bool           `json:"absent" doc:"it is prepared, and absent in this step"`
	Tick           int64          `json:"tick" doc:"step of the reading, -1 before the first"`
	Spec           map[string]any `json:"spec" doc:"its entry in the scenario"`
	Settings       []TwinSetting  `json:"settings"`
	Reading        Figures        `json:"reading" nullable:"true" doc:"null before the first step; a value is null if the twin has none, or the record of an earlier program lacks it"`
	Parts          []PartInfo     `json:"parts" doc:"its devices; empty where not_computed says why"`
	Gauges         []GaugeInfo    `json:"gauges" doc:"figures that its kind, or a device of it, has beside the columns"`
	NotComputed    string         `json:"not_computed" doc:"why parts and gauges of this step are not known; empty where they are"`
	Out            bool           `json:"out" doc:"it was out of service in this step, or not installed yet"`
	Plant          *PlantInfo     `json:"plant,omitempty" doc:"if it can be started and stopped"`
	Vehicle        *VehicleInfo   `json:"vehicle,omitempty" doc:"if it is a vehicle"`
	Children       []string       `json:"children" doc:"at most 1,000"`
	ChildrenAbsent []string       `json:"children_absent" doc:"children of a home that are prepared, and absent in this step"`
	ChildrenTotal  int            `json:"children_total"`
	Decisions      []DecisionInfo `json:"decisions" doc:"about it, newest first, at most 20"`
	Alerts         []AlertInfo    `json:"alerts"`
}

func (r *run) twin(path string, tick int64) (*TwinInfo, error) {
	step, notComputed, err := r.stepAt(tick, true)
	if err != nil {
		return nil, err
	}
	t := &TwinInfo{Path: path, Tile: -1, Tick: -1, Settings: []TwinSetting{}, Parts: []PartInfo{}, Gauges: []GaugeInfo{}, NotComputed: notComputed, Children: []string{}, ChildrenAbsent: []string{}, Alerts: []AlertInfo{}, Spec: map[string]any{}}
	if step != nil {
		t.Tick = int64(step.Tick)
	}
	kind := r.kindOf(path)
	switch {
	case path == twins.GridPath:
		kind = twins.Grid
		r.gridTwin(t, step)
	case kind == nil:
		return nil, huma.Error404NotFound(fmt.Sprintf("no twin %q", path))
	case kind == twins.Community:
		r.communityTwin(t, step)
	default:
		r.memberTwin(t, step)
	}
	t.Kind, t.Label, t.Role = kind.Name, kind.Label, kind.Role.String()
	if len(t.Children) > 1000 {
		t.Children = t.Children[:1000]
	}
	if e, ok := r.scenario.Entry(kind, path); ok {
		t.Spec = exactJSON(e.JSON())
		t.Settings = r.settingsOf(path, e, tickOf(step))
	}
	t.Out = !r.inService(path, twins.Tick(t.Tick))
	t.Plant = r.plantInfo(path, twins.Tick(t.Tick))
	t.Vehicle = r.vehicleInfo(path, twins.Tick(t.Tick), t.Reading)
	t.Decisions = r.decisionsOf(path, step)
	rows, err := r.alertsAfter(step)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if rows[i].Scope == path {
			t.Alerts = append(t.Alerts, r.alertInfo(&rows[i]))
		}
	}
	return t, nil
}

func (r *run) gridTwin(t *TwinInfo, step *Step) {
	for _, c := range r.index.Communities {
		t.Children = append(t.Children, c.Path)
	}
	t.ChildrenTotal = len(t.Children)
	if step != nil {
		t.Reading = flowsOf(step, scopeGrid, 0)
	}
}

func (r *run) communityTwin(t *TwinInfo, step *Step) {
	c, _ := r.index.Community(t.Path)
	t.Community, t.Parent, t.X, t.Y = c.Path, twins.GridPath, c.X, c.Y
	homes, own := r.index.membersOf(c)
	t.Children = append(append(t.Children, homes...), own...)
	t.ChildrenTotal = len(t.Children)
	if step != nil {
		t.Reading = flowsOf(step, scopeCommunities+c.Index/mostRows, c.Index%mostRows)
	}
}

func (r *run) memberTwin(t *TwinInfo, step *Step) {
	p, _ := r.index.Place(t.Path)
	row := r.row(p, step)
	t.Community, t.Owner, t.Parent, t.Tile, t.X, t.Y, t.Absent, t.Reading = row.Community, row.Owner, row.Community, row.Tile, row.X, row.Y, row.Absent, row.Values
	if step == nil {
		t.Reading = nil
	}
	if row.Owner != "" {
		t.Parent = row.Owner
	}
	t.Children = append(t.Children, r.index.children[t.Path]...)
	for _, path := range t.Children {
		if at, _ := r.index.Place(path); r.absent(at, step) {
			t.ChildrenAbsent = append(t.ChildrenAbsent, path)
		}
	}
	t.ChildrenTotal = len(t.Children)
	b := r.index.block(p)
	t.Gauges = append(t.Gauges, r.gauges(p, step, t.NotComputed)...)
	if t.NotComputed != "" {
		return
	}
	settings := r.settings(t.Path, tickOf(step))
	for i, name := range b.Parts[p.Row] {
		part := PartInfo{Name: name, Absent: partAbsent(name, settings)}
		if step != nil {
			part.PowerW = &Number{step.Parts[p.Tile][p.Block].At(int(b.partAt[p.Row]) + i), 3}
		}
		t.Parts = append(t.Parts, part)
	}
}

// partAbsent reports whether a device of a member with these settings is a generator of scale 0: a roof
// that is prepared for panels and has none.
func partAbsent(part string, settings func(string) (int64, bool)) bool {
	k := twins.PartKindNamed(part)
	if k == nil || k.Tier != twins.Generation {
		return false
	}
	scale, ok := settings(part + ".scale")
	return ok && scale == 0
}

// flowsOf returns the flow columns of a node in a step.
func flowsOf(step *Step, scope, row int) Figures {
	values := Figures{}
	for i, f := range flowColumns {
		values.put(f.name, step.Scopes[scope][0].Value(i, row), f.places)
	}
	return values
}

// settingsOf returns the settings of a twin after step t, −1 before the first.
func (r *run) settingsOf(path string, e scenario.Entry, t twins.Tick) []TwinSetting {
	out, setting := []TwinSetting{}, r.settings(path, t)
	for _, s := range e.Settings() {
		of := TwinSetting{SettingInfo: settingInfo(s.Setting, s.Boolean)}
		if v, ok := setting(s.Name); ok && (v != 0 || s.Zero == "") {
			value := inUnit(v, s.Scale)
			of.Value = &value
			if v >= 0 && v < int64(len(s.Words)) {
				of.Word = s.Words[v]
			}
		}
		out = append(out, of)
	}
	return out
}

// exactJSON decodes a JSON object and keeps its numbers as they are written.
func exactJSON(b []byte) (v map[string]any) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}

type twinQuery struct {
	RunQuery
	Path string `query:"path" required:"true" maxLength:"500"`
	Tick int64  `query:"tick" minimum:"-1" default:"-1" doc:"-1: the latest"`
}

func (s *Server) twinRoutes(a *api) {
	get(a, "/twins", Watch, "Twins by kind, community, predicate and text", func(_ context.Context, q *twinsQuery) (*answer[*TwinList], error) {
		r, err := s.runOf(q.RunQuery)
		if err != nil {
			return nil, err
		}
		list, err := r.twins(q)
		return &answer[*TwinList]{list}, err
	})
	get(a, "/twin", Watch, "One twin", func(_ context.Context, q *twinQuery) (*answer[*TwinInfo], error) {
		r, err := s.runOf(q.RunQuery)
		if err != nil {
			return nil, err
		}
		t, err := r.twin(q.Path, q.Tick)
		return &answer[*TwinInfo]{t}, err
	})
}
