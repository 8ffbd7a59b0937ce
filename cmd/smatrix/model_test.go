package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/ui"
)

// In a program of another model every command that reads shows an archived run from its records.
// Continuing at a step without a snapshot fails with exit code 3 and a hint.
func TestCommandsOfAnotherModel(t *testing.T) {
	was := sim.Models
	sim.Models = append(slices.Clone(was), sim.ModelChange{Model: sim.Model() + 1, What: "a test's"})
	defer func() { sim.Models = was }()
	dir := t.TempDir()
	run := filepath.Join(dir, "run")
	archive := "../../persistence/testdata/runs/model1/hamlet.tar.zst"
	for _, row := range []struct {
		args   []string
		exit   int
		stdout string
		stderr string
	}{
		{[]string{"restore", archive, run}, exitDone, "", ""},
		{[]string{"runs", dir}, exitDone, "hamlet", ""},
		{[]string{"replay", run}, exitDone, "residual 0 mJ", ""},
		{[]string{"replay", run, "--verify"}, exitDone, "residual 0 mJ", "made by model 1, not computed again"},
		{[]string{"report", run, "--out", filepath.Join(dir, "page.html")}, exitDone, "", ""},
		{[]string{"usage", run}, exitDone, "", ""},
		{[]string{"export", run, "--format", "csv", "--out", filepath.Join(dir, "tables")}, exitDone, "", ""},
		{[]string{"compare", run, run, "--json"}, exitDone, `"notes": []`, ""},
		{[]string{"run", "hamlet", "--out", filepath.Join(dir, "new"), "--quiet"}, exitDone, "", ""},
		{[]string{"compare", run, filepath.Join(dir, "new")}, exitDone, run + " by model 1, " + filepath.Join(dir, "new") + " by model " + strconv.Itoa(sim.Model()) + ": differences may come from that", ""},
		{[]string{"backup", run, filepath.Join(dir, "again.tar.zst")}, exitDone, "", ""},
		{[]string{"fork", run, "--at", "12", "--out", filepath.Join(dir, "fork"), "--quiet"}, exitInvalid, "", "was made by model 1"},
		{[]string{"rebuild", run}, exitDone, "24 steps are in the read models", ""},
	} {
		stdout, stderr, err := command(row.args...)
		if got := exitCode(err); got != row.exit || !strings.Contains(stdout, row.stdout) || !strings.Contains(stderr, row.stderr) || strings.Contains(stderr, "damaged") {
			t.Errorf("smatrix %s: exit %d, wanted %d\n%s\n%s", strings.Join(row.args, " "), got, row.exit, stdout, stderr)
		}
	}
	stdout, _, err := command("replay", run, "--verify", "--json")
	var report struct {
		Recomputed *bool `json:"recomputed"`
	}
	if err != nil || json.Unmarshal([]byte(stdout), &report) != nil || report.Recomputed == nil || *report.Recomputed {
		t.Errorf("replay --verify --json: recomputed is %v, wanted false; %v", report.Recomputed, err)
	}
}

