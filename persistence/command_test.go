package persistence

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// The kind bell exists in these tests only: a bell draws a watt for each time that it has been
// rung, by a command whose body is text.
var _ = twins.Declare(twins.Kind{
	Name: "bell", Plural: "bells", Label: "Bell", Role: twins.RoleLoad, Version: 1,
	Schema: `{"properties": {}}`, Events: []*twins.EventType{bellRung}, Commands: []*twins.CommandType{ringBell}, Columns: []twins.Column{twins.ColumnPower},
	New: func(_ *twins.Site, members []twins.Member) (twins.Slab, error) {
		return twins.NewSlab[bellRow](len(members)), nil
	},
})

var bellRung = &twins.EventType{Name: "bell.rung", Fields: []string{"times"}, Notable: true}

var ringBell = twins.DeclareCommand(twins.CommandType{Name: "bell.ring", Check: func(body string) error {
	if strings.Trim(body, "!") != "ding" {
		return errors.New("wanted ding")
	}
	return nil
}})

type bellRow struct{ rung int64 }

func (b *bellRow) Offer(_ *twins.Env, out *twins.Flex) {
	out.Tier[twins.Essential] = twins.Fixed(twins.Power(b.rung) * twins.Watt)
}

func (b *bellRow) Step(_ *twins.Env, set *twins.Setpoint, _ *twins.Events, out *twins.Reading) {
	want := twins.Power(b.rung) * twins.Watt
	out.Load = min(want, set.Tier[twins.Essential])
	out.Power, out.Unserved, out.UnservedEssential = out.Load, want-out.Load, want-out.Load
}

func (b *bellRow) Apply(e *twins.Event) { b.rung += e.V[0] }

func (b *bellRow) Command(_ *twins.Env, c *twins.Command, ev *twins.Events) error {
	if c.Type != ringBell {
		return fmt.Errorf("%s: a bell takes no %s", c.Target, c.Type)
	}
	ev.Add(bellRung)[0] = 1 + int64(strings.Count(c.Body, "!"))
	return nil
}

func (b *bellRow) AppendBinary(buf []byte) []byte {
	return binary.LittleEndian.AppendUint64(append(buf, 1), uint64(b.rung))
}

func (b *bellRow) UnmarshalBinary(buf []byte) ([]byte, error) {
	if len(buf) < 9 || buf[0] != 1 {
		return buf, errors.New("bell: no stored state")
	}
	b.rung = int64(binary.LittleEndian.Uint64(buf[1:]))
	return buf[9:], nil
}

// ring is the command that rings the bell of the tower.
func ring(body string) twins.Command {
	return twins.Command{Target: "grid/a/tower", Type: ringBell, Body: body}
}

// tower is a scenario with two homes and a bell.
func tower(t *testing.T) *sim.World {
	t.Helper()
	text, err := os.ReadFile("testdata/two.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "tower.yaml")
	csv, err := filepath.Abs("testdata/two.csv")
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "two.csv", csv, 1) + "bells:\n  - {id: tower, community: a}\n"
	if err := os.WriteFile(file, []byte(changed), 0o666); err != nil {
		t.Fatal(err)
	}
	return build(t, file, scenario.Options{})
}

// A command of another type than set and multiply is kept, resumed, replayed, verified,
// forked and hashed with its body; the key and the account that it came with are
// kept as well and change no digest.
func TestCommandsOfOtherTypes(t *testing.T) {
	world := func(commands ...twins.Command) *sim.World {
		w := tower(t)
		for _, c := range commands {
			if err := w.Add(c); err != nil {
				t.Fatal(err)
			}
		}
		return w
	}
	plain := []twins.Command{twins.Set("grid/a/h1", "load.scale", 2e9).At(3, 1), ring("ding!!").At(3, 2), ring("ding").At(9, 3)}
	sent := slices.Clone(plain)
	for i := range sent {
		sent[i].Key, sent[i].By = fmt.Sprint("key-", i), twins.Account(7+i)
	}
	want := digestOf(t, world(plain...))
	for name, others := range map[string][]twins.Command{
		"no command": nil, "another body": {plain[0], ring("ding!").At(3, 2), plain[2]}, "another step": {plain[0], plain[1], ring("ding").At(10, 3)},
	} {
		if digestOf(t, world(others...)) == want {
			t.Errorf("%s gives the same digest", name)
		}
	}
	if got := digestOf(t, world(sent...)); got != want {
		t.Errorf("digest %s with keys and accounts, %s without", got, want)
	}

	dir := filepath.Join(t.TempDir(), "run")
	rungLive(t, dir, sent)
	s := open(t, dir, Write)
	if got := s.Commands(0, 100); !reflect.DeepEqual(got, sent) {
		t.Errorf("commands %+v, wanted %+v", got, sent)
	}
	j, m, err := s.Resume(Durability{})
	if err != nil {
		t.Fatal(err)
	}
	if got := carryOn(t, s.Run(), j, m.World, m.Chain, m.Steps, -1); got != want {
		t.Errorf("left and resumed: digest %s, wanted %s", got, want)
	}
	s = open(t, dir, Read)
	var shown []twins.Command
	err = s.Replay(0, s.Steps(), sim.SinkFunc(func(r *sim.StepRecord) error {
		shown = append(shown, r.Commands...)
		return nil
	}))
	if err != nil || !reflect.DeepEqual(shown, sent) {
		t.Errorf("%v: replayed %+v, wanted %+v", err, shown, sent)
	}
	if drawn, err := s.Readings("grid/a/tower", "power_w", 2, 10); err != nil || fmt.Sprint(drawn) != "[0 3000 3000 3000 3000 3000 3000 4000]" {
		t.Errorf("%v: the bell draws %v mW", err, drawn)
	}
	if err := s.Verify(0, s.Steps(), nil, nil); err != nil || len(s.Repairs()) > 0 {
		t.Errorf("verify: %v, repairs %q", err, s.Repairs())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "fork")
	more := digestOf(t, world(append(slices.Clone(plain), twins.Set("grid/a/h2", "load.scale", 3e9).At(5, 4))...))
	if got := forked(t, dir, out, "5", -1, "households.h2.load.scale=3"); got != more || more == want {
		t.Errorf("forked: digest %s, wanted %s", got, more)
	}
}

