package sim_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

var rewrite = flag.Bool("rewrite", false, "overwrite the wanted transcripts with those seen")

// excerpt is the first steps of a scenario with some settings.
type excerpt struct {
	name  string
	set   []string
	steps twins.Tick
}

func (x *excerpt) String() string { return fmt.Sprintf("%s %q", x.name, x.set) }

// load reads the scenario anew, so that worlds built from it share no data.
func (x *excerpt) load() (*scenario.Scenario, error) {
	return scenario.Load(x.name, scenario.Options{Set: x.set})
}

// The cells of a scenario are built in two halves, each with a world of its own, and the
// grid with its operator in a third world without cells. They share nothing but pipes,
// over which encoded rosters, asks and answers are sent. Every step, and the state of every
// twin after the last one, equals that of one process.
func TestTwoHalvesGiveTheDigestOfOneProcess(t *testing.T) {
	for _, x := range []excerpt{
		{"hamlet", nil, 24},
		{"hamlet", []string{"ties.*.available=false", "batteries.*.grid_forming=true"}, 24}, // converters are asked, and load is revised
		{"town", []string{"households=40"}, 12},
		{"scarcity", []string{"households=40", "producers.*.rated_w*=0.15", "batteries.*.rated_w*=0.15"}, 80}, // relays shed, customers are cut
	} {
		if testing.Short() && x.name != "hamlet" {
			continue
		}
		whole, err := x.inOneProcess()
		if err != nil {
			t.Fatal(err)
		}
		halves, err := x.inHalves()
		if err != nil {
			t.Fatalf("%s: %v", &x, err)
		}
		for tick := range whole.heads {
			if halves.heads[tick] != whole.heads[tick] {
				t.Fatalf("%s: step %d of two halves has head %s, of one process %s\n%+v\n%+v",
					&x, tick, halves.heads[tick], whole.heads[tick], halves.flows[tick], whole.flows[tick])
			}
		}
		if halves.digest != whole.digest {
			t.Errorf("%s: two halves have digest %s, one process %s", &x, halves.digest, whole.digest)
		}
	}
}

// outcome is the hashes and flows of a run.
type outcome struct {
	heads  []sim.Hash // after each step
	flows  []twins.Flows
	digest sim.Hash
	chain  *sim.Chain
	record sim.StepRecord
}

func newOutcome(w *sim.World) *outcome {
	// A world without cells has no layout, so the chain is of the version without one.
	o := &outcome{chain: sim.NewChain(w.Scenario.Seed, w.Scenario.Identity(), sim.Form{})}
	o.record.States = w.NewStates(w.Controller)
	return o
}

// addStep adds a step to the chain.
func (o *outcome) addStep(env *twins.Env, flows twins.Flows, swing twins.Swing, digests []sim.Hash) error {
	r := &o.record
	r.Tick, r.Step, r.Commands, r.Flows, r.Swing, r.Digests = env.Tick, env.Step, env.Commands, flows, swing, digests
	o.heads, o.flows = append(o.heads, sim.Hash{}), append(o.flows, flows)
	err := o.chain.Commit(r)
	o.heads[len(o.heads)-1] = o.chain.Head()
	return err
}

// end sets the digest from the chain's head and the states of all cells, in path order, and
// of the grid.
func (o *outcome) end(states [][]byte) {
	all := sha256.New()
	for _, b := range states {
		all.Write(b)
	}
	all.Write(o.record.States.AppendGrid(nil))
	o.digest = sim.DigestOf(o.chain.Head(), sim.Hash(all.Sum(nil)))
}

// inOneProcess runs the excerpt in a plain loop.
func (x *excerpt) inOneProcess() (*outcome, error) {
	s, err := x.load()
	if err != nil {
		return nil, err
	}
	w, err := sim.Build(s)
	if err != nil {
		return nil, err
	}
	o, flat := newOutcome(w), sim.NewFlat(w, nil, true)
	var env twins.Env
	for tick := range x.steps {
		w.Env(tick, &env)
		r, err := flat.Step(&env)
		if err != nil {
			return nil, err
		}
		if err := o.addStep(&env, r.Flows, r.Swing, r.Digests); err != nil {
			return nil, err
		}
	}
	var states [][]byte
	for _, cell := range w.Cells {
		states = append(states, cell.AppendStates(nil))
	}
	o.end(states)
	return o, nil
}

