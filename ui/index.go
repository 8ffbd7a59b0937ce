package ui

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// mostRows is how many twins a tile has at most, and how many communities a frame.
const mostRows = 1024

// Index holds what does not change about a world while it runs: its twins, the tile of each, and
// where each lies on the plane. All runs of one scenario share it.
type Index struct {
	Version     string
	Communities []Community
	Tiles       []Tile
	Sources     []Source
	Twins       int // rows of all tiles, prepared ones included

	twins    map[string]Place
	children map[string][]string // paths of devices by owner
	// sourceOf has for each cell and block the sources of its members, as indexes into Sources: one
	// for all, or one each.
	sourceOf [][][]int32
}

// Community is a community on the plane.
type Community struct {
	Path    string         `json:"path"`
	ID      string         `json:"id"`
	Index   int            `json:"index"`
	X       float64        `json:"x"`
	Y       float64        `json:"y"`
	R       float64        `json:"r"`
	Tiles   []int          `json:"tiles"`
	Twins   int            `json:"twins" doc:"present ones: a prepared one counts once it has been put in"`
	Members map[string]int `json:"members" doc:"number of these, by kind"`

	prepared []string // paths of members that are absent at the start: not counted
}

// Tile is a group of at most 1,024 twins that share a frame.
type Tile struct {
	Communities []int // by index
	Blocks      []TileBlock
	Twins       int
	Lines       []Line
}

// TileBlock is the members of one kind in a tile.
type TileBlock struct {
	Kind      *twins.Kind
	Paths     []string
	Owners    []string // path of the household whose meter it is behind, or ""
	Community []int32
	X, Y      []float64
	Prepared  []bool     // for each: absent until it is put in
	Parts     [][]string // names of the devices of each; nil if it is a single device
	partAt    []int32    // index of the first part of each
	parts     int
	gaugeAt   []int32 // index of the first gauge of each
	gauges    int

	slots []cellSlot
}

type cellSlot struct {
	cell int32
	twins.Slot
}

// gaugeList returns the gauges of the twin in a row.
func (b *TileBlock) gaugeList(row int32) []twins.Gauge { return twins.GaugesOf(b.Kind, b.Parts[row]) }

// Line is a cable on the plane.
type Line struct {
	X         []float64 `json:"x"`
	Y         []float64 `json:"y"`
	Community string    `json:"community"`
}

// Source is a kind, or a technology of a kind, whose flows are added up over its members.
type Source struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Label string `json:"label"`
}

// Place is the position of a twin's values in a Step.
type Place struct{ Tile, Block, Row int32 }

// NewIndex makes the index of a world, which must not be stepped meanwhile.
func NewIndex(w *sim.World) *Index {
	x := &Index{twins: map[string]Place{}, children: map[string][]string{}}
	x.sources(w)
	for i, c := range w.Cells {
		members, there, prepared := map[string]int{}, 0, []string(nil)
		for _, b := range c.Blocks {
			for m, path := range b.Paths {
				if b.Prepared(m) && absentAtStart(w, b.Kind, path) {
					prepared = append(prepared, path)
					continue
				}
				members[b.Kind.Name]++
				there++
			}
		}
		x.Communities = append(x.Communities, Community{Path: c.Path, ID: strings.TrimPrefix(c.Path, twins.GridPath+"/"), Index: i,
			Twins: there, Members: members, Tiles: []int{}, prepared: prepared})
		x.Twins += c.Members()
	}
	x.cut(w)
	x.layOut()
	x.version(w)
	return x
}

func absentAtStart(w *sim.World, k *twins.Kind, path string) bool {
	e, ok := w.Scenario.Entry(k, path)
	return ok && e.Absent()
}

// Place returns the position of a member's values; false if there is no member of that path.
func (x *Index) Place(path string) (Place, bool) {
	p, ok := x.twins[path]
	return p, ok
}

// Community returns a community by its path.
func (x *Index) Community(path string) (*Community, bool) {
	i, ok := slices.BinarySearchFunc(x.Communities, path, func(c Community, path string) int { return strings.Compare(c.Path, path) })
	if !ok {
		return nil, false
	}
	return &x.Communities[i], true
}

