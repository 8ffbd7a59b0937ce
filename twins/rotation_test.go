package twins_test

import (
	"fmt"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// homesBehindTie is one community of homes of 1 kW behind a tie of less power.
func homesBehindTie(t *testing.T, homes int, tie string) (*twintest.Loop, *twins.Site) {
	t.Helper()
	site := twintest.NewSite(1, 900)
	var members []twins.CellMember
	for i := range homes {
		members = append(members, twins.CellMember{Kind: twins.Household, Member: twins.Member{
			Path: fmt.Sprintf("grid/c/home-%d", i+1),
			Spec: []byte(`{"load": {"recording": "r", "column": "c0", "move_weeks": 0, "scale": 1}, "power_factor": 1, "phase": "ABC", "bus": 0}`)}})
	}
	members = append(members, twins.CellMember{Kind: twins.Tie, Member: twins.Member{Path: "grid/c/tie", Spec: []byte(tie)}})
	cell, err := twins.NewCell(site, twins.Member{Path: "grid/c", Spec: []byte(`{}`)}, members, twins.Lossless{})
	if err != nil {
		t.Fatal(err)
	}
	node, err := twins.NewNode(twins.Grid, twins.Member{Path: "grid", Spec: []byte(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	return twintest.NewLoop(node, twins.MeritOrder{}, []*twins.Cell{cell}), site
}

// Four homes of 1 kW share 2.5 kW: in each step one is off, one is off for half of
// it, first those that have been cut least.
func TestEssentialLoadIsCutInRotation(t *testing.T) {
	b, site := homesBehindTie(t, 4, `{"import_w": 2500, "export_w": 0, "link": "ac", "holds_frequency": true, "cost_eur_per_mwh": null, "available": true}`)
	var w twins.Scratch
	var env twins.Env
	homes := b.Cells[0].Blocks[0]
	var got []string
	for tick := range twins.Tick(4) {
		twintest.FillEnv(site, tick, &env)
		env.Recorded[0] = twins.Kilowatt
		if err := twintest.Step(b, &env, &w); err != nil {
			t.Fatal(err)
		}
		if b.Residual != 0 {
			t.Fatalf("step %d: residual %d mW", tick, b.Residual)
		}
		row := ""
		for i := range homes.Read {
			row += fmt.Sprintf(" %v", homes.Read[i].Power.Watts())
		}
		got = append(got, row)
	}
	want := []string{" 0 500 1000 1000", " 1000 1000 0 500", " 1000 0 1000 500", " 0 1000 500 1000"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("homes drew\n%q, wanted\n%q", got, want)
	}
	borne := b.Cells[0].Burden()
	if borne.Borne != (1500*twins.Watt).For(4*900) || borne.Need != (4000*twins.Watt).For(4*900) {
		t.Errorf("the community was cut by %v Wh of %v", borne.Borne.WattHours(), borne.Need.WattHours())
	}
}

// Relays have cut for a quarter of the step, but more must be cut than all customers can
// give in that time: some are off for longer, and the community follows to the milliwatt.
func TestRotationForAShareStillFollows(t *testing.T) {
	b, site := homesBehindTie(t, 4, `{"import_w": 4000, "export_w": 0, "link": "ac", "holds_frequency": true, "cost_eur_per_mwh": null, "available": true}`)
	var w twins.Scratch
	var env twins.Env
	twintest.FillEnv(site, 0, &env)
	env.Recorded[0] = twins.Kilowatt
	if err := twintest.Step(b, &env, &w); err != nil {
		t.Fatal(err)
	}
	cell := b.Cells[0]
	for _, row := range []struct{ asked, want twins.Power }{ // of 4 kW, a quarter of it can be cut for a quarter of the step
		{3500 * twins.Watt, 3500 * twins.Watt}, {3 * twins.Kilowatt, 3 * twins.Kilowatt}, {1234567, 1234567}, {0, 0},
	} {
		ask := twins.Ask{Stage: twins.StageSettle, Set: cell.Flex.Follow()}
		ask.Set.Tier[twins.Essential], ask.Set.For = row.asked, twins.One/4
		if err := cell.Begin(&env, &ask); err != nil {
			t.Fatal(err)
		}
		got := twins.Power(0)
		for i := range cell.Blocks[0].Set {
			got += cell.Blocks[0].Set[i].Tier[twins.Essential]
		}
		if got != row.want {
			t.Errorf("asked for %d mW the homes are given %d", row.asked, got)
		}
	}
}
