package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/smatrix-grid/smatrix/actors"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/twins"
)

// small is one case of a city that is built in a moment.
var small = Options{Households: []int{400}, Steps: 8, Hostings: []actors.Hosting{actors.Batched}}

func (o Options) rows(t *testing.T) (rows []*Row, err error) {
	t.Helper()
	err = o.Run(t.Context(), func(r *Row) error { rows = append(rows, r); return nil })
	return rows, err
}

// A row has the digest of a plain run of the scenario, and figures that agree with each
// other.
func TestRow(t *testing.T) {
	o := small
	o.Journals = []bool{true}
	t.Setenv("TMPDIR", t.TempDir())
	rows, err := o.rows(t)
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	r := rows[0]
	source, err := o.load(o.Cases()[0])
	if err != nil {
		t.Fatal(err)
	}
	w, err := sim.Build(source)
	if err != nil {
		t.Fatal(err)
	}
	chain := w.NewChain()
	run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain}}
	if _, err := run.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := chain.Digest().String(); r.Digest != want || r.DigestFlat != want {
		t.Errorf("digests %s and %s, a run has %s", r.Digest, r.DigestFlat, want)
	}
	members := int64(0)
	for kind, n := range w.Members {
		if kind != twins.Community.Name {
			members += int64(n)
		}
	}
	if r.Members != members || r.Households != 400 || r.Steps != 8 || r.Rounds < leastRounds || r.MessagesHandled == 0 {
		t.Errorf("got %+v, wanted %d members", r, members)
	}
	for name, v := range map[string]float64{"per s": r.HouseholdStepsPerS, "CPU": r.NsCPU, "flat": r.FlatNsCPU, "÷ flat": *r.ActorOverFlat,
		"bytes": r.BytesPerHousehold, "resident": float64(r.PeakRSSBytes), "both": float64(r.PeakRSSBoth - r.PeakRSSBytes + 1), "start": r.StartS, "hash": r.HashNsCPU, "journal": *r.JournalNsCPU} {
		if !(v > 0) {
			t.Errorf("%s is %v", name, v)
		}
	}
	if q := r.Quartiles; q[0] > *r.ActorOverFlat || q[1] < *r.ActorOverFlat {
		t.Errorf("quartiles %v around %v", q, *r.ActorOverFlat)
	}
	checkMemory(t, r)
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// What is computed from the layout is within a tenth of what was measured, and the parts add
// up.
func checkMemory(t *testing.T, r *Row) {
	m := r.Memory
	if math.Abs(m.Share-1) > 0.1 {
		t.Errorf("%.0f bytes a household computed, %.0f measured", m.Computed, m.Twins)
	}
	if sum := m.Scenario + m.Twins + m.Actors; math.Abs(sum-r.BytesPerHousehold) > 1 || m.Scenario <= 0 || m.Actors <= 0 {
		t.Errorf("parts of memory are %+v, in all %v", m, r.BytesPerHousehold)
	}
	sum, members := 0.0, int64(0)
	for kind, k := range m.Kinds {
		sum += k.PerHousehold
		if kind != twins.Community.Name && kind != twins.Grid.Name {
			members += k.Members
		}
		if got := k.PerMember * float64(k.Members) / float64(r.Households); math.Abs(got-k.PerHousehold) > 1e-6 {
			t.Errorf("%s: %+v", kind, k)
		}
	}
	if math.Abs(sum-m.Computed) > 1e-6 || members != r.Members {
		t.Errorf("kinds add up to %v of %v bytes and %d members", sum, m.Computed, members)
	}
}

// The keys that others rely on come first, in their order.
func TestKeys(t *testing.T) {
	want := strings.Split("households members steps hosting threads journal household_steps_per_s ns_cpu_per_household_step flat_ns_cpu_per_household_step "+
		"actor_over_flat messages_handled bytes_per_household peak_rss_bytes start_s digest digest_flat", " ")
	var got []string
	for i := range reflect.TypeFor[Row]().NumField() {
		got = append(got, reflect.TypeFor[Row]().Field(i).Tag.Get("json"))
	}
	if !slices.Equal(got[:len(want)], want) {
		t.Errorf("got %v", got[:len(want)])
	}
	if b, err := json.Marshal(&Row{}); err != nil || !bytes.Contains(b, []byte(`"actor_over_flat":null`)) {
		t.Error(string(b), err)
	}
}