// A run that has deleted its old records is shown by a program of another model from its first kept
// step on, which every command says, and resumed. The rows of its CSV files are not lost.
func TestCommandsOfAnotherModelOnWhatIsKept(t *testing.T) {
	dir := t.TempDir()
	run := filepath.Join(dir, "run")
	interruptedRoad(t, run, 100)
	was := sim.Models
	sim.Models = append(slices.Clone(was), sim.ModelChange{Model: sim.Model() + 1, What: "a test's"})
	defer func() { sim.Models = was }()
	const begins = "records begin with step 72"
	for _, row := range []struct {
		args   []string
		exit   int
		stdout string
		stderr string
	}{
		{[]string{"replay", run}, exitDone, "28 steps of 1 h", begins},
		{[]string{"replay", run, "--from", "80"}, exitDone, "20 steps of 1 h", ""},
		{[]string{"replay", run, "--from", "10"}, exitInvalid, "", begins},
		{[]string{"replay", run, "--verify"}, exitDone, "28 steps of 1 h", "not computed again"},
		{[]string{"report", run, "--out", filepath.Join(dir, "page.html")}, exitDone, "", begins},
		{[]string{"usage", run}, exitDone, "", ""},
		{[]string{"export", run, "--format", "csv", "--out", filepath.Join(dir, "tables")}, exitDone, "", begins},
		{[]string{"compare", run, run}, exitDone, "", begins},
		{[]string{"fork", run, "--at", "96", "--out", filepath.Join(dir, "fork"), "--quiet"}, exitDone, "", begins},
		{[]string{"compare", run, filepath.Join(dir, "fork"), "--json"}, exitDone, `"digest"`, begins},
		{[]string{"run", "--resume", run}, exitDone, "residual 0 mJ", "rows before step 72 are in grid-before-step-72.csv"},
		{[]string{"replay", run, "--verify"}, exitDone, "residual 0 mJ", "records begin with step"},
	} {
		stdout, stderr, err := command(row.args...)
		if got := exitCode(err); got != row.exit || !strings.Contains(stdout, row.stdout) || !strings.Contains(stderr, row.stderr) || strings.Contains(stderr, "damaged") {
			t.Errorf("smatrix %s: exit %d, wanted %d\n%s\n%s", strings.Join(row.args, " "), got, row.exit, stdout, stderr)
		}
	}
	for name, rows := range map[string]int{"grid-before-step-72.csv": 100, "grid.csv": 72} {
		text, err := os.ReadFile(filepath.Join(run, name))
		if got := strings.Count(string(text), "\n") - 1; err != nil || got != rows {
			t.Errorf("%s has %d rows, wanted %d: %v", name, got, rows, err)
		}
	}
}

