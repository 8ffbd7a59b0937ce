package twins_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/twintest"
)

// star is a network in which each bus is connected to the transformer by a line of its
// own, of 0.4 Ω in each conductor, so that a draw moves the voltage of its own bus
// alone.
type star struct{}

const (
	starOhm   = 0.4
	starVolts = 230.0
	starBuses = 20
)

// Flow implements twins.Network: U = U₀ − R·P/U₀ and a loss of R·(P/U₀)² for each
// conductor. A bus must keep 207 V: what it may draw on a conductor is limited to that.
func (star) Flow(draws []twins.BusDraw, out *twins.NetworkState) {
	*out = twins.NetworkState{Voltages: out.Voltages[:0], Breached: out.Breached[:0], Limits: out.Limits[:0]}
	var power [starBuses][3]float64
	for _, d := range draws {
		for k := range power[d.Bus] {
			switch d.Phase {
			case twins.PhaseABC:
				power[d.Bus][k] += d.Power.Watts() / 3
			case twins.PhaseA + twins.Phase(k):
				power[d.Bus][k] += d.Power.Watts()
			}
		}
	}
	loss := 0.0
	for bus := range power {
		for k, p := range power[bus] {
			at := twins.Connection{Bus: int32(bus), Phase: twins.PhaseA + twins.Phase(k)}
			ampere := p / starVolts
			volts := starVolts - starOhm*ampere
			loss += starOhm * ampere * ampere
			out.Voltages = append(out.Voltages, twins.BusVoltage{Connection: at, Millivolts: int64(1000 * volts)})
			if volts < 0.9*starVolts {
				most := twins.Power(1000 * 0.1 * starVolts * starVolts / starOhm)
				out.Breached = append(out.Breached, twins.BusBreach{Connection: at, Over: twins.Ratio((0.9 - volts/starVolts) * float64(twins.One))})
				out.Limits = append(out.Limits, twins.BusLimit{Connection: at, Least: -twins.Unlimited, Most: most})
			}
		}
	}
	out.Loss = twins.Power(1000 * loss)
}

// homeAt is a home at a bus and a phase whose load is column c0.
func homeAt(path string, bus int, phase string) twins.CellMember {
	return twins.CellMember{Kind: twins.Household, Member: twins.Member{Path: path, Spec: fmt.Appendf(nil,
		`{"load": {"recording": "r", "column": "c0", "scale": 1}, "power_factor": 1, "phase": %q, "bus": %d}`, phase, bus)}}
}

func batteryOf(owner string) twins.CellMember {
	path := "grid/c/battery"
	if owner != "" {
		path = owner + "/battery"
	}
	return twins.CellMember{Kind: twins.Battery, Owner: owner, Member: twins.Member{Path: path, Spec: []byte(batteryEntry(
		`"rated_wh": 10000, "rated_w": 3000, "charge_efficiency": 1, "discharge_efficiency": 1, "mode": "tariff"`))}}
}

var bigTie = twins.CellMember{Kind: twins.Tie, Member: twins.Member{Path: "grid/c/tie",
	Spec: []byte(`{"import_w": 1e6, "export_w": 1e6, "link": "ac", "available": true}`)}}

