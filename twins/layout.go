package twins

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Layout is the shape of a run's records and states, as of the program that began the run:
// its kinds and parts, the columns that are hashed and stored for each, and the versions
// of all stored forms. A newer program reads and continues a run in the run's own
// layout, so a column that has been added since changes no hash of it.
type Layout struct {
	Kinds []KindLayout `json:"kinds"` // by name; community and grid included
	Parts []KindLayout `json:"parts"` // in the order in which a household's reading has them
	Flows []string     `json:"flows"` // columns of flows, in their stored order
	Nodes []string     `json:"nodes"` // figures of a community's own, in their stored order
	// Forms are the other stored forms of the run's states in versions above 1, by name: of the
	// community ("cell", "network") and of strategies ("strategy/operator"). Those that are
	// missing are in version 1, as in all runs from before the list.
	Forms []KindLayout `json:"forms,omitempty"`
}

// KindLayout is one kind, one kind of part, or another stored form. As text it is its name, its version and its
// columns: "battery 1 power_w:3 stored_j:3 soc:9:derived".
type KindLayout struct {
	Name    string
	Version uint8          // of the stored form of its state
	Columns []ColumnLayout // none for a part, a node or another form
}

// ColumnLayout is one column of a kind's readings.
type ColumnLayout struct {
	Name    string
	Places  int  // decimals of the stored integer
	Derived bool // stored, but not hashed
}

// derivedWord marks a derived column in the text of a layout.
const derivedWord = "derived"

// MarshalText implements encoding.TextMarshaler.
func (l KindLayout) MarshalText() ([]byte, error) {
	b := fmt.Appendf(nil, "%s %d", l.Name, l.Version)
	for _, c := range l.Columns {
		if b = fmt.Appendf(b, " %s:%d", c.Name, c.Places); c.Derived {
			b = append(b, ":"+derivedWord...)
		}
	}
	return b, nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *KindLayout) UnmarshalText(b []byte) error {
	words := strings.Fields(string(b))
	if len(words) < 2 {
		return fmt.Errorf("layout %q, wanted a name, a version and columns", b)
	}
	version, err := strconv.ParseUint(words[1], 10, 8)
	if err != nil {
		return fmt.Errorf("layout %q: version: %w", b, err)
	}
	*l = KindLayout{Name: words[0], Version: uint8(version)}
	for _, word := range words[2:] {
		c := strings.Split(word, ":")
		if len(c) < 2 || len(c) > 3 || len(c) == 3 && c[2] != derivedWord {
			return fmt.Errorf("layout %q: column %q, wanted NAME:PLACES", b, word)
		}
		places, err := strconv.Atoi(c[1])
		if err != nil {
			return fmt.Errorf("layout %q: column %q: %w", b, word, err)
		}
		l.Columns = append(l.Columns, ColumnLayout{c[0], places, len(c) == 3})
	}
	return nil
}

// LayoutOf is the layout that this program gives to records of these cells, in a grid with
// this strategy; nil: one that has no stored state.
func LayoutOf(cells []*Cell, grid *Strategy) *Layout {
	used := map[string]bool{Community.Name: true, Grid.Name: true}
	for _, c := range cells {
		for _, b := range c.Blocks {
			used[b.Kind.Name] = true
			for i := range b.Paths {
				for _, part := range b.Slab.Parts(i) {
					used[partPrefix+part] = true
				}
			}
		}
	}
	l := &Layout{}
	for _, k := range kinds {
		if used[k.Name] {
			l.Kinds = append(l.Kinds, k.layout())
		}
	}
	for _, p := range partKinds {
		if used[partPrefix+p.Name] {
			l.Parts = append(l.Parts, KindLayout{Name: p.Name, Version: p.Version})
		}
	}
	for _, c := range FlowColumns {
		l.Flows = append(l.Flows, c.Name)
	}
	for _, c := range NodeColumns {
		l.Nodes = append(l.Nodes, c.Name)
	}
	l.Forms = formsOf(cells, grid)
	return l
}

