package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

var rewrite = flag.Bool("rewrite", false, "accept what was printed as what is wanted")

// chatty is smatrix with a progress line for every step.
const chatty = "smatrix-chatty"

func TestMain(m *testing.M) {
	testscript.Main(leakFree{m}, map[string]func(){
		"smatrix": main,
		chatty:    func() { linesEvery = 0; main() },
		doomed:    doomedMain,
	})
}

// leakFree fails if tests leak goroutines.
type leakFree struct{ *testing.M }

func (m leakFree) Run() int {
	code := m.M.Run()
	// Badger leaks these when it fails to open a store that is damaged, or whose logs must be cut. A store
	// that is not closed leaks others as well.
	if err := goleak.Find(goleak.IgnoreTopFunction("github.com/dgraph-io/badger/v4.(*DB).monitorCache"),
		goleak.IgnoreTopFunction("github.com/dgraph-io/badger/v4.(*DB).updateSize"),
		goleak.IgnoreTopFunction("github.com/dgraph-io/badger/v4/y.(*WaterMark).process"),
		goleak.IgnoreTopFunction("github.com/dgraph-io/ristretto/v2/z.(*AllocatorPool).freeupAllocators")); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// TestScript runs the scripts, which use smatrix as a person would.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *rewrite,
		Setup: func(e *testscript.Env) error { // files that cannot be in a text archive
			e.Values[servedKey] = &servedBox{}
			archives, err := filepath.Abs("../../persistence/testdata/runs") // made by earlier programs
			if err != nil {
				return err
			}
			e.Setenv("ARCHIVES", archives)
			return os.WriteFile(filepath.Join(e.WorkDir, "binary.csv"), []byte("\x7fELF\x02\x01\x00\xff\xfe"), 0o666)
		},
		Condition: func(cond string) (bool, error) {
			if cond == "sabotage" {
				return canSabotage, nil
			}
			return false, fmt.Errorf("unknown condition %s", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "json": jsonIs, "jsonenv": jsonEnv, "lines": lines, "listing": listing, "same": same, "rename": rename,
			"serving": serving, "fetch": fetch, "signalled": signalled, "finished": finished, "killed": killed, "headless": headless,
			"profile": profile,
		},
	})
}

// exits CODE COMMAND… runs a command that must end with an exit code. A failure must have
// a message and must not be a panic.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, wanted %s", got, args[0])
	}
	if strings.Contains(ts.ReadFile("stderr"), "goroutine ") {
		ts.Fatalf("it has panicked")
	}
}

// json FILE KEY VALUE [BY] compares the value of a key, a.b.c, with a value, in JSON; a
// number may differ by BY.
func jsonIs(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 3 || len(args) > 4 {
		ts.Fatalf("usage: json FILE KEY VALUE [BY]")
	}
	got, same := jsonAt(ts, args[0], args[1]), false
	if len(args) == 4 {
		var values [3]float64
		for i, s := range []string{got, args[2], args[3]} {
			v, err := strconv.ParseFloat(s, 64)
			ts.Check(err)
			values[i] = v
		}
		same = math.Abs(values[0]-values[1]) <= values[2]
	} else {
		same = got == args[2]
	}
	if same == neg {
		ts.Fatalf("%s in %s is %s", args[1], args[0], got)
	}
}

// jsonenv NAME FILE KEY stores the value of a key in an environment variable.
func jsonEnv(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], jsonAt(ts, args[1], args[2]))
}

func jsonAt(ts *testscript.TestScript, file, key string) string {
	var v any
	d := json.NewDecoder(strings.NewReader(ts.ReadFile(file)))
	d.UseNumber()
	ts.Check(d.Decode(&v))
	if d.More() {
		ts.Fatalf("%s has more than one object", file)
	}
	for part := range strings.SplitSeq(key, ".") {
		m, _ := v.(map[string]any)
		next, ok := m[part]
		if !ok {
			ts.Fatalf("no %s of %s in %s", part, key, file)
		}
		v = next
	}
	b, err := json.Marshal(v)
	ts.Check(err)
	return string(b)
}

// lines FILE N counts the lines of a file.
func lines(ts *testscript.TestScript, neg bool, args []string) {
	if got := strings.Count(ts.ReadFile(args[0]), "\n"); (strconv.Itoa(got) == args[1]) == neg {
		ts.Fatalf("%s has %d lines", args[0], got)
	}
}

// listing DIR NAME… checks that a folder has these files and no others.
func listing(ts *testscript.TestScript, neg bool, args []string) {
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got, want := strings.Join(names, " "), strings.Join(args[1:], " "); got == want == neg {
		ts.Fatalf("%s has %s, wanted %s", args[0], got, want)
	}
}

// same FILE FILE KEY… compares two JSON objects except for some keys.
func same(ts *testscript.TestScript, neg bool, args []string) {
	var objects [2]map[string]any
	for i := range objects {
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[i])), &objects[i]))
		for _, key := range args[2:] {
			delete(objects[i], key)
		}
	}
	if reflect.DeepEqual(objects[0], objects[1]) == neg {
		ts.Fatalf("%s has %v\n%s has %v", args[0], objects[0], args[1], objects[1])
	}
}

// rename OLD NEW gives a file another name.
func rename(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.Rename(ts.MkAbs(args[0]), ts.MkAbs(args[1])))
}
