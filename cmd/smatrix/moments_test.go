package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// momentFlags are the flags that name a moment of a run, each with a command to try it: MOMENT is replaced, DIR
// is a run of hamlet, 24 steps from 2017-06-08, and NEW a folder.
var momentFlags = map[string]string{
	"fork --at":     "fork DIR --at MOMENT --out NEW",
	"replay --from": "replay DIR --from MOMENT --json",
	"replay --to":   "replay DIR --to MOMENT --json",
}

// Every flag that names a moment is read alike: as a step, a time of the first day, or a date and a time. A moment
// that the run does not have is an error of usage that says which ones it has.
func TestMoments(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if code, _, stderr := smatrix(t, "run", "hamlet", "-q", "--out", dir); code != 0 {
		t.Fatal(stderr)
	}
	var found []string
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for _, of := range c.Commands() {
			visit(of)
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if name, _ := pflag.UnquoteUsage(f); name == "STEP" {
				found = append(found, c.Name()+" --"+f.Name)
			}
		})
	}
	visit(newRoot())
	for _, flag := range found {
		if momentFlags[flag] == "" {
			t.Errorf("%s names a moment, and this test does not try it", flag)
		}
	}
	if len(found) != len(momentFlags) {
		t.Errorf("moments are named by %v, wanted %d flags", found, len(momentFlags))
	}
	for _, row := range []struct {
		moment, say string // say: "" if it is taken
	}{
		{"18", ""}, {"18:00", ""}, {"2017-06-08T18:00", ""}, {"17:30", ""},
		{"18:00:00", ""},
		{"-1", `wanted a step, HH:MM or 2006-01-02T15:04`},
		{"noon", `wanted a step, HH:MM or 2006-01-02T15:04`},
		{"18h", `wanted a step, HH:MM or 2006-01-02T15:04`},
		{"", `wanted a step, HH:MM or 2006-01-02T15:04`},
		{"2017-06-07T18:00", `is before the start 2017-06-08 00:00`},
		{"25", `24`},
		{"2018-01-08T18:00", `24`},
	} {
		for flag, line := range momentFlags {
			args := strings.Fields(line)
			for i, a := range args {
				switch a {
				case "DIR":
					args[i] = dir
				case "NEW":
					args[i] = filepath.Join(t.TempDir(), "new")
				case "MOMENT":
					args[i] = row.moment
				}
			}
			code, stdout, stderr := smatrix(t, args...)
			wanted := 0
			if row.say != "" {
				wanted = 2
			}
			if code != wanted || !strings.Contains(stderr, row.say) || row.say != "" && (stdout != "" || !strings.Contains(stderr, flag[strings.Index(flag, "--"):])) {
				t.Errorf("%s with %q: exit code %d, %q; wanted %d and %q", flag, row.moment, code, stderr, wanted, row.say)
			}
		}
	}
	// The forms mean the same steps.
	steps := func(args ...string) int {
		code, stdout, stderr := smatrix(t, append([]string{"replay", dir, "--json"}, args...)...)
		if code != 0 {
			t.Fatal(stderr)
		}
		var report struct{ Steps int }
		if err := json.Unmarshal([]byte(stdout), &report); err != nil {
			t.Fatal(err)
		}
		return report.Steps
	}
	for _, row := range []struct {
		args []string
		want int
	}{
		{[]string{"--from", "18"}, 6}, {[]string{"--from", "18:00"}, 6}, {[]string{"--from", "2017-06-08T18:00"}, 6}, {[]string{"--from", "17:30"}, 6},
		{[]string{"--to", "18"}, 18}, {[]string{"--to", "18:00"}, 18}, {[]string{"--to", "2017-06-09T00:00"}, 24},
		{[]string{"--from", "06:00", "--to", "18"}, 12},
	} {
		if got := steps(row.args...); got != row.want {
			t.Errorf("replay %v has %d steps, wanted %d", row.args, got, row.want)
		}
	}
}

// A month in which the run has no step is an error that names the run's span, in every list of usage, and never a
// table of zeros.
func TestUsageOutsideTheRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if code, _, stderr := smatrix(t, "run", "hamlet", "-q", "--steps", "6", "--out", dir); code != 0 {
		t.Fatal(stderr)
	}
	for _, by := range []string{"hour", "day", "month"} {
		for _, of := range [][]string{nil, {"--household", "home-1"}, {"--community", "north"}} {
			for month, inside := range map[string]bool{"2017-06": true, "2017-05": false, "2017-07": false, "2018-06": false} {
				code, stdout, stderr := smatrix(t, slices.Concat([]string{"usage", dir, "--by", by, "--month", month, "--json"}, of)...)
				if inside && (code != 0 || !strings.Contains(stdout, `"consumed"`)) {
					t.Errorf("--month %s by %s of %v: exit code %d, %q", month, by, of, code, stderr)
				}
				if !inside && (code != 2 || stdout != "" || !strings.Contains(stderr, "is outside the run: 6 steps, from 2017-06-08 00:00 to 2017-06-08 06:00")) {
					t.Errorf("--month %s by %s of %v: exit code %d, %q, %q", month, by, of, code, stdout, stderr)
				}
			}
		}
	}
}