// A case whose sides differ, or whose books do not close, has no row; those before it have.
func TestNoRow(t *testing.T) {
	falsify := func(w *sim.World, change func(*twins.Reading)) {
		for _, c := range w.Cells {
			c.Falsify = func(path string, r *twins.Reading) {
				if path == "grid/community-01/household-0003" {
					change(r)
				}
			}
		}
	}
	tests := []struct {
		name   string
		change func(o *Options)
		want   any // as errors.As takes it
	}{
		{"the actors compute something else", func(o *Options) {
			o.alter = func(side string, w *sim.World) {
				if side == "actors" {
					falsify(w, func(r *twins.Reading) { r.Waits++ })
				}
			}
		}, new(*DigestError)},
		{"energy is made", func(o *Options) {
			o.Prepare = func(w *sim.World) error { falsify(w, func(r *twins.Reading) { r.Power++ }); return nil }
		}, new(*sim.AuditError)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := small
			o.Households = []int{20}
			tt.change(&o)
			rows, err := o.rows(t)
			if !errors.As(err, tt.want) || len(rows) > 0 {
				t.Errorf("got %v, and %d rows", err, len(rows))
			}
		})
	}
	// The change above is found by comparing: on both sides it is not. A short run is made
	// several times, so that there are enough rounds.
	t.Run("both sides alike", func(t *testing.T) {
		o := small
		o.Households, o.Steps = []int{20}, 4
		o.alter = func(_ string, w *sim.World) { falsify(w, func(r *twins.Reading) { r.Waits++ }) }
		if rows, err := o.rows(t); err != nil || len(rows) != 1 || rows[0].Passes != 3 || rows[0].Rounds != 9 {
			t.Errorf("got %v, and %v", err, rows)
		}
	})
}