// starCell is a community on the star, and a grid for it.
func starCell(t *testing.T, members ...twins.CellMember) (*twins.Cell, *twins.Node) {
	t.Helper()
	cell, err := twins.NewCell(twintest.NewSite(1, 3600), twins.Member{Path: "grid/c", Spec: []byte(`{}`)}, members, star{})
	if err != nil {
		t.Fatal(err)
	}
	node, err := twins.NewNode(twins.Grid, twins.Member{Path: "grid", Spec: []byte(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	return cell, node
}

// hour is an hour in which homes draw 1500 W and storage that follows the tariff
// charges.
func hour() twins.Env {
	return twins.Env{Step: 3600, SecondOfDay: 3 * 3600, Recorded: []twins.Power{1500 * twins.Watt}}
}

// onStar steps a community on the star through an hour in which homes draw 1500 W, and
// returns it and the grid.
func onStar(t *testing.T, members ...twins.CellMember) (*twins.Cell, *twintest.Loop) {
	t.Helper()
	cell, node := starCell(t, append(members, bigTie)...)
	b := twintest.NewLoop(node, twins.MeritOrder{}, []*twins.Cell{cell})
	env := hour()
	if err := twintest.Step(b, &env, &twins.Scratch{}); err != nil {
		t.Fatal(err)
	}
	if b.Residual != 0 || cell.BrokenBy != 0 {
		t.Fatalf("books do not close: %d, %s %d", b.Residual, cell.Broken, cell.BrokenBy)
	}
	return cell, b
}

// A battery behind a home's meter is connected where the home is: it moves the voltage
// there, and nowhere else. The community's own battery is at the connection point,
// three-phase.
func TestDevicesHangWhereTheirOwnerDoes(t *testing.T) {
	homes := []twins.CellMember{homeAt("grid/c/a", 3, "B"), homeAt("grid/c/b", 17, "A"), homeAt("grid/c/d", 17, "C")}
	without, _ := onStar(t, homes...)
	for _, row := range []struct {
		owner string
		moved []twins.Connection
	}{
		{"grid/c/b", []twins.Connection{{Bus: 17, Phase: twins.PhaseA}}},
		{"grid/c/a", []twins.Connection{{Bus: 3, Phase: twins.PhaseB}}},
		{"", []twins.Connection{{Phase: twins.PhaseA}, {Phase: twins.PhaseB}, {Phase: twins.PhaseC}}},
	} {
		with, _ := onStar(t, append(slices.Clone(homes), batteryOf(row.owner))...)
		var moved []twins.Connection
		for k, v := range with.NetworkState().Voltages {
			if was := without.NetworkState().Voltages[k]; v.Millivolts < was.Millivolts-1000 {
				moved = append(moved, v.Connection)
			} else if v != was {
				t.Errorf("battery of %q: %+v, wanted %+v", row.owner, v, was)
			}
		}
		if !slices.Equal(moved, row.moved) {
			t.Errorf("battery of %q lowers the voltage at %v, wanted %v", row.owner, moved, row.moved)
		}
		if with.NetworkState().Loss <= without.NetworkState().Loss || with.Flows.NetworkLoss != with.NetworkState().Loss {
			t.Errorf("battery of %q: losses %d mW, in the books %d, without it %d", row.owner,
				with.NetworkState().Loss, with.Flows.NetworkLoss, without.NetworkState().Loss)
		}
	}
}

// The network is asked again whenever members are: the losses in the books are those of the
// members' last answers, even if a second pass asked them for less.
func TestNetworkIsAskedInEveryPass(t *testing.T) {
	cell, node := starCell(t, homeAt("grid/c/b", 17, "A"), twins.CellMember{Kind: twins.Tie, Member: twins.Member{Path: "grid/c/tie",
		Spec: []byte(`{"import_w": 1510, "export_w": 0, "link": "ac", "available": true}`)}}) // enough for the load, not for the losses
	b := twins.NewBalance(node, twins.MeritOrder{}, twins.Rosters([]*twins.Cell{cell}))
	env, w := hour(), twins.Scratch{}
	losses := map[twins.Stage]twins.Power{}
	for s := b.Begin(&env); s != twins.StageDone; s = b.Next(&env) {
		a, err := cell.Carry(&env, &b.Asks()[0], &w)
		if err != nil {
			t.Fatal(err)
		}
		losses[s] = a.Flows.NetworkLoss
		if err := b.Take(0, a); err != nil {
			t.Fatal(err)
		}
	}
	var state twins.NetworkState
	star{}.Flow([]twins.BusDraw{{Connection: twins.Connection{Bus: 17, Phase: twins.PhaseA}, Power: cell.Flows.Load}}, &state)
	if losses[twins.StageRevise] >= losses[twins.StageSettle] || cell.Flows.NetworkLoss != state.Loss || state.Loss == 0 {
		t.Errorf("lost %d mW at settle, %d at revise, %d at commit; wanted less at revise, and then %d for a load of %d",
			losses[twins.StageSettle], losses[twins.StageRevise], cell.Flows.NetworkLoss, state.Loss, cell.Flows.Load)
	}
}

// The network's last answer is part of the stored state of a community whose network is
// not lossless; a truncated state is refused.
func TestNetworkStateIsStored(t *testing.T) {
	members := []twins.CellMember{homeAt("grid/c/b", 17, "A"), batteryOf("grid/c/b")}
	cell, _ := onStar(t, members...)
	stored := cell.AppendStates(nil)
	again, _ := starCell(t, append(members, bigTie)...)
	if rest, err := again.RestoreStates(stored); err != nil || len(rest) > 0 {
		t.Fatalf("%d bytes are left: %v", len(rest), err)
	}
	if got, want := again.NetworkState(), cell.NetworkState(); len(want.Voltages) == 0 || !reflect.DeepEqual(got.Voltages, want.Voltages) || got.Loss != want.Loss {
		t.Errorf("restored %+v, wanted %+v", got, want)
	}
	for cut := range stored {
		if _, err := again.RestoreStates(stored[:cut]); err == nil {
			t.Fatalf("a state cut to %d of %d bytes was taken", cut, len(stored))
		}
	}
}

// A program that stores a network's answer, or a community around it, in another version
// upgrades what earlier ones have stored.
func TestStoredFormsOfACommunityAreUpgraded(t *testing.T) {
	members := []twins.CellMember{homeAt("grid/c/b", 17, "A"), batteryOf("grid/c/b")}
	cell, _ := onStar(t, members...)
	was := cell.AppendStates(nil)
	for _, f := range []*twins.StoredForm{twins.CellForm, twins.NetworkForm} {
		upgraded := 0
		raise := func(to byte) func(*twins.Cell, []byte) ([]byte, []byte, error) {
			return func(c *twins.Cell, b []byte) (state, rest []byte, err error) {
				upgraded++
				return append([]byte{to}, b[1:]...), nil, nil
			}
		}
		old := *f
		f.Version, f.Upgrades = 3, map[uint8]func(*twins.Cell, []byte) ([]byte, []byte, error){1: raise(2), 2: raise(3)}
		again, _ := starCell(t, append(members, bigTie)...)
		if rest, err := again.RestoreStates(was); err != nil || len(rest) > 0 || upgraded != 2 {
			t.Errorf("%s: %d upgrades, %d bytes are left: %v", f.Name, upgraded, len(rest), err)
		}
		now := again.AppendStates(nil)
		if _, err := again.RestoreStates(now); err != nil || upgraded != 2 {
			t.Errorf("%s: its own version: %d upgrades, %v", f.Name, upgraded, err)
		}
		forms := twins.LayoutOf([]*twins.Cell{cell}, nil).Forms
		if len(forms) != 1 || forms[0].Name != f.Name || forms[0].Version != 3 {
			t.Errorf("%s: the layout has forms %+v", f.Name, forms)
		}
		*f = old
		if reflect.DeepEqual(now, was) {
			t.Errorf("%s: its version is not stored", f.Name)
		}
		if got, want := again.NetworkState(), cell.NetworkState(); got.Loss != want.Loss || !reflect.DeepEqual(got.Voltages, want.Voltages) {
			t.Errorf("%s: restored %+v, wanted %+v", f.Name, got, want)
		}
		if _, err := again.RestoreStates(now); err == nil {
			t.Errorf("%s: a later version was taken", f.Name)
		}
	}
}