// block returns the block of a place.
func (x *Index) block(p Place) *TileBlock { return &x.Tiles[p.Tile].Blocks[p.Block] }

// membersOfKind returns the places of the members of a kind, tile by tile.
func (x *Index) membersOfKind(k *twins.Kind) (places []Place) {
	for t := range x.Tiles {
		for n := range x.Tiles[t].Blocks {
			if b := &x.Tiles[t].Blocks[n]; b.Kind == k {
				for row := range b.Paths {
					places = append(places, Place{int32(t), int32(n), int32(row)})
				}
			}
		}
	}
	return places
}

// sources finds the source of each member: its kind, or its technology if its entry names one.
func (x *Index) sources(w *sim.World) {
	at := map[string]int32{}
	source := func(k *twins.Kind, technology string) int32 {
		s := Source{Name: k.Name, Kind: k.Name, Label: k.Label}
		if technology != "" {
			s.Name, s.Label = k.Name+"/"+technology, strings.ReplaceAll(technology, "_", " ")
		}
		i, ok := at[s.Name]
		if !ok {
			i = int32(len(x.Sources))
			at[s.Name], x.Sources = i, append(x.Sources, s)
		}
		return i
	}
	for _, c := range w.Cells {
		var ofCell [][]int32
		for _, b := range c.Blocks {
			var of []int32
			if slab, ok := b.Slab.(twins.Technologist); !ok {
				of = []int32{source(b.Kind, "")}
			} else {
				for i := range b.Paths {
					of = append(of, source(b.Kind, slab.Technology(i)))
				}
			}
			ofCell = append(ofCell, of)
		}
		x.sourceOf = append(x.sourceOf, ofCell)
	}
	// Sorted by name, so that the order of members does not matter.
	order := make([]int32, len(x.Sources))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return strings.Compare(x.Sources[a].Name, x.Sources[b].Name) })
	sorted, now := make([]Source, len(order)), make([]int32, len(order))
	for to, from := range order {
		sorted[to], now[from] = x.Sources[from], int32(to)
	}
	x.Sources = sorted
	for _, ofCell := range x.sourceOf {
		for _, of := range ofCell {
			for i := range of {
				of[i] = now[of[i]]
			}
		}
	}
}

// cut makes the tiles: whole communities while they fit; a larger community has tiles of its own,
// in which a home and the devices behind its meter stay together.
func (x *Index) cut(w *sim.World) {
	var now []cellSlot
	flush := func() {
		if len(now) > 0 {
			x.addTile(w, now)
			now = nil
		}
	}
	for k, c := range w.Cells {
		if len(now)+c.Members() > mostRows {
			flush()
		}
		for _, group := range groupsOf(c, int32(k)) {
			for len(group) > 0 {
				if len(now)+len(group) > mostRows {
					flush()
				}
				n := min(len(group), mostRows)
				now, group = append(now, group[:n]...), group[n:]
			}
		}
		if c.Members() > mostRows {
			flush()
		}
	}
	flush()
}

// groupsOf groups the members of a cell: each owner with its devices.
func groupsOf(c *twins.Cell, cell int32) (groups [][]cellSlot) {
	at := map[string]int{}
	for pass := range 2 { // owners first
		for k, b := range c.Blocks {
			if b.Kind.Ownable != (pass == 1) {
				continue
			}
			for i, path := range b.Paths {
				slot := cellSlot{cell, twins.Slot{Block: int32(k), Index: int32(i)}}
				if owner, owned := ownerOf(c.Path, path); owned {
					groups[at[owner]] = append(groups[at[owner]], slot)
					continue
				}
				at[path] = len(groups)
				groups = append(groups, []cellSlot{slot})
			}
		}
	}
	return groups
}

// ownerOf returns the path of the household whose meter a member is behind; false if there is none.
func ownerOf(community, path string) (string, bool) {
	owner := path[:strings.LastIndexByte(path, '/')]
	return owner, owner != community
}