// interruptedRoad keeps a run of six days with CSV files, of which readings are kept for a day,
// and interrupts it.
func interruptedRoad(t *testing.T, dir string, steps int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "road.yaml")
	text := `
zone: Europe/Berlin
start: 2018-09-01
step_s: 3600
days: 6
communities: [{id: road, limit_w: 100000}]
water_pumps: [{id: pump, community: road, rated_w: 1000, daily_wh: 3000, from: "06:00", until: "20:00"}]
ties: [{id: tie, community: road, import_w: 100000, export_w: 0}]
`
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := scenario.Load(file, scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := sim.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	r, err := persistence.CreateRun(dir, persistence.Run{Scenario: s.Name})
	if err != nil {
		t.Fatal(err)
	}
	r.Retention = persistence.Retention{Readings: 1, Events: 1}
	csv, err := r.CSV()
	if err != nil {
		t.Fatal(err)
	}
	chain := w.NewChain()
	j, err := r.Keep(w, chain, persistence.Durability{Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	run := sim.Runner{World: w, Stepper: sim.NewFlat(w, nil, true), Sinks: []sim.Sink{chain, j, csv}}
	for range steps {
		if _, err := run.Step(); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Finish(persistence.Interrupted, nil); err != nil {
		t.Fatal(err)
	}
}

// command runs a command in this process.
func command(args ...string) (stdout, stderr string, err error) {
	var out, errs strings.Builder
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&errs)
	err = execute(root)
	printErrors(&errs, err)
	return out.String(), errs.String(), err
}

// The server shows the devices of a run that another model has resumed: from the joint on in every
// answer, and blank with the reason before it.
func TestPageOfResumedByAnotherModel(t *testing.T) {
	const joint, home = 7, "grid/north/home-1"
	dir := filepath.Join(t.TempDir(), "run")
	endEarly(t, dir, joint)
	was := sim.Models
	sim.Models = append(slices.Clone(was), sim.ModelChange{Model: sim.Model() + 1, What: "a test's"})
	defer func() { sim.Models = was }()
	if _, stderr, err := command("run", "--resume", dir, "--quiet"); err != nil {
		t.Fatal(err, stderr)
	}
	ask := shownReplay(t, dir)
	for _, tick := range []int{0, joint - 1, joint, joint + 1, 23} {
		var twin ui.TwinInfo
		ask(fmt.Sprintf("/twin?tick=%d&path=%s", tick, home), &twin)
		if known := tick >= joint; known != (len(twin.Parts) > 0) || known == strings.Contains(twin.NotComputed, "was made by model") {
			t.Errorf("step %d: parts %v, %q", tick, twin.Parts, twin.NotComputed)
		}
	}
	var list shownSeries
	for _, column := range []string{"part:load", "part:pv"} {
		ask("/readings?column="+url.QueryEscape(column)+"&path="+home, &list)
		one := list.Series[0]
		if len(one.T) < 2 || one.T[0] != 0 || one.V[0] != nil || one.T[1] != joint || one.V[1] == nil || !strings.Contains(list.NotComputed, "was made by model") {
			t.Errorf("%s: %v, %q", column, list.Series, list.NotComputed)
		}
	}
}

// shownSeries is an answer of /readings.
type shownSeries struct {
	Series []struct {
		T []int64
		V []*float64
	}
	NotComputed string `json:"not_computed"`
}

// Model 2 differs from model 1 only in steps with under-frequency stages: the gauges of an archived run
// of model 1 are shown up to its first such step, 74, and blank with the reason from there on.
func TestGaugesOfArchivedRunWithStages(t *testing.T) {
	const stage, battery = 74, "grid/community-01/community-battery-01"
	dir := filepath.Join(t.TempDir(), "run")
	if _, stderr, err := command("restore", "../../persistence/testdata/runs/model1/scarcity-ufls.tar.zst", dir); err != nil {
		t.Fatal(err, stderr)
	}
	ask := shownReplay(t, dir)
	var list shownSeries
	for from, known := range map[int]bool{0: true, stage: false} {
		ask(fmt.Sprintf("/readings?column=gauge:health&from=%d&path=%s", from, battery), &list)
		if ticks := list.Series[0].T; slices.Contains(ticks, int64(stage-1)) != known || slices.Contains(ticks, int64(stage+1)) || !strings.Contains(list.NotComputed, "was made by model 1") {
			t.Errorf("from step %d: ticks %d, %q", from, ticks, list.NotComputed)
		}
	}
}

// endEarly makes a run of the hamlet that is interrupted after some steps.
func endEarly(t *testing.T, dir string, steps int) {
	t.Helper()
	source, err := scenario.Load("hamlet", scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	world, err := sim.Build(source)
	if err != nil {
		t.Fatal(err)
	}
	run, err := persistence.CreateRun(dir, persistence.Run{Scenario: source.Name, Seed: source.Seed, Smatrix: "test"})
	if err != nil {
		t.Fatal(err)
	}
	chain := world.NewChain()
	journal, err := run.Keep(world, chain, persistence.Durability{Steps: math.MaxInt})
	if err != nil {
		t.Fatal(err)
	}
	made := sim.Runner{World: world, Stepper: sim.NewFlat(world, nil, true), Sinks: []sim.Sink{chain, journal}}
	for range steps {
		if _, err := made.Step(); err != nil {
			t.Fatal(err)
		}
	}
	if err := run.Finish(persistence.Interrupted, nil); err != nil {
		t.Fatal(err)
	}
}

// shownReplay shows a kept run as `smatrix replay --serve` does. The function that it returns asks
// the API and fails unless the answer has status 200.
func shownReplay(t *testing.T, dir string) (ask func(path string, to any)) {
	t.Helper()
	store, err := persistence.Open(dir, persistence.Read)
	if err != nil {
		t.Fatal(err)
	}
	world, err := store.Twins()
	if err != nil {
		t.Fatal(err)
	}
	server, err := ui.NewServer(ui.Options{World: world, Stepper: startActors, Live: live.Options{Paused: true}, Replay: true,
		Begun: ui.Begun{Past: store.Reader(), Steps: store.Steps()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close(); _ = store.Close() })
	return func(path string, to any) {
		t.Helper()
		answer := httptest.NewRecorder()
		request := httptest.NewRequest("GET", "http://127.0.0.1/api/v1"+path, nil)
		server.Handler().ServeHTTP(answer, request)
		if err := json.Unmarshal(answer.Body.Bytes(), to); answer.Code != 200 || err != nil {
			t.Fatalf("GET %s: %d %s %v", path, answer.Code, answer.Body, err)
		}
	}
}
