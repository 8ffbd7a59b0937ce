package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// What the records of earlier programs lack is null in the report, in comparisons, in readings and over time, for the grid, communities,
// sources and members, and never 0. What they have is there.
func TestFiguresThatArchivedRunsLack(t *testing.T) {
	var lacks, had []string
	for i, c := range twins.FlowColumns {
		if i < len(twins.FirstLayout().Flows) {
			had = append(had, c.Name)
		} else {
			lacks = append(lacks, c.Name)
		}
	}
	if len(lacks) == 0 {
		t.Fatal("records of the first program have all flows: the test shows nothing")
	}
	for _, model := range []string{"model1", "model2"} {
		dir := filepath.Join(t.TempDir(), model)
		if code, _, stderr := smatrix(t, "restore", "../../persistence/testdata/runs/"+model+"/hamlet.tar.zst", dir); code != 0 {
			t.Fatal(stderr)
		}
		_, stdout, stderr := smatrix(t, "replay", dir, "--json")
		var report views.Report
		if err := json.Unmarshal([]byte(stdout), &report); err != nil {
			t.Fatal(err, stderr)
		}
		if report.Energy.Waiting != nil || report.Comfort.RoomsKh != nil || report.Comfort.TanksKh != nil || report.Energy.Consumed == 0 {
			t.Errorf("%s: the report has waiting %v, comfort %+v, consumed %g", model, report.Energy.Waiting, report.Comfort, report.Energy.Consumed)
		}
		_, stdout, _ = smatrix(t, "compare", dir, dir, "--json")
		var compared views.Comparison
		if err := json.Unmarshal([]byte(stdout), &compared); err != nil {
			t.Fatal(err)
		}
		if w := compared.WaitingWh; w.A != nil || w.B != nil || w.More != nil {
			t.Errorf("%s: the comparison has %+v", model, w)
		}
		replay := replayOf(t, dir)
		replay.must("POST", "/clock/seek", `{"tick":24}`, nil)
		for _, scope := range []string{"grid", "grid/north", "grid/south", "sources/household", "sources/battery"} {
			var flows struct {
				Series []struct {
					Name string
					V    []*float64
				}
			}
			replay.must("GET", "/flows?scope="+scope+"&column=load_w&column=generation_w&column="+strings.Join(lacks, "&column="), "", &flows)
			for _, s := range flows.Series {
				known := slices.ContainsFunc(s.V, func(v *float64) bool { return v != nil })
				if wanted := slices.Contains(had, s.Name); known != wanted {
					t.Errorf("%s: %s of %s is known %t, wanted %t", model, s.Name, scope, known, wanted)
				}
			}
		}
		for _, path := range []string{"grid", "grid/north", "grid/south/home-4", "grid/south/home-5/car", "grid/south/pump"} {
			var twin struct{ Reading map[string]*float64 }
			replay.must("GET", "/twin?path="+path, "", &twin)
			known, lacking := 0, 0
			for column, v := range twin.Reading {
				if slices.Contains(lacks, column) {
					if lacking++; v != nil {
						t.Errorf("%s: %s has %s %g, which its record lacks", model, path, column, *v)
					}
				} else if v != nil {
					known++
				}
			}
			if known == 0 || lacking == 0 {
				t.Errorf("%s: %s has %d known figures and %d that its record lacks", model, path, known, lacking)
			}
		}
		var totals struct {
			Totals []struct {
				Name string
				A    *float64
			}
		}
		replay.must("GET", "/compare?a=live&b=live", "", &totals)
		for _, total := range totals.Totals {
			if known := total.A != nil; known == (total.Name == "waiting_wh") {
				t.Errorf("%s: the total %s is known: %t", model, total.Name, known)
			}
		}
	}
}
