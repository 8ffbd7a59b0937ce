//go:build amd64

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A build for newer processors, for which the compiler fuses multiplications and additions,
// gives the same digests.
func TestDigestsDoNotDependOnTheProcessor(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program twice")
	}
	digests := map[string][]string{}
	for _, level := range []string{"v1", "v3"} {
		bin := filepath.Join(t.TempDir(), "smatrix-"+level)
		build := exec.Command("go", "build", "-o", bin, ".")
		build.Env = append(os.Environ(), "GOAMD64="+level)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, scenario := range []string{"hamlet", "street", "town"} {
			out, err := exec.Command(bin, "run", scenario, "--json", "--quiet").CombinedOutput()
			if strings.Contains(string(out), "microarchitecture support") {
				t.Skipf("this processor does not run %s builds", level)
			}
			var report struct{ Digest string }
			if err == nil {
				err = json.Unmarshal(out, &report)
			}
			if err != nil || report.Digest == "" {
				t.Fatalf("%s %s: %v: %s", level, scenario, err, out)
			}
			digests[scenario] = append(digests[scenario], report.Digest)
		}
	}
	for scenario, d := range digests {
		if len(d) != 2 || d[0] != d[1] {
			t.Errorf("%s: v1 and v3 give %v", scenario, d)
		}
	}
}
