package ui

import (
	"context"
	"fmt"
	"maps"
	"math"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// Bounds is the rectangle of the plane that holds all communities.
type Bounds struct {
	X0 float64 `json:"x0"`
	Y0 float64 `json:"y0"`
	X1 float64 `json:"x1"`
	Y1 float64 `json:"y1"`
}

// CommunityInfo is a community on the plane with its limit in a step.
type CommunityInfo struct {
	Community
	LimitW *Number `json:"limit_w" nullable:"true" doc:"null: none"`
}

// Tree is the grid on the plane: x to the right, y downwards, the substation at 0, 0.
type Tree struct {
	Version     string          `json:"version"`
	Bounds      Bounds          `json:"bounds"`
	Communities []CommunityInfo `json:"communities"`
	Lines       []Line          `json:"lines"`
}

// tree returns the communities with their limits and members after a step; nil: before the first.
func (r *run) tree(step *Step) Tree {
	x := r.index
	t := Tree{Version: x.Version, Communities: []CommunityInfo{}, Lines: []Line{}}
	b := &t.Bounds
	*b = Bounds{-circle, -circle, circle, circle}
	limits, in := r.limitsAndMembers(tickOf(step))
	for i, c := range x.Communities {
		info := CommunityInfo{Community: c}
		info.Members = maps.Clone(c.Members)
		for _, path := range c.prepared {
			if in[path] {
				info.Members[x.block(x.twins[path]).Kind.Name]++
				info.Twins++
			}
		}
		if limits[i] > 0 {
			info.LimitW = &Number{limits[i], 3}
		}
		t.Communities = append(t.Communities, info)
		t.Lines = append(t.Lines, Line{[]float64{0, c.X}, []float64{0, c.Y}, c.Path})
		b.X0, b.Y0 = math.Min(b.X0, c.X-c.R), math.Min(b.Y0, c.Y-c.R)
		b.X1, b.Y1 = math.Max(b.X1, c.X+c.R), math.Max(b.Y1, c.Y+c.R)
	}
	return t
}

// limitsAndMembers returns after step t the limit of each community, 0 for none, and the prepared members that
// are put in.
func (r *run) limitsAndMembers(t twins.Tick) (limits []int64, in map[string]bool) {
	limits, in = make([]int64, len(r.index.Communities)), map[string]bool{}
	for i := range r.index.Communities {
		if e, ok := r.entry(r.index.Communities[i].Path); ok {
			stated, _ := e.Setting(limitSetting)
			limits[i] = stated.Value
		}
	}
	r.settingsAfter(t, func(s *views.Settings) {
		for i := range r.index.Communities {
			c := &r.index.Communities[i]
			if v, ok := s.Value(c.Path, limitSetting); ok {
				limits[i] = v
			}
			for _, path := range c.prepared {
				if v, _ := s.Value(path, twins.InService); v != 0 {
					in[path] = true
				}
			}
		}
	})
	return limits, in
}

// TileInfo is the members of a tile, in the order of the rows of its frames.
type TileInfo struct {
	Version     string          `json:"version"`
	Tile        int             `json:"tile"`
	Communities []string        `json:"communities"`
	Blocks      []TileBlockInfo `json:"blocks" doc:"in the order of Frame.blocks"`
	Lines       []Line          `json:"lines"`
}

// TileBlockInfo is the members of one kind in a tile. Lists have one entry for each row.
type TileBlockInfo struct {
	Kind       string     `json:"kind"`
	Paths      []string   `json:"paths"`
	Community  []int32    `json:"community" doc:"index into the tree's communities"`
	OwnerBlock int        `json:"owner_block" doc:"block of this tile that has the owners, -1 if no member of this block has one"`
	Owner      []int32    `json:"owner" doc:"row in owner_block, -1 if it belongs to the community"`
	X          []float64  `json:"x"`
	Y          []float64  `json:"y"`
	Parts      [][]string `json:"parts" doc:"names of the devices of each"`
	Prepared   []int      `json:"prepared" doc:"rows of prepared members: one is absent in a step in which it stores nothing and neither draws nor generates"`
}

func (x *Index) tile(n int) TileInfo {
	t := &x.Tiles[n]
	info := TileInfo{Version: x.Version, Tile: n, Lines: append([]Line{}, t.Lines...), Communities: []string{}}
	for _, c := range t.Communities {
		info.Communities = append(info.Communities, x.Communities[c].Path)
	}
	for i := range t.Blocks {
		b := &t.Blocks[i]
		to := TileBlockInfo{Kind: b.Kind.Name, Paths: b.Paths, Community: b.Community, OwnerBlock: -1, X: b.X, Y: b.Y, Parts: make([][]string, len(b.Paths)), Prepared: []int{}}
		for row, owner := range b.Owners {
			to.Parts[row] = append([]string{}, b.Parts[row]...)
			if b.Prepared[row] {
				to.Prepared = append(to.Prepared, row)
			}
			at, ok := x.twins[owner]
			if !ok || int(at.Tile) != n {
				to.Owner = append(to.Owner, -1)
				continue
			}
			to.OwnerBlock = int(at.Block)
			to.Owner = append(to.Owner, at.Row)
		}
		info.Blocks = append(info.Blocks, to)
	}
	return info
}

type tileQuery struct {
	TagQuery
	Tile int `path:"n"`
}

type treeQuery struct {
	TagQuery
	RunQuery
	Tick int64 `query:"tick" minimum:"-1" default:"-1" doc:"step of the limits and members; -1: the latest"`
}

func (s *Server) treeRoutes(a *api) {
	get(a, "/tree", Watch, "Communities on the plane", func(_ context.Context, q *treeQuery) (*answer[Tree], error) {
		r, err := s.runOf(q.RunQuery)
		if err != nil {
			return nil, err
		}
		step, _, err := r.stepAt(q.Tick, false)
		if err != nil {
			return nil, err
		}
		return &answer[Tree]{r.tree(step)}, nil
	})
	get(a, "/tiles/{n}", Watch, "The members of a tile", func(_ context.Context, q *tileQuery) (*tagged[TileInfo], error) {
		if q.Tile < 0 || q.Tile >= len(s.index.Tiles) {
			return nil, huma.Error404NotFound(fmt.Sprintf("no tile %d, there are 0 to %d", q.Tile, len(s.index.Tiles)-1))
		}
		return tag(s, q.TagQuery, func() TileInfo { return s.index.tile(q.Tile) })
	})
}
