package ui

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/stream"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

// The protocol's version, and limits on subscriptions.
const (
	protocol   = 2
	mostTwins  = 20_000 // in one view; larger views are replaced by communities
	mostJSON   = 2_000  // twins in one view as JSON
	mostScopes = 2_000  // in one Subscribe
)

// source is a run as its viewers see it.
type source struct{ run *run }

// newHub makes the hub of a run. If the communities need more than one frame, these take turns.
func newHub(r *run) *viewers.Hub {
	return viewers.NewHub(source{r}, viewers.Turns{First: scopeCommunities, Scopes: r.index.chunks()})
}

// Hello implements viewers.Source.
func (o source) Hello() *stream.Hello {
	r := o.run
	cal := r.scenario.Calendar
	return &stream.Hello{Protocol: protocol, Catalogue: r.index.Version, Run: r.id, Scenario: r.scenario.Name,
		StartUnixS: cal.Start.Unix(), Zone: cal.Start.Location().String(), StepS: uint32(cal.Step), Steps: int64(cal.Steps),
		Tiles: uint32(len(r.index.Tiles)), Twins: uint32(r.index.Twins), MostTwins: mostTwins}
}

// Resolve implements viewers.Source.
func (o source) Resolve(scopes []string, asJSON bool) (v viewers.Wanted, done *stream.Subscribed, err error) {
	r := o.run
	if len(scopes) > mostScopes {
		return v, nil, fmt.Errorf("%d scopes, wanted at most %d", len(scopes), mostScopes)
	}
	tiles := map[int]bool{}
	for _, scope := range scopes {
		if err := r.resolveScope(&v, tiles, scope); err != nil {
			return v, nil, err
		}
	}
	done = &stream.Subscribed{}
	n := 0
	for t := range tiles {
		n += r.index.Tiles[t].Twins
	}
	if asJSON && n > mostJSON {
		return v, nil, fmt.Errorf("%d twins as JSON, wanted at most %d: subscribe to communities, or without format=json", n, mostJSON)
	}
	if n > mostTwins {
		done.Aggregated = true
		done.Notice = fmt.Sprintf("%d communities shown: %d twins in view are more than %d, zoom in for homes", len(r.index.Communities), n, mostTwins)
		tiles = nil
		addCommunities(&v, r.index)
	}
	for t := range tiles {
		v.Scopes = append(v.Scopes, r.index.scopeOfTile(t))
	}
	slices.Sort(v.Scopes)
	v.Scopes = slices.Compact(v.Scopes)
	for _, scope := range v.Scopes {
		done.Frames = append(done.Frames, r.index.scopeName(scope))
	}
	for _, path := range v.Pins {
		done.Frames = append(done.Frames, "twin/"+path)
	}
	return v, done, nil
}

func addCommunities(v *viewers.Wanted, x *Index) {
	for k := range x.chunks() {
		v.Scopes = append(v.Scopes, scopeCommunities+k)
	}
}

func (r *run) resolveScope(v *viewers.Wanted, tiles map[int]bool, scope string) error {
	x := r.index
	name, rest, _ := strings.Cut(scope, "/")
	switch {
	case scope == "grid":
		v.Scopes = append(v.Scopes, scopeGrid)
	case scope == "sources":
		v.Scopes = append(v.Scopes, scopeSources)
	case scope == "communities":
		addCommunities(v, x)
	case scope == "alerts":
		v.Alerts = true
	case name == "community":
		c, ok := x.Community(twins.GridPath + "/" + rest)
		if !ok {
			return fmt.Errorf("no community %q", rest)
		}
		for _, t := range c.Tiles {
			tiles[t] = true
		}
	case name == "tile":
		t, err := strconv.Atoi(rest)
		if err != nil || t < 0 || t >= len(x.Tiles) {
			return fmt.Errorf("no tile %q, there are 0 to %d", rest, len(x.Tiles)-1)
		}
		tiles[t] = true
	case name == "twin":
		if _, ok := x.Place(rest); !ok {
			return fmt.Errorf("no twin %q", rest)
		}
		if !slices.Contains(v.Pins, rest) {
			v.Pins = append(v.Pins, rest)
		}
		if len(v.Pins) > 200 {
			return errors.New("more than 200 twins pinned, wanted their tiles")
		}
	default:
		return fmt.Errorf("unknown scope %q, wanted grid, sources, communities, community/ID, tile/N, twin/PATH or alerts", scope)
	}
	return nil
}

