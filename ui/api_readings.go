package ui

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// SeriesOf is one column over time. Each column has its own ticks: for each pixel of the window,
// those of its least and its greatest value.
type SeriesOf struct {
	Name   string  `json:"name"`
	Label  string  `json:"label"`
	Unit   string  `json:"unit"`
	Places int     `json:"places"`
	T      []int64 `json:"t" doc:"ticks"`
	V      Numbers `json:"v" doc:"values, null is a gap"`
}

// Series is one or more columns over a window.
type Series struct {
	Path       string     `json:"path"`
	From       int64      `json:"from"`
	To         int64      `json:"to" doc:"the first step after the window"`
	HeldFrom   int64      `json:"held_from" doc:"oldest step that is held"`
	StepS      int64      `json:"step_s"`
	StartUnixS int64      `json:"start_unix_s"`
	Reduced    bool       `json:"reduced" doc:"values were left out: there were more than two for each pixel"`
	Series     []SeriesOf `json:"series"`

	NotComputed string `json:"not_computed" doc:"why devices and gauges have gaps in steps that are held; empty where they are known"`
}

// Window is a stretch of time and the number of pixels that it is drawn on.
type Window struct {
	From   int64 `query:"from" default:"0" doc:"first step"`
	To     int64 `query:"to" default:"-1" doc:"the first step after it; -1: up to now"`
	Points int   `query:"points" minimum:"2" maximum:"10000" default:"1000" doc:"pixels: at most two values for each"`
}

// span returns the window in steps, or an error if it is not within the run.
func (r *run) span(w Window) (from, to twins.Tick, err error) {
	_, next := r.history.Bounds()
	from, to = twins.Tick(w.From), twins.Tick(w.To)
	steps := r.scenario.Calendar.Steps
	switch {
	case w.To == -1:
		to = next
	case to > steps:
		return 0, 0, huma.Error422UnprocessableEntity(fmt.Sprintf("to %d is beyond the end: the run has %d steps", to, steps))
	}
	if from < 0 || from > to && w.To != -1 || from > steps {
		return 0, 0, huma.Error422UnprocessableEntity(fmt.Sprintf("from %d to %d is no stretch of the run's %d steps", from, to, steps))
	}
	return from, min(max(from, to), max(from, next)), nil
}

func (r *run) series(path string, from, to twins.Tick) *Series {
	first, _ := r.history.Bounds()
	return &Series{Path: path, From: int64(from), To: int64(to), HeldFrom: int64(first), StepS: int64(r.scenario.Calendar.Step),
		StartUnixS: r.scenario.Calendar.Start.Unix(), Series: []SeriesOf{}}
}

// add appends one column. Steps without a value are gaps; NotComputed says why devices are not known.
func (s *Series) add(r *run, name, label string, places int, at Cell, points int) error {
	c := curve{}
	next := s.From
	err := r.history.Values(at, twins.Tick(s.From), twins.Tick(s.To), func(t twins.Tick, v int64) { c.put(int64(t), v, &next) })
	var unknown *NotComputedError
	if errors.As(err, &unknown) {
		s.NotComputed = unknown.Error()
	} else if err != nil {
		return err
	}
	if next < s.To {
		c.gap(next)
	}
	reduced := c.reduce(points)
	s.Reduced = s.Reduced || reduced
	s.Series = append(s.Series, SeriesOf{name, label, unitOf(name), places, append([]int64{}, c.t...), Numbers{c.v, c.gaps, places}})
	return nil
}

// curve is values over time with gaps.
type curve struct {
	t, v []int64
	gaps map[int]bool
}

// put appends a value; what lies between next and t is a gap.
func (c *curve) put(t, v int64, next *int64) {
	if t > *next {
		c.gap(*next)
	}
	c.t, c.v = append(c.t, t), append(c.v, v)
	*next = t + 1
}

func (c *curve) gap(t int64) {
	if c.gaps == nil {
		c.gaps = map[int]bool{}
	}
	c.gaps[len(c.t)] = true
	c.t, c.v = append(c.t, t), append(c.v, 0)
}

