package scenario

import (
	"fmt"
	"strings"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// What is refused of a scenario that is new, and accepted of one that a kept run was made
// from: earlier programs took it, and the run stays readable.

// mostSeed is the greatest seed of a new run: readers of JSON whose numbers are float64
// keep every whole number up to it.
const mostSeed = 1 << 53

// checkSeed refuses a seed that some readers of the report would change.
func (d *document) checkSeed(seed uint64, o *Options) error {
	if d.again || seed <= mostSeed {
		return nil
	}
	what := fmt.Sprintf("%d is above %d, wanted a seed that every reader of JSON keeps exactly", seed, uint64(mostSeed))
	if o.Seed != nil {
		return &problem.Usage{What: "--seed " + what}
	}
	return d.errorAt(d.root.get("seed").line, "seed: %s", what)
}

// checkVanishing refuses settings of the file's entries that would be stored as 0 and are
// not: 0.0004 of a power, which is kept in milliwatts.
func (d *document) checkVanishing() error {
	if d.again {
		return nil
	}
	var found []error
	for _, k := range append(memberKinds(), twins.Community) {
		entries := d.entries(k.Plural)
		for i := range entries {
			for _, s := range k.Settings {
				t := &entries[i]
				for key := range strings.SplitSeq(s.Name, ".") {
					if t = t.get(key); t == nil {
						break
					}
				}
				if err := vanishes(entryName(k.Plural, i, &entries[i])+"."+s.Name, t, s); err != nil {
					found = append(found, d.errorAt(t.line, "%v", err))
				}
			}
		}
	}
	return problem.Join(found[:min(len(found), problem.Most)])
}

// checkSet is checkVanishing for a change of --set.
func (d *document) checkSet(t *target, v *tree) error {
	k := kindOfList(t.list)
	if d.again || k == nil {
		return nil
	}
	s, ok := k.Setting(strings.Join(t.rest, "."))
	if !ok {
		return nil
	}
	return vanishes(t.name(), v, s)
}

// vanishes refuses a number other than 0 that a setting stores as 0.
func vanishes(name string, t *tree, s twins.Setting) error {
	if t == nil || t.form != formNumber || !roundsToZero(t.text, s.Scale) {
		return nil
	}
	return errValue("%s: %s would be taken as 0, wanted 0 or at least %s", name, t.text, s.Text(1))
}

// roundsToZero reports whether a number other than 0 is 0 in so many parts of its unit.
func roundsToZero(text string, scale int64) bool {
	digits, _, _ := strings.Cut(strings.ToLower(text), "e")
	v, err := twins.ParseScaled(text, scale)
	return err == nil && v == 0 && strings.ContainsAny(digits, "123456789")
}
