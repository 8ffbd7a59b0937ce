package viewers

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/stream"
)

// Frames of 5,000 communities (a million homes), whose figures all change in every step at 10 Hz,
// take at most 500 kB a second: the communities take turns, none waits for long, the grid's frame
// comes each step, and after the last step the viewer has all final values.
func TestCommunitiesTakeTurns(t *testing.T) {
	const communities, hz, seconds = 5000, 10, 30
	turns := Turns{First: 2, Scopes: (communities + mostRows - 1) / mostRows}
	h := NewHub(nil, turns)
	r := rand.New(rand.NewPCG(5, 6))
	var frames []*Frame // frames of the latest step
	show := func(tick int64) {
		frames = nil
		for scope := range turns.First + turns.Scopes {
			rows, name := 1, []string{"grid", "sources"}[min(scope, 1)]
			if turns.has(scope) {
				k := scope - turns.First
				rows, name = min(mostRows, communities-mostRows*k), fmt.Sprintf("communities/%d", k)
			}
			frames = append(frames, NewFrame(name, twins.Tick(tick), []Block{moved(r, rows)}))
		}
		h.Show(twins.Tick(tick), frames)
	}
	w := &writing{viewer: &viewer{hub: h}, base: map[int]twins.Tick{}}
	want := view{live: true, Wanted: Wanted{Scopes: []int{0}}}
	for scope := range turns.Scopes {
		want.Scopes = append(want.Scopes, turns.First+scope)
	}
	view := stream.View{}
	bytes := 0
	read := func() {
		for _, b := range w.out {
			bytes += len(b)
			var m stream.ServerMessage
			if err := proto.Unmarshal(unwired(t, b), &m); err != nil {
				t.Fatal(err)
			}
			if err := view.Apply(m.GetFrame()); err != nil {
				t.Fatal(err)
			}
		}
		w.out = w.out[:0]
	}
	at := time.Unix(0, 0)
	last, longest, whole := map[string]int64{}, int64(0), 0
	for tick := range int64(hz * seconds) {
		show(tick)
		_, again := w.frames(&want, at)
		for end := at.Add(time.Second / hz); again && w.paid.Before(end); {
			_, again = w.frames(&want, w.paid)
		}
		read()
		if tick == 0 {
			whole, bytes = bytes, 0
		}
		for scope, table := range view {
			if table.Tick != last[scope] {
				longest, last[scope] = max(longest, table.Tick-last[scope]), table.Tick
			}
		}
		if view["grid"].Tick != tick {
			t.Fatalf("the grid is at step %d, made is %d", view["grid"].Tick, tick)
		}
		at = at.Add(time.Second / hz)
	}
	t.Logf("%d bytes at first, then %d a second; a community waits %d steps at most", whole, bytes/seconds, longest)
	if bytes > 500_000*seconds || bytes < 300_000*seconds || longest > hz {
		t.Errorf("%d bytes a second, at most %d steps between two frames of a community", bytes/seconds, longest)
	}
	for again := true; again; at = w.paid {
		_, again = w.frames(&want, at)
	}
	read()
	for i, f := range frames {
		if i == 1 { // not subscribed
			continue
		}
		table := view[f.scope]
		for c := range f.blocks[0].Columns {
			for row := range f.blocks[0].Rows {
				if table.Tick != hz*seconds-1 || table.Blocks[0][c][row] != f.blocks[0].Value(c, row) {
					t.Fatalf("%s at step %d: column %d, row %d differs", f.scope, table.Tick, c, row)
				}
			}
		}
	}
}

// moved returns communities with new random values: seven powers of up to 200 kW, stored energy, and
// 15 columns of zeros.
func moved(r *rand.Rand, rows int) Block {
	b := Block{Rows: rows}
	for c := range 23 {
		values := make([]int64, rows)
		for i := range values {
			switch {
			case c < 7:
				values[i] = r.Int64N(200_000_000)
			case c == 7:
				values[i] = r.Int64N(1 << 40)
			}
		}
		b.Columns = append(b.Columns, NewColumn(values))
	}
	return b
}
