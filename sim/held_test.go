package sim

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// What a run holds of its data does not grow with its days: recordings, sessions, weather
// and prices are read in windows, also those of the forecast's look ahead. Their memory is
// counted in the inputs themselves: all that they lead to.
func TestDataIsNotHeldAfterItsWindow(t *testing.T) {
	held := func(days int) (most int64) {
		s, err := scenario.Load("town", scenario.Options{Days: &days})
		if err != nil {
			t.Fatal(err)
		}
		w, err := buildWorld(s, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		f, err := newForecast(w, twins.Rosters(w.Cells))
		if err != nil {
			t.Fatal(err)
		}
		var env twins.Env
		for k := twins.Tick(0); k < s.Calendar.Steps; k += 8 {
			if err := w.Env(k, &env); err != nil {
				t.Fatal(err)
			}
			for ahead := twins.Tick(0); ahead < 96; ahead += 32 {
				if err := f.ahead.Env(k+ahead, &env); err != nil {
					t.Fatal(err)
				}
			}
			if k%192 == 0 {
				c := counted{seen: map[uintptr]bool{}}
				for _, of := range []*World{w, f.ahead} {
					most = max(most, c.add(reflect.ValueOf(&of.Inputs))+c.add(reflect.ValueOf(&of.recorded)))
				}
			}
		}
		return most
	}
	// A Window holds 1 MiB, nine days of 150 columns: both runs are longer.
	short, long := held(16), held(44)
	t.Logf("%d bytes are held in a run of 16 days, %d in one of 44", short, long)
	if long > short {
		t.Errorf("a run of 44 days holds %d bytes, one of 16 days %d", long, short)
	}
}

// counted counts the bytes that values lead to, each once.
type counted struct{ seen map[uintptr]bool }

func (c *counted) add(v reflect.Value) (n int64) {
	switch v.Kind() {
	case reflect.Pointer:
		switch v.Type() {
		case reflect.TypeFor[*os.File](), reflect.TypeFor[*time.Location]():
			return 0
		}
		if v.IsNil() || c.seen[v.Pointer()] {
			return 0
		}
		c.seen[v.Pointer()] = true
		return int64(v.Type().Elem().Size()) + c.add(v.Elem())
	case reflect.Slice:
		if v.IsNil() || v.Cap() == 0 || c.seen[v.Pointer()] {
			return 0
		}
		c.seen[v.Pointer()] = true
		n = int64(v.Cap()) * int64(v.Type().Elem().Size())
		for i := range v.Len() {
			n += c.add(v.Index(i))
		}
		return n
	case reflect.Map:
		for of := v.MapRange(); of.Next(); {
			n += int64(v.Type().Key().Size()+v.Type().Elem().Size()) + c.add(of.Key()) + c.add(of.Value())
		}
		return n
	case reflect.Struct:
		for i := range v.NumField() {
			n += c.add(v.Field(i))
		}
		return n
	case reflect.Array:
		for i := range v.Len() {
			n += c.add(v.Index(i))
		}
		return n
	case reflect.Interface:
		return c.add(v.Elem())
	case reflect.String:
		return int64(v.Len())
	}
	return 0
}

// A temporary file that cannot be written is an error of its own. It does not count as
// recordings that do not reach as far as a forecast would look, which would give another run.
func TestTemporaryFileFails(t *testing.T) {
	s, err := scenario.Load("town", scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := buildWorld(s, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	t.Setenv("TMPDIR", nowhere)
	for what, err := range map[string]error{"the operator": w.Operate(twins.Rosters(w.Cells)), "its rehearsal": rehearse(s, 0, 1, s.Seed, nil)} {
		var storage *inputs.StorageError
		if !errors.As(err, &storage) || storage.Dir != nowhere {
			t.Errorf("%s: %v; wanted a StorageError in %s", what, err, nowhere)
		}
	}
}
