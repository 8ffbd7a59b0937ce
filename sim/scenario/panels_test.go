package scenario

import "testing"

func TestBadPanels(t *testing.T) {
	const recorded = "pv: {recording: homes, column: sun}"
	const wanted = "wanted either recording and column, or rated_w, tilt_deg and azimuth_deg of modelled panels"
	park := func(keys string) string { return "\nsolar_parks:\n  - {id: p, community: supply, " + keys + "}\nties:" }
	for _, row := range []badRow{
		{"negative power", recorded, "pv: {rated_w: -5, tilt_deg: 35, azimuth_deg: 180}", "x.yaml:15: households.h2.pv.rated_w: -5 is below 0.001"},
		{"an azimuth of 400°", recorded, "pv: {rated_w: 5000, tilt_deg: 35, azimuth_deg: 400}", "x.yaml:15: households.h2.pv.azimuth_deg: 400 is above 360"},
		{"a tilt above 90°", recorded, "pv: {rated_w: 5000, tilt_deg: 91, azimuth_deg: 180}", "x.yaml:15: households.h2.pv.tilt_deg: 91 is above 90"},
		{"a positive temperature coefficient", recorded, "pv: {rated_w: 5000, tilt_deg: 35, azimuth_deg: 180, temperature_coefficient_per_k: 0.004}", "x.yaml:15: households.h2.pv.temperature_coefficient_per_k: 0.004 is above 0"},
		{"losses in percent", recorded, "pv: {rated_w: 5000, tilt_deg: 35, azimuth_deg: 180, losses: 12}", "x.yaml:15: households.h2.pv.losses: 12 is above 1"},
		{"no tilt", recorded, "pv: {rated_w: 5000, azimuth_deg: 180}", "x.yaml:15: households.h2.pv: tilt_deg is missing, wanted of the panels against the ground; 0 lies flat"},
		{"no column", recorded, "pv: {recording: homes}", "x.yaml:15: households.h2.pv: column is missing, wanted one of its columns"},
		{"a key of modelled panels for recorded ones", recorded, "pv: {recording: homes, column: sun, albedo: 0.5}", "x.yaml:15: households.h2.pv.albedo does not go with recording, " + wanted},
		{"recorded and modelled", recorded, "pv: {recording: homes, column: sun, rated_w: 5000}", "x.yaml:15: households.h2.pv: " + wanted},
		{"neither recorded nor modelled", recorded, "pv: {scale: 2}", "x.yaml:15: households.h2.pv: " + wanted},
		{"an unknown key", recorded, "pv: {rated_w: 5000, tilt_deg: 35, azimut_deg: 180}", `x.yaml:15: unknown key "azimut_deg" in households.h2.pv, did you mean "azimuth_deg"? wanted one of: ` +
			"albedo, azimuth_deg, column, inverter_w, losses, move_weeks, noct_c, rated_w, recording, scale, temperature_coefficient_per_k, tilt_deg"},
		{"a park neither recorded nor modelled", "\nties:", park("cost_eur_per_mwh: 1"), "x.yaml:27: solar_parks.p: " + wanted},
		{"a park with a negative azimuth", "\nties:", park("rated_w: 1, tilt_deg: 1, azimuth_deg: -1"), "x.yaml:27: solar_parks.p.azimuth_deg: -1 is below 0"},
	} {
		t.Run(row.name, func(t *testing.T) { row.run(t) })
	}
}

// The entry of recorded panels gets no defaults of the keys of modelled panels.
func TestDefaultsOfPanels(t *testing.T) {
	source := edited(t, "column: one}", "column: one}\n    pv: {rated_w: 5000, tilt_deg: 35, azimuth_deg: 180}")
	homes := mustLoad(t, source, Options{}).document.entries("households")
	for i, want := range []string{
		`{"rated_w":5000,"tilt_deg":35,"azimuth_deg":180,"losses":0.12,"temperature_coefficient_per_k":-0.004,"noct_c":45,"albedo":0.2,"scale":1}`,
		`{"recording":"homes","column":"sun","scale":1}`,
	} {
		if got := string(homes[i].get("pv").appendJSON(nil)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	for set, want := range map[string]string{
		"households.h2.pv.rated_w=5": "--set: households.h2.pv.rated_w: there is no rated_w beside recording, column, scale",
		"households.h1.pv.column=a":  "--set: households.h1.pv.column: there is no column beside rated_w, tilt_deg, azimuth_deg, losses, temperature_coefficient_per_k, noct_c, albedo, scale",
	} {
		_, err := loadFrom([]byte(source), testLocation(), Options{Set: []string{set}})
		wantUsage(t, err, want)
	}
	s := mustLoad(t, source, Options{Set: []string{"households.*.pv.rated_w*=1.3"}})
	if got := s.document.entries("households")[0].get("pv").textOf("rated_w"); got != "6500" {
		t.Errorf("rated_w is %s", got)
	}
}
