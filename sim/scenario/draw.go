package scenario

import (
	"cmp"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// A scenario can give the number of households, and describe them under draw. Then
// communities, homes and the devices behind their meters are drawn by the seed. They become
// entries like any other before patterns are expanded and entries are set:
// households.*.pv.rated_w*=1.3 also changes drawn panels.
//
// The number of homes that have a thing is not random: it is the share of all homes so far,
// rounded down, so that 0.15 of 300 is 45 whatever the size of communities. Which homes have
// the thing is drawn in a stream of the community, and its values in a stream of the home.
// So more homes change no community that was full before, and another thing to draw changes
// no other thing.

// Purposes of the streams by which homes are drawn.
const (
	purposeChoice twins.Purpose = 1001 // rank of a home among those of its community, by thing
	purposeCopy   twins.Purpose = 1002 // rank of a copy of a recorded load, by community
	purposeValue  twins.Purpose = 1003 // value of a key that has several values, by thing of a home
)

// drawing turns the draw of a scenario into entries.
type drawing struct {
	*document
	spec                *tree
	seed                uint64
	homes, perCommunity int

	community *variants
	owned     []ownedList // members that each community has beside its homes
	home      *variants   // a home's own keys: phase, bus
	parts     []*thing    // in the order of the schema
	devices   []*thing
	loads     []tree                   // all copies of recorded loads; nil if every home has appliances
	templates map[uint64]*homeTemplate // by the set of parts, a bit for each

	made  map[string][]tree // new entries, by list
	found []error
}

// thing is a part or device that a share of the homes has.
type thing struct {
	name     string // key under draw: pv, batteries
	id       string // beginning of a device's id
	line     int32
	share    int64  // of all homes, ppb; also where among is set
	among    *thing // only homes that have this one can have it; nil: all homes
	values   *variants
	prepared *variants // what homes without it are prepared with; nil: nothing
	// Counts of the homes drawn so far: those that could have one, and those that have one.
	eligible, chosen int
	has              []bool // by home of the community that is being drawn
}

// ownedList is a member that every community has.
type ownedList struct {
	list   string
	id     string
	values *variants
}

// appliances is the part that models a home's load. A home that has it follows no recording.
const appliances = "appliances"

// draw replaces a number of households and its draw by entries.
func (d *document) draw() error {
	spec, number := d.root.get("draw"), d.root.get(twins.Household.Plural)
	drawn := number != nil && number.form == formNumber
	switch {
	case spec == nil && !drawn:
		return nil
	case spec == nil:
		return d.errorAt(number.line, "households: %s of them and no draw, wanted a draw that says what they are, or a list of them", number.text)
	case !drawn:
		return d.errorAt(spec.line, "draw: no number of households, wanted one, such as households: 300, instead of a list")
	}
	g := drawing{document: d, spec: spec, templates: map[uint64]*homeTemplate{}, made: map[string][]tree{}}
	g.homes, _ = strconv.Atoi(number.text)                         // the schema allows only whole numbers
	g.perCommunity, _ = strconv.Atoi(spec.textOf("per_community")) // likewise
	g.seed, _ = strconv.ParseUint(d.root.textOf("seed"), 10, 64)   // likewise
	if g.readDraw(); len(g.found) > 0 {
		return problem.Join(g.found)
	}
	for first := 0; first < g.homes; first += g.perCommunity {
		g.drawCommunity(first, min(first+g.perCommunity, g.homes))
	}
	g.replaceDraw()
	return problem.Join(g.found)
}

func (g *drawing) addProblem(line int32, format string, args ...any) {
	g.found = append(g.found, g.errorAt(line, format, args...))
}

// replaceDraw adds the new entries to the scenario and removes the draw.
func (g *drawing) replaceDraw() {
	homes := *g.root.get(twins.Household.Plural)
	homes.form, homes.text = formList, ""
	g.root.put(twins.Household.Plural, homes)
	g.root = g.root.without("draw")
	for _, list := range slices.Sorted(maps.Keys(g.made)) {
		l := g.root.get(list)
		if l == nil {
			g.root.put(list, tree{form: formList, line: g.spec.line})
			l = g.root.get(list)
		}
		l.items = append(slices.Clip(l.items), g.made[list]...)
	}
	g.root.arrange(g.schema.top().get("properties").keys)
	g.indexes = nil
}

// Reading the draw.

func (g *drawing) readDraw() {
	household, _ := g.schema.entryIn(twins.Household.Plural)
	own := tree{form: formObject, line: g.spec.line}
	for _, key := range household.get("properties").keys {
		v := g.spec.get(key)
		if v == nil || key == "load" || key == "community" {
			continue
		}
		of, _ := g.schema.key(household, key)
		if of.textOf("type") == "object" {
			g.parts = append(g.parts, g.readThing(key, v, of))
		} else {
			own.put(key, *v)
		}
	}
	g.home = g.variantsOf("draw", &own, subschema{})
	g.checkHome(household)
	for _, k := range memberKinds() {
		if v := g.spec.get(k.Plural); v != nil && k.Ownable {
			g.devices = append(g.devices, g.readDevice(k, v))
		}
	}
	g.resolveAmong()
	g.readLoad(household)
	g.readCommunity()
	g.readSupply()
}

// readThing reads a part, or a device for readDevice.
func (g *drawing) readThing(key string, v *tree, of subschema) *thing {
	rest := v.without("share", "among", "name", "prepared")
	rest.line = v.line
	t := &thing{name: key, line: v.line, values: g.variantsOf("draw."+key, &rest, of)}
	t.share, _ = twins.ParseScaled(v.textOf("share"), int64(twins.One)) // 0…1, as the schema checks
	g.checkVariants("draw."+key, t.values, of)
	if v.textOf("prepared") == "true" && !t.values.invalid {
		t.prepared = g.readPrepared(key, &rest, of)
	}
	return t
}

// readPrepared returns what the other homes are prepared with: a part that does nothing until
// its scale is set, or a device that is out of service until it is made available. Its values
// are drawn in the stream that would draw the thing itself.
func (g *drawing) readPrepared(key string, v *tree, of subschema) *variants {
	off := v.clone()
	if _, device := g.schema.key(of, "prepared"); device {
		if available := off.get(twins.InService); available != nil && available.form != formBoolean {
			g.addProblem(available.line, "draw.%s.available: wanted true or false, the same for all, where the other homes are prepared: theirs is false", key)
			return nil
		}
		off.put("prepared", tree{form: formBoolean, line: v.line, text: "true"})
		off.put(twins.InService, tree{form: formBoolean, line: v.line, text: "false"})
		return g.variantsOf("draw."+key, &off, of)
	}
	if scale := off.get("scale"); scale != nil && scale.form != formNumber {
		g.addProblem(scale.line, "draw.%s.scale: wanted a number, the same for all, where the other homes are prepared: theirs is 0", key)
		return nil
	}
	off.put("scale", tree{form: formNumber, line: v.line, text: "0"})
	return g.variantsOf("draw."+key, &off, of)
}

// valuesOf returns what the i-th home of the community has, or is prepared with; nil: nothing.
func (t *thing) valuesOf(i int) *variants {
	if t.has[i] {
		return t.values
	}
	return t.prepared
}

// readDevice reads a device, which becomes an entry of its own behind a home's meter.
func (g *drawing) readDevice(k *twins.Kind, v *tree) *thing {
	of, _ := g.schema.entryIn(k.Plural)
	whole := v.clone()
	for _, key := range []string{"owner", "community", "id"} {
		if own := v.get(key); own != nil {
			g.addProblem(own.line, "draw.%s.%s: the draw gives it, wanted none", k.Plural, key)
		}
		whole.keys = append([]string{key}, whole.keys...)
		whole.items = append([]tree{{form: formText, line: v.line, text: "x"}}, whole.items...)
	}
	t := g.readThing(k.Plural, &whole, of)
	t.id = cmp.Or(v.textOf("name"), k.Name)
	return t
}

func (g *drawing) things() []*thing { return slices.Concat(g.parts, g.devices) }

// resolveAmong finds the thing that each among names. That thing must itself be drawn among
// all homes.
func (g *drawing) resolveAmong() {
	var names []string
	named := map[string]*thing{}
	for _, t := range g.things() {
		named[t.name] = t
		if g.spec.get(t.name).get("among") == nil {
			names = append(names, t.name)
		}
	}
	for _, t := range g.things() {
		name := g.spec.get(t.name).get("among")
		if name == nil {
			continue
		}
		t.among = named[name.text]
		if !slices.Contains(names, name.text) {
			g.addProblem(name.line, "draw.%s.among: nothing %q is drawn among all homes, %s", t.name, name.text, problem.Wanted(name.text, names))
			t.among = nil
			continue
		}
		if t.share > t.among.share {
			g.addProblem(g.spec.get(t.name).get("share").line, "draw.%s.share: %s of the homes, more than the %s that have %s, wanted as many at most",
				t.name, g.spec.get(t.name).textOf("share"), g.spec.get(name.text).textOf("share"), name.text)
		}
	}
}

// readLoad makes the copies of recorded loads: each column at each move by weeks.
func (g *drawing) readLoad(household subschema) {
	recorded := int64(twins.One)
	for _, t := range g.parts {
		if t.name == appliances {
			recorded -= t.share
		}
	}
	v := g.spec.get("load")
	if v == nil {
		if recorded > 0 {
			g.addProblem(g.spec.line, "draw: load is missing, wanted the recorded load of homes that have no %s", appliances)
		}
		return
	}
	recording := entryOf(g.root.get("recordings"), v.textOf("recording"))
	if recording == nil {
		id := v.get("recording")
		g.addProblem(id.line, "draw.load.recording: no recording %q, %s", id.text, problem.Wanted(id.text, g.ids("recordings")))
		return
	}
	most, _ := strconv.Atoi(v.textOf("move_weeks")) // the schema allows only whole numbers
	if most > 0 && recording.get("calendar") == nil {
		g.addProblem(v.get("move_weeks").line, "draw.load.move_weeks: %d, wanted 0, or a calendar for recording %s: it says in which year a copy can be moved", most, recording.textOf("id"))
	}
	of, _ := g.schema.key(household, "load")
	rest := v.without("columns", "move_weeks")
	rest.line = v.line
	for _, column := range g.readColumns(v.get("columns"), recording) {
		for move := -most; move <= most; move++ {
			copied := rest.clone()
			copied.put("column", tree{form: formText, line: v.line, text: column})
			copied.put("move_weeks", tree{form: formNumber, line: v.line, text: strconv.Itoa(move)})
			g.schema.fill(of, &copied)
			copied.shared = true
			g.loads = append(g.loads, copied)
		}
	}
	if len(g.loads) > 0 {
		g.found = append(g.found, g.validate(valueAt{"draw.load", &g.loads[0], of})...)
	}
}

// readColumns returns the columns of a recording that fit the draw's patterns.
func (g *drawing) readColumns(v, recording *tree) (columns []string) {
	known, err := g.columnsOf(recording)
	if err != nil {
		g.found = append(g.found, err)
		return nil
	}
	patterns := v.items
	if v.form == formText {
		patterns = []tree{*v}
	}
	for i := range patterns {
		p := &patterns[i]
		before := len(columns)
		for _, name := range known.names {
			if _, fits := matchStar(p.text, name); fits && !slices.Contains(columns, name) {
				columns = append(columns, name)
			}
		}
		if len(columns) == before {
			g.addProblem(p.line, "draw.load.columns: recording %s has no other column that fits %q, %s", recording.textOf("id"), p.text, problem.Wanted(p.text, known.names))
		}
	}
	return columns
}

// readCommunity reads the keys of each community and the members that each has.
func (g *drawing) readCommunity() {
	v := g.spec.get("community")
	of, _ := g.schema.entryIn(twins.Community.Plural)
	own := tree{form: formObject, line: v.line}
	own.put("id", tree{form: formText, line: v.line, text: "x"})
	for i, key := range v.keys {
		k := kindOfList(key)
		switch {
		case key == "name":
		case k != nil && k != twins.Community && !owns(k) && v.items[i].form == formList:
			g.readOwned(k, &v.items[i])
		case key == "id":
			g.addProblem(v.items[i].line, "draw.community.id: the draw gives it, wanted a name")
		default:
			own.put(key, v.items[i])
		}
	}
	g.community = g.variantsOf("draw.community", &own, of)
	g.checkVariants("draw.community", g.community, of)
}

func (g *drawing) readOwned(k *twins.Kind, l *tree) {
	of, _ := g.schema.entryIn(k.Plural)
	for i := range l.items {
		name := fmt.Sprintf("draw.community.%s[%d]", k.Plural, i)
		v := l.items[i].clone()
		if v.form == formObject {
			v.put("community", tree{form: formText, line: v.line, text: "x"})
		}
		what := g.variantsOf(name, &v, of)
		g.checkVariants(name, what, of)
		g.owned = append(g.owned, ownedList{k.Plural, v.textOf("id"), what})
	}
}

// readSupply makes the plants and ties, sized in proportion to the number of homes.
func (g *drawing) readSupply() {
	v := g.spec.get("supply")
	if v == nil {
		return
	}
	homes, _ := new(big.Rat).SetString(v.textOf("for_households"))
	factor := new(big.Rat).Quo(big.NewRat(int64(g.homes), 1), homes)
	for i, list := range v.keys {
		if kindOfList(list) == nil {
			continue
		}
		for k := range v.items[i].items {
			g.readUnit(list, fmt.Sprintf("draw.supply.%s[%d]", list, k), &v.items[i].items[k], factor)
		}
	}
}

// readUnit makes the entries of a plant or tie, as many as its key units says.
func (g *drawing) readUnit(list, name string, v *tree, factor *big.Rat) {
	of, _ := g.schema.entryIn(list)
	whole := v.without("units")
	whole = whole.clone()
	whole.line = v.line
	community := *g.spec.get("supply").get("community")
	whole.put("community", community)
	before := len(g.found)
	g.checkVariants(name, g.variantsOf(name, &whole, of), of) // unsized, so that errors show the value as it was written
	if len(g.found) > before {
		return
	}
	for i, key := range whole.keys {
		sub, _ := g.schema.key(of, key)
		whole.items[i] = sized(key, &whole.items[i], sub, factor)
	}
	what := g.variantsOf(name, &whole, of)
	g.checkVariants(name, what, of)
	units, _ := strconv.Atoi(v.textOf("units")) // the schema allows only whole numbers
	for n := range units {
		id := v.textOf("id")
		if units > 1 {
			id = numbered(id, n+1, 2)
		}
		e := what.drawn(g.seed, communityPath(community.text)+"/"+id)
		setTexts(&e, map[string]string{"id": id})
		g.made[list] = append(g.made[list], e)
	}
}

// sized multiplies a key's number by factor if its unit is W or Wh, or if it counts turbines.
// Whole numbers stay whole.
func sized(key string, v *tree, of subschema, factor *big.Rat) tree {
	size := strings.HasSuffix(key, "_w") || strings.HasSuffix(key, "_wh") || key == "count"
	if !size || v.form != formNumber {
		return *v
	}
	decimals := 3 // mW
	if of.textOf("type") == "integer" {
		decimals = 0
	}
	text, _ := decimal(new(big.Rat).Mul(ratOf(v), factor).FloatString(decimals))
	return tree{form: formNumber, line: v.line, text: text}
}

// checkVariants validates each value that a key can have, but not each combination of values.
// So drawn entries need not be validated one by one.
func (g *drawing) checkVariants(name string, v *variants, of subschema) {
	if v.invalid {
		return
	}
	for _, choice := range v.samples() {
		t := v.make(choice)
		if wrong := g.validate(valueAt{name, &t, of}); len(wrong) > 0 {
			g.found = append(g.found, wrong...)
			return
		}
	}
}

// checkHome validates each value of the homes' own keys.
func (g *drawing) checkHome(household subschema) {
	if g.home.invalid {
		return
	}
	for _, choice := range g.home.samples() {
		t := g.home.make(choice)
		for i, key := range t.keys {
			of, _ := g.schema.key(household, key)
			g.found = append(g.found, g.validate(valueAt{"draw." + key, &t.items[i], of})...)
		}
	}
}

// Drawing.

// drawCommunity draws one community, with the homes first to end-1.
func (g *drawing) drawCommunity(first, end int) {
	number := first/g.perCommunity + 1
	id := numbered(g.spec.get("community").textOf("name"), number, 2)
	path := communityPath(id)
	entry := g.community.drawn(g.seed, path)
	setTexts(&entry, map[string]string{"id": id})
	g.made[twins.Community.Plural] = append(g.made[twins.Community.Plural], entry)
	for _, o := range g.owned {
		m := o.values.drawn(g.seed, path+"."+o.id)
		setTexts(&m, map[string]string{"id": numbered(o.id, number, 2), "community": id})
		g.made[o.list] = append(g.made[o.list], m)
	}
	for _, t := range g.things() {
		if t.among == nil {
			t.choose(g.seed, path, nil, end-first)
		}
	}
	for _, t := range g.things() {
		if t.among != nil {
			t.choose(g.seed, path, t.among.has, end-first)
		}
	}
	copies := g.copies(path, end-first)
	for i := range end - first {
		g.drawHome(i, first+i+1, id, copies)
	}
}

// choose draws which of n homes of a community have the thing; among, by home, says which can
// have it (nil: all).
func (t *thing) choose(seed uint64, community string, among []bool, n int) {
	t.has = make([]bool, n)
	key := twins.PathKey(community + "." + t.name)
	ranked := make([]rankedIndex, 0, n)
	for i := range n {
		if among == nil || among[i] {
			ranked = append(ranked, rank(seed, key, purposeChoice, i))
		}
	}
	of := int64(twins.One)
	if t.among != nil {
		of = max(t.among.share, 1)
	}
	t.eligible += len(ranked)
	due, _ := twins.MulDiv(int64(t.eligible), t.share, of)
	slices.SortFunc(ranked, byRank)
	for _, r := range ranked[:int(due)-t.chosen] {
		t.has[r.index] = true
	}
	t.chosen = int(due)
}

// rankedIndex is an index with the random number by which it is sorted.
type rankedIndex struct {
	by    uint64
	index int
}

func rank(seed, key uint64, purpose twins.Purpose, index int) rankedIndex {
	return rankedIndex{twins.Draw(seed, key, purpose, int64(index)), index}
}

func byRank(a, b rankedIndex) int {
	return cmp.Or(cmp.Compare(a.by, b.by), cmp.Compare(a.index, b.index))
}

// copies draws copies of recorded loads for n homes of a community. No two homes have the same
// column and move while there are enough copies.
func (g *drawing) copies(community string, n int) []*tree {
	if len(g.loads) == 0 {
		return nil
	}
	key := twins.PathKey(community + ".load")
	order := make([]rankedIndex, len(g.loads))
	for i := range order {
		order[i] = rank(g.seed, key, purposeCopy, i)
	}
	slices.SortFunc(order, byRank)
	copies := make([]*tree, n)
	for i := range copies {
		copies[i] = &g.loads[order[i%len(order)].index]
	}
	return copies
}

// homeTemplate is an entry for homes with the same parts, without the values that are drawn.
type homeTemplate struct {
	entry               tree
	id, community, load int   // index of the key in entry, -1 for none
	parts               []int // by index in drawing.parts: index of the key in entry, -1 for none
	own                 []int // by key of drawing.home: index of the key in entry
}

// drawHome draws the i-th home of a community and the devices behind its meter. number counts
// all homes of the scenario from 1.
func (g *drawing) drawHome(i, number int, community string, copies []*tree) {
	id := numbered(g.spec.textOf("name"), number, 4)
	path := communityPath(community) + "/" + id
	form := g.templateOf(i)
	e := form.entry
	e.items = slices.Clone(e.items)
	e.items[form.id].text, e.items[form.community].text = id, community
	if form.load >= 0 {
		e.items[form.load] = *copies[i]
	}
	if len(form.own) > 0 {
		own := g.home.drawn(g.seed, path)
		for k, at := range form.own {
			e.items[at] = own.items[k]
		}
	}
	for k, t := range g.parts {
		if what := t.valuesOf(i); what != nil {
			e.items[form.parts[k]] = what.drawn(g.seed, path+"."+t.name)
		}
	}
	g.made[twins.Household.Plural] = append(g.made[twins.Household.Plural], e)
	for _, t := range g.devices {
		if what := t.valuesOf(i); what != nil {
			m := what.drawn(g.seed, path+"."+t.name)
			setTexts(&m, map[string]string{"id": numbered(t.id, number, 4), "community": community, "owner": id})
			g.made[t.name] = append(g.made[t.name], m)
		}
	}
}

// templateOf returns the template for the i-th home of the community.
func (g *drawing) templateOf(i int) *homeTemplate {
	has, recorded := uint64(0), len(g.loads) > 0
	for k, t := range g.parts {
		if t.valuesOf(i) != nil {
			has |= 1 << k
			recorded = recorded && t.name != appliances
		}
	}
	if f := g.templates[has]; f != nil {
		return f
	}
	of, _ := g.schema.entryIn(twins.Household.Plural)
	e := tree{form: formObject, line: g.spec.line, checked: true}
	e.put("id", tree{form: formText, line: e.line})
	e.put("community", tree{form: formText, line: e.line})
	if recorded {
		e.put("load", tree{})
	}
	for k, t := range g.parts {
		if has&(1<<k) != 0 {
			e.put(t.name, tree{})
		}
	}
	own := g.home.make(make([]int, len(g.home.slots)))
	for _, key := range own.keys {
		e.put(key, tree{})
	}
	g.schema.fill(of, &e)
	at := func(key string) int { return slices.Index(e.keys, key) }
	f := &homeTemplate{entry: e, id: at("id"), community: at("community"), load: at("load")}
	for _, t := range g.parts {
		f.parts = append(f.parts, at(t.name))
	}
	for _, key := range own.keys {
		f.own = append(f.own, at(key))
	}
	g.templates[has] = f
	return f
}

// setTexts sets texts of a drawn entry. Its other values stay shared.
func setTexts(t *tree, texts map[string]string) {
	t.items, t.shared, t.checked = slices.Clone(t.items), false, true
	for key, text := range texts {
		t.get(key).text = text
	}
}

// numbered returns an id: a name and a number with at least the given digits.
func numbered(name string, number, digits int) string {
	n := strconv.Itoa(number)
	return name + "-" + strings.Repeat("0", max(0, digits-len(n))) + n
}