func (x *Index) addTile(w *sim.World, slots []cellSlot) {
	t := Tile{Twins: len(slots)}
	n := len(x.Tiles)
	slices.SortFunc(slots, func(a, b cellSlot) int {
		return cmp.Or(strings.Compare(w.Cells[a.cell].Blocks[a.Block].Kind.Name, w.Cells[b.cell].Blocks[b.Block].Kind.Name),
			cmp.Compare(a.cell, b.cell), cmp.Compare(a.Index, b.Index))
	})
	for _, s := range slots {
		c := w.Cells[s.cell]
		b := c.Blocks[s.Block]
		if k := len(t.Blocks); k == 0 || t.Blocks[k-1].Kind != b.Kind {
			t.Blocks = append(t.Blocks, TileBlock{Kind: b.Kind})
		}
		to := &t.Blocks[len(t.Blocks)-1]
		path := b.Paths[s.Index]
		x.twins[path] = Place{int32(n), int32(len(t.Blocks) - 1), int32(len(to.Paths))}
		owner, owned := ownerOf(c.Path, path)
		if owned {
			x.children[owner] = append(x.children[owner], path)
		} else {
			owner = ""
		}
		parts := b.Slab.Parts(int(s.Index))
		to.Paths, to.Owners, to.Community = append(to.Paths, path), append(to.Owners, owner), append(to.Community, s.cell)
		to.Prepared = append(to.Prepared, b.Prepared(int(s.Index)))
		to.Parts, to.partAt = append(to.Parts, parts), append(to.partAt, int32(to.parts))
		to.parts += len(parts)
		to.gaugeAt = append(to.gaugeAt, int32(to.gauges))
		to.gauges += len(twins.GaugesOf(b.Kind, parts))
		to.slots = append(to.slots, s)
		if !slices.Contains(t.Communities, int(s.cell)) {
			t.Communities = append(t.Communities, int(s.cell))
			x.Communities[s.cell].Tiles = append(x.Communities[s.cell].Tiles, n)
		}
	}
	slices.Sort(t.Communities)
	x.Tiles = append(x.Tiles, t)
}

// version sets Version to a hash of the index: it is equal for the same members at the same places.
func (x *Index) version(w *sim.World) {
	h := sha256.New()
	fmt.Fprintln(h, "catalogue 1", w.Scenario.Name)
	for _, k := range twins.Kinds() {
		fmt.Fprintln(h, k.Name, k.Version, len(k.Columns), len(k.Settings), len(k.AllGauges()))
	}
	for i := range x.Tiles {
		for _, b := range x.Tiles[i].Blocks {
			for r, path := range b.Paths {
				fmt.Fprintln(h, i, path, strings.Join(b.Parts[r], " "), b.X[r], b.Y[r], b.Prepared[r])
			}
		}
	}
	fmt.Fprintln(h, x.Sources, len(flowColumns))
	x.Version = hex.EncodeToString(h.Sum(nil)[:8])
}

// The plane. Communities are equal circles in rings around the substation; in each,
// homes lie along streets, their devices around them, and members without an owner along
// the edge. The layout depends on the members alone.

const (
	circle  = 10.0 // radius of a community's circle
	between = 1.15 // distance between the centres of neighbours ÷ diameter
)

func (x *Index) layOut() {
	ring, room, k := 0, 0, 0
	radius := 0.0
	for i := range x.Communities {
		if k == room {
			ring, k = ring+1, 0
			radius = 2 * circle * between * float64(ring)
			room = max(1, int(math.Pi/math.Asin(circle*between/radius)))
			if left := len(x.Communities) - i; left < room {
				room = left
			}
		}
		angle := 2*math.Pi*float64(k)/float64(room) - math.Pi/2 + 0.4*float64(ring-1)
		c := &x.Communities[i]
		c.X, c.Y, c.R = rounded(radius*math.Cos(angle)), rounded(radius*math.Sin(angle)), circle
		k++
	}
	for i := range x.Tiles {
		for b := range x.Tiles[i].Blocks {
			to := &x.Tiles[i].Blocks[b]
			to.X, to.Y = make([]float64, len(to.Paths)), make([]float64, len(to.Paths))
		}
	}
	for i := range x.Communities {
		x.layCommunity(&x.Communities[i])
	}
}

