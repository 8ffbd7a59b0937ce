//go:build long && linux

package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"
)

// A year of the town that is kept takes no more than 200 MB of memory: recorded days are held in
// windows, the journal's tables leave memory once they are written, and its compactions are bounded.
func TestYearInMemory(t *testing.T) {
	const most = 200_000_000
	bin := filepath.Join(t.TempDir(), "smatrix")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := exec.Command(bin, "run", "town", "--days", "364", "--out", filepath.Join(t.TempDir(), "year"), "--json", "--quiet")
	out, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		PeakRSS int64 `json:"peak_rss_bytes"`
		Steps   int
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatal(err)
	}
	if report.Steps != 364*96 || report.PeakRSS > most {
		t.Errorf("%d steps took %d bytes of memory, wanted %d steps and at most %d", report.Steps, report.PeakRSS, 364*96, most)
	}
	t.Logf("a year of the town took %d bytes of memory", report.PeakRSS)
}
