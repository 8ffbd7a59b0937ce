package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/smatrix-grid/smatrix/persistence"
)

// hostile is a name that acts on a terminal, turns the direction of a line, and forges a second line.
const hostile = "x\u202ey\x1b[2J\u2028\u200b\nFORGED: z"

// Whatever a name says, no command prints a character of it that acts on a terminal, nor a line that it
// forges; in JSON it is the same name.
func TestHostileNames(t *testing.T) {
	root := t.TempDir()
	t.Chdir(root)
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	quoted, err := json.Marshal(hostile) // which YAML reads as well
	if err != nil {
		t.Fatal(err)
	}
	named := strings.Replace(roadOfDays, "\n", "\nname: "+string(quoted)+"\n", 1)
	write("named.yaml", named)
	write("ids.yaml", strings.Replace(roadOfDays, "id: pump", "id: "+string(quoted), 1)+string(quoted)+": 3\n")
	write(hostile+".yaml", "no: scenario")
	write(hostile+".csv", "time,a"+hostile[:4]+"\n2018-09-01T00:00,1\n2018-09-01T00:15,1\n")
	dir, fork := hostile+"-run", hostile+"-fork"
	for _, args := range [][]string{
		{"run", "named.yaml", "--days", "1", "--out", dir}, {"run", "named.yaml", "--days", "1", "--json"}, {"run", "named.yaml", "--out", dir},
		{"runs"}, {"runs", "--json"}, {"replay", dir}, {"replay", dir, "--json"}, {"replay", dir, "--from", hostile},
		{"fork", dir, "--at", "3", "--out", fork}, {"fork", dir, "--at", hostile, "--out", "new"}, {"compare", dir, fork},
		{"usage", dir}, {"usage", dir, "--household", hostile}, {"rebuild", dir}, {"report", dir, "--out", "report.html"}, {"export", dir, "--format", hostile},
		{"backup", dir, hostile + ".tar.gz"}, {"restore", hostile + ".tar.gz", hostile + "-again"}, {"restore", hostile, "new"}, {"run", "--resume", hostile + "-again"},
		{"run", "ids.yaml"}, {"scenario", "validate", "ids.yaml"}, {"scenario", "validate", "named.yaml"}, {"run", hostile + ".yaml"}, {"run", hostile},
		{"run", "named.yaml", "--set", hostile + "=1"}, {"run", "named.yaml", "--set", "water_pumps." + hostile + "=1"}, {"run", "named.yaml", "--sync", hostile, "--out", "new"},
		{"scenario", "import", hostile + ".csv"}, {"replay", hostile}, {hostile}, {"run", "named.yaml", "--" + hostile},
		{"serve", "named.yaml", "--speed", hostile}, {"serve", "--addr", hostile},
	} {
		_, stdout, stderr := smatrix(t, args...)
		for _, out := range []string{stdout, stderr} {
			at := strings.IndexFunc(out, func(r rune) bool {
				return r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
			})
			if at >= 0 || strings.Contains(out, "\nFORGED") {
				t.Errorf("smatrix %q prints %q", args, out)
			}
		}
		if args[len(args)-1] == "--json" && !strings.Contains(stdout, `x\u202ey\u001b[2J`) {
			t.Errorf("smatrix %q does not have the name: %s", args, stdout)
		}
		if stdout+stderr == "" && args[0] != "report" {
			t.Errorf("smatrix %q prints nothing", args)
		}
	}
	found, err := persistence.List(root)
	if err != nil || len(found) < 2 || found[0].Scenario != hostile {
		t.Errorf("%v, %v", found, err)
	}
	if _, err := os.Stat(filepath.Join(root, "new")); err == nil {
		t.Error("a command that failed has made a folder")
	}
}

// What JSON escapes is the same data.
func TestEscapedJSON(t *testing.T) {
	for _, s := range []string{"", "a", hostile, "\U000e0041\U0001f600", `"\`} {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var again string
		if err := json.Unmarshal(escapeJSON(b), &again); err != nil || again != s {
			t.Errorf("%q is %q, %v", s, again, err)
		}
	}
}