// After an interrupt the rows that were done have been handed out, and no folder is left.
func TestInterrupt(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	o := Options{Households: []int{20}, Steps: 8, Hostings: []actors.Hosting{actors.Batched}, Journals: []bool{false, true}}
	rows := 0
	o.Progress = func(_, _ int64, doing string) {
		if strings.HasPrefix(doing, "2 of 2") && strings.Contains(doing, "round 2 of") {
			cancel()
		}
	}
	err := o.Run(ctx, func(*Row) error { rows++; return nil })
	var interrupted *InterruptedError
	if !errors.As(err, &interrupted) || *interrupted != (InterruptedError{1, 2}) || rows != 1 {
		t.Errorf("got %v, and %d rows", err, rows)
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name string
		o    Options
		want string // "" if it is good
	}{
		{"the defaults", Options{}, ""},
		{"all of everything", Options{Households: []int{1, 1e6}, Hostings: []actors.Hosting{"message", "batched", "plain"}, Threads: []int{1, 64}, Journals: []bool{true, false}}, ""},
		{"no home", Options{Households: []int{1000, 0}}, "--households 0: wanted at least 1"},
		{"a negative number of homes", Options{Households: []int{-1}}, "--households -1: wanted at least 1"},
		{"negative steps", Options{Steps: -8}, "--steps -8: wanted at least 1"},
		{"an unknown hosting", Options{Hostings: []actors.Hosting{"massage"}}, `--hosting "massage": did you mean "message"? wanted one of: message, batched, plain`},
		{"no hosting", Options{Hostings: []actors.Hosting{""}}, `--hosting "": wanted one of: message, batched, plain`},
		{"no thread", Options{Threads: []int{0}}, "--threads 0: wanted at least 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.o.Check()
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || err.Error() != tt.want || !errors.Is(err, problem.ErrUsage) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// More threads than processors are allowed and said, once for each number.
func TestWarnings(t *testing.T) {
	if got := (Options{Threads: []int{1}}).Warnings(); len(got) > 0 {
		t.Errorf("got %q", got)
	}
	got := Options{Threads: []int{4096, 1, 4096}}.Warnings()
	if len(got) != 1 || !strings.HasPrefix(got[0], "--threads 4096: more than the ") {
		t.Errorf("got %q", got)
	}
}

// A size that memory will not hold is refused with what is needed, free and possible; only
// then is anything measured.
func TestFits(t *testing.T) {
	const gb = 1e9
	tests := []struct {
		name     string
		homes    []int
		free     float64
		measured bool
		want     string // "" if it fits
	}{
		{"far below", []int{1000, 10_000}, 16 * gb, false, ""},
		{"at a closer look", []int{1_000_000}, 16 * gb, true, ""},
		{"just too large", []int{1000, 1_801_000}, 16 * gb, true,
			"--households 1801000: the actors and the flat loop need about 14.4 GB of memory, 8 kB a household, and 16 GB are free; about 1,800,000 households would fit"},
		{"absurd", []int{1_000_000_000_000}, 16 * gb, true,
			"--households 1000000000000: the actors and the flat loop need about 8 PB of memory, 8 kB a household, and 16 GB are free; about 1,800,000 households would fit"},
		{"the greatest number", []int{math.MaxInt}, 16 * gb, true,
			"--households 9223372036854775807: the actors and the flat loop need about 7.38e+07 PB of memory, 8 kB a household, and 16 GB are free; about 1,800,000 households would fit"},
		{"no memory", []int{100}, 0, true,
			"--households 100: the actors and the flat loop need about 800 kB of memory, 8 kB a household, and 0 kB are free; about 0 households would fit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			measured := false
			err := Options{Households: tt.homes}.fitsInto(t.Context(), tt.free, func(context.Context, Options) (float64, error) {
				measured = true
				return 8000, nil
			})
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.want || measured != tt.measured || err != nil && !errors.Is(err, problem.ErrUsage) {
				t.Errorf("measured: %v, got %s", measured, got)
			}
		})
	}
}

// A household more takes more than its twin and less than roughBytes, below which a size is
// not looked at closely.
func TestBytesOfBothSides(t *testing.T) {
	each, err := bytesOfBothSides(t.Context(), Options{})
	if err != nil || each < 2000 || each > roughBytes {
		t.Errorf("%v bytes, %v", each, err)
	}
}

func TestFreeMemory(t *testing.T) {
	const gib = 1 << 30
	meminfo := "MemTotal:       24683656 kB\nMemAvailable:   16777216 kB\n"
	tests := []struct {
		name  string
		files map[string]string
		want  int64 // −1: unknown
	}{
		{"a system that does not tell", map[string]string{}, -1},
		{"no groups", map[string]string{"meminfo": meminfo}, 16 * gib},
		{"version 2, no limit", map[string]string{"meminfo": meminfo, "self": "0::/a/b\n", "cg/a/b/memory.max": "max\n"}, 16 * gib},
		{"version 2, a limit above", map[string]string{"meminfo": meminfo, "self": "0::/a/b\n", "cg/a/b/memory.max": "max\n",
			"cg/a/memory.max": "4294967296\n", "cg/a/memory.current": "1073741824\n", "cg/a/memory.stat": "anon 5\ninactive_file 536870912\n"}, 3*gib + gib/2},
		{"version 2 in a container, whose group is at the top", map[string]string{"meminfo": meminfo, "self": "0::/host/path\n",
			"cg/memory.max": "2147483648\n", "cg/memory.current": "0\n"}, 2 * gib},
		{"version 1", map[string]string{"meminfo": meminfo, "self": "5:cpu:/\n4:memory:/job\n0::/\n",
			"cg/memory/job/memory.limit_in_bytes": "8589934592\n", "cg/memory/job/memory.usage_in_bytes": "1073741824\n",
			"cg/memory/job/memory.stat": "cache 9\ntotal_inactive_file 0\n", "cg/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 7 * gib},
		{"more is used than allowed", map[string]string{"meminfo": meminfo, "self": "0::/\n", "cg/memory.max": "1000\n", "cg/memory.current": "2000\n"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range tt.files {
				file := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			m := memorySources{filepath.Join(dir, "meminfo"), filepath.Join(dir, "cg"), filepath.Join(dir, "self")}
			got, ok := m.free()
			if !ok {
				got = -1
			}
			if got != tt.want {
				t.Errorf("%d bytes, want %d", got, tt.want)
			}
		})
	}
}

// Whatever the number of steps, there are enough rounds and all steps are made once a pass.
func TestRounds(t *testing.T) {
	for steps := 1; steps <= 200; steps++ {
		c := Case{Steps: steps}
		p := c.pass()
		made, rounds := p.warm, 0
		for ; made < steps; made += min(p.each, steps-made) {
			rounds++
		}
		if made != steps || rounds != c.rounds() || rounds*c.passes() < leastRounds {
			t.Errorf("%d steps: %d made, %d of %d rounds, %d passes", steps, made, rounds, c.rounds(), c.passes())
		}
	}
	for _, tt := range []struct{ steps, passes, each int }{{1, 7, 1}, {2, 7, 1}, {4, 3, 1}, {8, 1, 1}, {24, 1, 2}, {32, 1, 4}, {96, 1, 8}, {672, 1, 56}} {
		if c := (Case{Steps: tt.steps}); c.passes() != tt.passes || c.pass().each != tt.each {
			t.Errorf("%d steps: %d passes of rounds of %d, want %d and %d", tt.steps, c.passes(), c.pass().each, tt.passes, tt.each)
		}
	}
}

func TestQuantile(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		q      float64
		want   float64
	}{{nil, 0.5, 0}, {[]float64{3}, 0.25, 3}, {[]float64{3, 1}, 0.5, 2}, {[]float64{5, 1, 3}, 0.5, 3}, {[]float64{4, 3, 2, 1}, 0.25, 1.75}, {[]float64{1, 2}, 1, 2}} {
		if got := quantile(tt.values, tt.q); got != tt.want {
			t.Errorf("%v of %v is %v, want %v", tt.q, tt.values, got, tt.want)
		}
	}
}

func TestTexts(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567", -100: "-100", 12: "12"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is %s", n, got)
		}
	}
	for n, want := range map[float64]int64{0: 0, 7: 7, 99: 99, 1234: 1200, 2_999_999: 2_900_000} {
		if got := roundDown(n); got != want {
			t.Errorf("%v rounded down is %d", n, got)
		}
	}
}

// The walker counts each piece of memory once, with its capacity and as the allocator
// rounds it.
func TestLayoutOfValues(t *testing.T) {
	type node struct {
		next *node
		_    [3]int64
	}
	ring := &node{}
	ring.next = ring
	shared := make([]int64, 2, 8)
	tests := []struct {
		name string
		v    any
		want int64
	}{
		{"a number", 5, 0},
		{"nothing", (*node)(nil), 0},
		{"a ring", ring, 32},
		{"a slice by its capacity", &struct{ s []int64 }{shared}, 24 + 64},
		{"a slice twice", &struct{ a, b []int64 }{shared, shared[:1]}, 48 + 64},
		{"a string", &struct{ s string }{strings.Repeat("x", 50)}, 16 + 64},
		{"a slice of pointers", &struct{ all []*int64 }{[]*int64{new(int64), nil}}, 24 + 16 + 8},
		{"an interface that holds a pointer", &struct{ v any }{new(int64)}, 16 + 8},
		{"rounded to a class of sizes", &struct{ b []byte }{make([]byte, 1025)}, 24 + 1152},
		{"rounded to pages", &struct{ b []byte }{make([]byte, 40_000)}, 24 + 40_960},
		{"a map", &struct{ m map[int64]int64 }{map[int64]int64{1: 2}}, 8 + 144},
		{"a kind is the program's", &struct{ k *twins.Kind }{twins.Battery}, 8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := &walker{seen: map[unsafe.Pointer]bool{}}
			if got := w.reach(reflect.ValueOf(tt.v)); got != tt.want {
				t.Errorf("%d bytes, want %d", got, tt.want)
			}
		})
	}
}