// inHalves runs the excerpt with the grid here and each half of the cells behind a pipe.
func (x *excerpt) inHalves() (o *outcome, err error) {
	var halves []*remote
	for k := range 2 {
		n := 0
		r := dial(func(c *conn) error {
			return x.serve(c, func(string) bool { n++; return n%2 == k })
		})
		defer func() { err = errors.Join(err, r.hangUp()) }()
		halves = append(halves, r)
	}
	s, err := x.load()
	if err != nil {
		return nil, err
	}
	w, err := sim.BuildOnly(s, func(string) bool { return false })
	if err != nil {
		return nil, err
	}
	rosters, err := enlist(halves)
	if err != nil {
		return nil, err
	}
	if err := w.Operate(rosters); err != nil {
		return nil, err
	}
	o, digests := newOutcome(w), make([]sim.Hash, len(rosters))
	g := twins.NewBalance(w.Grid, w.Controller, rosters)
	var env twins.Env
	for tick := range x.steps {
		w.Env(tick, &env)
		for stage := g.Begin(&env); stage != twins.StageDone; stage = g.Next(&env) {
			if err := exchange(g, halves, digests); err != nil {
				return nil, err
			}
		}
		if g.Residual != 0 {
			return nil, fmt.Errorf("step %d: residual %d mW", tick, g.Residual)
		}
		if err := o.addStep(&env, g.Flows, g.Swing, digests); err != nil {
			return nil, err
		}
	}
	states := make([][]byte, len(rosters))
	for _, h := range halves {
		for k, i := range h.communities {
			if err := h.conn.send([]byte{'s', byte(k)}); err != nil {
				return nil, err
			}
			if states[i], err = h.conn.receive(); err != nil {
				return nil, err
			}
		}
	}
	o.end(states)
	return o, nil
}

