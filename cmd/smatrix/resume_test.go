package main

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
)

// endsAt is a journal that interrupts the run after a step, as Ctrl-C does.
type endsAt struct {
	sim.Sink
	left   int
	cancel context.CancelFunc
}

func (e *endsAt) Commit(r *sim.StepRecord) error {
	if e.left--; e.left == 0 {
		e.cancel()
	}
	return e.Sink.Commit(r)
}

// interruptAfter runs the town with CSV and interrupts it after some steps.
func interruptAfter(t *testing.T, dir string, after int) {
	t.Helper()
	steps := 150
	source, err := scenario.Load("town", scenario.Options{Steps: &steps})
	if err != nil {
		t.Fatal(err)
	}
	world, err := sim.Build(source)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout, stderr strings.Builder
	s := newSession(&runFlags{out: dir, csv: true, json: true}, world, &stdout, &stderr)
	if s.dir, err = persistence.CreateRun(dir, persistence.Run{Scenario: source.Name, Seed: source.Seed}); err != nil {
		t.Fatal(err)
	}
	s.keep = func() (sim.Sink, error) {
		j, err := s.dir.Keep(world, s.chain, persistence.Durability{})
		return &endsAt{j, after, cancel}, err
	}
	if err := s.run(ctx); exitCode(err) != exitInterrupted {
		t.Fatalf("interrupted: %v", err)
	}
}

// A run that was interrupted, even twice, and resumed has the report, the digest and the same
// CSV files as an uninterrupted one.
func TestResumedRunIsTheSame(t *testing.T) {
	whole, dir := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "run")
	code, want, said := smatrix(t, "run", "town", "--steps", "150", "--out", whole, "--csv", "--json")
	if code != exitDone {
		t.Fatal(said)
	}
	interrupts := []int{1, 96, 101}
	if testing.Short() { // with the race detector
		interrupts = interrupts[2:]
	}
	for _, after := range interrupts {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		interruptAfter(t, dir, after)
		code, replayed, said := smatrix(t, "replay", dir, "--json")
		if code != exitDone || !strings.Contains(replayed, `"interrupted": true`) {
			t.Errorf("replay of an interrupted run: exit code %d, %s", code, said)
		}
		code, got, stderr := smatrix(t, "run", "--resume", dir, "--json")
		if code != exitDone || !strings.Contains(stderr, "going on after step") || strings.Contains(stderr, "repaired") {
			t.Fatalf("exit code %d, stderr %q", code, stderr)
		}
		if a, b := reportOf(t, got), reportOf(t, want); !reflect.DeepEqual(a, b) {
			t.Errorf("interrupted after %d: report\n%v, wanted\n%v", after, a, b)
		}
		for _, file := range []string{"readings.csv", "grid.csv"} {
			a, errA := os.ReadFile(filepath.Join(dir, file))
			b, errB := os.ReadFile(filepath.Join(whole, file))
			if errA != nil || errB != nil || string(a) != string(b) {
				t.Errorf("interrupted after %d: %s differs from that of a run that was not", after, file)
			}
		}
	}
	if code, _, said := smatrix(t, "run", "--resume", dir); code != exitUsage {
		t.Errorf("resumed at its end: exit code %d, %s", code, said)
	}
}

// reportOf returns a report without the fields that depend on the machine and the folder.
func reportOf(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	machine := []string{"run", "messages_handled", "wall_s", "household_steps_per_s", "peak_rss_bytes"}
	maps.DeleteFunc(m, func(k string, _ any) bool { return slices.Contains(machine, k) })
	return m
}

// A folder that another process has open is exit code 1; a changed byte is 5 with --verify,
// and 3 without if it cannot be repaired.
func TestReplayOfAHeldOrDamagedRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if code, _, said := smatrix(t, "run", "hamlet", "--out", dir, "--quiet"); code != exitDone {
		t.Fatal(said)
	}
	held, err := persistence.Open(dir, persistence.Write)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"replay", dir}, {"run", "--resume", dir}} {
		if code, _, said := smatrix(t, args...); code != exitFailed || !strings.Contains(said, "is held by another process") {
			t.Errorf("%v: exit code %d, %s", args, code, said)
		}
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "journal", "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatal(tables, err)
	}
	b, err := os.ReadFile(tables[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/3] ^= 1
	if err := os.WriteFile(tables[0], b, 0o666); err != nil {
		t.Fatal(err)
	}
	if code, _, said := smatrix(t, "replay", dir); code != exitInvalid {
		t.Errorf("a changed byte: exit code %d, %s", code, said)
	}
	if code, _, said := smatrix(t, "replay", dir, "--verify"); code != exitDiffers {
		t.Errorf("a changed byte: exit code %d, %s", code, said)
	}
}
