package twins_test

import (
	"fmt"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// meters steps a community of one home and its batteries, or the community's
// batteries beside it, through one hour in which the home draws load and its
// roof gives sun, both in W. It returns the power of each battery.
func meters(t *testing.T, owned bool, hour int32, load, sun twins.Power, batteries ...string) (powers []twins.Power) {
	t.Helper()
	site := twintest.NewSite(1, 3600)
	const home = "grid/c/home"
	members := []twins.CellMember{{Kind: twins.Household, Member: twins.Member{Path: home, Spec: []byte(
		`{"load": {"recording": "r", "column": "c0", "scale": 1}, "pv": {"recording": "r", "column": "c1", "scale": 1}, "power_factor": 1, "phase": "A", "bus": 0}`)}}}
	for i, keys := range batteries {
		owner, path := "", fmt.Sprintf("grid/c/b%d", i)
		if owned {
			owner, path = home, fmt.Sprintf("%s/b%d", home, i)
		}
		members = append(members, twins.CellMember{Kind: twins.Battery, Owner: owner, Member: twins.Member{Path: path, Spec: []byte(batteryEntry(
			`"rated_wh": 10000, "rated_w": 3000, "charge_efficiency": 1, "discharge_efficiency": 1, ` + keys))}})
	}
	elsewhere := twins.CellMember{Kind: twins.Household, Member: twins.Member{Path: "grid/d/home", Spec: []byte( // a home that need not take the surplus
		`{"load": {"recording": "r", "column": "c2", "scale": 1}, "power_factor": 1, "phase": "A", "bus": 0}`)}}
	members = append(members, twins.CellMember{Kind: twins.Tie, Member: twins.Member{Path: "grid/c/tie", Spec: []byte(`{"import_w": 1e6, "export_w": 1e6, "link": "ac", "available": true}`)}})
	cell, err := twins.NewCell(site, twins.Member{Path: "grid/c", Spec: []byte(`{}`)}, members, twins.Lossless{})
	if err != nil {
		t.Fatal(err)
	}
	other, err := twins.NewCell(site, twins.Member{Path: "grid/d", Spec: []byte(`{}`)}, []twins.CellMember{elsewhere}, twins.Lossless{})
	if err != nil {
		t.Fatal(err)
	}
	node, err := twins.NewNode(twins.Grid, twins.Member{Path: "grid", Spec: []byte(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	b := twintest.NewLoop(node, twins.MeritOrder{}, []*twins.Cell{cell, other})
	env := twins.Env{Step: 3600, SecondOfDay: 3600 * hour, Recorded: []twins.Power{load * twins.Watt, sun * twins.Watt, 100 * twins.Kilowatt}}
	if err := twintest.Step(b, &env, &twins.Scratch{}); err != nil {
		t.Fatal(err)
	}
	if b.Residual != 0 || cell.BrokenBy != 0 {
		t.Fatalf("books do not close: %d, %s %d", b.Residual, cell.Broken, cell.BrokenBy)
	}
	for _, block := range cell.Blocks {
		for i := range block.Read {
			if block.Kind == twins.Battery {
				powers = append(powers, block.Read[i].Power/twins.Watt)
			}
		}
	}
	return powers
}

// The power of a battery in each mode, behind a meter and as the community's
// own.
func TestModes(t *testing.T) {
	const (
		self   = `"mode": "self_consumption"`
		tariff = `"mode": "tariff"`
		peak   = `"mode": "peak", "peak_w": 2000`
		idle   = `"mode": "idle"`
	)
	for _, row := range []struct {
		name      string
		mode      string
		hour      int32
		load, sun twins.Power
		want      twins.Power
	}{
		{"self-consumption at night", self, 20, 1500, 0, -1500},
		{"self-consumption by day", self, 12, 1500, 3500, 2000},
		{"self-consumption beyond its power", self, 12, 0, 9000, 3000},
		{"self-consumption beyond its power at night", self, 20, 9000, 0, -3000},
		{"tariff, cheap", tariff, 3, 1500, 0, 3000},
		{"tariff, dear", tariff, 18, 1500, 0, -1500},
		{"tariff, dear with sun", tariff, 18, 1500, 2500, 1000},
		{"tariff, between", tariff, 12, 1500, 0, 0},
		{"tariff, between with sun", tariff, 12, 1500, 2500, 1000},
		{"tariff, end of the cheap window", tariff, 6, 1500, 0, 0},
		{"tariff, other windows", tariff + `, "tariff": {"charge_from": "12:00", "charge_to": "13:00", "discharge_from": "00:00", "discharge_to": "00:00"}`, 12, 1500, 0, 3000},
		{"tariff, a window that passes midnight", tariff + `, "tariff": {"charge_from": "22:00", "charge_to": "02:00", "discharge_from": "00:00", "discharge_to": "00:00"}`, 1, 1500, 0, 3000},
		{"tariff, no windows", tariff + `, "tariff": {"charge_from": "22:00", "charge_to": "22:00", "discharge_from": "00:00", "discharge_to": "00:00"}`, 22, 1500, 0, 0},
		{"peak, above", peak, 18, 4500, 0, -2500},
		{"peak, below", peak, 18, 500, 0, 1500},
		{"peak, another", `"mode": "peak", "peak_w": 4000`, 18, 4500, 0, -500},
		{"idle", idle, 18, 4500, 0, 0},
		{"idle with sun", idle, 12, 0, 4500, 0},
		{"idle draws its standby", idle + `, "standby_w": 25`, 12, 0, 4500, 25},
		{"self-consumption keeps the reserve", self + `, "reserve_soc": 0.5`, 20, 1500, 0, 0},
		{"tariff keeps the reserve", tariff + `, "reserve_soc": 0.5`, 18, 1500, 0, 0},
		{"peak keeps the reserve", peak + `, "reserve_soc": 0.45`, 18, 4500, 0, -500},
	} {
		for _, owned := range []bool{true, false} {
			if got := meters(t, owned, row.hour, row.load, row.sun, row.mode); got[0] != row.want {
				t.Errorf("%s, behind a meter %v: %d W, want %d W", row.name, owned, got[0], row.want)
			}
		}
	}
}

// Batteries with the same aim share it in proportion to what they can do;
// where aims differ the first in path order comes first.
func TestSeveralBatteries(t *testing.T) {
	for _, row := range []struct {
		name      string
		batteries []string
		load, sun twins.Power
		want      string
	}{
		{"two alike", []string{`"mode": "self_consumption"`, `"mode": "self_consumption"`}, 1000, 0, "[-500 -500]"},
		{"one half full", []string{`"initial_soc": 0.1`, `"initial_soc": 0.5`}, 2000, 0, "[-500 -1500]"},
		{"one idle", []string{`"mode": "idle"`, `"mode": "self_consumption"`}, 1000, 0, "[0 -1000]"},
		{"peak first", []string{`"mode": "peak", "peak_w": 4000`, `"mode": "self_consumption"`}, 5000, 0, "[-1000 -3000]"},
		{"peak between two alike", []string{`"mode": "self_consumption", "rated_w": 500`, `"mode": "peak", "peak_w": 4000`, `"mode": "self_consumption", "rated_w": 500`}, 5500, 0, "[-500 -500 -500]"},
	} {
		for _, owned := range []bool{true, false} {
			if got := fmt.Sprint(meters(t, owned, 20, row.load, row.sun, row.batteries...)); got != row.want {
				t.Errorf("%s, behind a meter %v: %s W, want %s W", row.name, owned, got, row.want)
			}
		}
	}
}