// formsOf lists the stored forms of these cells, and of a grid's strategy, that are in a
// version above 1.
func formsOf(cells []*Cell, grid *Strategy) (all []KindLayout) {
	versions := map[string]uint8{CellForm.Name: CellForm.Version}
	add := func(s *Strategy) { versions[strategyPrefix+s.Name] = s.Version }
	if grid != nil {
		add(grid)
	}
	for _, c := range cells {
		if !c.lossless {
			versions[NetworkForm.Name] = NetworkForm.Version
		}
		if c.stewards.communityRemembers {
			add(c.stewards.communityBy)
		}
		if c.stewards.homesRemember() {
			add(c.stewards.homeBy)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		if versions[name] > 1 {
			all = append(all, KindLayout{Name: name, Version: versions[name]})
		}
	}
	return all
}

// strategyPrefix distinguishes the names of strategies from those of other forms.
const strategyPrefix = "strategy/"

// versionOfForm is the version in which this program writes one of Layout.Forms, 0 for an
// unknown one.
func versionOfForm(name string) uint8 {
	switch name {
	case CellForm.Name:
		return CellForm.Version
	case NetworkForm.Name:
		return NetworkForm.Version
	}
	if s := StrategyNamed(strings.TrimPrefix(name, strategyPrefix)); s != nil && strings.HasPrefix(name, strategyPrefix) {
		return s.Version
	}
	return 0
}

// partPrefix distinguishes the names of parts from those of kinds.
const partPrefix = "part "

func (k *Kind) layout() KindLayout {
	l := KindLayout{Name: k.Name, Version: k.Version}
	if k.Role == RoleNode {
		return l
	}
	for _, c := range k.Columns {
		l.Columns = append(l.Columns, ColumnLayout{c.Name, c.Places, c.Derived})
	}
	return l
}

// FirstLayout is the layout of runs from before layouts were stored: the columns that
// their kinds had then, and the first version of every stored form. It never changes.
func FirstLayout() *Layout {
	l := &Layout{Flows: strings.Fields(firstFlows)}
	for line := range strings.Lines(firstColumns) {
		name, columns, _ := strings.Cut(strings.TrimSpace(line), ":")
		k := KindLayout{Name: name, Version: 1}
		for _, c := range strings.Fields(columns) {
			k.Columns = append(k.Columns, firstColumn(c))
		}
		l.Kinds = append(l.Kinds, k)
	}
	for _, name := range strings.Fields(firstParts) {
		p := KindLayout{Name: name, Version: 1}
		if name == "pv" { // version 1 is that of recorded panels
			p.Version = 2
		}
		l.Parts = append(l.Parts, p)
	}
	return l
}

func firstColumn(name string) ColumnLayout {
	switch name {
	case "soc":
		return ColumnLayout{name, 9, true}
	case "reason":
		return ColumnLayout{Name: name}
	}
	return ColumnLayout{Name: name, Places: 3}
}

// The contents of FirstLayout.
const (
	firstColumns = `battery: power_w stored_j soc
community:
grid:
household: power_w generation_w unserved_w curtailed_w shifted_w reason
producer: power_w reason
solar_park: power_w curtailed_w reason
tie: power_w
vehicle: power_w stored_j soc driven_j elsewhere_j unserved_w shifted_w reason
water_pump: power_w unserved_w shifted_w reason
wind_farm: power_w curtailed_w reason`
	firstParts = `load base cooking washing_machine dishwasher dryer heat_pump hot_water pv wind_turbine`
	firstFlows = `power_w load_w generation_w charge_w discharge_w import_w export_w network_loss_w unserved_w unserved_essential_w
		curtailed_w shifted_w relief_w kinetic_w reactive_var stored_j storage_loss_j driven_j elsewhere_j`
)

// Hash is the SHA-256 of the layout's canonical form.
func (l *Layout) Hash() [sha256.Size]byte {
	var b []byte
	text := func(s string) {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	for _, list := range [...][]KindLayout{l.Kinds, l.Parts} {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(list)))
		for _, k := range list {
			text(k.Name)
			b = append(b, k.Version)
			b = binary.LittleEndian.AppendUint32(b, uint32(len(k.Columns)))
			for _, c := range k.Columns {
				text(c.Name)
				b = append(b, byte(c.Places), byte(flag(c.Derived)))
			}
		}
	}
	for _, list := range [...][]string{l.Flows, l.Nodes} {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(list)))
		for _, name := range list {
			text(name)
		}
	}
	for _, f := range l.Forms { // no number in front: a layout without any has the hash that it had before the list
		text(f.Name)
		b = append(b, f.Version)
	}
	return sha256.Sum256(b)
}

