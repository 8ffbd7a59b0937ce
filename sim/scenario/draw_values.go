package scenario

import (
	"math/big"
	"slices"
	"strings"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// Values under draw can be drawn themselves: {one_of: [...]}, {between: [least, most], step: 1},
// and texts with a *, which match columns of a recording or users of sessions.

// variants is a value some of whose parts are drawn.
type variants struct {
	schema  *schemaTree
	sub     subschema // schema of the value, for its defaults; none if its tree is nil
	whole   tree      // the value as it was written
	slots   []slot
	cached  map[int64]tree // by the number of a combination of options
	invalid bool           // a slot has errors
}

// slot is a part of a value that is drawn from several options.
type slot struct {
	path    []int // index of the item at each level of the value
	options []tree
	least   *big.Rat // if options is nil: option k is least + k·step, 0 ≤ k < count
	step    *big.Rat
	count   int
	line    int32
}

// mostCached is the number of combinations up to which values are cached. With more, each
// value is made anew.
const mostCached = 4096

// mostValues bounds the number of steps of a between.
const mostValues = 1_000_000

// variantsOf reads a value with its slots. name is its path, for messages.
func (g *drawing) variantsOf(name string, v *tree, of subschema) *variants {
	all := &variants{schema: g.schema, sub: of, whole: v.clone(), cached: map[int64]tree{}}
	before := len(g.found)
	g.findSlots(name, all, v, nil)
	all.invalid = len(g.found) > before
	return all
}

// findSlots finds the slots of v, whose path in the whole value is at.
func (g *drawing) findSlots(name string, all *variants, v *tree, at []int) {
	if s, is := g.slotOf(name, v); is {
		s.path = slices.Clone(at)
		all.slots = append(all.slots, s)
		return
	}
	for i := range v.items {
		below := name
		if v.form == formObject {
			below = joinPath(name, v.keys[i])
		}
		if words, are := g.words(name, v, i); are {
			all.slots = append(all.slots, g.slotOfWords(below, &v.items[i], words, slices.Clone(append(at, i))))
			continue
		}
		g.findSlots(below, all, &v.items[i], append(at, i))
	}
}

// words returns the words that the i-th text of an object can become if it has a *: the columns
// of the recording that the object names, or the users of its sessions. words is nil if these
// have errors; are is false if the text is not such a pattern.
func (g *drawing) words(name string, v *tree, i int) (words []string, are bool) {
	if v.form != formObject || v.items[i].form != formText || !strings.Contains(v.items[i].text, "*") {
		return nil, false
	}
	list, key := "", ""
	switch {
	case v.keys[i] == "column" && v.get("recording") != nil:
		list, key = "recordings", "recording"
	case v.keys[i] == "user" && v.get("list") != nil:
		list, key = "sessions", "list"
	default:
		return nil, false
	}
	ref := v.get(key)
	of := entryOf(g.root.get(list), ref.text)
	if of == nil {
		g.addProblem(ref.line, "%s.%s: no %s %q, %s", name, key, strings.TrimSuffix(list, "s"), ref.text, problem.Wanted(ref.text, g.ids(list)))
		return nil, true
	}
	var err error
	if list == "sessions" {
		words, err = g.usersOf(of)
	} else if columns, wrong := g.columnsOf(of); wrong == nil {
		words = columns.names
	} else {
		err = wrong
	}
	if err != nil {
		g.found = append(g.found, err)
	}
	return words, true
}

// slotOfWords returns the slot of a text with a *: those of words that fit it.
func (g *drawing) slotOfWords(name string, v *tree, words []string, at []int) slot {
	s := slot{path: at, line: v.line}
	for _, w := range words {
		if _, fits := matchStar(v.text, w); fits {
			s.options = append(s.options, tree{form: formText, line: v.line, text: w})
		}
	}
	if s.count = len(s.options); s.count == 0 {
		if words != nil {
			g.addProblem(v.line, "%s: nothing fits %q, %s", name, v.text, problem.Wanted(v.text, words))
		}
		return slot{path: at, options: []tree{{}}, count: 1}
	}
	return s
}

// slotOf returns the slot of a one_of or a between; is is false if v is neither.
func (g *drawing) slotOf(name string, v *tree) (s slot, is bool) {
	oneOf, between, step := v.get("one_of"), v.get("between"), v.get("step")
	s.line = v.line
	switch {
	case oneOf != nil:
		if len(v.keys) != 1 || oneOf.form != formList || len(oneOf.items) == 0 {
			g.addProblem(oneOf.line, "%s: wanted one_of alone, with a list of values", name)
			return slot{options: []tree{{}}, count: 1}, true
		}
		s.options, s.count = oneOf.items, len(oneOf.items)
		return s, true
	case between != nil:
		if !s.readBetween(v, between, step) {
			g.addProblem(between.line, "%s: wanted between: [least, most], the smaller first, and step above 0, at most %d values apart", name, mostValues)
			return slot{options: []tree{{}}, count: 1}, true
		}
		return s, true
	}
	return s, false
}

// readBetween reads a between and its step. It returns false if they are not valid.
func (s *slot) readBetween(v, between, step *tree) bool {
	if step == nil {
		step = &tree{form: formNumber, text: "1"}
	} else if len(v.keys) != 2 {
		return false
	}
	if between.form != formList || len(between.items) != 2 || step.form != formNumber ||
		between.items[0].form != formNumber || between.items[1].form != formNumber {
		return false
	}
	var most *big.Rat
	s.least, most, s.step = ratOf(&between.items[0]), ratOf(&between.items[1]), ratOf(step)
	if s.step.Sign() <= 0 || s.least.Cmp(most) > 0 {
		return false
	}
	steps := most.Sub(most, s.least)
	steps.Quo(steps, s.step)
	if steps.Cmp(big.NewRat(mostValues, 1)) > 0 {
		return false
	}
	s.count = int(new(big.Int).Quo(steps.Num(), steps.Denom()).Int64()) + 1
	return true
}

func ratOf(t *tree) *big.Rat {
	r, ok := new(big.Rat).SetString(t.text)
	if !ok {
		panic("scenario: not in decimal form: " + t.text)
	}
	return r
}

// option returns the slot's k-th option.
func (s *slot) option(k int) tree {
	if s.options != nil {
		return s.options[k].clone()
	}
	r := new(big.Rat).Mul(s.step, big.NewRat(int64(k), 1))
	r.Add(r, s.least)
	decimals, _ := r.FloatPrec()
	text, _ := decimal(r.FloatString(decimals))
	return tree{form: formNumber, line: s.line, text: text}
}

// make returns the value with the chosen option of each slot.
func (v *variants) make(choice []int) tree {
	t := v.whole.clone()
	for i := range v.slots {
		at := &t
		for _, k := range v.slots[i].path {
			at = &at.items[k]
		}
		line := at.line
		*at = v.slots[i].option(choice[i])
		if at.line == 0 {
			at.line = line
		}
	}
	if v.sub.tree != nil {
		v.schema.fill(v.sub, &t)
	}
	t.shared = t.items != nil
	for i := range t.items {
		t.items[i].shared = t.items[i].items != nil
	}
	return t
}

// drawn draws the value in the stream of a path. Values with the same options share items.
func (v *variants) drawn(seed uint64, path string) tree {
	choice := make([]int, len(v.slots))
	number, all := int64(0), int64(1)
	if len(v.slots) > 0 {
		key := twins.PathKey(path)
		for i := range v.slots {
			n := int64(v.slots[i].count)
			choice[i] = int(twins.Between(twins.Draw(seed, key, purposeValue, int64(i)), 0, n-1))
			if number, all = number*n+int64(choice[i]), all*n; all > mostCached {
				number, all = 0, mostCached+1
			}
		}
	}
	if all > mostCached {
		return v.make(choice)
	}
	t, ok := v.cached[number]
	if !ok {
		t = v.make(choice)
		v.cached[number] = t
	}
	return t
}

// samples returns choices in which each option of a one_of, and the least and greatest value
// of each between, occurs at least once.
func (v *variants) samples() (choices [][]int) {
	most := 1
	for i := range v.slots {
		if v.slots[i].options != nil {
			most = max(most, v.slots[i].count)
		} else {
			most = max(most, 2)
		}
	}
	for k := range most {
		choice := make([]int, len(v.slots))
		for i := range v.slots {
			switch s := &v.slots[i]; {
			case s.options != nil:
				choice[i] = k % s.count
			case k > 0:
				choice[i] = s.count - 1
			}
		}
		choices = append(choices, choice)
	}
	return choices
}