// reduce cuts the curve into as many stretches as there are points and keeps of each the least and
// the greatest value, and a gap if there is one. It reports whether anything was left out.
func (c *curve) reduce(points int) bool {
	n := len(c.t)
	if n <= 2*points {
		return false
	}
	from, span := c.t[0], c.t[n-1]-c.t[0]+1
	out := curve{}
	for i := 0; i < n; {
		pixel := (c.t[i] - from) * int64(points) / span
		j := i
		least, most, gap := -1, -1, -1
		for ; j < n && (c.t[j]-from)*int64(points)/span == pixel; j++ {
			switch {
			case c.gaps[j]:
				gap = j
				continue
			case least < 0:
				least, most = j, j
			}
			if c.v[j] < c.v[least] {
				least = j
			}
			if c.v[j] > c.v[most] {
				most = j
			}
		}
		keep := []int{least, most, gap}
		slices.Sort(keep)
		for _, k := range slices.Compact(keep) {
			switch {
			case k < 0:
			case k == gap:
				out.gap(c.t[k])
			default:
				out.t, out.v = append(out.t, c.t[k]), append(out.v, c.v[k])
			}
		}
		i = j
	}
	*c = out
	return true
}

type readingsQuery struct {
	RunQuery
	Window
	Path   string   `query:"path" required:"true" maxLength:"500"`
	Column []string `query:"column,explode" maxItems:"50" doc:"a column of its kind, part:NAME for a device, or gauge:NAME for a gauge; all columns of its kind if left out"`
}

func (r *run) readings(q *readingsQuery) (*Series, error) {
	from, to, err := r.span(q.Window)
	if err != nil {
		return nil, err
	}
	p, ok := r.index.Place(q.Path)
	if !ok {
		if q.Path == twins.GridPath || r.kindOf(q.Path) != nil {
			return r.flows(&flowsQuery{q.RunQuery, q.Window, q.Path, q.Column})
		}
		return nil, huma.Error404NotFound(fmt.Sprintf("no twin %q", q.Path))
	}
	b := r.index.block(p)
	columns := q.Column
	if len(columns) == 0 {
		for _, c := range b.Kind.Columns {
			columns = append(columns, c.Name)
		}
	}
	s := r.series(q.Path, from, to)
	for _, name := range columns {
		c, err := r.readingColumn(p, name)
		if err != nil {
			return nil, err
		}
		if err := s.add(r, name, c.label, c.places, c.at, q.Points); err != nil {
			return nil, err
		}
		if c.unit != "" {
			s.Series[len(s.Series)-1].Unit = c.unit
		}
	}
	return s, nil
}

// readingColumn is a column of /readings, found by its name.
type readingColumn struct {
	at     Cell
	places int
	label  string
	unit   string // "": the suffix of the name says it
}

// readingColumn finds a column of a twin by name: a column of its kind, part:NAME or gauge:NAME.
func (r *run) readingColumn(p Place, name string) (c readingColumn, err error) {
	b := r.index.block(p)
	c = readingColumn{at: Cell{Scope: r.index.scopeOfTile(int(p.Tile)), Block: int(p.Block), Row: int(p.Row), Part: -1}, places: 3}
	if part, ok := strings.CutPrefix(name, "part:"); ok {
		if c.at.Part = slices.Index(b.Parts[p.Row], part); c.at.Part < 0 {
			return c, huma.Error422UnprocessableEntity(fmt.Sprintf("%s has no device %q, it has: %s", b.Paths[p.Row], part, strings.Join(b.Parts[p.Row], ", ")))
		}
		c.label, c.unit = part, "W"
		return c, nil
	}
	if gauge, ok := strings.CutPrefix(name, "gauge:"); ok {
		list := b.gaugeList(p.Row)
		i := slices.IndexFunc(list, func(g twins.Gauge) bool { return g.Name == gauge })
		if i < 0 {
			var names []string
			for _, g := range list {
				names = append(names, g.Name)
			}
			return c, huma.Error422UnprocessableEntity(fmt.Sprintf("%s has no gauge %q, it has: %s", b.Paths[p.Row], gauge, strings.Join(names, ", ")))
		}
		c.at.Part, c.at.Gauge, c.places, c.label = i, true, list[i].Places, list[i].Label
		return c, nil
	}
	if c.at.Column = columnOf(b.Kind, name); c.at.Column < 0 {
		return c, huma.Error422UnprocessableEntity(fmt.Sprintf("a %s has no column %q", b.Kind.Name, name))
	}
	c.places = b.Kind.Columns[c.at.Column].Places
	return c, nil
}

