package twins_test

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// message is a value of the protocol.
type message interface {
	AppendBinary([]byte) []byte
	UnmarshalBinary([]byte) ([]byte, error)
}

// messages makes an empty message of each type.
var messages = map[string]func() message{
	"roster": func() message { return &twins.Roster{} },
	"ask":    func() message { return &twins.Ask{} },
	"answer": func() message { return &twins.Answer{} },
}

// fill gives every field of a value something that is not zero, to find a field that
// the binary form leaves out.
func fill(r *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(r, v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(r, v.Index(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1+r.IntN(3), 4))
		for i := range v.Len() {
			fill(r, v.Index(i))
		}
	case reflect.Pointer:
		kinds := twins.Kinds()
		v.Set(reflect.ValueOf(kinds[r.IntN(len(kinds))]))
	case reflect.String:
		v.SetString(strings.Repeat("ä/", 1+r.IntN(4)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64:
		v.SetInt(-r.Int64N(1<<62) - 1)
	case reflect.Int32, reflect.Int8:
		v.SetInt(1 + r.Int64N(100))
	case reflect.Uint8: // choices
		v.SetUint(1 + r.Uint64N(2))
	default:
		panic("a field of another sort: " + v.Type().String())
	}
}

// Every field survives the binary form, also into a message that was used before; a
// message that is truncated or has another version is refused, and any other bytes
// are read without a panic.
func TestMessagesKeepEveryField(t *testing.T) {
	for name, empty := range messages {
		r, used := rand.New(rand.NewPCG(1, 11)), empty()
		for range 50 {
			sent := empty()
			fill(r, reflect.ValueOf(sent).Elem())
			b := sent.AppendBinary([]byte("before"))[len("before"):]
			for _, got := range []message{empty(), used} {
				rest, err := got.UnmarshalBinary(append(b[:len(b):len(b)], "after"...))
				if err != nil || string(rest) != "after" || !reflect.DeepEqual(got, sent) {
					t.Fatalf("%s: error %v, rest %q\nsent %+v\n got %+v", name, err, rest, sent, got)
				}
			}
			for cut := range b {
				if _, err := empty().UnmarshalBinary(b[:cut]); err == nil {
					t.Fatalf("%s: cut to %d of %d bytes it was taken", name, cut, len(b))
				}
			}
			b[0]++
			if _, err := empty().UnmarshalBinary(b); err == nil || !strings.Contains(err.Error(), "version 2, wanted 1") {
				t.Fatalf("%s of another version: %v", name, err)
			}
			b[0]--
			for range 20 { // any bytes: it must not panic or allocate more than was sent
				b[1+r.IntN(len(b)-1)] = byte(r.Uint32())
				_, _ = empty().UnmarshalBinary(b)
			}
		}
	}
}

// Invalid values are refused by name.
func TestMessagesAreRefused(t *testing.T) {
	roster := twins.Roster{Path: "grid/c", Units: []twins.UnitRoster{{Path: "grid/c/x", Kind: &twins.Kind{Name: "antigravity"}}}}
	far, odd := twins.Ask{Stage: twins.StageDone}, twins.Ask{}
	odd.Set.Why[0] = 200
	for _, row := range []struct {
		sent, got message
		want      string
	}{
		{&roster, &twins.Roster{}, `roster: unknown kind "antigravity"`},
		{&far, &twins.Ask{}, "ask: twins.Stage 5, wanted 0…4"},
		{&odd, &twins.Ask{}, "ask: twins.Reason 200, wanted 0…9"},
	} {
		if _, err := row.got.UnmarshalBinary(row.sent.AppendBinary(nil)); err == nil || err.Error() != row.want {
			t.Errorf("%+v: %v, wanted %s", row.sent, err, row.want)
		}
	}
}

// Balance refuses an answer that is late, early or of another community, and does not
// continue with one missing.
func TestAnswersMustBeToWhatWasAsked(t *testing.T) {
	g := twintest.NewGrid(3) // of two communities or more
	cells, node := g.Build()
	b := twintest.NewLoop(node, twins.MeritOrder{}, cells)
	var env twins.Env
	var w twins.Scratch
	g.Env(0, &env)
	b.Begin(&env)
	a, err := cells[0].Carry(&env, &b.Asks()[0], &w)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*twins.Answer){
		"another step":     func(a *twins.Answer) { a.Tick++ },
		"another exchange": func(a *twins.Answer) { a.Seq++ },
		"another stage":    func(a *twins.Answer) { a.Stage = twins.StageCommit },
		"a unit too many":  func(a *twins.Answer) { a.Units = append(a.Units[:len(a.Units):len(a.Units)], twins.UnitAnswer{}) },
		"a store too many": func(a *twins.Answer) { a.Stores = append(a.Stores[:len(a.Stores):len(a.Stores)], twins.StoreAnswer{}) },
	} {
		wrong := *a
		change(&wrong)
		if err := b.Take(0, &wrong); err == nil || !strings.HasPrefix(err.Error(), cells[0].Path+": answer ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.Take(0, a); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if reason, _ := recover().(string); !strings.Contains(reason, "no answer of "+cells[1].Path) {
			t.Errorf("without all answers: %v", reason)
		}
	}()
	b.Next(&env)
	t.Error("Next went on without all answers")
}

// A cell refuses an ask for another step than that of its Env, or with setpoints for
// other units than its own.
func TestAsksMustFitTheCell(t *testing.T) {
	g := twintest.NewGrid(3)
	cells, _ := g.Build()
	var env twins.Env
	g.Env(5, &env)
	for name, ask := range map[string]twins.Ask{
		"asked for step 4 in the world of step 5": {Tick: 4},
		"setpoints for": {Tick: 5, Stage: twins.StageClose, Units: make([]twins.Setpoint, len(cells[0].Units())+1)},
	} {
		if err := cells[0].Begin(&env, &ask); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%+v: %v", ask, err)
		}
	}
}
