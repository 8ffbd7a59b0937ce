package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim"
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
		{[]string{"rebuild", run}, exitInvalid, "", "was made by model 1"},
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