// membersOf returns the members of a community that have no owner, in path order: its homes (with or
// without devices), and its own devices and plants.
func (x *Index) membersOf(c *Community) (homes, own []string) {
	for _, t := range c.Tiles {
		for _, b := range x.Tiles[t].Blocks {
			for r, path := range b.Paths {
				switch {
				case int(b.Community[r]) != c.Index || b.Owners[r] != "":
				case b.Kind.Role == twins.RoleLoad && !b.Kind.Ownable:
					homes = append(homes, path)
				default:
					own = append(own, path)
				}
			}
		}
	}
	slices.Sort(homes)
	slices.Sort(own)
	return homes, own
}

func (x *Index) layCommunity(c *Community) {
	homes, own := x.membersOf(c)
	for i, path := range own {
		angle := 2*math.Pi*float64(i)/float64(len(own)) - math.Pi/2
		x.put(path, c.X+0.92*circle*math.Cos(angle), c.Y+0.92*circle*math.Sin(angle))
	}
	if len(homes) == 0 {
		return
	}
	// A square of streets with homes on both sides, inside the circle.
	side := 2 * 0.6 * circle
	streets := max(1, int(math.Ceil(math.Sqrt(float64(len(homes))/4))))
	perSide := (len(homes) + 2*streets - 1) / (2 * streets)
	gap, pitch := side/float64(streets), side/float64(perSide)
	first := x.twins[homes[0]].Tile
	for s := range streets {
		y := c.Y - side/2 + gap*(float64(s)+0.5)
		left, right := c.X-side/2, c.X+side/2
		if s*2*perSide >= len(homes) {
			break
		}
		x.line(int(first), c, []float64{c.X, c.X, left}, []float64{c.Y, y, y})
		x.line(int(first), c, []float64{c.X, right}, []float64{y, y})
		for k := range 2 * perSide {
			i := s*2*perSide + k
			if i >= len(homes) {
				break
			}
			up := float64(1 - 2*(k%2))
			hx, hy := left+pitch*(float64(k/2)+0.5), y-up*gap*0.27
			x.put(homes[i], hx, hy)
			x.line(int(x.twins[homes[i]].Tile), c, []float64{hx, hx}, []float64{y, hy})
			devices := x.children[homes[i]]
			r := 0.17 * min(gap, pitch)
			for d, path := range devices {
				angle := 2*math.Pi*float64(d)/float64(len(devices)) + math.Pi/4
				x.put(path, hx+r*math.Cos(angle), hy+r*math.Sin(angle))
			}
		}
	}
}

func (x *Index) put(path string, px, py float64) {
	p := x.twins[path]
	b := x.block(p)
	b.X[p.Row], b.Y[p.Row] = rounded(px), rounded(py)
}

func (x *Index) line(tile int, c *Community, xs, ys []float64) {
	for i := range xs {
		xs[i], ys[i] = rounded(xs[i]), rounded(ys[i])
	}
	x.Tiles[tile].Lines = append(x.Tiles[tile].Lines, Line{xs, ys, c.Path})
}

// rounded rounds to a thousandth, so that all processors get the same coordinate.
func rounded(v float64) float64 { return math.Round(v*1000)/1000 + 0 }

// Scopes are numbered: grid, sources, communities/0…, tile/0….
const (
	scopeGrid = iota
	scopeSources
	scopeCommunities
)

func (x *Index) chunks() int { return (len(x.Communities) + mostRows - 1) / mostRows }

func (x *Index) scopes() int { return scopeCommunities + x.chunks() + len(x.Tiles) }

func (x *Index) scopeOfTile(t int) int { return scopeCommunities + x.chunks() + t }

// scopeName returns the name of a scope in the stream.
func (x *Index) scopeName(scope int) string {
	switch {
	case scope == scopeGrid:
		return "grid"
	case scope == scopeSources:
		return "sources"
	case scope < scopeCommunities+x.chunks():
		return "communities/" + strconv.Itoa(scope-scopeCommunities)
	}
	return "tile/" + strconv.Itoa(scope-scopeCommunities-x.chunks())
}
