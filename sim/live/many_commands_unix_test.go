//go:build unix

package live

import (
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// The cost of adding a command does not grow with the number of commands that wait, whether
// they are added one by one or together. They are for several settings.
func TestManyCommandsAreTaken(t *testing.T) {
	if testing.Short() {
		t.Skip("times under the race detector mean nothing")
	}
	scenario := mustLoad(t, baseScenario(t))
	settings := []twins.Command{
		scaleOf("grid/street/h1", int64(twins.One)), scaleOf("grid/street/h2", int64(twins.One)),
		twins.Set("grid/street", "limit_w", 1e9),
		twins.Multiply("grid/supply/tie", "import_w", int64(twins.One)),
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection in a long run would count as time of commands
	take := func(commands []twins.Command, together int) time.Duration {
		l := New(&sim.Runner{World: mustBuild(t, scenario)}, Options{Paused: true})
		runtime.GC()
		began := processorTime(t)
		for batch := range slices.Chunk(commands, together) {
			if _, err := l.Add(batch...); err != nil {
				t.Fatal(err)
			}
		}
		l.runner.World.Schedule(l.pending)
		if n := len(commandsOf(l.runner.World, 0)); n != len(commands) {
			t.Fatalf("%d commands in the step, wanted %d", n, len(commands))
		}
		return processorTime(t) - began
	}
	const few, many = 10_000, 100_000
	var commands []twins.Command
	for i := range many {
		commands = append(commands, settings[i%len(settings)])
	}
	for _, row := range []struct {
		name     string
		together int
	}{{"one by one", 1}, {"together", many}} {
		var a, b []time.Duration
		for range 5 {
			a, b = append(a, take(commands[:few], row.together)), append(b, take(commands, row.together))
		}
		short, long := slices.Min(a), slices.Min(b)
		t.Logf("%s: %d in %v, %d in %v", row.name, few, short, many, long)
		if long > 30*short { // 10 times as many commands; if each looked at all others it would take 100 times as long
			t.Errorf("%s: %d commands take %v, %d take %v", row.name, few, short, many, long)
		}
	}
}

// processorTime is what this process has used of the processors, which other work on the machine does
// not add to.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