// Check refuses a layout that this program cannot read: one with an unknown kind, part
// or column, in another order, or with a stored form that is newer.
func (l *Layout) Check() error {
	for i, k := range l.Kinds {
		if i > 0 && l.Kinds[i-1].Name >= k.Name {
			return fmt.Errorf("it has the kind %q after %q, wanted kinds by name, each once", k.Name, l.Kinds[i-1].Name)
		}
		if err := k.checkKind(); err != nil {
			return err
		}
	}
	order := -1
	for _, p := range l.Parts {
		at := slices.IndexFunc(partKinds, func(k *PartKind) bool { return k.Name == p.Name })
		switch {
		case at < 0:
			return fmt.Errorf("it has the part %q, which this program does not know", p.Name)
		case at <= order:
			return fmt.Errorf("it has the part %q in another order", p.Name)
		case p.Version > partKinds[at].Version:
			return fmt.Errorf("it has states of %s in version %d, this program knows versions up to %d", p.Name, p.Version, partKinds[at].Version)
		}
		order = at
	}
	for i, name := range l.Flows {
		if i >= len(FlowColumns) || FlowColumns[i].Name != name {
			return fmt.Errorf("it has the flow column %q, which this program does not know at place %d", name, i)
		}
	}
	for i, name := range l.Nodes {
		if i >= len(NodeColumns) || NodeColumns[i].Name != name {
			return fmt.Errorf("it has the community's figure %q, which this program does not know at place %d", name, i)
		}
	}
	for i, f := range l.Forms {
		switch known := versionOfForm(f.Name); {
		case known == 0:
			return fmt.Errorf("it has the stored form %q, which this program does not know", f.Name)
		case i > 0 && l.Forms[i-1].Name >= f.Name:
			return fmt.Errorf("it has the stored form %q after %q, wanted forms by name, each once", f.Name, l.Forms[i-1].Name)
		case f.Version > known:
			return fmt.Errorf("it has states of %s in version %d, this program knows versions up to %d", f.Name, f.Version, known)
		}
	}
	return nil
}

func (l KindLayout) checkKind() error {
	k := KindNamed(l.Name)
	switch {
	case k == nil:
		return fmt.Errorf("it has the kind %q, which this program does not know", l.Name)
	case l.Version > k.Version:
		return fmt.Errorf("it has states of %s in version %d, this program knows versions up to %d", l.Name, l.Version, k.Version)
	}
	for i, c := range l.Columns {
		if i >= len(k.Columns) || k.Columns[i].Name != c.Name || k.Columns[i].Places != c.Places || k.Columns[i].Derived != c.Derived {
			return fmt.Errorf("%s has the column %q, which this program does not know at place %d", l.Name, c.Name, i)
		}
	}
	return nil
}

// Upgraded reports whether states have another version in the layout that this program gives
// to the same run, now, than in l.
func (l *Layout) Upgraded(now *Layout) bool {
	return older(l.Kinds, now.Kinds, math.MaxUint8) || older(l.Parts, now.Parts, math.MaxUint8) || older(l.Forms, now.Forms, 1)
}

// older reports whether was has an older version than is of something. What is not in was has
// the version missing.
func older(was, is []KindLayout, missing uint8) bool {
	for _, k := range is {
		version := missing
		if at := slices.IndexFunc(was, func(was KindLayout) bool { return was.Name == k.Name }); at >= 0 {
			version = was[at].Version
		}
		if version < k.Version {
			return true
		}
	}
	return false
}

// columns are the columns that records of this layout have for a kind; a nil layout
// is this program's.
func (l *Layout) columns(k *Kind) []Column {
	if l == nil {
		return k.Columns
	}
	for _, known := range l.Kinds {
		if known.Name == k.Name {
			return k.Columns[:min(len(known.Columns), len(k.Columns))]
		}
	}
	return k.Columns
}