type flowsQuery struct {
	RunQuery
	Window
	Scope  string   `query:"scope" default:"grid" maxLength:"500" doc:"grid, sources/NAME, or a community's path"`
	Column []string `query:"column,explode" maxItems:"50" doc:"of flow_columns; load_w, generation_w, import_w, export_w, charge_w, discharge_w if left out"`
}

var usualFlows = []string{"load_w", "generation_w", "import_w", "export_w", "charge_w", "discharge_w"}

// scopeRow returns the row of a node: grid, sources/NAME, or a community's path. Column is not set.
func (r *run) scopeRow(scope string) (Cell, bool) {
	if scope == twins.GridPath {
		return Cell{Scope: scopeGrid, Part: -1}, true
	}
	if source, ok := strings.CutPrefix(scope, "sources/"); ok {
		i := slices.IndexFunc(r.index.Sources, func(s Source) bool { return s.Name == source })
		return Cell{Scope: scopeSources, Row: i, Part: -1}, i >= 0
	}
	c, ok := r.index.Community(scope)
	if !ok {
		return Cell{}, false
	}
	return Cell{Scope: scopeCommunities + c.Index/mostRows, Row: c.Index % mostRows, Part: -1}, true
}

func (r *run) flows(q *flowsQuery) (*Series, error) {
	from, to, err := r.span(q.Window)
	if err != nil {
		return nil, err
	}
	at, ok := r.scopeRow(q.Scope)
	if !ok {
		return nil, huma.Error404NotFound(fmt.Sprintf("no scope %q, wanted grid, sources/NAME or a community's path", q.Scope))
	}
	columns := q.Column
	if len(columns) == 0 {
		columns = usualFlows
	}
	s := r.series(q.Scope, from, to)
	for _, name := range columns {
		if at.Column = flowColumnNamed(name); at.Column < 0 {
			return nil, huma.Error422UnprocessableEntity(fmt.Sprintf("no column %q in flow_columns", name))
		}
		if err := s.add(r, name, "", flowColumns[at.Column].places, at, q.Points); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Production is the generation of each source, with consumption and the forecast of the net load.
type Production struct {
	Series
	ForecastJudged int `json:"forecast_judged" doc:"quarter hours whose forecasts could be compared with the actual net load"`
	ForecastNeeds  int `json:"forecast_needs" doc:"how many of them a band around the forecast needs"`
}

// production answers GET /production.
func (r *run) production(q *productionQuery) (*Production, error) {
	from, to, err := r.span(q.Window)
	if err != nil {
		return nil, err
	}
	s := r.series(twins.GridPath, from, to)
	for i, source := range r.index.Sources {
		k := twins.KindNamed(source.Kind)
		if k.Role == twins.RoleTie || !slices.ContainsFunc(k.Columns, func(c twins.Column) bool { return c.Name == "generation_w" }) && k.Role != twins.RoleProducer {
			continue
		}
		at := Cell{Scope: scopeSources, Row: i, Column: flowColumnNamed("generation_w"), Part: -1}
		if err := s.add(r, "generation_w", source.Label, 3, at, q.Points); err != nil {
			return nil, err
		}
	}
	for _, c := range []struct{ column, label string }{{"import_w", "import"}, {"discharge_w", "storage"}, {"load_w", "consumption"}} {
		at := Cell{Scope: scopeGrid, Column: flowColumnNamed(c.column), Part: -1}
		if err := s.add(r, c.column, c.label, 3, at, q.Points); err != nil {
			return nil, err
		}
	}
	judged := s.forecasts(r, q.Points)
	return &Production{*s, judged, views.BandNeeds}, nil
}

// forecasts appends the actual net load, its forecasts with their band, and beyond the end of the
// window the forecast issued last in it. It returns the number of quarter hours before the
// window's end whose forecasts were judged.
func (s *Series) forecasts(r *run, points int) int {
	curves := [...]struct {
		name, label string
		curve
	}{
		{name: "net_load_w", label: "net load"}, {name: "forecast_w", label: "forecast, up to an hour ahead"}, {name: "forecast_w", label: "forecast, a day ahead"},
		{name: "forecast_low_w", label: "lower end of the forecast's band"}, {name: "forecast_high_w", label: "upper end of the forecast's band"},
	}
	put := func(k int, t twins.Tick, p twins.Power) {
		n := int64(t) // steps between two quarter hours are no gap
		curves[k].put(n, int64(p), &n)
	}
	band, judged := r.judgedBefore(twins.Tick(s.To))
	for _, j := range judged {
		if int64(j.Tick) < s.From {
			continue
		}
		put(0, j.Tick, j.Actual)
		put(1, j.Tick, j.Actual+j.Miss.Hour)
		put(2, j.Tick, j.Actual+j.Miss.Day)
		if j.Banded {
			put(3, j.Tick, j.Actual+j.Miss.Hour-j.Off)
			put(4, j.Tick, j.Actual+j.Miss.Hour+j.Off)
		}
	}
	for k := range curves {
		s.Reduced = curves[k].reduce(points) || s.Reduced
	}
	if f := r.forecastAt(twins.Tick(s.To) - 1); s.To > s.From && f != nil {
		step := r.scenario.Calendar.Step
		for t := twins.Tick(s.To); t < r.scenario.Calendar.Steps; t++ {
			lead := twins.Seconds(t-f.Issued) * step
			k := int(lead / 900)
			if k >= len(f.Net) {
				break
			}
			put(1, t, f.Net[k])
			if off, ok := band.Off(lead); ok {
				put(3, t, f.Net[k]-off)
				put(4, t, f.Net[k]+off)
			}
		}
	}
	for k := range curves {
		if c := &curves[k]; len(c.t) > 0 {
			s.Series = append(s.Series, SeriesOf{c.name, c.label, "W", 3, append([]int64{}, c.t...), Numbers{c.v, c.gaps, 3}})
		}
	}
	return band.Judged()
}

// forecastAt returns the forecast issued last up to a step; nil if there is none, or the step cannot be
// computed again. A journal does not keep forecasts.
func (r *run) forecastAt(t twins.Tick) *sim.NetForecast {
	if t < 0 {
		return nil
	}
	step, _, err := r.stepAt(int64(t), true)
	if err != nil {
		return nil
	}
	return step.Ahead
}

// judgedBefore returns the quarter hours whose forecasts were judged before a step, and the band
// that follows from them.
func (r *run) judgedBefore(at twins.Tick) (band *views.ForecastBand, all []views.JudgedQuarter) {
	asOf(r.views, views.JudgedKind, at, func(j *views.Judged) (known bool) {
		band, all, known = j.Before(at)
		return known
	})
	return band, all
}

type productionQuery struct {
	RunQuery
	Window
}

func (s *Server) readingRoutes(a *api) {
	get(a, "/readings", Watch, "A twin's columns and devices over time", of(s, func(q *readingsQuery) RunQuery { return q.RunQuery }, (*run).readings))
	get(a, "/flows", Watch, "Flows of the grid, a source or a community over time", of(s, func(q *flowsQuery) RunQuery { return q.RunQuery }, (*run).flows))
	get(a, "/production", Watch, "Production by source, beside consumption", of(s, func(q *productionQuery) RunQuery { return q.RunQuery }, (*run).production))
}