// Frames implements viewers.Source.
func (o source) Frames(t twins.Tick, scopes []int, pins []string) (of, pinned []*viewers.Frame, err error) {
	x := o.run.index
	step, notComputed, err := o.run.stepWithParts(t, len(pins) > 0)
	if err != nil {
		return nil, nil, err
	}
	for _, scope := range scopes {
		of = append(of, x.frame(step, scope))
	}
	for _, path := range pins {
		at, _ := x.Place(path)
		pinned = append(pinned, x.pinned(step, path, at, notComputed))
	}
	return of, pinned, nil
}

// frame makes the frame of a scope in a step.
func (x *Index) frame(s *Step, scope int) *viewers.Frame {
	return viewers.NewFrame(x.scopeName(scope), s.Tick, s.Scopes[scope])
}

// show passes a step to the hub as the latest.
func (r *run) show(s *Step) {
	frames := make([]*viewers.Frame, len(s.Scopes))
	for i := range frames {
		frames[i] = r.index.frame(s, i)
	}
	r.hub.Show(s.Tick, frames)
}

// stepWithParts returns a step, with the powers of devices and gauges if parts is true; or without
// them, and why they are not known.
func (r *run) stepWithParts(t twins.Tick, parts bool) (step *Step, notComputed string, err error) {
	step, err = r.history.Step(t, parts)
	var unknown *NotComputedError
	if errors.As(err, &unknown) {
		notComputed = unknown.Error()
		step, err = r.history.Step(t, false)
	}
	return step, notComputed, err
}

// pinned makes the frame of one twin: its columns, and its devices unless notComputed says why they
// are not known.
func (x *Index) pinned(s *Step, path string, at Place, notComputed string) *viewers.Frame {
	own := s.Scopes[x.scopeOfTile(int(at.Tile))][at.Block]
	b := x.block(at)
	blocks := []viewers.Block{{Rows: 1, Columns: make([]viewers.Column, len(own.Columns))}}
	for i := range own.Columns {
		blocks[0].Columns[i] = viewers.NewColumn([]int64{own.Value(i, int(at.Row))})
	}
	if notComputed != "" {
		return viewers.NewPartless("twin/"+path, s.Tick, blocks[0], notComputed)
	}
	if n := len(b.Parts[at.Row]); n > 0 {
		parts := make([]int64, n)
		for k := range parts {
			parts[k] = s.Parts[at.Tile][at.Block].At(int(b.partAt[at.Row]) + k)
		}
		blocks = append(blocks, viewers.Block{Rows: n, Columns: []viewers.Column{viewers.NewColumn(parts)}})
	}
	return viewers.NewFrame("twin/"+path, s.Tick, blocks)
}

// News implements viewers.Source.
func (o source) News(since uint64, asJSON bool) ([]byte, uint64) {
	return o.run.alerts.news(since, asJSON)
}

var clockStates = map[live.State]stream.Clock_State{
	live.Paused: stream.Clock_PAUSED, live.Playing: stream.Clock_LIVE, live.Ended: stream.Clock_ENDED, live.Failed: stream.Clock_FAILED,
}

// Clock implements viewers.Source.
func (o source) Clock() (clock *stream.Clock, alerts uint32) {
	r := o.run
	c := r.pace.Clock()
	first, _ := r.history.Bounds()
	m := &stream.Clock{State: clockStates[c.State], Tick: int64(c.Tick), First: int64(first), Speed: c.Speed, Reached: c.Reached}
	if m.Playing, m.Error = c.State == live.Playing, r.trouble(&c); r.replay {
		m.State = stream.Clock_REPLAY
	}
	return m, uint32(r.openAlerts(c.Tick))
}