// rungLive keeps a live run with commands, and leaves it after step 12 as a kill does.
func rungLive(t *testing.T, dir string, commands []twins.Command) {
	t.Helper()
	w := tower(t)
	r, err := CreateRun(dir, Run{Scenario: w.Scenario.Name, Seed: w.Scenario.Seed, Smatrix: "test"})
	if err != nil {
		t.Fatal(err)
	}
	chain := w.NewChain()
	j, err := r.Keep(w, chain, Durability{Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	runner := &sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain, j}}
	live := live.New(runner, live.Options{Paused: true, Keep: func(c []twins.Command) error { return j.AppendCommand(c...) }})
	go func() { _ = live.Run(t.Context()) }()
	if _, err := live.Add(ring("dong")); err == nil || !strings.Contains(err.Error(), "grid/a/tower: bell.ring: wanted ding") {
		t.Errorf("a body that the type refuses: %v", err)
	}
	other := ring("ding")
	other.Target = "grid/a/h1"
	if _, err := live.Add(other); err == nil || !strings.Contains(err.Error(), `grid/a/h1: unknown command "bell.ring", wanted set or multiply`) {
		t.Errorf("a kind that does not take it: %v", err)
	}
	if taken, err := live.Add(commands...); err != nil || !reflect.DeepEqual(taken, commands) {
		t.Fatalf("%+v, %v", taken, err)
	}
	if _, err := live.Step(t.Context(), 12); err != nil {
		t.Fatal(err)
	}
	drop(j)
}

// TestGoldenCommands reads commands as they were written with body, key and account, and
// writes the same; those without are in TestGoldenBytes.
func TestGoldenCommands(t *testing.T) {
	g := readGolden(t, "commands.txt")
	all := []twins.Command{ring("ding!").At(300, 4), ring("ding!").At(300, 5), ring("ding").At(300, 6), twins.Set("grid/a/h1", "load.scale", 1_300_000_000).At(300, 7),
		twins.Multiply("grid/a/h2", "load.scale", 1_300_000_000).At(300, 8), ring("").At(301, 9), twins.Set("grid/a/h2", "load.scale", 0).At(302, 12)}
	all[1].Key, all[2].By, all[3].Key, all[3].By = "a key", 12, "another", -3
	var w encoder
	w.commands(all)
	b := g.get(t, "commands", w.Writer)
	if !bytes.Equal(b, w.Writer) {
		t.Errorf("commands are written as %x, was %x", []byte(w.Writer), b)
	}
	r := newDecoder(b)
	if got := r.commands(); r.Done() != nil || !reflect.DeepEqual(got, all) {
		t.Errorf("%v: %+v\nwanted %+v", r.Done(), got, all)
	}
	f := &memoryFile{}
	l := &ledger{f: f, buf: append([]byte(ledgerMagic), 1)} // the version that had them first
	l.add(recordStart, func(w *encoder) { w.hash(hashOf(4)) })
	l.commands(all)
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	b = g.get(t, "ledger", f.Bytes())
	if !bytes.Equal(b, f.Bytes()) {
		t.Errorf("ledger is written as %x, was %x", f.Bytes(), b)
	}
	c, err := readLedger("", bytes.NewReader(b))
	if err != nil || !reflect.DeepEqual(c.commands, all) {
		t.Errorf("ledger: %v, %+v", err, c)
	}
	g.close(t)
}

// Commands that a newer program has written, or that are damaged, are refused by name.
func TestCommandsThatAreNotOurs(t *testing.T) {
	for _, row := range []struct {
		name string
		b    []byte
		want string
	}{
		{"an unknown flag", []byte{1, 0x80, 1, 0, 0}, "flags 0x80 that are unknown"},
		{"an unknown type", []byte{1, sameStep, 0, 0, 3, 'e', 'a', 't'}, `command "eat" is unknown`},
		{"set with a body of its own", []byte{1, sameStep | hasBody, 0, 0, 3, 's', 'e', 't', 1, 'x'}, `command "set" has the body of another type`},
		{"a bell with a setting", append([]byte{1, sameStep, 0, 0, 9}, "bell.ring\x01x\x02"...), `command "bell.ring" has the body of another type`},
		{"cut in its key", []byte{1, sameStep | sameValue | hasKey, 0, 0, 3, 's', 'e', 't', 1, 'x', 9, 'k'}, "cut short"},
	} {
		r := newDecoder(row.b)
		all := r.commands()
		if err := r.Done(); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, %+v, wanted %q", row.name, err, all, row.want)
		}
	}
}
