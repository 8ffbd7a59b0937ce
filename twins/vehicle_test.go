package twins

import (
	"fmt"
	"testing"
)

// recordedVehicle is a vehicle of 60 kWh on 7.36 kW with some sessions, in steps
// of a quarter hour.
func recordedVehicle(t testing.TB, keys string, sessions ...Session) *vehicle {
	t.Helper()
	site := &Site{Step: 900, Sessions: func(string, string, int) ([]Session, error) { return sessions, nil }}
	s, err := newVehicles(site, []Member{{Path: "grid/c/v", Spec: []byte(`{"rated_wh": 60000, "initial_soc": null, "target_soc": 0.9, "efficiency": 0.9,
		"phases": 1, "min_a": 6, "rated_a": 32, "sessions": {"list": "s", "user": "u", "shift_weeks": 0}, "available": true` + keys + `}`)}})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*SlabOf[vehicle, *vehicle]).Row(0)
}

// A vehicle charges what was recorded, session for session, to a milliwatt over
// a step; on arrival just that much is missing. A longer session that asks for
// more moves it.
func TestVehicleChargesWhatWasRecorded(t *testing.T) {
	sessions := []Session{
		{From: 8, Until: 40, Energy: 12_345_678_901_234 / 1000},
		{From: 60, Until: 62, Energy: 3 * KilowattHour},
		{From: 63, Until: 120, Energy: 55 * KilowattHour},
		{From: 150, Until: 160, Energy: 0},
		{From: 161, Until: 200, Energy: 10 * KilowattHour},
	}
	v := recordedVehicle(t, "", sessions...)
	charged := make([]Energy, len(sessions))
	var ev Events
	for tick := range Tick(220) {
		env := Env{Tick: tick, Step: 900}
		var f Flex
		v.Offer(&env, &f)
		set, out := f.Follow(), Reading{}
		ev.Reset()
		before := v.held
		v.Step(&env, &set, &ev, &out)
		for k, s := range sessions {
			if s.From == tick {
				if missing := v.toDraw(v.target); missing < s.Energy-1 || missing > s.Energy+900+1 {
					t.Errorf("session %d: %d mJ missing on arrival, recorded %d", k, missing, s.Energy)
				}
			}
			if s.From <= tick && tick < s.Until {
				charged[k] += out.Power.For(900)
			}
		}
		if out.Imbalance(900) != 0 || out.Elsewhere != 0 {
			t.Fatalf("step %d: %+v", tick, out)
		}
		for i := range ev.All() {
			v.Apply(&ev.All()[i])
		}
		if v.held != before+out.Stored {
			t.Fatalf("step %d: %d mJ held, %d before, %d stored", tick, v.held, before, out.Stored)
		}
	}
	for k, s := range sessions {
		if off := charged[k] - s.Energy; off < -900 || off > 900 {
			t.Errorf("session %d: charged %d mJ, recorded %d", k, charged[k], s.Energy)
		}
	}
	if v.counts != [3]int64{5, 5, 0} {
		t.Errorf("departures, ready, impossible: %v", v.counts)
	}
}

// A vehicle that cannot be charged in time for its trip has an event that says so. It
// charges the rest on its way, and is charged to its target the next time.
func TestVehicleThatCannotBeMet(t *testing.T) {
	short := Session{From: 4, Until: 8, Energy: 20 * KilowattHour} // 7.36 kWh are possible
	v := recordedVehicle(t, "", short, Session{From: 12, Until: 60, Energy: 58 * KilowattHour})
	var ev Events
	var charged, unserved Energy
	for tick := range Tick(64) {
		env := Env{Tick: tick, Step: 900}
		out := stepped(v, &env, &ev, nil)
		charged += out.Power.For(900)
		unserved += out.Unserved.For(900)
	}
	if unserved != 0 {
		t.Errorf("%v kWh unserved, wanted 0: the charger could not have given them", unserved.WattHours()/1000)
	}
	if v.counts != [3]int64{2, 1, 1} {
		t.Errorf("departures, ready, impossible: %v", v.counts)
	}
	// 7.36 kWh at the first stay; it arrives empty at the second, 54 kWh ÷ 0.9 below its target.
	if off := charged - 67_360*WattHour; off < -900 || off > 900 {
		t.Errorf("charged %v kWh in both, wanted 67.36", charged.WattHours()/1000)
	}
}

// A run begins as if the vehicle had always been running.
func TestVehicleAtTheStart(t *testing.T) {
	const target = 54 * KilowattHour
	s := func(from, until Tick, kWh Energy) Session {
		return Session{From: from, Until: until, Energy: kWh * KilowattHour}
	}
	for _, row := range []struct {
		name     string
		keys     string
		sessions []Session
		want     Energy
	}{
		{"nothing recorded", "", nil, target},
		{"before its first session", "", []Session{s(10, 20, 20)}, target - 18*KilowattHour},
		{"just plugged in", "", []Session{s(0, 20, 20)}, target - 18*KilowattHour},
		{"plugged in for half an hour", "", []Session{s(-2, 20, 20)}, target - 18*KilowattHour + 3312*WattHour},
		{"plugged in all night", "", []Session{s(-40, 20, 20)}, target},
		{"just left", "", []Session{s(-40, 0, 20), s(10, 20, 10)}, target},
		{"half of its way", "", []Session{s(-40, -10, 20), s(10, 20, 10)}, target - 4500*WattHour},
		{"after its last session", "", []Session{s(-40, -10, 20)}, target},
		{"as stated", `, "initial_soc": 0.25`, []Session{s(10, 20, 20)}, 15 * KilowattHour},
	} {
		if v := recordedVehicle(t, row.keys, row.sessions...); v.held != row.want {
			t.Errorf("%s: %v kWh held, want %v", row.name, v.held.WattHours()/1000, row.want.WattHours()/1000)
		}
	}
}

func TestBadVehicle(t *testing.T) {
	site := &Site{Step: 900, Sessions: func(string, string, int) ([]Session, error) {
		return []Session{{From: 1, Until: 2, Energy: 61 * KilowattHour, File: "s.csv", Line: 7}}, nil
	}}
	const daily = `"daily": {"arrive": "18:00", "leave": "07:00", "trip_wh": 70000, "jitter_min": 0}`
	for keys, want := range map[string]string{
		`"sessions": {}`:                         "grid/c/v: s.csv:7: a session of 61 kWh stores 54.9 kWh, more than the 54 kWh up to target_soc of rated_wh",
		daily:                                    "grid/c/v: trip_wh 70000 is more than rated_wh 60000 holds",
		daily + `, "sessions": {}`:               "grid/c/v: both daily and sessions, wanted one of them",
		`"daily": null`:                          "grid/c/v: neither daily nor sessions, wanted one of them: when it is at the plug",
		`"min_a": 33, "sessions": {}`:            "grid/c/v: min_a 33 is above rated_a 32",
		`"sessions": {}, "efficiency": 0.800001`: "<nil>",
	} {
		_, err := newVehicles(site, []Member{{Path: "grid/c/v", Spec: []byte(`{"rated_wh": 60000, "target_soc": 0.9, "efficiency": 0.9,
			"phases": 1, "min_a": 6, "rated_a": 32, "available": true, ` + keys + `}`)}})
		if got := fmt.Sprint(err); got != want {
			t.Errorf("%s: got  %s\nwant %s", keys, got, want)
		}
	}
}