// enlist reads the rosters of all halves and sorts them in path order.
func enlist(halves []*remote) (rosters []twins.Roster, err error) {
	from := map[string]*remote{}
	for _, h := range halves {
		b, err := h.conn.receive()
		for ; len(b) > 0 && err == nil; h.answers = append(h.answers, twins.Answer{}) {
			var r twins.Roster
			b, err = r.UnmarshalBinary(b)
			rosters, from[r.Path] = append(rosters, r), h
		}
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(rosters, func(a, b twins.Roster) int { return strings.Compare(a.Path, b.Path) })
	for i := range rosters {
		h := from[rosters[i].Path]
		h.communities = append(h.communities, i)
	}
	return rosters, nil
}

// exchange sends the asks of one exchange to all halves and reads their answers: one of
// each community that takes part and, at commit, the hash of its record.
func exchange(g *twins.Balance, halves []*remote, digests []sim.Hash) error {
	for _, h := range halves {
		b := []byte{'a'}
		for k, i := range h.communities {
			if g.Involves(i) {
				b = g.Asks()[i].AppendBinary(append(b, byte(k)))
			}
		}
		if err := h.conn.send(b); err != nil {
			return err
		}
	}
	for _, h := range halves {
		b, err := h.conn.receive()
		if err != nil {
			return err
		}
		for k, i := range h.communities {
			if !g.Involves(i) {
				continue
			}
			if b, err = h.answers[k].UnmarshalBinary(b); err != nil {
				return err
			}
			if err := g.Take(i, &h.answers[k]); err != nil {
				return err
			}
			if g.Stage() == twins.StageCommit {
				b = b[copy(digests[i][:], b):]
			}
		}
		if len(b) > 0 {
			return fmt.Errorf("%d bytes too many", len(b))
		}
	}
	return nil
}

// serve runs one half: it builds its cells, sends their rosters, and answers until the grid
// hangs up. The Env of a step is that of its own world.
func (x *excerpt) serve(c *conn, mine func(path string) bool) error {
	s, err := x.load()
	if err != nil {
		return err
	}
	w, err := sim.BuildOnly(s, mine)
	if err != nil {
		return err
	}
	var b []byte
	for _, cell := range w.Cells {
		r := cell.Roster()
		b = r.AppendBinary(b)
	}
	h := &half{world: w}
	for {
		if err := c.send(b); err != nil {
			return err
		}
		if b, err = c.receive(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if b[0] == 's' {
			b = w.Cells[b[1]].AppendStates(nil)
		} else if b, err = h.answer(b[1:]); err != nil {
			return err
		}
	}
}

// half has the cells of one half.
type half struct {
	world   *sim.World
	env     twins.Env
	ask     twins.Ask
	scratch twins.Scratch
	hasher  sim.CellHasher
}

// answer carries out the encoded asks of one exchange and returns the encoded answers.
func (h *half) answer(b []byte) (to []byte, err error) {
	for len(b) > 0 {
		cell := h.world.Cells[b[0]]
		if b, err = h.ask.UnmarshalBinary(b[1:]); err != nil {
			return nil, err
		}
		if h.ask.Stage == twins.StageOffer {
			h.world.Env(h.ask.Tick, &h.env)
		}
		a, err := cell.Carry(&h.env, &h.ask, &h.scratch)
		if err != nil {
			return nil, err
		}
		to = a.AppendBinary(to)
		if a.Stage == twins.StageCommit {
			sum := h.hasher.Sum(cell.Record())
			to = append(to, sum[:]...)
		}
	}
	return to, nil
}

// remote is the grid's side of a half.
type remote struct {
	conn        *conn
	communities []int          // the half's, in its order, as indexes into the grid's rosters
	answers     []twins.Answer // of each community, reused
	served      chan error     // result of serve
}

// conn sends and receives frames: a length, then that many bytes.
type conn struct {
	*io.PipeReader
	*io.PipeWriter
}

// dial starts a half and returns the grid's end of the pipes to it.
func dial(serve func(*conn) error) *remote {
	fromGrid, toHalf := io.Pipe()
	fromHalf, toGrid := io.Pipe()
	r := &remote{conn: &conn{fromHalf, toHalf}, served: make(chan error, 1)}
	go func() {
		err := serve(&conn{fromGrid, toGrid})
		fromGrid.CloseWithError(err)
		toGrid.CloseWithError(err)
		r.served <- err
	}()
	return r
}

// hangUp ends a half and returns the error with which it failed, if any.
func (r *remote) hangUp() error {
	r.conn.PipeWriter.Close()
	r.conn.PipeReader.Close()
	if err := <-r.served; !errors.Is(err, io.ErrClosedPipe) {
		return err
	}
	return nil
}

func (c *conn) send(b []byte) error {
	_, err := c.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}

func (c *conn) receive() ([]byte, error) {
	var n [4]byte
	if _, err := io.ReadFull(c, n[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.LittleEndian.Uint32(n[:]))
	_, err := io.ReadFull(c, b)
	return b, err
}

// A world of some communities has only their cells, but counts the members of all, since
// their number decides whether the day before the run is rehearsed.
func TestBuildOnly(t *testing.T) {
	x := excerpt{name: "hamlet"}
	s, err := x.load()
	if err != nil {
		t.Fatal(err)
	}
	all, err := sim.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	some, err := sim.BuildOnly(s, func(path string) bool { return path != "grid/north" })
	if err != nil {
		t.Fatal(err)
	}
	if len(some.Cells) != 2 || some.Cells[0].Path != "grid/south" || some.Cells[1].Path != "grid/supply" {
		t.Errorf("%d cells, wanted grid/south and grid/supply", len(some.Cells))
	}
	if !reflect.DeepEqual(some.Members, all.Members) || !reflect.DeepEqual(some.Prepared, all.Prepared) {
		t.Errorf("members %v, prepared %v, wanted %v and %v", some.Members, some.Prepared, all.Members, all.Prepared)
	}
}

// A transcript has all asks and answers of one step of the hamlet in words. Of an answer it
// has the fields that differ from the answer before in the step. The step is in the evening,
// when the car arrives; without the tie, the island's batteries are asked for the limits of
// their converters, and load is revised since the plan does not suffice.
func TestProtocolTranscript(t *testing.T) {
	for file, x := range map[string]excerpt{
		"hamlet.txt": {"hamlet", nil, 18},
		"island.txt": {"hamlet", []string{"ties.*.available=false", "batteries.*.grid_forming=true"}, 18},
	} {
		got, err := x.transcript()
		if err != nil {
			t.Fatal(err)
		}
		file = "testdata/protocol/" + file
		if *rewrite {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(file); err != nil || string(want) != got {
			t.Errorf("%v; transcript differs from %s; accept with: go test ./sim -run %s -rewrite\n%s", err, file, t.Name(), got)
		}
	}
}

// transcript runs to the step after the excerpt and returns the transcript of that step.
func (x *excerpt) transcript() (string, error) {
	s, err := x.load()
	if err != nil {
		return "", err
	}
	w, err := sim.Build(s)
	if err != nil {
		return "", err
	}
	rosters := twins.Rosters(w.Cells)
	g := twins.NewBalance(w.Grid, w.Controller, rosters)
	log, before := &strings.Builder{}, map[string][]field{}
	for i := range rosters {
		fmt.Fprintf(log, "%s enrolls\n", rosters[i].Path)
		write(log, fields(reflect.ValueOf(rosters[i])), nil)
	}
	var env twins.Env
	var scratch twins.Scratch
	for tick := twins.Tick(0); tick <= x.steps; tick++ {
		w.Env(tick, &env)
		for stage := g.Begin(&env); stage != twins.StageDone; stage = g.Next(&env) {
			for i, cell := range w.Cells {
				if !g.Involves(i) {
					continue
				}
				a, err := cell.Carry(&env, &g.Asks()[i], &scratch)
				if err == nil {
					err = g.Take(i, a)
				}
				if err != nil {
					return "", err
				}
				if tick == x.steps {
					fmt.Fprintf(log, "\n%s is asked\n", cell.Path)
					write(log, fields(reflect.ValueOf(g.Asks()[i])), nil)
					fmt.Fprintln(log, "  and answers")
					answer := fields(reflect.ValueOf(*a))
					write(log, answer, before[cell.Path])
					before[cell.Path] = answer
				}
			}
		}
	}
	return log.String(), nil
}

// tiers has the names of the tiers.
var tiers = [twins.NumTiers]string{"essential", "comfort", "flexible", "mobility", "storage", "generation"}

// field is a field of a message, or of one of its units or stores, in words.
type field struct{ name, value string }

// fields returns the fields of a message that are not zero, and its stage.
func fields(v reflect.Value) (list []field) {
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		if f.Kind() != reflect.Slice || f.Type().Elem().Kind() == reflect.Uint8 {
			if !f.IsZero() || name == "Stage" {
				list = append(list, field{name, words(f)})
			}
			continue
		}
		for k := range f.Len() {
			at := fmt.Sprintf("%s %d", name, k)
			if f.Index(k).Kind() != reflect.Struct {
				list = append(list, field{at, words(f.Index(k))})
				continue
			}
			for _, inner := range fields(f.Index(k)) {
				list = append(list, field{at + " " + inner.name, inner.value})
			}
		}
	}
	return list
}

// write writes the fields of list that differ from those before, and the names of those
// that are no longer there.
func write(to *strings.Builder, list, before []field) {
	for _, f := range list {
		if !slices.Contains(before, f) {
			fmt.Fprintf(to, "    %s %s\n", f.name, f.value)
		}
	}
	for _, f := range before {
		if !slices.ContainsFunc(list, func(g field) bool { return g.name == f.name }) {
			fmt.Fprintf(to, "    %s no more\n", f.name)
		}
	}
}

// words returns a value in words: powers in W, energies in Wh, shares as decimals, and of
// structs and tiers only what is not zero.
func words(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case twins.Power:
		return fmt.Sprint(x.Watts(), " W")
	case twins.Energy:
		return fmt.Sprint(x.WattHours(), " Wh")
	case twins.Ratio:
		return fmt.Sprint(x.Float())
	case *twins.Kind:
		return x.Name
	case []byte:
		if x[0] == '{' {
			return string(x)
		}
		return fmt.Sprintf("%x", x)
	case fmt.Stringer:
		return x.String()
	}
	var list []string
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range fields(v) {
			list = append(list, f.name+" "+f.value)
		}
	case reflect.Array:
		for i := range v.Len() {
			if name := fmt.Sprint(i); !v.Index(i).IsZero() {
				if v.Len() == len(tiers) {
					name = tiers[i]
				}
				list = append(list, name+" "+words(v.Index(i)))
			}
		}
	default:
		return fmt.Sprint(v.Interface())
	}
	return "{" + strings.Join(list, ", ") + "}"
}