// A table has a line for each row, and no more than the legend has columns for.
func TestTable(t *testing.T) {
	ratio, load := 1.234, 0.05
	row := &Row{Households: 1000, Hosting: "batched", Threads: 1, Journal: "off", Steps: 96, HouseholdStepsPerS: 2345678, NsCPU: 400.4, FlatNsCPU: 333,
		ActorOverFlat: &ratio, Quartiles: &[2]float64{1.2, 1.3}, BytesPerHousehold: 2500, PeakRSSBytes: 4_500_000_000, StartS: 1.5, LoadBefore: &load,
		Digest: strings.Repeat("ab", 32), Machine: Machine{OS: "linux", Arch: "amd64", Processor: "Some Processor", Cores: 2, MemoryBytes: 24e9, Go: "go1.26"},
		Commit: strings.Repeat("c", 40) + " (modified)"}
	var b bytes.Buffer
	if err := WriteTable(&b, []*Row{row, {Digest: "x"}}); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{"linux/amd64, Some Processor, 2 cores, 24 GB, go1.26, commit cccccccccccc (modified)",
		"1,000  batched        1      off     96  2,345,678     400   333    1.23  1.20–1.30   2,500    4.5 GB  1.50 s  0.05  abababab", "–"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	b.Reset()
	if err := WriteTable(&b, nil); err != nil || b.Len() > 0 {
		t.Errorf("got %q, %v", b.String(), err)
	}
}
