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

// Index is what stands fast about a world while it runs: who there is, in which
// tile, and where on the plane. Runs of one scenario share it.
type Index struct {
	Version     string
	Communities []Community
	Tiles       []Tile
	Sources     []Source
	Twins       int // rows of all tiles, prepared ones included

	twins    map[string]Place
	children map[string][]string // of an owner
	// sourceOf has for each cell and block the source of its members: one for all,
	// or one each.
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
	Twins   int            `json:"twins" doc:"that are there: a prepared one does not count unless it has been put in"`
	Members map[string]int `json:"members" doc:"of these, by kind"`

	prepared []string // paths of those that are not there at the start: not counted
}

// Tile is at most 1,024 twins that are shown together.
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
	Owners    []string // path of the household behind whose meter it stands, or ""
	Community []int32
	X, Y      []float64
	Prepared  []bool     // each: not there until it is put in
	Parts     [][]string // names of each one's devices; nil for one device
	partAt    []int32    // where each one's parts begin
	parts     int
	gaugeAt   []int32 // where each one's gauges begin
	gauges    int

	slots []cellSlot
}

type cellSlot struct {
	cell int32
	twins.Slot
}

// gaugeList are the gauges of the twin of a row.
func (b *TileBlock) gaugeList(row int32) []twins.Gauge { return twins.GaugesOf(b.Kind, b.Parts[row]) }

// Line is a cable on the plane.
type Line struct {
	X         []float64 `json:"x"`
	Y         []float64 `json:"y"`
	Community string    `json:"community"`
}

// Source is a kind, or a technology of a kind, whose members are added up.
type Source struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Label string `json:"label"`
}

// Place is where a twin's values stand.
type Place struct{ Tile, Block, Row int32 }

// NewIndex reads a world that nobody steps yet.
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
	x.lay()
	x.version(w)
	return x
}

func absentAtStart(w *sim.World, k *twins.Kind, path string) bool {
	e, ok := w.Scenario.Entry(k, path)
	return ok && e.Absent()
}

// Place is where a member's values stand.
func (x *Index) Place(path string) (Place, bool) {
	p, ok := x.twins[path]
	return p, ok
}

// Community is a community by its path.
func (x *Index) Community(path string) (*Community, bool) {
	i, ok := slices.BinarySearchFunc(x.Communities, path, func(c Community, path string) int { return strings.Compare(c.Path, path) })
	if !ok {
		return nil, false
	}
	return &x.Communities[i], true
}

// block is the block in which a place is.
func (x *Index) block(p Place) *TileBlock { return &x.Tiles[p.Tile].Blocks[p.Block] }

// membersOfKind is where the members of a kind are, tile by tile.
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

// sources sorts members by what they are made of: a kind, or a technology if their
// entry names one.
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
	// By name, so that they do not depend on who comes first.
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

// cut makes the tiles: whole communities while they fit, and a larger one by itself,
// homes together with what stands behind their meters.
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

// groupsOf are the members of a cell, each owner with its devices.
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

// ownerOf is the path of the household behind whose meter a member stands.
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

// version is one text for all that is here: the same members at the same places.
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
// homes stand along streets, their devices around them, and what belongs to the
// community along its edge. Nothing but the members decides it.

const (
	circle  = 10.0 // radius of a community's circle
	between = 1.15 // distance of circles, of their diameter
)

func (x *Index) lay() {
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
		c.X, c.Y, c.R = places(radius*math.Cos(angle)), places(radius*math.Sin(angle)), circle
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

// members of a community in path order: homes (with or without devices), devices by
// owner, and the rest.
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
	b.X[p.Row], b.Y[p.Row] = places(px), places(py)
}

func (x *Index) line(tile int, c *Community, xs, ys []float64) {
	for i := range xs {
		xs[i], ys[i] = places(xs[i]), places(ys[i])
	}
	x.Tiles[tile].Lines = append(x.Tiles[tile].Lines, Line{xs, ys, c.Path})
}

// places rounds to a thousandth, so that processors agree.
func places(v float64) float64 { return math.Round(v*1000)/1000 + 0 }

// Scopes are numbered: grid, sources, communities/0…, tile/0….
const (
	scopeGrid = iota
	scopeSources
	scopeCommunities
)

func (x *Index) chunks() int { return (len(x.Communities) + mostRows - 1) / mostRows }

// takesTurns says that a scope is one of more communities than a frame holds.
func (x *Index) takesTurns(scope int) bool {
	return x.chunks() > 1 && scope >= scopeCommunities && scope < scopeCommunities+x.chunks()
}

func (x *Index) scopes() int { return scopeCommunities + x.chunks() + len(x.Tiles) }

func (x *Index) scopeOfTile(t int) int { return scopeCommunities + x.chunks() + t }

// scopeName is how the stream calls a scope.
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
